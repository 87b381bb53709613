"""Postgres notifications: one connection that listens, and tells when it cannot."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn

import asyncpg

from hyper_registry.domain.errors.service import DatabaseUnavailableError
from hyper_registry.storage.database import connect

_logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to call for a channel; the calls come from the event loop and must not block.

    Attributes
    ----------
    channel
        Name given to ``pg_notify``.
    on_notification
        Receives the payload of each notification, once its transaction has committed.
    on_listening
        From now on no notification is missed. What was learned before may be outdated.
    on_lost
        From now on notifications may be missed.
    """

    channel: str
    on_notification: Callable[[str], None]
    on_listening: Callable[[], None] = _nothing
    on_lost: Callable[[], None] = _nothing


class Listener:
    """Listens on a connection of its own, and opens another one whenever that is lost.

    Parameters
    ----------
    dsn
        Where Postgres is; a pooler between must hold sessions, not transactions.
    heartbeat_s
        A connection that has not answered within twice this time counts as lost.
    """

    def __init__(self, dsn: str, *, heartbeat_s: float = 5.0) -> None:
        self._dsn = dsn
        self._heartbeat_s = heartbeat_s
        self._subscriptions: list[Subscription] = []

    def subscribe(self, subscription: Subscription) -> None:
        """Add a subscription; it takes effect when the listener connects next."""
        self._subscriptions.append(subscription)

    async def listen(self) -> NoReturn:
        """Listen until cancelled; what goes wrong is logged and tried again, ever more slowly."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with self._listening() as connection:
                    pause_s = _FIRST_PAUSE_S
                    await self._wait_until_lost(connection)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _logger.warning("The connection that listens was lost (%s)", error)
            except DatabaseUnavailableError as error:
                _logger.warning("Cannot listen; trying again in %.1f s: %s", pause_s, error)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    @asynccontextmanager
    async def _listening(self) -> AsyncGenerator[asyncpg.Connection]:  # pyright: ignore[reportMissingTypeArgument]  # generic in the record class, which we do not vary
        connection = await connect(self._dsn)
        begun: list[Subscription] = []
        try:
            for subscription in self._subscriptions:
                await connection.add_listener(subscription.channel, _receiver(subscription))
                subscription.on_listening()
                begun.append(subscription)
            yield connection
        finally:
            for subscription in begun:
                subscription.on_lost()
            # Asking politely could wait for a server that no longer answers.
            connection.terminate()

    async def _wait_until_lost(self, connection: asyncpg.Connection) -> None:  # pyright: ignore[reportMissingTypeArgument]  # see _listening
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _connection: closed.set())
        while not connection.is_closed():
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    await closed.wait()
            except TimeoutError:
                # A peer that vanished without a word is noticed only by speaking to it.
                await connection.execute("select", timeout=self._heartbeat_s)
        _logger.warning("Postgres closed the connection that listens")


def _receiver(subscription: Subscription) -> Callable[[object, int, str, object], None]:
    def receive(_connection: object, _process: int, _channel: str, payload: object) -> None:
        subscription.on_notification(str(payload))

    return receive
