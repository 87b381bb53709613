"""The part of the public face that follows what happens: changes, webhooks and the audit log."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from hyper_registry.client.backend import Backend
from hyper_registry.client.checking import checked
from hyper_registry.domain.audit import AuditFilter, AuditRecord, AuditReport
from hyper_registry.domain.change import ChangeEvent, ChangeFilter
from hyper_registry.domain.webhook import (
    CreatedWebhook,
    Delivery,
    DeliveryState,
    Webhook,
    WebhookDraft,
    WebhookPatch,
)

_PAGE = 1_000
_WAIT_S = 30.0


class FollowingMethods:
    """Following what happens; the docs are in ``docs/events.md``."""

    _backend: Backend

    async def changes(
        self,
        after: str | None = None,
        *,
        filters: Mapping[str, Any] | ChangeFilter | None = None,
        follow: bool = True,
    ) -> AsyncGenerator[ChangeEvent]:
        """Yield the changes of what the caller may see, oldest first.

        Parameters
        ----------
        after
            The `cursor` of an event, to go on after it; ``"now"`` for what happens from now on;
            None to begin with the first change.
        filters
            Conditions by field of `ChangeFilter`.
        follow
            Whether to wait for further changes, for ever; otherwise it ends with the last one.

        Raises
        ------
        InvalidQueryError
            If the cursor is none of this registry.
        InvalidFieldError
            If a filter is not known.

        Examples
        --------
        ::

            async for event in registry.changes(after="now"):
                print(event.operation, event.subject_id)
        """
        wanted = checked(ChangeFilter, dict(filters or {}))
        while True:
            page = await self._backend.changes_page(
                after, wanted, _PAGE, _WAIT_S if follow else 0.0
            )
            for event in page.items:
                yield event
            if not page.items and not follow:
                return
            after = page.next_cursor

    async def create_webhook(
        self,
        url: str,
        *,
        filters: Mapping[str, Any] | ChangeFilter | None = None,
        active: bool = True,
    ) -> CreatedWebhook:
        """Create a webhook for what happens from now on; its `secret` is never shown again.

        Raises
        ------
        InvalidFieldError
            If the URL or a filter is not acceptable.
        TargetRefusedError
            If the URL is not allowed.
        """
        draft = {"url": url, "filter": dict(filters or {}), "active": active}
        return await self._backend.create_webhook(checked(WebhookDraft, draft))

    async def get_webhooks(self) -> list[Webhook]:
        """Return the caller's webhooks; an administrator's are all."""
        found: list[Webhook] = []
        after: str | None = ""
        while after is not None:
            page = await self._backend.webhooks_page(after, _PAGE)
            found += page.items
            after = page.next_after
        return found

    async def update_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        filters: Mapping[str, Any] | ChangeFilter | None = None,
        active: bool | None = None,
    ) -> Webhook:
        """Change a webhook; what is None stays.

        Raises
        ------
        WebhookNotFoundError
            If the caller has none of this id.
        InvalidFieldError, TargetRefusedError
            As `create_webhook`.
        """
        given = {"url": url, "filter": None if filters is None else dict(filters), "active": active}
        patch = {name: value for name, value in given.items() if value is not None}
        return await self._backend.update_webhook(webhook_id, checked(WebhookPatch, patch))

    async def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook with its deliveries.

        Raises
        ------
        WebhookNotFoundError
            If the caller has none of this id.
        """
        await self._backend.delete_webhook(webhook_id)

    async def get_deliveries(
        self, webhook_id: str, *, state: DeliveryState | None = None, limit: int = 100
    ) -> list[Delivery]:
        """Return the latest deliveries of a webhook, newest first, at most 1,000.

        Raises
        ------
        WebhookNotFoundError
            If the caller has none of this id.
        """
        return (await self._backend.deliveries_page(webhook_id, state, None, limit)).items

    async def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send a delivery again, as the same event.

        Raises
        ------
        WebhookNotFoundError, DeliveryNotFoundError
            If the caller has no such delivery.
        """
        return await self._backend.redeliver(webhook_id, delivery_id)

    async def audit_records(
        self, filters: Mapping[str, Any] | AuditFilter | None = None
    ) -> AsyncGenerator[AuditRecord]:
        """Yield rows of the audit log, newest first.

        Raises
        ------
        PermissionDeniedError
            If the caller may not read it.
        """
        wanted = checked(AuditFilter, dict(filters or {}))
        before: int | None = None
        while True:
            page = await self._backend.audit_page(wanted, before, _PAGE)
            for record in page.items:
                yield record
            before = page.next_before
            if before is None:
                return

    async def verify_audit(self, expected: str | None = None) -> AuditReport:
        """Verify the audit log against its seals, and that it holds a seal noted earlier.

        Raises
        ------
        PermissionDeniedError
            If the caller may not read it.
        InvalidQueryError
            If `expected` is no seal.
        """
        return await self._backend.verify_audit(expected)
