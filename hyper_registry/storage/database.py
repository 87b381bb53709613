"""The connection pool, and where asyncpg's errors become the registry's."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy
from typing_extensions import override

from hyper_registry.domain.errors.service import DatabaseUnavailableError
from hyper_registry.storage.database_roles import READER, WRITER

_Pool = asyncpg.Pool  # pyright: ignore[reportMissingTypeArgument]  # see Connection
Connection = asyncpg.Connection | PoolConnectionProxy  # pyright: ignore[reportMissingTypeArgument]  # both are generic in the record class, which we do not vary

_UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,  # the connection was lost, and asyncpg noticed first
    asyncpg.InternalClientError,  # Postgres has said its last word, and its end is not read yet
)

_SET_GRANTS = "select set_config('hyper_registry.grants', $1::text[]::text, false)"

Witness = Callable[[Connection], Awaitable[None]]
"""Called at the end of a transaction, within it; what it raises rolls the transaction back."""

_witness: ContextVar[Witness | None] = ContextVar("witness", default=None)


@contextmanager
def witnessed_by(witness: Witness) -> Generator[None]:
    """Within the block, let `witness` take part in each transaction of this task.

    So a request is recorded by the very commit of what it writes, whichever service writes it.
    """
    token = _witness.set(witness)
    try:
        yield
    finally:
        _witness.reset(token)


class _KeptConnection(asyncpg.Connection):  # pyright: ignore[reportMissingTypeArgument]  # see above
    """A connection that needs no reset on release.

    The stores set nothing beyond a transaction, and the grants that row security goes by stay for
    the next reader, which often has the same.
    """

    __slots__ = ("_grants",)

    @override
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._grants: list[str] | None = None

    @override
    def get_reset_query(self) -> str:
        return ""

    async def see_as(self, grants: list[str]) -> None:
        """Let the session see what `grants` meet."""
        if self._grants != grants:
            self._grants = None  # what they are is unknown should this be cut off
            await self.execute(_SET_GRANTS, grants)
            self._grants = grants


class Database:
    """Pools of connections to the system of record.

    What a caller may see is read through `reading`, where Postgres itself leaves out the rest,
    should a query forget to. All else works as a role that sees every row.

    Parameters
    ----------
    dsn
        Connection string; several hosts and `target_session_attrs` are allowed.
    min_size, max_size
        Connections kept open and opened at most, of writers and of readers each.
    """

    def __init__(self, dsn: str, *, min_size: int = 2, max_size: int = 20) -> None:
        self._dsn = dsn
        self._min_size = min_size
        self._max_size = max_size
        self._writers: _Pool | None = None
        self._readers: _Pool | None = None

    @property
    def dsn(self) -> str:
        """The connection string, password included."""
        return self._dsn

    async def open(self) -> None:
        """Open the pool.

        Raises
        ------
        DatabaseUnavailableError
            If Postgres cannot be reached or refuses us.
        """
        try:
            self._writers = await self._open_pool(WRITER)
            self._readers = await self._open_pool(READER)
        except (OSError, asyncpg.PostgresError, ValueError) as error:
            await self.close()
            raise DatabaseUnavailableError(_redacted(self._dsn), str(error)) from error

    async def close(self) -> None:
        """Close the pools after the queries under way have ended."""
        pools = [pool for pool in (self._writers, self._readers) if pool is not None]
        self._writers = self._readers = None
        await asyncio.gather(*(pool.close() for pool in pools))

    async def ping(self, *, timeout_s: float) -> None:
        """Return once Postgres has answered.

        Raises
        ------
        DatabaseUnavailableError
            If it does not, or not in time.
        """
        try:
            async with asyncio.timeout(timeout_s), self.connection() as connection:
                await connection.execute("select")
        except TimeoutError as error:
            reason = f"no answer within {timeout_s:g} s"
            raise DatabaseUnavailableError(_redacted(self._dsn), reason) from error

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """Lend a connection; each statement commits by itself.

        Raises
        ------
        DatabaseUnavailableError
            If the pool is closed or Postgres went away.
        """
        async with self._lent(self._writers) as connection:
            yield connection

    @asynccontextmanager
    async def reading(self, grants: list[str] | None) -> AsyncGenerator[Connection]:
        """Lend a connection that sees only what `grants` meet, whatever is asked of it.

        Parameters
        ----------
        grants
            As a principal has them; None sees everything.

        Raises
        ------
        DatabaseUnavailableError
            If the pool is closed or Postgres went away.
        """
        async with self._lent(self._writers if grants is None else self._readers) as connection:
            if grants is not None:
                await cast("_KeptConnection", connection).see_as(grants)
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """Lend a connection inside a transaction that commits when the block ends well.

        Raises
        ------
        DatabaseUnavailableError
            If the pool is closed or Postgres went away; nothing is written then.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection
            witness = _witness.get()
            if witness is not None:
                await witness(connection)

    @asynccontextmanager
    async def snapshot(self, grants: list[str] | None = None) -> AsyncGenerator[Connection]:
        """Lend a connection as `reading` does that sees one state throughout and writes nothing.

        It takes no transaction id, so no reader of the change log waits for it.

        Raises
        ------
        DatabaseUnavailableError
            If the pool is closed or Postgres went away.
        """
        async with (
            self.reading(grants) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    async def _open_pool(self, role: str) -> "_Pool":
        return await asyncpg.create_pool(
            self._dsn,
            min_size=self._min_size,
            max_size=self._max_size,
            connection_class=_KeptConnection,
            init=_set_codecs,
            server_settings={"role": role},
        )

    @asynccontextmanager
    async def _lent(self, pool: "_Pool | None") -> AsyncGenerator[Connection]:
        if pool is None:
            raise DatabaseUnavailableError(_redacted(self._dsn), "the pool is not open")
        try:
            async with pool.acquire() as connection:
                try:
                    yield cast("Connection", connection)
                except asyncpg.InterfaceError as error:
                    # The end of a transaction puts this in place of the error that came first.
                    if not _is_closed(connection):
                        raise
                    raise DatabaseUnavailableError(
                        _redacted(self._dsn), str(error.__context__ or error)
                    ) from error
        except _UNAVAILABLE as error:
            raise DatabaseUnavailableError(_redacted(self._dsn), str(error)) from error


async def connect(dsn: str) -> asyncpg.Connection:  # pyright: ignore[reportMissingTypeArgument]  # see Connection
    """Open one connection outside of a pool.

    Raises
    ------
    DatabaseUnavailableError
        If Postgres cannot be reached or refuses us.
    """
    try:
        return await asyncpg.connect(dsn)
    except (OSError, asyncpg.PostgresError, ValueError) as error:
        raise DatabaseUnavailableError(_redacted(dsn), str(error)) from error


async def _set_codecs(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: orjson.dumps(value).decode(),
        decoder=orjson.loads,
    )


def _is_closed(connection: PoolConnectionProxy) -> bool:  # pyright: ignore[reportMissingTypeArgument]  # see Connection
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken back what broke
        return True


def _redacted(dsn: str) -> str:
    parts = urlsplit(dsn)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"
