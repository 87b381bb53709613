"""Which relationships go over in a merge, and which are left out."""

import uuid
from datetime import UTC, datetime

from hyper_registry.catalog.merge_plan import HeldRelationship, plan_merge
from hyper_registry.domain.identifiers import EntryKey, RelationshipId
from hyper_registry.domain.merge import DroppedFor
from hyper_registry.domain.type_definitions import Cardinality, RelationshipTypeDefinition

S, D, X, Y = map(EntryKey, (1, 2, 3, 4))
IDS = {S: "m-survivor", D: "z-duplicate", X: "a-other", Y: "y-other"}


def _type(name: str, **fields: object) -> dict[str, RelationshipTypeDefinition]:
    return {
        name: RelationshipTypeDefinition.model_validate(
            {
                "name": name,
                "described": True,
                "updated_at": datetime.now(UTC),
                "updated_by": None,
                **fields,
            }
        )
    }


def _held(number: int, source: EntryKey, target: EntryKey, weight: float = 1.0, kind: str = "uses"):
    return HeldRelationship(RelationshipId(uuid.UUID(int=number)), source, target, kind, weight)


def _outcome(
    *held: HeldRelationship, types: dict[str, RelationshipTypeDefinition] | None = None
) -> tuple[dict[int, tuple[EntryKey, EntryKey]], dict[int, DroppedFor]]:
    plan = plan_merge(S, D, held, types or {}, IDS)
    return (
        {each.relationship_id.int: (each.source, each.target) for each in plan.moved},
        {each.int: reason for each, reason in plan.dropped.items()},
    )


def test_what_the_duplicate_is_related_to_goes_over_both_ways():
    assert _outcome(_held(1, D, X), _held(2, Y, D), _held(3, S, Y)) == ({1: (S, X), 2: (Y, S)}, {})


def test_what_leads_between_the_two_is_left_out():
    assert _outcome(_held(1, D, S), _held(2, S, D), _held(3, D, X)) == (
        {3: (S, X)},
        {1: DroppedFor.SELF, 2: DroppedFor.SELF},
    )


def test_of_two_that_would_be_the_same_the_stronger_stays():
    assert _outcome(_held(1, S, X, 0.4), _held(2, D, X, 0.9)) == (
        {2: (S, X)},
        {1: DroppedFor.SAME},
    )
    for weaker in (0.4, 0.9):
        assert _outcome(_held(1, S, X, 0.9), _held(2, D, X, weaker)) == ({}, {2: DroppedFor.SAME})
    other_type = _outcome(_held(1, S, X), _held(2, D, X, kind="feeds"))
    assert other_type == ({2: (S, X)}, {})
    other_way = _outcome(_held(1, S, X), _held(2, X, D))
    assert other_way == ({2: (X, S)}, {})


def test_a_cardinality_holds_after_the_merge():
    types = _type("uses", cardinality=Cardinality.MANY_TO_ONE)
    assert _outcome(_held(1, S, X, 0.4), _held(2, D, Y, 0.9), types=types) == (
        {2: (S, Y)},
        {1: DroppedFor.CARDINALITY},
    )
    assert _outcome(_held(1, S, X, 0.9), _held(2, D, Y, 0.4), types=types) == (
        {},
        {2: DroppedFor.CARDINALITY},
    )
    # As a target it may have many.
    assert _outcome(_held(1, X, S), _held(2, Y, D), types=types) == ({2: (Y, S)}, {})
    types = _type("uses", cardinality=Cardinality.ONE_TO_MANY)
    assert _outcome(_held(1, X, S), _held(2, Y, D), types=types) == (
        {},
        {2: DroppedFor.CARDINALITY},
    )


def test_one_of_a_symmetric_type_is_stored_from_the_smaller_id_on():
    types = _type("uses", symmetric=True)
    moved, dropped = _outcome(_held(1, X, D), _held(2, Y, D), types=types)
    assert (moved, dropped) == ({1: (X, S), 2: (S, Y)}, {})
    assert _outcome(_held(1, X, S), _held(2, X, D), types=types) == ({}, {2: DroppedFor.SAME})
