"""The public face of the registry: one class, in this process or against a server."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, cast

from configs.loader import load_settings
from configs.settings import Settings
from hyper_registry.client.backend import Backend
from hyper_registry.client.categories import CategoryMethods
from hyper_registry.client.changes import ChangeMethods
from hyper_registry.client.checking import checked
from hyper_registry.client.compliance import ComplianceMethods
from hyper_registry.client.embedded import EmbeddedBackend
from hyper_registry.client.following import FollowingMethods
from hyper_registry.client.naming import NamingMethods
from hyper_registry.client.remote import RemoteBackend
from hyper_registry.client.reviews import ReviewMethods
from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.identifiers import EntryId, RelationshipId
from hyper_registry.domain.relationship import (
    Direction,
    RelatedEntry,
    Relationship,
    RelationshipDraft,
)
from hyper_registry.domain.search import SearchFilters, SearchHit, SearchMode, SearchQuery

_PAGE = 1_000


class HyperUniversalRegistry(
    CategoryMethods,
    ChangeMethods,
    FollowingMethods,
    NamingMethods,
    ComplianceMethods,
    ReviewMethods,
):
    """A registry of everything an organisation runs and knows.

    Without arguments it runs embedded: Postgres under the state directory, the model and the
    search in this process. With a URL it speaks to a server. Both have the same methods and
    raise the same errors.

    Parameters
    ----------
    url
        Base URL of a server; None to run embedded.
    api_key
        Key for the server.
    settings
        Settings of the embedded registry; None for those of the ``local`` profile and the
        environment.

    Examples
    --------
    ::

        async with HyperUniversalRegistry() as registry:
            await registry.register_agent({"title": "Weather agent"})
            hits = await registry.search_entries("forecast")
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._backend: Backend = (
            EmbeddedBackend(settings or load_settings())
            if url is None
            else RemoteBackend(url, api_key)
        )

    async def start(self) -> None:
        """Open the registry; starting again does nothing.

        Raises
        ------
        DatabaseUnavailableError, EmbeddedPostgresError, MigrationError, ModelUnavailableError
            Embedded: if a part cannot be had.
        ServerUnavailableError
            Remote: if no registry answers there.
        """
        await self._backend.start()

    async def close(self) -> None:
        """Close the registry; closing again does nothing. The embedded Postgres goes on."""
        await self._backend.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def register_entry(
        self, entry: Mapping[str, Any] | EntryDraft, *, wait_embedded: bool = False
    ) -> EntryId:
        """Register an entry and return its id.

        Parameters
        ----------
        entry
            Fields of an `EntryDraft`; `category` and `title` must be there.
        wait_embedded
            Return only when the entry is found by its meaning too.

        Raises
        ------
        InvalidFieldError
            If a field is missing, unknown, wrong or above its limit.
        UnknownCategoryError
            If the category is not registered.
        EntryExistsError
            If a living entry has the id.
        """
        draft = entry if isinstance(entry, EntryDraft) else checked(EntryDraft, entry)
        return (await self._backend.register(draft, wait_embedded=wait_embedded)).entry_id

    async def register_entries(
        self, entries: Sequence[Mapping[str, Any]], *, atomic: bool = False
    ) -> tuple[dict[int, EntryId], dict[int, str]]:
        """Register many entries: all good ones, or with `atomic` all or none.

        Returns
        -------
        tuple
            By row number from 1 on, the ids of the registered and the reasons for the refused.

        Raises
        ------
        BulkRejectedError
            If `atomic` and any row is refused.
        """
        rows = [dict(entry) for entry in entries]
        return await self._backend.register_many(rows, atomic=atomic)

    async def get_entry(self, entry_id: str) -> Entry:
        """Read an entry by its id or its handle, or the one that it was merged into.

        Raises
        ------
        EntryNotFoundError, HandleNotFoundError
            If there is none that the caller may see.
        """
        if "/" in entry_id:
            return await self._backend.by_handle(entry_id)
        return await self._backend.get(entry_id)

    async def update_entry(
        self,
        entry_id: str,
        entry: Mapping[str, Any] | EntryDraft,
        *,
        expected_version: int | None = None,
    ) -> Entry:
        """Replace what people write of an entry, and return it.

        Raises
        ------
        InvalidFieldError, UnknownCategoryError
            As `register_entry`.
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is not at `expected_version`.
        """
        draft = entry if isinstance(entry, EntryDraft) else checked(EntryDraft, entry)
        return await self._backend.replace(entry_id, draft, expected_version=expected_version)

    async def search_entries(
        self,
        query: str = "",
        *,
        filters: Mapping[str, Any] | SearchFilters | None = None,
        limit: int = 10,
        mode: SearchMode | str = SearchMode.HYBRID,
    ) -> list[SearchHit]:
        """Search by text, meaning and filters; the best hit is first.

        Parameters
        ----------
        filters
            Conditions by field of `SearchFilters`: one value, or a list of alternatives.

        Raises
        ------
        InvalidFieldError
            If a filter, the mode or the limit is not known.
        InvalidQueryError
            If the query is too long, or empty in a mode that needs one.
        """
        asked = {"query": query, "filters": filters or {}, "limit": limit, "mode": mode}
        return list((await self._backend.search(checked(SearchQuery, asked))).hits)

    async def create_relationship(
        self,
        source_id: str,
        target_id: str,
        rel_type: str,
        *,
        weight: float = 1.0,
        bidirectional: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> Relationship:
        """Relate two entries.

        Raises
        ------
        InvalidFieldError
            If a value is not acceptable.
        SelfRelationshipError, DanglingRelationshipError, RelationshipExistsError
            If the two cannot be related so.
        """
        draft = {
            "source_id": source_id,
            "target_id": target_id,
            "rel_type": rel_type,
            "weight": weight,
            "bidirectional": bidirectional,
            "metadata": dict(metadata or {}),
        }
        return await self._backend.relate(checked(RelationshipDraft, draft))

    async def get_relationships(
        self,
        entry_id: str,
        direction: Direction | str = Direction.BOTH,
        *,
        rel_type: str | Sequence[str] | None = None,
        as_of: datetime | None = None,
        limit: int | None = None,
    ) -> list[RelatedEntry]:
        """Read the relationships of an entry, oldest first.

        Parameters
        ----------
        rel_type
            Only this type, or these.
        as_of
            Those that it had at this moment; None for those of now.
        limit
            At most so many; None for all.

        Raises
        ------
        EntryNotFoundError
            If there is no such entry that the caller may see.
        InvalidFieldError
            If the direction is not known.
        """
        side = _direction(direction)
        related: list[RelatedEntry] = []
        types = [rel_type] if isinstance(rel_type, str) else rel_type
        after: RelationshipId | None = None
        while limit is None or len(related) < limit:
            size = _PAGE if limit is None else min(_PAGE, limit - len(related))
            page = await self._backend.relationships_page(entry_id, side, types, after, size, as_of)
            related += page
            if len(page) < size:
                break
            after = page[-1].relationship.relationship_id
        return related

    async def find_shortest_path(
        self, source_id: str, target_id: str, *, max_hops: int = 12
    ) -> list[EntryId]:
        """Return the ids along a shortest path, both ends included; empty if there is none.

        Relationships are walked in both directions.

        Raises
        ------
        EntryNotFoundError
            If an end is no entry that the caller may see.
        """
        answer = await self._backend.shortest_path(source_id, target_id, max_hops)
        return [entry.entry_id for entry in answer.entries]

    async def analyze_centrality(self, entry_id: str) -> dict[str, Any]:
        """Measure how central an entry is; the keys are the fields of `Centrality`.

        Raises
        ------
        EntryNotFoundError
            If there is no such entry that the caller may see.
        """
        return (await self._backend.centrality(entry_id)).model_dump()

    async def get_analytics(self) -> dict[str, Any]:
        """Count what the caller may see; the keys are the fields of `RegistrySummary`."""
        return (await self._backend.summary()).model_dump()


def _direction(value: Direction | str) -> Direction:
    try:
        return Direction(value)
    except ValueError as error:
        known = ", ".join(direction.value for direction in Direction)
        reason = f"{cast('str', value)!r} is no direction"
        raise InvalidFieldError("direction", reason, f"Use one of: {known}.") from error
