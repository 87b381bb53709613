"""The common form of sources: links, and one-line reasons."""

import pytest
from pydantic import ValidationError

from hyper_registry.catalog.sources.source import Link, validation_reason
from hyper_registry.domain.entry import EntryDraft


def _reason(**fields: object) -> str:
    with pytest.raises(ValidationError) as caught:
        EntryDraft.model_validate(fields)
    return validation_reason(caught.value)


def test_a_reason_names_the_missing_field() -> None:
    assert _reason(title="A") == "category: is missing; give it a value"


def test_a_reason_names_an_unknown_field_and_what_to_do_with_it() -> None:
    assert _reason(title="A", category="model", colour="red") == (
        "colour: is not a known field; remove it, or move it into metadata"
    )


def test_a_reason_keeps_the_domain_s_own_words_without_the_validator_s_prefix() -> None:
    assert _reason(title="A", category="model", metadata={"loss": float("nan")}) == (
        "metadata: holds NaN or infinity, which JSON has no form for; send null"
    )


def test_a_reason_points_into_lists_and_objects() -> None:
    assert _reason(title="A", category="model", tags=["x", 5]) == (
        "tags[1]: Input should be a valid string"
    )
    assert _reason(title="A", category="model", security={"readers": ["ann"]}) == (
        "security.readers[0]: is neither 'user:NAME' nor 'group:NAME'"
    )


def test_a_reason_names_three_problems_and_counts_the_rest() -> None:
    reason = _reason(title="A", category="model", a=1, b=2, c=3, d=4, e=5)
    assert [part.partition(":")[0] for part in reason.split("; ")[0:6:2]] == ["a", "b", "c"]
    assert reason.endswith("; and 2 more")


@pytest.mark.parametrize("name", ["x" * 100_000, "two\nlines", "bell\x07", "\ud800"])
def test_a_reason_stays_one_short_printable_line_whatever_the_field_is_called(name: str) -> None:
    reason = _reason(title="A", category="model", **{name: 1})
    assert reason.isprintable()
    assert len(reason) < 200


@pytest.mark.parametrize(
    "fields",
    [
        {"rel_type": "Depends On", "target_id": "a"},
        {"rel_type": "calls", "target_id": ""},
        {"rel_type": "calls", "target_id": "a\x00"},
        {"rel_type": "calls", "target_id": "a", "weight": float("inf")},
        {"rel_type": "calls", "target_id": "a", "weight": float("nan")},
        {"rel_type": "calls", "target_id": "a", "weight": -1},
        {"rel_type": "calls", "target_id": "a", "metadata": {"x": "\x00"}},
        {"rel_type": "calls", "target_id": "a", "source_id": "b"},
    ],
)
def test_a_link_that_cannot_be_stored_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Link.model_validate(fields)


def test_a_link_has_the_defaults_of_a_relationship() -> None:
    link = Link.model_validate({"rel_type": "calls", "target_id": "a"})
    assert (link.weight, link.bidirectional, link.metadata) == (1.0, False, {})
