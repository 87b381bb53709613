import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from hyper_registry.storage.database import Database
from hyper_registry.storage.notifications import Listener, Subscription
from tests.support.database_owner import as_owner
from tests.support.postgres_server import disposable_server
from tests.support.waiting import until


class Heard:
    """Everything that a subscriber was told, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def subscription(self, channel: str) -> Subscription:
        def note(event: str) -> Callable[[], None]:
            return lambda: self.events.append(event)

        return Subscription(channel, self.events.append, note("listening"), note("lost"))

    async def has(self, count: int) -> bool:
        return len(self.events) >= count


@asynccontextmanager
async def _listening(dsn: str, *subscriptions: Subscription) -> AsyncGenerator[Listener]:
    listener = Listener(dsn, heartbeat_s=0.2)
    for subscription in subscriptions:
        listener.subscribe(subscription)
    task = asyncio.create_task(listener.listen())
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _notify(database: Database, channel: str, payload: str) -> None:
    async with database.connection() as connection:
        await connection.execute("select pg_notify($1, $2)", channel, payload)


async def test_each_subscriber_hears_its_channel(dsn: str, database: Database):
    one, other = Heard(), Heard()
    async with _listening(dsn, one.subscription("one"), other.subscription("other")):
        await until(lambda: other.has(1))
        await _notify(database, "one", "a")
        await _notify(database, "other", "b")
        await _notify(database, "one", "c")
        await until(lambda: one.has(3))
        await until(lambda: other.has(2))
    assert one.events == ["listening", "a", "c", "lost"]
    assert other.events == ["listening", "b", "lost"]


async def test_what_is_rolled_back_is_not_heard(dsn: str, database: Database):
    heard = Heard()
    async with _listening(dsn, heard.subscription("one")):
        await until(lambda: heard.has(1))
        async with database.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("select pg_notify('one', 'undone')")
            await transaction.rollback()
        await _notify(database, "one", "done")
        await until(lambda: heard.has(2))
    assert heard.events[:2] == ["listening", "done"]


async def test_a_lost_connection_is_told_and_replaced(dsn: str, database: Database):
    heard = Heard()
    async with _listening(dsn, heard.subscription("one")):
        await until(lambda: heard.has(1))
        await as_owner(
            dsn,
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
            " and (query ilike 'listen%' or query = 'select')",
        )
        await until(lambda: heard.has(3))
        await _notify(database, "one", "again")
        await until(lambda: heard.has(4))
    assert heard.events == ["listening", "lost", "listening", "again", "lost"]


async def test_a_server_that_was_away_is_heard_again():
    heard = Heard()
    with disposable_server() as server:
        dsn = await asyncio.to_thread(server.start)
        async with _listening(dsn, heard.subscription("one")):
            await until(lambda: heard.has(1))
            await asyncio.to_thread(server.stop, mode="immediate")
            await until(lambda: heard.has(2))
            assert heard.events == ["listening", "lost"]
            await asyncio.to_thread(server.start)
            await until(lambda: heard.has(3))
    assert heard.events == ["listening", "lost", "listening", "lost"]
