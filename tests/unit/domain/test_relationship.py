"""Relationship drafts: what is accepted."""

import math

import pytest
from pydantic import ValidationError

from hyper_registry.domain.relationship import RelationshipDraft


def _draft(**fields: object) -> RelationshipDraft:
    return RelationshipDraft.model_validate(
        {"source_id": "a", "target_id": "b", "rel_type": "calls", **fields}
    )


@pytest.mark.parametrize("entry_id", ["deb:libstdc++6", "a.b_c-d~e@f", "0", "A" * 200])
def test_ends_may_be_any_entry_id(entry_id: str) -> None:
    draft = _draft(source_id=entry_id, target_id=entry_id)
    assert (draft.source_id, draft.target_id) == (entry_id, entry_id)


@pytest.mark.parametrize("weight", [0, 0.1, 1e-300, 3.4e38])
def test_a_weight_may_be(weight: float) -> None:
    assert _draft(weight=weight).weight == weight


@pytest.mark.parametrize("field", ["source_id", "target_id"])
@pytest.mark.parametrize("entry_id", ["", "a b", "a\n", "-a", "ä", "a\x00", "\ud800", "a" * 201, 5])
def test_an_end_that_no_entry_can_have_is_refused_by_name(field: str, entry_id: object) -> None:
    with pytest.raises(ValidationError) as caught:
        _draft(**{field: entry_id})
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


@pytest.mark.parametrize("weight", [-1, -1e-9, math.nan, math.inf, -math.inf, 3.5e38, "much"])
def test_a_weight_that_cannot_be_stored_is_refused_by_name(weight: object) -> None:
    with pytest.raises(ValidationError) as caught:
        _draft(weight=weight)
    assert [error["loc"] for error in caught.value.errors()] == [("weight",)]
