"""The registry in numbers, on behalf of a principal: what is hidden is not counted."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

from hyper_registry.domain.analytics import RegistrySummary, RelationshipCounts
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.analytics_store import AnalyticsStore
from hyper_registry.storage.database import Connection, Database

P = ParamSpec("P")
T = TypeVar("T")

_LISTED = 10
_DAYS = 30


class AnalyticsService:
    """Counts over the entries that a principal may see.

    Parameters
    ----------
    count_relationships
        Counts the relationships that a principal may see, from the graph in memory.
    """

    def __init__(
        self,
        database: Database,
        store: AnalyticsStore,
        count_relationships: Callable[[Principal], Awaitable[RelationshipCounts]],
        model_id: str,
    ) -> None:
        self._database = database
        self._store = store
        self._count_relationships = count_relationships
        self._model_id = model_id

    async def summary(self, principal: Principal) -> RegistrySummary:
        """Count what the caller may see.

        Raises
        ------
        DatabaseUnavailableError
            If Postgres cannot be reached.
        """
        grants = principal.grants
        # Each is a pass over all entries: on connections of their own they share the cores.
        counts, tags, changed, registrations, related = await asyncio.gather(
            self._read(grants, self._store.count_entries, self._model_id, _LISTED),
            self._read(grants, self._store.count_tags, _LISTED),
            self._read(grants, self._store.fetch_recently_changed, _LISTED),
            self._read(grants, self._store.count_registrations, _DAYS),
            self._count_relationships(principal),
        )

        def by(field: str) -> dict[str, int]:
            return {item.value: item.entries for item in counts.by_field[field]}

        return RegistrySummary(
            entries=counts.entries,
            by_category=by("category"),
            by_status=by("status"),
            by_compliance_status=by("compliance_status"),
            top_owners=counts.by_field["owner"],
            top_tags=tags,
            embedded=counts.embedded,
            embedded_share=counts.embedded / counts.entries if counts.entries else 1.0,
            relationships=sum(related.by_rel_type.values()),
            by_rel_type=related.by_rel_type,
            most_depended_on=related.most_depended_on,
            recently_changed=changed,
            registrations=registrations,
        )

    async def _read(
        self,
        grants: list[str] | None,
        query: Callable[Concatenate[Connection, list[str] | None, P], Awaitable[T]],
        *arguments: P.args,
        **options: P.kwargs,
    ) -> T:
        async with self._database.reading(grants) as connection:
            return await query(connection, grants, *arguments, **options)
