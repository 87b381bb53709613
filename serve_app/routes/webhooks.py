"""Webhooks: created, listed, changed and deleted, and their deliveries shown and repeated."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator

from hyper_registry.domain.text import storable_text
from hyper_registry.domain.webhook import (
    CreatedWebhook,
    Delivery,
    DeliveryPage,
    DeliveryState,
    Webhook,
    WebhookDraft,
    WebhookPage,
    WebhookPatch,
)
from serve_app.answers import json_answer
from serve_app.dependencies import Caller, RequestIdentifier, Services

router = APIRouter(prefix="/webhooks")

Identifier = Annotated[str, AfterValidator(storable_text)]
Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.post("", status_code=201, response_model=CreatedWebhook)
async def create_webhook(
    draft: WebhookDraft, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Create a webhook for what happens from now on; the secret is shown only here."""
    created = await registry.webhooks.create(caller, draft, request_id=request_id)
    return json_answer(created, 201, {"Cache-Control": "no-store"})


@router.get("", response_model=WebhookPage)
async def list_webhooks(
    registry: Services, caller: Caller, after: Identifier = "", limit: Limit = 100
) -> Response:
    """Read your webhooks; an administrator reads all."""
    return json_answer(await registry.webhooks.page(caller, after, limit))


@router.get("/{webhook_id}", response_model=Webhook)
async def get_webhook(webhook_id: Identifier, registry: Services, caller: Caller) -> Response:
    """Read a webhook."""
    return json_answer(await registry.webhooks.get(caller, webhook_id))


@router.patch("/{webhook_id}", response_model=Webhook)
async def change_webhook(
    webhook_id: Identifier,
    patch: WebhookPatch,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Change a webhook; one that becomes active goes on where it stopped."""
    changed = await registry.webhooks.update(caller, webhook_id, patch, request_id=request_id)
    return json_answer(changed)


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(
    webhook_id: Identifier, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> None:
    """Delete a webhook with its deliveries."""
    await registry.webhooks.delete(caller, webhook_id, request_id=request_id)


@router.get("/{webhook_id}/deliveries", response_model=DeliveryPage)
async def list_deliveries(
    webhook_id: Identifier,
    registry: Services,
    caller: Caller,
    state: DeliveryState | None = None,
    before: Identifier | None = None,
    limit: Limit = 100,
) -> Response:
    """Read the deliveries of a webhook, newest first."""
    page = await registry.webhooks.deliveries(
        caller, webhook_id, state=state, before=before, limit=limit
    )
    return json_answer(page)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver", status_code=202, response_model=Delivery
)
async def redeliver(
    webhook_id: Identifier,
    delivery_id: Identifier,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Send a delivery again, as the same event."""
    delivery = await registry.webhooks.redeliver(
        caller, webhook_id, delivery_id, request_id=request_id
    )
    return json_answer(delivery, 202)
