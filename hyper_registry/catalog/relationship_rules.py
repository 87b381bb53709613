"""What the definitions ask of a relationship before it is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hyper_registry.catalog.definitions import HeldDefinitions
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.types import RelationshipRefusedError
from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.domain.type_definitions import RelationshipTypeDefinition, TypeDefinitions
from hyper_registry.storage.bulk_store import Edge
from hyper_registry.storage.database import Connection
from hyper_registry.storage.entry_store import EndOfRelationship
from hyper_registry.storage.type_store import TypeStore

Ends = tuple[EntryKey, EntryKey]


class RelationshipRules:
    """Checks relationships against the definitions of their types.

    Parameters
    ----------
    strict
        Whether types that nobody described are refused.
    """

    def __init__(
        self, definitions: HeldDefinitions, types: TypeStore, *, strict: bool = False
    ) -> None:
        self._definitions = definitions
        self._types = types
        self._strict = strict

    async def current(self, connection: Connection) -> TypeDefinitions:
        """Return the definitions to check relationships with."""
        return await self._definitions.current(connection)

    async def refusals(
        self, connection: Connection, definitions: TypeDefinitions, edges: Mapping[int, Edge]
    ) -> dict[int, RegistryError]:
        """Return the errors of those relationships that must not be written, by row number.

        Only types with a cardinality cost statements: their ends are held until the transaction
        ends, so that of two writers the second sees what the first one wrote.

        A refusal by cardinality tells that an end is taken, never by what: the other relationship
        may lead to an entry that the caller may not see. That there is one cannot be hidden.
        """
        refused: dict[int, RegistryError] = {}
        counted: dict[str, dict[int, Edge]] = {}
        for number, edge in edges.items():
            kind = definitions.relationship_types.get(edge.draft.rel_type)
            error = self._refusal(kind, edge)
            if error is not None:
                refused[number] = error
            elif kind is not None and kind.counts:
                counted.setdefault(kind.name, {})[number] = edge
        if counted:
            held = {
                key
                for name, group in counted.items()
                for key in _counted_ends(definitions.relationship_types[name], group.values())
            }
            await self._types.lock_ends(connection, sorted(held))
        for name, group in counted.items():
            kind = definitions.relationship_types[name]
            ends = list(_counted_ends(kind, group.values()))
            taken = await self._types.taken_ends(connection, name, ends, ends)
            refused |= _over_counted(kind, group, taken)
        return refused

    def _refusal(
        self, kind: RelationshipTypeDefinition | None, edge: Edge
    ) -> RelationshipRefusedError | None:
        if kind is None:
            if not self._strict:
                return None
            reason = f"{edge.draft.rel_type!r} is no type that was described"
            remedy = "Use one of GET /v1/registry/relationship-types, or have it described."
            return RelationshipRefusedError("rel_type", reason, remedy)
        for field, category, allowed in (
            ("source_id", edge.source_category, kind.source_categories),
            ("target_id", edge.target_category, kind.target_categories),
        ):
            if allowed is not None and category not in allowed:
                return RelationshipRefusedError(
                    field,
                    f"an entry of the category {category!r} does not stand there in {kind.name!r}",
                    f"Use an entry of: {', '.join(allowed) or 'no category'}.",
                )
        return None


def oriented(definitions: TypeDefinitions, draft: RelationshipDraft) -> RelationshipDraft:
    """Return the form in which a relationship is stored.

    One of a symmetric type has no direction: it is stored once, from the smaller id to the larger,
    and leads both ways. So the unique index tells that two entries are related already, whichever
    of them is named first.
    """
    kind = definitions.relationship_types.get(draft.rel_type)
    if kind is None or not kind.symmetric:
        return draft
    source, target = sorted((draft.source_id, draft.target_id))
    if (draft.source_id, draft.bidirectional) == (source, True):
        return draft
    return draft.model_copy(
        update={"source_id": source, "target_id": target, "bidirectional": True}
    )


def require_writing_from(
    principal: Principal,
    definitions: TypeDefinitions,
    rel_type: str,
    ends: tuple[EndOfRelationship, EndOfRelationship],
    action: str,
) -> None:
    """Refuse to write a relationship to who may not write its source.

    One of a symmetric type has a source at either end.

    Raises
    ------
    PermissionDeniedError
        If the caller is no editor, neither everywhere nor in the namespace of the source.
    """
    source, target = ends
    kind = definitions.relationship_types.get(rel_type)
    symmetric = kind is not None and kind.symmetric
    if not (symmetric and principal.may_write_in(target.namespace)):
        principal.require_writing_in(source.namespace, action)


@dataclass(slots=True)
class _Taken:
    """The ends that relationships of a kind have; of a symmetric one both sides are one."""

    kind: RelationshipTypeDefinition
    pairs: set[Ends]
    sources: set[EntryKey]
    targets: set[EntryKey]

    def add(self, ends: Ends) -> None:
        self.pairs.add(ends)
        if self.kind.symmetric:
            self.sources.update(ends)
            self.targets.update(ends)
        else:
            self.sources.add(ends[0])
            self.targets.add(ends[1])

    def side(self, ends: Ends) -> str | None:
        """Return which end has a relationship already that excludes a further one."""
        if ends in self.pairs:
            return None  # it exists, which the insertion finds
        if self.kind.cardinality.one_target and ends[0] in self.sources:
            return "source_id"
        if self.kind.cardinality.one_source and ends[1] in self.targets:
            return "target_id"
        return None


def _counted_ends(kind: RelationshipTypeDefinition, edges: Iterable[Edge]) -> set[EntryKey]:
    return {
        key
        for edge in edges
        for key, counts in (
            (edge.source, kind.cardinality.one_target),
            (edge.target, kind.cardinality.one_source),
        )
        if counts
    }


def _over_counted(
    kind: RelationshipTypeDefinition, edges: Mapping[int, Edge], existing: Iterable[Ends]
) -> dict[int, RegistryError]:
    taken = _Taken(kind, set(), set(), set())
    for ends in existing:
        taken.add(ends)
    refused: dict[int, RegistryError] = {}
    for number, edge in sorted(edges.items()):
        field = taken.side((edge.source, edge.target))
        if field is None:
            taken.add((edge.source, edge.target))
        else:
            refused[number] = RelationshipRefusedError(
                field,
                f"has a relationship of the type {kind.name!r} already, which is "
                f"{kind.cardinality.value}",
                "Delete the other relationship first, or use another type.",
            )
    return refused
