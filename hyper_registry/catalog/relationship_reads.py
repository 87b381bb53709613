"""Relationships read on behalf of a principal: one, its versions, and those of an entry."""

from collections.abc import Sequence
from datetime import datetime

from hyper_registry.domain.errors.entry import EntryNotFoundError, VersionNotFoundError
from hyper_registry.domain.errors.relationship import RelationshipNotFoundError
from hyper_registry.domain.identifiers import EntryKey, RelationshipId
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.relationship import (
    Direction,
    RelatedEntry,
    Relationship,
    RelationshipVersionPage,
)
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.history_store import HistoryStore
from hyper_registry.storage.relationship_store import RelationshipStore


class RelationshipReadMethods:
    """Mixin of the service of relationships: what it reads."""

    _database: Database
    _entries: EntryStore
    _relationships: RelationshipStore
    _history: HistoryStore

    async def get(self, principal: Principal, relationship_id: RelationshipId) -> Relationship:
        """Read a relationship.

        Raises
        ------
        RelationshipNotFoundError
            If there is none, or the caller may not see one of its ends.
        """
        async with self._database.reading(principal.grants) as connection:
            return await self._fetch(connection, principal, relationship_id)

    async def list_versions(
        self,
        principal: Principal,
        relationship_id: RelationshipId,
        *,
        before: int | None = None,
        limit: int = 50,
    ) -> RelationshipVersionPage:
        """Read versions of a relationship, deleted or not, newest first, from below `before` on.

        Raises
        ------
        RelationshipNotFoundError
            If there never was one, or the caller may not see one of its ends.
        """
        async with self._database.reading(principal.grants) as connection:
            found = await self._relationships.list_versions(
                connection, relationship_id, principal.grants, before=before, limit=limit
            )
        if not found and before is None:
            raise RelationshipNotFoundError(str(relationship_id))
        more = len(found) == limit and found[-1].version > 1
        return RelationshipVersionPage.model_construct(
            items=found, next_before=found[-1].version if more else None
        )

    async def list_of(
        self,
        principal: Principal,
        entry_id: str,
        direction: Direction = Direction.BOTH,
        *,
        rel_types: Sequence[str] | None = None,
        as_of: datetime | None = None,
        after: RelationshipId | None = None,
        limit: int = 100,
    ) -> list[RelatedEntry]:
        """Read relationships of an entry, ordered by id, from after one id on.

        Those whose other end the caller may not see are left out.

        Parameters
        ----------
        rel_types
            Only these; None for all.
        as_of
            Those of this moment; None for those of now.

        Raises
        ------
        EntryNotFoundError
            If there is no such entry that the caller may see; with `as_of` a deleted one too is
            judged by its last version.
        VersionNotFoundError
            If the entry was not there at `as_of`, or the caller may not see it as it was.
        """
        async with self._database.reading(principal.grants) as connection:
            if as_of is not None:
                key = await self._key_as_of(connection, principal, entry_id, as_of)
                return await self._relationships.fetch_page_as_of(
                    connection,
                    key,
                    direction,
                    principal.grants,
                    as_of,
                    rel_types=rel_types,
                    after=after,
                    limit=limit,
                )
            keys = await self._entries.fetch_keys(connection, [entry_id], principal.grants)
            if entry_id not in keys:
                raise EntryNotFoundError(entry_id)
            return await self._relationships.fetch_page(
                connection,
                keys[entry_id],
                direction,
                principal.grants,
                rel_types=rel_types,
                after=after,
                limit=limit,
            )

    async def _key_as_of(
        self, connection: Connection, principal: Principal, entry_id: str, moment: datetime
    ) -> EntryKey:
        key, then = await self._history.fetch_key_as_of(
            connection, entry_id, principal.grants, moment
        )
        if key is None:
            raise EntryNotFoundError(entry_id)
        if not then:
            raise VersionNotFoundError(entry_id, f"of {moment.isoformat()}")
        return key

    async def _fetch(
        self, connection: Connection, principal: Principal, relationship_id: RelationshipId
    ) -> Relationship:
        found = await self._relationships.fetch(connection, relationship_id, principal.grants)
        if found is None:
            raise RelationshipNotFoundError(str(relationship_id))
        return found
