"""Webhooks and their deliveries in Postgres."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import asyncpg

from hyper_registry.domain.change import ChangeFilter, FeedPosition
from hyper_registry.domain.identifiers import DeliveryId, WebhookId
from hyper_registry.domain.principal import LOCAL_ADMIN, Principal, Role
from hyper_registry.domain.webhook import (
    Delivery,
    DeliveryState,
    StoredSecret,
    Webhook,
    WebhookDraft,
    WebhookPatch,
)
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("webhook")


@dataclass(frozen=True, slots=True)
class ClaimedWebhook:
    """A webhook whose changes are to become deliveries.

    Attributes
    ----------
    owner
        With the permissions that the webhook was given and its owner still holds; None if the owner
        has no valid key any more.
    """

    webhook_id: WebhookId
    filter: ChangeFilter
    owner: Principal | None
    position: FeedPosition


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery to send now."""

    delivery_id: DeliveryId
    webhook_id: WebhookId
    event_id: str
    body: bytes
    attempts: int
    url: str
    secret: StoredSecret


class WebhookStore:
    """Webhook rows; takes a connection and never commits."""

    async def insert(
        self,
        connection: Connection,
        webhook_id: WebhookId,
        draft: WebhookDraft,
        secret: StoredSecret,
        owner: Principal,
        position: FeedPosition,
    ) -> Webhook:
        """Store a new webhook."""
        row = await connection.fetchrow(
            _SQL["insert_webhook"],
            webhook_id,
            draft.url,
            secret.key,
            secret.envelope,
            draft.filter.model_dump(mode="json"),
            draft.active,
            owner.name,
            owner.role.value,
            sorted(owner.groups),
            owner == LOCAL_ADMIN,
            *astuple(position),
        )
        assert row is not None
        return _webhook(row)

    async def fetch(
        self, connection: Connection, webhook_id: str, owner: str | None
    ) -> Webhook | None:
        """Read a webhook, of one owner or of any."""
        row = await connection.fetchrow(_SQL["fetch_webhook"], webhook_id, owner)
        return None if row is None else _webhook(row)

    async def list_page(
        self, connection: Connection, owner: str | None, after: str, limit: int
    ) -> list[Webhook]:
        """Read webhooks, of one owner or of all, by id."""
        rows = await connection.fetch(_SQL["list_webhooks"], owner, after, limit)
        return [_webhook(row) for row in rows]

    async def update(
        self, connection: Connection, webhook_id: str, owner: str | None, patch: WebhookPatch
    ) -> Webhook | None:
        """Change a webhook; None if there is none."""
        wanted = None if patch.filter is None else patch.filter.model_dump(mode="json")
        row = await connection.fetchrow(
            _SQL["update_webhook"], webhook_id, owner, patch.url, wanted, patch.active
        )
        return None if row is None else _webhook(row)

    async def deactivate(self, connection: Connection, webhook_id: WebhookId, reason: str) -> None:
        """Stop a webhook, and say why."""
        await connection.execute(_SQL["deactivate"], webhook_id, reason)

    async def delete(self, connection: Connection, webhook_id: str, owner: str | None) -> bool:
        """Delete a webhook; False if there is none."""
        return await connection.fetchval(_SQL["delete_webhook"], webhook_id, owner) is not None

    async def claim_webhook(self, connection: Connection, after: str) -> ClaimedWebhook | None:
        """Take the next active webhook that nobody else is at, until the transaction ends."""
        row = await connection.fetchrow(_SQL["claim_webhook"], after)
        if row is None:
            return None
        return ClaimedWebhook(
            WebhookId(row["webhook_id"]),
            ChangeFilter.model_validate(row["filter"]),
            _owner(row),
            FeedPosition(row["low_xid"], row["high_xid"], row["change_no"], row["last_no"]),
        )

    async def advance(
        self, connection: Connection, webhook_id: WebhookId, position: FeedPosition
    ) -> None:
        """Note how far the changes of a webhook became deliveries."""
        await connection.execute(_SQL["advance"], webhook_id, *astuple(position))

    async def insert_deliveries(
        self,
        connection: Connection,
        webhook_id: WebhookId,
        delivery_ids: Sequence[DeliveryId],
        event_ids: Sequence[str],
        bodies: Sequence[str],
    ) -> None:
        """Make deliveries of events."""
        await connection.execute(
            _SQL["insert_deliveries"], webhook_id, delivery_ids, event_ids, bodies
        )

    async def claim_deliveries(
        self,
        connection: Connection,
        *,
        lease_s: float,
        per_webhook: int,
        limit: int,
        busy: Sequence[WebhookId],
    ) -> list[ClaimedDelivery]:
        """Take deliveries that are due; nobody else gets them for `lease_s`."""
        rows = await connection.fetch(
            _SQL["claim_deliveries"], lease_s, per_webhook, limit, list(busy)
        )
        return [
            ClaimedDelivery(
                DeliveryId(row["delivery_id"]),
                WebhookId(row["webhook_id"]),
                row["event_id"],
                row["body"].encode(),
                row["attempts"],
                row["url"],
                _secret(row),
            )
            for row in rows
        ]

    async def record_attempt(
        self,
        connection: Connection,
        claimed: ClaimedDelivery,
        state: DeliveryState,
        *,
        status: int | None,
        reason: str | None,
        pause_s: float,
    ) -> None:
        """Record what became of an attempt, unless somebody else claimed it meanwhile."""
        await connection.execute(
            _SQL["record_attempt"],
            claimed.delivery_id,
            claimed.attempts,
            state.value,
            status,
            reason,
            pause_s,
        )

    async def list_deliveries(
        self,
        connection: Connection,
        webhook_id: str,
        state: DeliveryState | None,
        before: str | None,
        limit: int,
    ) -> list[Delivery]:
        """Read deliveries of a webhook, newest first."""
        rows = await connection.fetch(_SQL["list_deliveries"], webhook_id, state, before, limit)
        return [Delivery.model_validate(dict(row)) for row in rows]

    async def redeliver(
        self, connection: Connection, webhook_id: str, delivery_id: str
    ) -> Delivery | None:
        """Send a delivery again; None if there is none."""
        row = await connection.fetchrow(_SQL["redeliver"], webhook_id, delivery_id)
        return None if row is None else Delivery.model_validate(dict(row))

    async def lock_secrets(
        self, connection: Connection, active_key: str, limit: int
    ) -> dict[WebhookId, StoredSecret]:
        """Hold secrets that the active key has not sealed."""
        rows = await connection.fetch(_SQL["lock_secrets"], active_key, limit)
        return {WebhookId(row["webhook_id"]): _secret(row) for row in rows}

    async def replace_secret(
        self, connection: Connection, webhook_id: WebhookId, secret: StoredSecret
    ) -> None:
        """Store the same secret in another form."""
        await connection.execute(_SQL["replace_secret"], webhook_id, secret.key, secret.envelope)

    async def forget_deliveries(self, connection: Connection, days: int) -> None:
        """Delete deliveries that ended so many days ago."""
        await connection.execute(_SQL["forget_deliveries"], days)


def _secret(row: asyncpg.Record) -> StoredSecret:
    key = row["secret"]
    return StoredSecret(None if key is None else bytes(key), row["sealed_secret"])


def _webhook(row: asyncpg.Record) -> Webhook:
    return Webhook.model_validate(dict(row))


def _owner(row: asyncpg.Record) -> Principal | None:
    if row["owner_is_local"]:
        return LOCAL_ADMIN
    if not row["held_roles"]:
        return None
    # Of the roles only an administrator's reads more than its groups and its name do.
    is_admin = row["owner_role"] == Role.ADMIN and Role.ADMIN in row["held_roles"]
    groups = frozenset(row["owner_groups"]) & frozenset(row["held_groups"])
    return Principal(row["owner"], Role.ADMIN if is_admin else Role.VIEWER, groups)
