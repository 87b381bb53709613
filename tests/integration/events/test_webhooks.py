import asyncio
import ipaddress
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import asyncpg
import orjson
import pytest

from hyper_registry.domain.change import ChangeFilter
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.service import DatabaseUnavailableError
from hyper_registry.domain.errors.webhook import (
    DeliveryNotFoundError,
    TargetRefusedError,
    WebhookNotFoundError,
)
from hyper_registry.domain.principal import LOCAL_ADMIN, Principal, Role
from hyper_registry.domain.sealing import KeyRing
from hyper_registry.domain.webhook import (
    CreatedWebhook,
    Delivery,
    DeliveryState,
    WebhookDraft,
    WebhookPatch,
)
from hyper_registry.events.dispatcher import Dispatcher, Retries
from hyper_registry.events.feed import ChangeFeed
from hyper_registry.events.secret_sealing import SecretSealing
from hyper_registry.events.signal import ChangeSignal
from hyper_registry.events.target import Address, Targets
from hyper_registry.events.webhooks import WebhookService
from hyper_registry.storage.change_feed_store import ChangeFeedStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.webhook_store import WebhookStore
from tests.support.receiver import Receiver, receiving
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft
from tests.support.waiting import until

RING = KeyRing([("now", bytes(32))])
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
AT_ONCE = Retries(attempts=3, first_pause_s=0, longest_pause_s=0, lease_s=60)


@dataclass
class Hooks:
    """Webhooks on a test's own database, with as many dispatchers as it wants."""

    database: Database
    services: Services
    webhooks: WebhookService
    feed: ChangeFeed
    signal: ChangeSignal
    targets: Targets

    def dispatcher(
        self,
        retries: Retries = AT_ONCE,
        database: Database | None = None,
        ring: KeyRing | None = RING,
    ) -> Dispatcher:
        return Dispatcher(
            database or self.database,
            WebhookStore(),
            self.feed,
            self.signal,
            self.targets,
            retries,
            SecretSealing(ring),
        )

    async def create(
        self, url: str, principal: Principal = LOCAL_ADMIN, **fields: object
    ) -> CreatedWebhook:
        wanted = WebhookDraft.model_validate({"url": url} | fields)
        return await self.webhooks.create(principal, wanted)

    async def register(self, *names: str, principal: Principal = ADMIN, **fields: object) -> None:
        for name in names:
            await self.services.entries.register(principal, draft(entry_id=name, **fields))

    async def deliveries(self, webhook: CreatedWebhook) -> list[Delivery]:
        return (await self.webhooks.deliveries(LOCAL_ADMIN, webhook.webhook_id)).items


async def _dispatch(*dispatchers: Dispatcher) -> None:
    for dispatcher in dispatchers:
        await dispatcher.fan_out()
    while any(await asyncio.gather(*(dispatcher.send_due() for dispatcher in dispatchers))):
        await asyncio.gather(*(dispatcher.drain() for dispatcher in dispatchers))


@pytest.fixture
async def hooks(database: Database) -> AsyncGenerator[Hooks]:
    store = ChangeFeedStore()
    signal = ChangeSignal(database, store, poll_s=0.05)
    feed = ChangeFeed(database, store, signal)
    targets = Targets(allowed_networks=[LOOPBACK], allow_http=True, timeout_s=5)
    webhooks = WebhookService(
        database, WebhookStore(), JournalStore(), feed, targets, SecretSealing(RING)
    )
    yield Hooks(database, build_services(database), webhooks, feed, signal, targets)
    await targets.aclose()


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as opened:
        yield opened


async def test_changes_from_now_on_are_sent_signed(hooks: Hooks, receiver: Receiver):
    await hooks.register("before")
    webhook = await hooks.create(f"{receiver.url}/hook?token=t")
    await hooks.register("a")
    await _dispatch(hooks.dispatcher())
    ((headers, body),) = receiver.received
    told = orjson.loads(body)
    assert (told["type"], told["data"]["subject_id"]) == ("entry.create", "a")
    assert told["data"]["event_id"] == headers["webhook-id"]
    assert "cursor" not in told["data"]
    assert headers["host"] == receiver.url.removeprefix("http://")
    (delivery,) = await hooks.deliveries(webhook)
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 1)
    assert (delivery.response_status, delivery.reason) == (204, None)
    assert delivery.event_id == headers["webhook-id"]


