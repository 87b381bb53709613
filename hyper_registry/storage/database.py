"""The connection pool, and where asyncpg's errors become the registry's."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import cast
from urllib.parse import urlsplit

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy
from typing_extensions import override

from hyper_registry.domain.errors.service import DatabaseUnavailableError

Connection = asyncpg.Connection | PoolConnectionProxy  # pyright: ignore[reportMissingTypeArgument]  # both are generic in the record class, which we do not vary

_UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,  # the connection was lost, and asyncpg noticed first
)


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


class _StatelessConnection(asyncpg.Connection):  # pyright: ignore[reportMissingTypeArgument]  # see above
    """A connection that needs no reset on release: the stores set nothing beyond a transaction."""

    @override
    def get_reset_query(self) -> str:
        return ""


class Database:
    """A pool of connections to the system of record.

    Parameters
    ----------
    dsn
        Connection string; several hosts and `target_session_attrs` are allowed.
    min_size, max_size
        Connections kept open and opened at most.
    """

    def __init__(self, dsn: str, *, min_size: int = 2, max_size: int = 20) -> None:
        self._dsn = dsn
        self._min_size = min_size
        self._max_size = max_size
        self._pool: asyncpg.Pool | None = None  # pyright: ignore[reportMissingTypeArgument]  # see Connection

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
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=self._min_size,
                max_size=self._max_size,
                connection_class=_StatelessConnection,
                init=_set_codecs,
            )
        except (OSError, asyncpg.PostgresError, ValueError) as error:
            raise DatabaseUnavailableError(_redacted(self._dsn), str(error)) from error

    async def close(self) -> None:
        """Close the pool after the queries under way have ended."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

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
        if self._pool is None:
            raise DatabaseUnavailableError(_redacted(self._dsn), "the pool is not open")
        try:
            async with self._pool.acquire() as connection:
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
    async def snapshot(self) -> AsyncGenerator[Connection]:
        """Lend a connection that sees one state throughout and writes nothing.

        It takes no transaction id, so no reader of the change log waits for it.

        Raises
        ------
        DatabaseUnavailableError
            If the pool is closed or Postgres went away.
        """
        async with (
            self.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection


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
