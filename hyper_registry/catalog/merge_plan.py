"""What becomes of relationships when a duplicate is merged into another entry; no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from hyper_registry.domain.identifiers import EntryKey, RelationshipId
from hyper_registry.domain.merge import DroppedFor
from hyper_registry.domain.type_definitions import RelationshipTypeDefinition


@dataclass(frozen=True, slots=True)
class HeldRelationship:
    """A relationship of one of the two, with what decides about it."""

    relationship_id: RelationshipId
    source: EntryKey
    target: EntryKey
    rel_type: str
    weight: float

    @property
    def identity(self) -> tuple[EntryKey, EntryKey, str]:
        """What no two relationships share."""
        return self.source, self.target, self.rel_type


@dataclass(frozen=True, slots=True)
class MergePlan:
    """Relationships that go over to the survivor, in their new form, and those left out."""

    moved: list[HeldRelationship]
    dropped: dict[RelationshipId, DroppedFor]


def plan_merge(
    survivor: EntryKey,
    duplicate: EntryKey,
    relationships: Iterable[HeldRelationship],
    types: Mapping[str, RelationshipTypeDefinition],
    ids: dict[EntryKey, str],
) -> MergePlan:
    """Decide about the relationships of a survivor and its duplicate; O(n log n).

    One between the two would lead to itself, and is left out. Of two that may not both be, because
    they are the same or because of the type's cardinality, the one with the greater weight stays;
    of equal ones the survivor's.

    Parameters
    ----------
    types
        Those that were described, by name.
    ids
        Of all ends: one of a symmetric type leads from the smaller to the larger.
    """
    held = list(relationships)
    kept: dict[tuple[object, ...], HeldRelationship] = {}
    dropped: dict[RelationshipId, DroppedFor] = {}
    moved: dict[RelationshipId, HeldRelationship] = {}
    ends = {survivor, duplicate}
    for each in held:
        if {each.source, each.target} == ends:
            dropped[each.relationship_id] = DroppedFor.SELF
        elif duplicate not in {each.source, each.target}:
            kept |= dict.fromkeys(_places(each, survivor, types), each)
    over = [each for each in held if duplicate in {each.source, each.target}]
    for each in sorted(over, key=lambda one: (-one.weight, one.relationship_id)):
        if each.relationship_id in dropped:
            continue
        there = _moved(each, survivor, duplicate, types, ids)
        places = _places(there, survivor, types)
        rivals = {
            rival.relationship_id: rival
            for rival in (kept.get(place) for place in places)
            if rival is not None
        }
        same = any(rival.identity == there.identity for rival in rivals.values())
        reason = DroppedFor.SAME if same else DroppedFor.CARDINALITY
        if any(rival.weight >= there.weight for rival in rivals.values()):
            dropped[there.relationship_id] = reason
            continue
        for rival in rivals.values():
            dropped[rival.relationship_id] = reason
            moved.pop(rival.relationship_id, None)
            for place in _places(rival, survivor, types):
                kept.pop(place, None)
        kept |= dict.fromkeys(places, there)
        moved[there.relationship_id] = there
    return MergePlan(list(moved.values()), dropped)


def _moved(
    each: HeldRelationship,
    survivor: EntryKey,
    duplicate: EntryKey,
    types: Mapping[str, RelationshipTypeDefinition],
    ids: dict[EntryKey, str],
) -> HeldRelationship:
    source = survivor if each.source == duplicate else each.source
    target = survivor if each.target == duplicate else each.target
    kind = types.get(each.rel_type)
    if kind is not None and kind.symmetric and ids[target] < ids[source]:
        source, target = target, source
    return replace(each, source=source, target=target)


def _places(
    each: HeldRelationship, survivor: EntryKey, types: Mapping[str, RelationshipTypeDefinition]
) -> list[tuple[object, ...]]:
    """Return the places that a relationship takes, each of which has room for one."""
    places: list[tuple[object, ...]] = [each.identity]
    kind = types.get(each.rel_type)
    if kind is None:
        return places
    is_source = each.source == survivor or kind.symmetric
    is_target = each.target == survivor or kind.symmetric
    if kind.cardinality.one_target and is_source:
        places.append(("source", each.rel_type))
    if kind.cardinality.one_source and is_target:
        places.append(("target", each.rel_type))
    return places