async def test_filters_decide_what_is_sent(hooks: Hooks, receiver: Receiver):
    await hooks.create(receiver.url, filter=ChangeFilter(operations=frozenset({"delete"})))
    await hooks.create(receiver.url, active=False)
    await hooks.register("a", "b")
    await hooks.services.entries.delete(ADMIN, "b")
    await _dispatch(hooks.dispatcher())
    assert receiver.subjects == ["b"]


async def test_two_dispatchers_at_once_deliver_each_event_once(hooks: Hooks, receiver: Receiver):
    await hooks.create(receiver.url)
    await hooks.create(receiver.url, filter=ChangeFilter(operations=frozenset({"create"})))
    await hooks.register(*(f"e{number}" for number in range(60)))
    dispatchers = [hooks.dispatcher() for _ in range(3)]
    made = await asyncio.gather(*(dispatcher.fan_out() for dispatcher in dispatchers))
    assert sum(made) == 120
    await _dispatch(*dispatchers)
    assert len(receiver.received) == 120
    assert sorted(set(receiver.subjects)) == sorted(f"e{number}" for number in range(60))
    assert {receiver.event_ids.count(event_id) for event_id in receiver.event_ids} == {2}


async def test_a_receiver_that_fails_and_recovers_gets_the_event(hooks: Hooks, receiver: Receiver):
    webhook = await hooks.create(receiver.url)
    await hooks.register("a")
    receiver.statuses = [500, 302]
    await _dispatch(hooks.dispatcher())
    assert len(receiver.received) == 3
    assert len(set(receiver.event_ids)) == 1
    assert len({body for _, body in receiver.received}) == 1
    (delivery,) = await hooks.deliveries(webhook)
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 3)


async def test_a_redirect_is_not_followed(hooks: Hooks, receiver: Receiver):
    webhook = await hooks.create(receiver.url)
    await hooks.register("a")
    receiver.status = 307
    dispatcher = hooks.dispatcher(Retries(attempts=1))
    await _dispatch(dispatcher)
    assert len(receiver.received) == 1
    (delivery,) = await hooks.deliveries(webhook)
    assert delivery.reason == "answered 307; redirects are not followed"


async def test_what_never_arrives_is_dead_and_can_be_sent_again(hooks: Hooks, receiver: Receiver):
    webhook = await hooks.create(receiver.url)
    await hooks.register("a")
    receiver.status = 503
    dispatcher = hooks.dispatcher()
    await _dispatch(dispatcher)
    (dead,) = await hooks.deliveries(webhook)
    assert (dead.state, dead.attempts, dead.reason) == (DeliveryState.DEAD, 3, "answered 503")
    receiver.status = 200
    again = await hooks.webhooks.redeliver(LOCAL_ADMIN, webhook.webhook_id, dead.delivery_id)
    assert (again.state, again.attempts) == (DeliveryState.PENDING, 0)
    await _dispatch(dispatcher)
    (delivered,) = await hooks.deliveries(webhook)
    assert delivered.state is DeliveryState.DELIVERED
    assert len(set(receiver.event_ids)) == 1
    with pytest.raises(DeliveryNotFoundError):
        await hooks.webhooks.redeliver(LOCAL_ADMIN, webhook.webhook_id, "dlv_none")


async def test_pauses_grow_to_their_limit_and_differ():
    retries = Retries(first_pause_s=2, longest_pause_s=100)
    for attempts, full in ((1, 2), (2, 4), (5, 32), (7, 100), (10_000, 100)):
        pauses = {retries.pause_s(attempts) for _ in range(50)}
        assert full / 2 <= min(pauses) < max(pauses) <= full


async def test_a_failed_delivery_waits_for_its_pause(hooks: Hooks, receiver: Receiver):
    webhook = await hooks.create(receiver.url)
    await hooks.register("a")
    receiver.status = 500
    await _dispatch(hooks.dispatcher(Retries(first_pause_s=1_000)))
    assert len(receiver.received) == 1
    (delivery,) = await hooks.deliveries(webhook)
    assert delivery.state is DeliveryState.PENDING
    pause = (delivery.next_attempt_at - delivery.created_at).total_seconds()
    assert pause > 400


