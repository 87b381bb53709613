"""Reads of where entries stand in their lives."""

from hyper_registry.domain.lifecycle import SunsetEntry
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("lifecycle")


class LifecycleStore:
    """Lives of entries in Postgres; takes a connection and never commits."""

    async def list_sunset(
        self,
        connection: Connection,
        grants: list[str] | None,
        before: str,
        after: tuple[str, str],
        *,
        owner: str | None,
        limit: int,
    ) -> list[SunsetEntry]:
        """Read entries whose sunset lies before a time, by sunset and id from `after` on.

        Parameters
        ----------
        before, after
            Times as text in the form that entries hold.
        """
        rows = await connection.fetch(_SQL["list_sunset"], grants, before, *after, owner, limit)
        return [SunsetEntry(**dict(row)) for row in rows]
