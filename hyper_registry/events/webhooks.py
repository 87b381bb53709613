"""Webhooks: created, listed, changed and deleted by their owners, and their deliveries shown."""

from hyper_registry.domain.errors.webhook import DeliveryNotFoundError, WebhookNotFoundError
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.webhook import (
    CreatedWebhook,
    Delivery,
    DeliveryPage,
    DeliveryState,
    Webhook,
    WebhookDraft,
    WebhookPage,
    WebhookPatch,
    WebhookSecret,
    new_webhook_id,
)
from hyper_registry.events.feed import ChangeFeed
from hyper_registry.events.secret_sealing import SecretSealing
from hyper_registry.events.target import Targets
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.webhook_store import WebhookStore


class WebhookService:
    """Webhooks on behalf of a principal, who has its own; an administrator has all of them."""

    def __init__(
        self,
        database: Database,
        store: WebhookStore,
        journal: JournalStore,
        feed: ChangeFeed,
        targets: Targets,
        sealing: SecretSealing,
    ) -> None:
        self._database = database
        self._store = store
        self._journal = journal
        self._feed = feed
        self._targets = targets
        self._sealing = sealing

    async def create(
        self, principal: Principal, draft: WebhookDraft, *, request_id: str | None = None
    ) -> CreatedWebhook:
        """Create a webhook for what happens from now on; its secret is never shown again.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        TargetRefusedError
            If the URL is not allowed.
        """
        principal.require(Role.EDITOR, "create webhooks")
        self._targets.check(draft.url)
        secret = WebhookSecret.generate()
        webhook_id = new_webhook_id()
        position = await self._feed.now()
        async with self._database.transaction() as connection:
            webhook = await self._store.insert(
                connection,
                webhook_id,
                draft,
                self._sealing.stored(webhook_id, secret),
                principal,
                position,
            )
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="webhook.create",
                target=webhook.webhook_id,
                request_id=request_id,
            )
        return CreatedWebhook(**webhook.model_dump(), secret=secret.token)

    async def get(self, principal: Principal, webhook_id: str) -> Webhook:
        """Read a webhook.

        Raises
        ------
        WebhookNotFoundError
            If the caller has none of this id.
        """
        async with self._database.connection() as connection:
            found = await self._store.fetch(connection, webhook_id, _owner(principal))
        if found is None:
            raise WebhookNotFoundError(webhook_id)
        return found

    async def page(self, principal: Principal, after: str = "", limit: int = 100) -> WebhookPage:
        """Read the caller's webhooks by id, from after one id on."""
        async with self._database.connection() as connection:
            items = await self._store.list_page(connection, _owner(principal), after, limit)
        return WebhookPage(
            items=items, next_after=items[-1].webhook_id if len(items) == limit else None
        )

    async def update(
        self,
        principal: Principal,
        webhook_id: str,
        patch: WebhookPatch,
        *,
        request_id: str | None = None,
    ) -> Webhook:
        """Change a webhook; one that becomes active goes on where it stopped.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        WebhookNotFoundError
            If the caller has none of this id.
        TargetRefusedError
            If the URL is not allowed.
        """
        principal.require(Role.EDITOR, "change webhooks")
        if patch.url is not None:
            self._targets.check(patch.url)
        async with self._database.transaction() as connection:
            webhook = await self._store.update(connection, webhook_id, _owner(principal), patch)
            if webhook is None:
                raise WebhookNotFoundError(webhook_id)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="webhook.update",
                target=webhook_id,
                request_id=request_id,
                detail={"fields": sorted(patch.model_fields_set)},
            )
        return webhook

    async def delete(
        self, principal: Principal, webhook_id: str, *, request_id: str | None = None
    ) -> None:
        """Delete a webhook with its deliveries.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        WebhookNotFoundError
            If the caller has none of this id.
        """
        principal.require(Role.EDITOR, "delete webhooks")
        async with self._database.transaction() as connection:
            if not await self._store.delete(connection, webhook_id, _owner(principal)):
                raise WebhookNotFoundError(webhook_id)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="webhook.delete",
                target=webhook_id,
                request_id=request_id,
            )

    async def deliveries(
        self,
        principal: Principal,
        webhook_id: str,
        *,
        state: DeliveryState | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> DeliveryPage:
        """Read deliveries, newest first, from before one id on.

        Raises
        ------
        WebhookNotFoundError
            If the caller has none of this id.
        """
        await self.get(principal, webhook_id)
        async with self._database.connection() as connection:
            items = await self._store.list_deliveries(connection, webhook_id, state, before, limit)
        return DeliveryPage(
            items=items, next_before=items[-1].delivery_id if len(items) == limit else None
        )

    async def redeliver(
        self,
        principal: Principal,
        webhook_id: str,
        delivery_id: str,
        *,
        request_id: str | None = None,
    ) -> Delivery:
        """Send a delivery again, as the same event.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        WebhookNotFoundError, DeliveryNotFoundError
            If the caller has no such delivery.
        """
        principal.require(Role.EDITOR, "redeliver events")
        await self.get(principal, webhook_id)
        async with self._database.transaction() as connection:
            delivery = await self._store.redeliver(connection, webhook_id, delivery_id)
            if delivery is None:
                raise DeliveryNotFoundError(delivery_id)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="webhook.redeliver",
                target=webhook_id,
                request_id=request_id,
                detail={"delivery_id": delivery_id},
            )
        return delivery


def _owner(principal: Principal) -> str | None:
    return None if principal.role is Role.ADMIN else principal.name