async def test_a_process_that_dies_after_sending_leaves_the_event_to_another_one(
    hooks: Hooks, receiver: Receiver, dsn: str
):
    webhook = await hooks.create(receiver.url)
    await hooks.register("a")
    own = Database(dsn, min_size=1)
    await own.open()
    dying = hooks.dispatcher(Retries(lease_s=0.2), own)
    await dying.fan_out()
    assert await dying.send_due() == 1
    await own.close()  # it sends, and cannot record any more
    await dying.drain()
    assert len(receiver.received) == 1
    (delivery,) = await hooks.deliveries(webhook)
    assert delivery.state is DeliveryState.PENDING
    other = hooks.dispatcher()

    async def delivered() -> bool:
        await other.send_due()
        await other.drain()
        return (await hooks.deliveries(webhook))[0].state is DeliveryState.DELIVERED

    await until(delivered)
    assert len(receiver.received) == 2
    assert len(set(receiver.event_ids)) == 1


async def test_a_delivery_whose_secret_does_not_open_is_tried_again(
    hooks: Hooks, receiver: Receiver
):
    webhook = await hooks.create(receiver.url)
    await hooks.register("a")
    without_key = hooks.dispatcher(ring=None)
    await without_key.fan_out()
    await without_key.send_due()
    await without_key.drain()
    (delivery,) = await hooks.deliveries(webhook)
    assert delivery.state is DeliveryState.PENDING
    assert "no key is configured" in (delivery.reason or "")
    assert receiver.received == []
    await _dispatch(hooks.dispatcher())
    (delivery,) = await hooks.deliveries(webhook)
    assert delivery.state is DeliveryState.DELIVERED


async def test_who_lost_the_claim_records_nothing(hooks: Hooks):
    webhook = await hooks.create("http://127.0.0.1:9")
    await hooks.register("a")
    await hooks.dispatcher().fan_out()
    store = WebhookStore()
    async with hooks.database.connection() as connection:
        claim = {"lease_s": 0.0, "per_webhook": 4, "limit": 4, "busy": []}
        (first,) = await store.claim_deliveries(connection, **claim)
        (second,) = await store.claim_deliveries(connection, **claim)
        late = {"status": 500, "reason": "late", "pause_s": 0.0}
        await store.record_attempt(connection, first, DeliveryState.DEAD, **late)
        (delivery,) = await hooks.deliveries(webhook)
        assert (delivery.state, delivery.attempts) == (DeliveryState.PENDING, 2)
        await store.record_attempt(connection, second, DeliveryState.DEAD, **late)
        (delivery,) = await hooks.deliveries(webhook)
        assert delivery.state is DeliveryState.DEAD


async def test_a_fan_out_that_is_broken_off_is_whole_the_next_time(hooks: Hooks, dsn: str):
    webhook = await hooks.create("http://127.0.0.1:9")
    await hooks.register("a", "b")
    admin = await asyncpg.connect(dsn)
    try:
        # The position cannot be written, after the deliveries were.
        await admin.execute(
            "alter table webhook add constraint stop check (high_xid = 0) not valid"
        )
        with pytest.raises(asyncpg.CheckViolationError):
            await hooks.dispatcher().fan_out()
        assert await hooks.deliveries(webhook) == []
        await admin.execute("alter table webhook drop constraint stop")
    finally:
        await admin.close()
    assert await hooks.dispatcher().fan_out() == 2
    assert await hooks.dispatcher().fan_out() == 0


async def test_a_late_commit_is_sent_too(hooks: Hooks, receiver: Receiver, dsn: str):
    await hooks.create(receiver.url)
    late = await asyncpg.connect(dsn)
    try:
        async with late.transaction():
            await late.execute(
                "insert into change (subject, subject_key, subject_id, operation, version, actor)"
                " values ('entry', 0, 'late', 'create', 1, 't')"
            )
            await hooks.register("early")
            await _dispatch(hooks.dispatcher())
            assert receiver.received == []
    finally:
        await late.close()
    await _dispatch(hooks.dispatcher())
    assert sorted(receiver.subjects) == ["early", "late"]


