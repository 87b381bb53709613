"""Turning changes into deliveries, and sending them until they arrive or are given up."""

import asyncio
import logging
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import NoReturn

import httpx
import orjson

from hyper_registry.domain.change import ChangeEvent
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.types import SealedFieldError
from hyper_registry.domain.errors.webhook import TargetRefusedError
from hyper_registry.domain.identifiers import WebhookId
from hyper_registry.domain.webhook import DeliveryState, WebhookSecret, new_delivery_id
from hyper_registry.events.feed import ChangeFeed, event_of
from hyper_registry.events.secret_sealing import SecretSealing
from hyper_registry.events.signal import ChangeSignal
from hyper_registry.events.target import Targets
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.webhook_store import ClaimedDelivery, ClaimedWebhook, WebhookStore

_logger = logging.getLogger(__name__)

_FANNED_OUT_TOGETHER = 100
_GONE = 410
_FORGETTING_INTERVAL_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and when a delivery is tried.

    Attributes
    ----------
    attempts
        Tries after which it is dead.
    first_pause_s, longest_pause_s
        The pause doubles from the one to the other; each is drawn from its upper half.
    lease_s
        Time in which a process records the outcome of what it sends, or another one sends it again.
    """

    attempts: int = 12
    first_pause_s: float = 5.0
    longest_pause_s: float = 21_600.0
    lease_s: float = 60.0

    def pause_s(self, attempts: int) -> float:
        """Return how long to wait after so many attempts."""
        # The exponent is bounded so that the power stays a float.
        full = min(self.longest_pause_s, self.first_pause_s * 2.0 ** min(attempts - 1, 64))
        return full * random.uniform(0.5, 1.0)  # noqa: S311 (spreads load, keeps no secret)


class Dispatcher:
    """Sends the changes that webhooks want; any number of processes may do so at once.

    Parameters
    ----------
    parallel, per_webhook
        Deliveries sent at a time in this process, and of one webhook: a slow receiver holds up
        nobody else.
    keep_days
        Days after which ended deliveries are forgotten.
    """

    def __init__(
        self,
        database: Database,
        store: WebhookStore,
        feed: ChangeFeed,
        signal: ChangeSignal,
        targets: Targets,
        retries: Retries,
        sealing: SecretSealing,
        *,
        parallel: int = 32,
        per_webhook: int = 4,
        keep_days: int = 30,
    ) -> None:
        self._database = database
        self._store = store
        self._feed = feed
        self._signal = signal
        self._targets = targets
        self._retries = retries
        self._sealing = sealing
        self._parallel = parallel
        self._per_webhook = per_webhook
        self._keep_days = keep_days
        self._sending: dict[asyncio.Task[None], WebhookId] = {}

    async def fan_out(self) -> int:
        """Make deliveries of all changes that webhooks want; return how many.

        The deliveries and how far the webhook has come are one transaction, and one process at a
        time is at a webhook: no change becomes two deliveries, none is passed over.
        """
        made = 0
        after = ""
        while True:
            async with self._database.transaction() as connection:
                claimed = await self._store.claim_webhook(connection, after)
                if claimed is None:
                    return made
                if claimed.owner is None:
                    await self._store.deactivate(
                        connection, claimed.webhook_id, "its owner has no valid key"
                    )
                    after = claimed.webhook_id
                    continue
                changes, position = await self._feed.read_on(
                    connection,
                    claimed.owner,
                    claimed.position,
                    claimed.filter,
                    limit=_FANNED_OUT_TOGETHER,
                )
                cursors = await self._feed.cursors()
                events = [event_of(change, cursors) for change in changes]
                if events:
                    await self._insert(connection, claimed, events)
                await self._store.advance(connection, claimed.webhook_id, position)
            made += len(events)
            if position.is_at_end:
                after = claimed.webhook_id

    async def send_due(self) -> int:
        """Begin to send deliveries that are due, as many as there is room for; return how many."""
        room = self._parallel - len(self._sending)
        if room <= 0:
            return 0
        counts = Counter(self._sending.values())
        busy = [name for name, count in counts.items() if count >= self._per_webhook]
        async with self._database.connection() as connection:
            claimed = await self._store.claim_deliveries(
                connection,
                lease_s=self._retries.lease_s,
                per_webhook=self._per_webhook,
                limit=room,
                busy=busy,
            )
        for delivery in claimed:
            task = asyncio.create_task(self._send(delivery))
            self._sending[task] = delivery.webhook_id
            task.add_done_callback(self._sending.pop)
        return len(claimed)

    async def drain(self) -> None:
        """Return when everything begun was sent and recorded."""
        while self._sending:
            await asyncio.gather(*self._sending)

    async def keep_dispatching(self, *, interval_s: float = 1.0) -> NoReturn:
        """Fan out and send again and again, until cancelled."""
        clock = asyncio.get_running_loop().time
        forgotten_at = -_FORGETTING_INTERVAL_S
        try:
            while True:
                readable = self._signal.readable
                try:
                    await self.fan_out()
                    await self.send_due()
                    if clock() - forgotten_at >= _FORGETTING_INTERVAL_S:
                        forgotten_at = clock()
                        async with self._database.connection() as connection:
                            await self._store.forget_deliveries(connection, self._keep_days)
                except RegistryError as error:
                    _logger.warning("Webhooks cannot be served; trying again: %s", error)
                # A delivery that ends makes room for another one.
                waiter = asyncio.create_task(self._signal.wait(readable, interval_s))
                try:
                    await asyncio.wait(
                        {waiter, *self._sending}, return_when=asyncio.FIRST_COMPLETED
                    )
                finally:
                    waiter.cancel()
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def _insert(
        self, connection: Connection, claimed: ClaimedWebhook, events: list[ChangeEvent]
    ) -> None:
        await self._store.insert_deliveries(
            connection,
            claimed.webhook_id,
            # Of those made within a microsecond the random ends would decide the order.
            sorted(new_delivery_id() for _ in events),
            [event.event_id for event in events],
            [_body(event) for event in events],
        )

    async def _send(self, delivery: ClaimedDelivery) -> None:
        try:
            try:
                secret = self._sealing.opened(delivery.webhook_id, delivery.secret)
            except SealedFieldError as error:
                # The key may be put back before the last attempt.
                outcome = None, str(error), True
            else:
                outcome = await self._attempt(delivery, secret)
            await self._record(delivery, *outcome)
        except RegistryError as error:
            # The claim runs out, and the event is sent again with the same id.
            _logger.warning("The outcome of a delivery could not be recorded: %s", error)

    async def _attempt(
        self, delivery: ClaimedDelivery, secret: WebhookSecret
    ) -> tuple[int | None, str | None, bool]:
        """Send once; return the status, what went wrong, and whether trying again can help."""
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "hyper-registry",
            **secret.headers(delivery.event_id, timestamp, delivery.body),
        }
        try:
            status = await self._targets.post(delivery.url, delivery.body, headers)
        except TargetRefusedError as error:
            return None, str(error), False
        except TimeoutError:
            return None, "no answer in time", True
        except (OSError, httpx.HTTPError, UnicodeError) as error:
            # The error's own words may hold the URL, which may hold the receiver's credentials.
            return None, f"not reached ({type(error).__name__})", True
        if 200 <= status < 300:
            return status, None, False
        if 300 <= status < 400:
            return status, f"answered {status}; redirects are not followed", True
        return status, f"answered {status}", status != _GONE

    async def _record(
        self,
        delivery: ClaimedDelivery,
        status: int | None,
        reason: str | None,
        again: bool,  # noqa: FBT001
    ) -> None:
        if reason is None:
            state = DeliveryState.DELIVERED
        elif again and delivery.attempts < self._retries.attempts:
            state = DeliveryState.PENDING
        else:
            state = DeliveryState.DEAD
            _logger.warning("A delivery to %s is given up: %s", delivery.webhook_id, reason)
        async with self._database.transaction() as connection:
            await self._store.record_attempt(
                connection,
                delivery,
                state,
                status=status,
                reason=reason,
                pause_s=self._retries.pause_s(delivery.attempts),
            )
            if status == _GONE:
                await self._store.deactivate(
                    connection, delivery.webhook_id, "the receiver answered 410 Gone"
                )


def _body(event: ChangeEvent) -> str:
    return orjson.dumps(
        {
            "type": f"{event.subject}.{event.operation}",
            "timestamp": event.occurred_at,
            "data": event.model_dump(mode="json", exclude={"cursor"}),
        }
    ).decode()
