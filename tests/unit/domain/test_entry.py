"""Entry drafts: what is accepted, and what is derived from them."""

import hashlib
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hyper_registry.domain.category import Category
from hyper_registry.domain.entry import (
    ComplianceStatus,
    Entry,
    EntryDraft,
    Visibility,
    new_entry_id,
)
from hyper_registry.domain.entry_status import EntryStatus


def _draft(**fields: object) -> EntryDraft:
    return EntryDraft.model_validate({"category": "model", "title": "A", **fields})


def test_defaults() -> None:
    draft = _draft()
    assert (draft.entry_id, draft.owner, draft.description) == (None, None, "")
    assert (draft.status, draft.tags, draft.metadata) == (EntryStatus.ACTIVE, (), {})
    assert draft.compliance_status is ComplianceStatus.UNKNOWN
    assert draft.security.visibility is Visibility.INTERNAL
    assert draft.security.readers == ()


def test_lines_are_stripped_and_tags_distinct_in_order() -> None:
    draft = _draft(title="  Billing ", owner=" ann ", tags=["b", " a", "b ", "a"])
    assert (draft.title, draft.owner, draft.tags) == ("Billing", "ann", ("b", "a"))


def test_a_draft_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        _draft().title = "B"


@pytest.mark.parametrize("category", list(Category))
def test_every_built_in_category_is_well_formed(category: Category) -> None:
    assert _draft(category=category).category == category.value


def test_there_are_26_categories() -> None:
    assert len(Category) == 26


@pytest.mark.parametrize(
    "entry_id", ["a", "0", "deb:libstdc++6", "python:ruff", "a.b_c-d~e@f", "A" * 200]
)
def test_an_entry_id_may_be(entry_id: str) -> None:
    assert _draft(entry_id=entry_id).entry_id == entry_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("entry_id", ""),
        ("entry_id", "-a"),
        ("entry_id", "a b"),
        ("entry_id", "a/b"),
        ("entry_id", "a\n"),
        ("entry_id", "a\x00"),
        ("entry_id", "ä"),
        ("entry_id", "a" * 201),
        ("entry_id", 5),
        ("category", ""),
        ("category", "Model"),
        ("category", "model\n"),
        ("category", "_model"),
        ("category", "a" * 64),
        ("category", None),
        ("title", ""),
        ("title", " \t "),
        ("title", "two\nlines"),
        ("title", "nul\x00"),
        ("title", "half \ud800"),
        ("title", 5),
        ("title", None),
        ("description", None),
        ("description", "nul\x00"),
        ("description", b"bytes\xff"),
        ("status", "gone"),
        ("owner", ""),
        ("tags", "a,b"),
        ("tags", ["a", ""]),
        ("tags", [None]),
        ("metadata", []),
        ("metadata", None),
        ("metadata", {"x": float("inf")}),
        ("metadata", {"x": 2**63}),
        ("metadata", {1: "x"}),
        ("metadata", {"x": {1, 2}}),
        ("metadata", {"x\x00": 1}),
        ("compliance_status", "fine"),
        ("security", {"visibility": "secret"}),
        ("security", {"readers": ["ann"]}),
        ("security", {"readers": ["user:"]}),
        ("security", {"readers": ["*"]}),
        ("security", {"owner": "ann"}),
        ("embedding", [0.0]),
        ("version", 1),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        _draft(**{field: value})
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


def test_readers_of_a_private_entry_are_sorted_and_hold_its_owner_once() -> None:
    security = {"visibility": "private", "readers": ["user:bob", "group:g", "user:ann"]}
    assert _draft(owner="ann", security=security).readers == ["group:g", "user:ann", "user:bob"]
    assert _draft(security={"visibility": "private"}).readers == []
    assert _draft(owner="ann", security={"readers": ["user:bob"]}).readers == ["*"]


def test_equal_content_has_an_equal_checksum_whatever_its_id_and_key_order() -> None:
    one = _draft(entry_id="a", metadata={"x": 1, "y": {"p": [1, 2], "q": None}})
    other = _draft(entry_id="b", metadata={"y": {"q": None, "p": [1, 2]}, "x": 1})
    assert one.checksum == other.checksum
    assert len(one.checksum) == 32