async def test_the_owner_sees_what_is_sent_and_nothing_else(hooks: Hooks, receiver: Receiver):
    groups = frozenset({"red", "blue"})
    keys = hooks.services.keys
    key, _ = await keys.create(LOCAL_ADMIN, "mia", Role.EDITOR, groups)
    mia = Principal("mia", Role.EDITOR, groups)
    webhook = await hooks.create(receiver.url, mia)

    async def private(name: str, group: str) -> None:
        security = {"visibility": "private", "readers": [f"group:{group}"]}
        await hooks.register(name, security=security)

    await private("red1", "red")
    await private("green", "green")
    await hooks.register("open")
    await _dispatch(hooks.dispatcher())
    assert sorted(receiver.subjects) == ["open", "red1"]
    # A weaker key takes permissions away, as soon as the stronger one is revoked.
    await keys.create(LOCAL_ADMIN, "mia", Role.VIEWER, frozenset({"blue"}))
    await keys.revoke(LOCAL_ADMIN, key.key_id)
    await private("red2", "red")
    await private("blue", "blue")
    await _dispatch(hooks.dispatcher())
    assert sorted(receiver.subjects) == ["blue", "open", "red1"]
    for left in await keys.list_page(LOCAL_ADMIN):
        await keys.revoke(LOCAL_ADMIN, left.key_id)
    await hooks.register("later")
    await _dispatch(hooks.dispatcher())
    assert len(receiver.received) == 3
    stopped = await hooks.webhooks.get(LOCAL_ADMIN, webhook.webhook_id)
    assert (stopped.active, stopped.inactive_reason) == (False, "its owner has no valid key")


async def test_a_receiver_that_is_gone_is_sent_nothing_more(hooks: Hooks, receiver: Receiver):
    webhook = await hooks.create(receiver.url)
    await hooks.register("a")
    receiver.status = 410
    await _dispatch(hooks.dispatcher())
    await hooks.register("b")
    await _dispatch(hooks.dispatcher())
    assert len(receiver.received) == 1
    stopped = await hooks.webhooks.get(LOCAL_ADMIN, webhook.webhook_id)
    assert (stopped.active, stopped.inactive_reason) == (False, "the receiver answered 410 Gone")
    receiver.status = 200
    patch = WebhookPatch(active=True)
    started = await hooks.webhooks.update(LOCAL_ADMIN, webhook.webhook_id, patch)
    assert (started.active, started.inactive_reason) == (True, None)
    await _dispatch(hooks.dispatcher())
    assert receiver.subjects == ["a", "b"]


async def test_each_has_its_own_webhooks_and_administrators_all(hooks: Hooks):
    url = "http://127.0.0.1:9/"
    mine = await hooks.create(url, EDITOR)
    other = Principal("mia", Role.EDITOR)
    with pytest.raises(PermissionDeniedError):
        await hooks.create(url, VIEWER)
    for refused in (
        hooks.webhooks.get(other, mine.webhook_id),
        hooks.webhooks.update(other, mine.webhook_id, WebhookPatch(active=False)),
        hooks.webhooks.delete(other, mine.webhook_id),
        hooks.webhooks.deliveries(other, mine.webhook_id),
        hooks.webhooks.redeliver(other, mine.webhook_id, "x"),
    ):
        with pytest.raises(WebhookNotFoundError):
            await refused
    assert (await hooks.webhooks.page(other)).items == []
    assert len((await hooks.webhooks.page(EDITOR)).items) == 1
    assert len((await hooks.webhooks.page(ADMIN)).items) == 1
    await hooks.webhooks.delete(EDITOR, mine.webhook_id)
    assert (await hooks.webhooks.page(ADMIN)).items == []


