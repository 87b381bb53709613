"""Shares of requests, held in common by all processes."""

from dataclasses import dataclass

from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("rate_limit")


@dataclass(frozen=True, slots=True)
class Grant:
    """What was taken of a share, and in how many seconds it is full again."""

    granted: int
    full_in_s: float


class RateLimitStore:
    """Shares in Postgres; takes a connection and never commits."""

    async def take(
        self, connection: Connection, subject: bytes, asked: int, limit: int, period_s: float
    ) -> Grant:
        """Take up to `asked` of a share of `limit` that fills within `period_s`."""
        row = await connection.fetchrow(_SQL["take"], subject, asked, limit, period_s)
        assert row is not None
        return Grant(row["granted"], row["full_in_s"])

    async def delete_full(self, connection: Connection) -> None:
        """Delete the shares that have been full for a while."""
        await connection.execute(_SQL["delete_full"])
