"""Installed Python distributions: written ones, and those of this environment."""

from pathlib import Path

import pytest

from hyper_registry.catalog.sources.python_env import PythonEnvironmentSource
from hyper_registry.catalog.sources.source import BadRow, SourceItem


def _install(site: Path, folder: str, metadata: str | bytes) -> None:
    info = site / f"{folder}.dist-info"
    info.mkdir(parents=True)
    content = metadata if isinstance(metadata, bytes) else metadata.encode()
    (info / "METADATA").write_bytes(content)


def _read_one(site: Path, metadata: str) -> SourceItem:
    _install(site, "sample-1", f"Metadata-Version: 2.1\nName: sample\n{metadata}")
    (item,) = PythonEnvironmentSource([str(site)]).read()
    assert isinstance(item, SourceItem), item
    return item


def test_all_fields(tmp_path: Path) -> None:
    _install(
        tmp_path,
        "Sample.Pkg-1.2",
        "Metadata-Version: 2.1\n"
        "Name: Sample.Pkg\n"
        "Version: 1.2\n"
        "Summary: Does one thing\n"
        'Author-email: "Roe, Jane" <jane@example.org>, Al Poe <al@example.org>\n'
        "Keywords: Alpha,beta gamma\n"
        "License-Expression: MIT\n"
        "Requires-Python: >=3.9\n"
        "Project-URL: Home Page, https://example.org/sample\n"
        "Classifier: Topic :: Software Development :: Testing\n"
        "Classifier: Framework :: Example :: 2\n"
        "Classifier: Programming Language :: Python :: 3\n"
        "\nA long description.\n",
    )
    (item,) = PythonEnvironmentSource([str(tmp_path)]).read()
    assert isinstance(item, SourceItem)
    draft = item.draft
    assert (draft.entry_id, draft.title) == ("python:sample-pkg", "Sample.Pkg")
    assert (draft.category, draft.description) == ("component", "Does one thing")
    assert draft.owner == "Roe, Jane"
    assert draft.tags == ("alpha", "beta gamma", "testing", "example")
    assert draft.metadata == {
        "version": "1.2",
        "licence": "MIT",
        "homepage": "https://example.org/sample",
        "requires_python": ">=3.9",
        "authors": ["Roe, Jane", "Al Poe"],
    }


def test_unknown_fields_and_addresses_are_left_out(tmp_path: Path) -> None:
    item = _read_one(
        tmp_path,
        "Version: 1\nSummary: UNKNOWN\nHome-page: UNKNOWN\nLicense: UNKNOWN\n"
        "Author: UNKNOWN\nAuthor-email: a@example.org\nMaintainer: Team <t@example.org>\n",
    )
    assert (item.draft.description, item.draft.owner) == ("", "Team")
    assert item.draft.metadata == {"version": "1"}


def test_a_licence_text_gives_way_to_the_classifier(tmp_path: Path) -> None:
    text = "Permission is granted " * 20
    item = _read_one(
        tmp_path, f"License: {text}\nClassifier: License :: OSI Approved :: ISC License (ISCL)\n"
    )
    assert item.draft.metadata["licence"] == "ISC License (ISCL)"


def test_only_requirements_that_apply_here_become_links(tmp_path: Path) -> None:
    item = _read_one(
        tmp_path,
        "Requires-Dist: Needed_Thing[fast]>=2,<3\n"
        "Requires-Dist: anything\n"
        "Requires-Dist: optional; extra == 'more'\n"
        "Requires-Dist: sample[all]; python_version >= '3'\n"
        "Requires-Dist: never; python_version < '3'\n"
        "Requires-Dist: always; python_version >= '3'\n"
        "Requires-Dist: anything != 4; python_version >= '3'\n"
        "Requires-Dist: not a requirement !\n",
    )
    assert [(link.rel_type, link.target_id) for link in item.links] == [
        ("depends_on", "python:needed-thing"),
        ("depends_on", "python:anything"),
        ("depends_on", "python:always"),
    ]
    specifiers = [link.metadata for link in item.links]
    assert set(str(specifiers[0]["specifier"]).split(",")) == {">=2", "<3"}
    assert specifiers[1:] == [{"specifier": "!=4"}, {}]
    assert item.draft.metadata["unreadable_requirements"] == ["not a requirement !"]


def test_a_distribution_found_twice_is_the_first_one(tmp_path: Path) -> None:
    for folder, name, version in (("one", "a_b", "1"), ("two", "A-B", "2")):
        _install(
            tmp_path / folder,
            f"a_b-{version}",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        )
    source = PythonEnvironmentSource([str(tmp_path / "one"), str(tmp_path / "two")])
    (item,) = source.read()
    assert isinstance(item, SourceItem)
    assert item.draft.metadata == {"version": "1"}
    assert source.estimate() == 2


@pytest.mark.parametrize(
    ("metadata", "fault"),
    [
        (b"Metadata-Version: 2.1\nVersion: 1\n", "has no name; delete what an install left there"),
        (b"Metadata-Version: 2.1\nName: caf\xe9\n", "is unreadable ('utf-8' codec can't decode"),
        (b"Metadata-Version: 2.1\nName: a!\n", "a!: entry_id: String should match pattern"),
    ],
)
def test_a_broken_distribution_is_named_and_reading_goes_on(
    tmp_path: Path, metadata: bytes, fault: str
) -> None:
    _install(tmp_path / "one", "broken-1", metadata)
    _install(tmp_path / "two", "good-1", "Metadata-Version: 2.1\nName: good\nVersion: 1\n")
    bad, good = PythonEnvironmentSource([str(tmp_path / "one"), str(tmp_path / "two")]).read()
    assert isinstance(bad, BadRow)
    assert bad.row == 1
    assert fault in bad.reason
    assert isinstance(good, SourceItem)


def test_this_environment() -> None:
    items = {
        str(item.draft.entry_id): item
        for item in PythonEnvironmentSource().read()
        if isinstance(item, SourceItem)
    }
    pytest_item = items["python:pytest"]
    assert pytest_item.draft.metadata["licence"] == "MIT"
    pluggy = {str(link.target_id): link for link in pytest_item.links}["python:pluggy"]
    assert pluggy.rel_type == "depends_on"
    assert "<2" in str(pluggy.metadata["specifier"])
    assert all("@" not in (item.draft.owner or "") for item in items.values())
    assert all("@" not in str(item.draft.metadata.get("authors")) for item in items.values())