async def test_secrets_are_in_no_answer_log_or_representation(
    hooks: Hooks, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    webhook = await hooks.create(receiver.url)
    await hooks.register("a")
    receiver.statuses = [500]
    await _dispatch(hooks.dispatcher())
    secret = webhook.secret.removeprefix("whsec_")
    assert secret not in caplog.text
    shown = await hooks.webhooks.get(LOCAL_ADMIN, webhook.webhook_id)
    assert secret not in shown.model_dump_json()
    async with hooks.database.connection() as connection:
        assert secret not in str(await connection.fetch("select * from audit"))


async def test_a_slow_receiver_holds_up_nobody_else(hooks: Hooks, receiver: Receiver):
    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(1_024):
                continue
        finally:
            writer.close()

    silent = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        await hooks.create(f"http://127.0.0.1:{port}")
        await hooks.create(receiver.url)
        await hooks.register(*(f"e{number}" for number in range(20)))
        dispatcher = hooks.dispatcher()
        working = asyncio.create_task(dispatcher.keep_dispatching(interval_s=0.02))

        async def arrived() -> bool:
            return len(receiver.received) == 20

        await until(arrived, limit_s=4)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[::ffff:192.168.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:a00:1::]/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
    ],
)
async def test_addresses_that_are_not_public_are_refused(hooks: Hooks, url: str):
    with pytest.raises(TargetRefusedError):
        await hooks.create(url)
    webhook = await hooks.create("http://127.0.0.1:9/")
    with pytest.raises(TargetRefusedError):
        await hooks.webhooks.update(LOCAL_ADMIN, webhook.webhook_id, WebhookPatch(url=url))


async def test_by_default_loopback_and_plain_http_are_refused():
    targets = Targets()
    try:
        for url in ("http://example.com/", "https://127.0.0.1/", "https://[::1]/"):
            with pytest.raises(TargetRefusedError):
                targets.check(url)
        targets.check("https://example.com/")
    finally:
        await targets.aclose()


async def test_a_name_is_checked_by_the_address_that_is_connected_to(receiver: Receiver):
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> Sequence[Address]:
        """Tell a good address first, and a forbidden one from then on."""
        asked.append(host)
        return [ipaddress.ip_address("127.0.0.1" if len(asked) == 1 else "10.0.0.1")]

    async def half_good(_host: str, _port: int) -> Sequence[Address]:
        return [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("169.254.169.254")]

    port = receiver.url.rpartition(":")[2]
    options = {"allowed_networks": [LOOPBACK], "allow_http": True}
    targets = Targets(**options, resolve=rebinding)
    mixed = Targets(**options, resolve=half_good)
    try:
        url = f"http://rebinding.example:{port}/hook"
        assert await targets.post(url, b"{}", {"webhook-id": "1"}) == 204
        assert asked == ["rebinding.example"]
        assert receiver.received[0][0]["host"] == f"rebinding.example:{port}"
        with pytest.raises(TargetRefusedError, match="not public"):
            await targets.post(url, b"{}", {"webhook-id": "1"})
        with pytest.raises(TargetRefusedError):
            await mixed.post(url, b"{}", {"webhook-id": "1"})
    finally:
        await targets.aclose()
        await mixed.aclose()
    assert len(receiver.received) == 1


async def test_a_refused_target_is_dead_at_once(hooks: Hooks):
    async def inward(_host: str, _port: int) -> Sequence[Address]:
        return [ipaddress.ip_address("10.1.2.3")]

    hooks.targets._resolve = inward
    webhook = await hooks.create("http://inward.example/")
    await hooks.register("a")
    await _dispatch(hooks.dispatcher())
    (delivery,) = await hooks.deliveries(webhook)
    assert (delivery.state, delivery.attempts) == (DeliveryState.DEAD, 1)
    assert delivery.reason == "the target inward.example is refused: its address is not public"


async def test_ended_deliveries_are_forgotten_after_their_days(hooks: Hooks, receiver: Receiver):
    webhook = await hooks.create(receiver.url)
    await hooks.register("a", "b")
    await _dispatch(hooks.dispatcher())
    store = WebhookStore()
    async with hooks.database.connection() as connection:
        await connection.execute(
            "update webhook_delivery set finished_at = now() - interval '8 days' where delivery_id"
            " = (select min(delivery_id) from webhook_delivery)"
        )
        await store.forget_deliveries(connection, 9)
        assert len(await hooks.deliveries(webhook)) == 2
        await store.forget_deliveries(connection, 7)
    assert len(await hooks.deliveries(webhook)) == 1


async def test_without_the_database_nothing_is_lost(hooks: Hooks, dsn: str):
    away = Database(dsn, min_size=1)
    with pytest.raises(DatabaseUnavailableError):
        await hooks.dispatcher(database=away).fan_out()