@pytest.mark.parametrize(
    "change",
    [
        {"title": "B"},
        {"category": "agent"},
        {"description": "x"},
        {"status": "draft"},
        {"owner": "ann"},
        {"tags": ["x"]},
        {"tags": ["y", "x"]},
        {"metadata": {"x": 1}},
        {"metadata": {"x": 1.5}},
        {"metadata": {"x": "1"}},
        {"metadata": {"x": None}},
        {"compliance_status": "compliant"},
        {"security": {"visibility": "private"}},
        {"security": {"readers": ["user:ann"]}},
    ],
)
def test_any_change_of_content_changes_the_checksum(change: dict[str, object]) -> None:
    assert _draft(**change).checksum != _draft().checksum


def test_the_embedding_text_is_title_description_and_tags() -> None:
    draft = _draft(title="T", description="D", tags=["x", "y"])
    assert draft.embedding_text == "T\nD\nx, y"
    assert _draft(title="T").embedding_text == "T"
    assert draft.embedding_input_hash == hashlib.sha256(b"T\nD\nx, y").digest()[:16]


def test_only_what_is_embedded_makes_a_vector_stale() -> None:
    before = _draft(title="T").embedding_input_hash
    assert _draft(title="T", owner="ann", metadata={"x": 1}).embedding_input_hash == before
    assert _draft(title="T", tags=["x"]).embedding_input_hash != before


@given(
    st.fixed_dictionaries(
        {
            "title": st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1),
            "description": st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
            "tags": st.lists(st.sampled_from(["a", "b", "ß"])),
            "metadata": st.dictionaries(
                st.sampled_from(["k", "ü"]),
                st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e9, 1e9),
            ),
        }
    )
)
def test_a_draft_survives_json_with_its_checksum(fields: dict[str, object]) -> None:
    draft = _draft(**fields)
    copy = EntryDraft.model_validate_json(draft.model_dump_json())
    assert copy == draft
    assert copy.checksum == draft.checksum


def test_a_stored_entry_shows_its_checksum_under_that_name() -> None:
    now = datetime(2024, 1, 2, tzinfo=UTC)
    entry = Entry.model_validate(
        {
            "entry_id": "a",
            "category": "model",
            "title": "A",
            "version": 3,
            "checksum_hex": "00ff",
            "embedded": True,
            "created_at": now,
            "updated_at": now,
            "created_by": "ann",
            "updated_by": "bob",
        }
    )
    shown = entry.model_dump(mode="json", by_alias=True)
    assert shown["checksum"] == "00ff"
    assert "checksum_hex" not in shown
    assert (shown["version"], shown["accessed_at"]) == (3, None)
    with pytest.raises(ValidationError, match="entry_id"):
        Entry.model_validate({**entry.model_dump(), "entry_id": None})


def test_new_ids_are_distinct_and_valid() -> None:
    ids = {new_entry_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(_draft(entry_id=entry_id).entry_id == entry_id for entry_id in ids)


_LINES = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20
).filter(str.strip)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab\U0001f98a\ufffe\xe9", max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)
_DRAFTS = st.builds(
    _draft,
    entry_id=st.none() | st.just("a"),
    category=st.sampled_from(["model", Category.AGENT]),
    title=_LINES,
    description=_LINES | st.just("two\nlines"),
    status=st.sampled_from(EntryStatus),
    owner=st.none() | _LINES,
    tags=st.lists(_LINES, max_size=3),
    metadata=st.dictionaries(st.text("ab\xe9", max_size=3), _JSON, max_size=3),
    compliance_status=st.sampled_from(ComplianceStatus),
    security=st.builds(
        lambda visibility, names: {
            "visibility": visibility,
            "readers": [f"user:{name}" for name in names],
        },
        st.sampled_from(Visibility),
        st.lists(_LINES.filter(lambda name: name == name.strip()), max_size=3),
    ),
    deprecation=st.none()
    | st.builds(
        lambda since, note: {"since": since, "note": note},
        st.none() | st.datetimes(timezones=st.just(UTC)),
        st.none() | _LINES,
    ),
)


@given(_DRAFTS)
def test_the_canonical_content_is_the_models_dump_with_sorted_names(draft: EntryDraft) -> None:
    absent = {"entry_id"}
    absent |= {name for name in ("deprecation", "handle") if getattr(draft, name) is None}
    dump = draft.model_dump(mode="json", exclude=absent)
    assert draft.canonical_content == orjson.dumps(dump, option=orjson.OPT_SORT_KEYS)
    assert draft.checksum == hashlib.sha256(draft.canonical_content).digest()
    assert draft.checksum_with(draft.canonical_metadata) == draft.checksum
