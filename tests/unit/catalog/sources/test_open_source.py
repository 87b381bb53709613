"""Opening sources by kind."""

from pathlib import Path

import pytest

from hyper_registry.catalog.sources.open_source import SourceKind, open_source
from hyper_registry.catalog.sources.source import SourceItem
from hyper_registry.domain.errors.input import SourceUnavailableError


@pytest.mark.parametrize("kind", list(SourceKind))
def test_every_kind_can_be_opened(kind: SourceKind, tmp_path: Path) -> None:
    path = tmp_path / "entries" if kind.reads_file else None
    assert open_source(kind, path).name == (str(path) if path else kind.value)


@pytest.mark.parametrize("kind", list(SourceKind))
def test_a_file_is_named_exactly_for_the_kinds_that_read_one(
    kind: SourceKind, tmp_path: Path
) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        open_source(kind, None if kind.reads_file else tmp_path / "entries")
    assert caught.value.subject == kind.value
    assert caught.value.remedy in {"Name the file.", "Leave the file out."}


def test_an_opened_source_reads(tmp_path: Path) -> None:
    path = tmp_path / "entries.csv"
    path.write_text("category,title\nmodel,A\n")
    (item,) = open_source(SourceKind.CSV, path).read()
    assert isinstance(item, SourceItem)
    assert item.draft.title == "A"
