"""The Python face that follows what happens: the same embedded and against a server."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from configs.settings import DatabaseSettings, Settings, WebhookSettings
from hyper_registry import HyperUniversalRegistry
from hyper_registry.client.remote import RemoteBackend
from hyper_registry.domain.errors.input import InvalidFieldError, InvalidQueryError
from hyper_registry.domain.errors.webhook import TargetRefusedError, WebhookNotFoundError
from hyper_registry.domain.principal import Role
from hyper_registry.domain.webhook import DeliveryState
from hyper_registry.storage.database import Database
from serve_app.api import build_api
from tests.support.receiver import receiving
from tests.support.services import ADMIN, build_services
from tests.support.waiting import until


@pytest.fixture(params=["embedded", "remote"])
async def registry(
    request: pytest.FixtureRequest, dsn: str, database: Database, tmp_path: Path
) -> AsyncGenerator[HyperUniversalRegistry]:
    settings = Settings(
        home=tmp_path,
        database=DatabaseSettings(url=SecretStr(dsn), pool_min=1, pool_max=8),
        webhooks=WebhookSettings.model_validate(
            {"allowed_networks": ["127.0.0.0/8"], "allow_http": True}
        ),
    )
    if request.param == "embedded":
        async with HyperUniversalRegistry(settings=settings) as opened:
            yield opened
        return
    app = build_api(settings)
    async with app.router.lifespan_context(app):
        _, token = await build_services(database).keys.create(ADMIN, "ada", Role.ADMIN)
        opened = HyperUniversalRegistry("http://registry", api_key=token)
        opened._backend = RemoteBackend(
            "http://registry", token, transport=httpx.ASGITransport(app)
        )
        async with opened:
            yield opened


async def test_changes_are_followed_from_any_point(registry: HyperUniversalRegistry):
    for name in "abc":
        await registry.register_agent({"entry_id": name, "title": name})
    seen = [event async for event in registry.changes(follow=False)]
    assert [event.subject_id for event in seen] == ["a", "b", "c"]
    rest = [e async for e in registry.changes(seen[0].cursor, follow=False)]
    assert [event.subject_id for event in rest] == ["b", "c"]
    only = registry.changes(filters={"entry_id": "b", "operations": ["create"]}, follow=False)
    assert [event.subject_id async for event in only] == ["b"]
    following = registry.changes(seen[-1].cursor)
    await registry.register_agent({"entry_id": "d", "title": "d"})
    assert (await anext(following)).subject_id == "d"
    await following.aclose()
    with pytest.raises(InvalidQueryError):
        await anext(registry.changes("no cursor"))
    with pytest.raises(InvalidFieldError):
        await anext(registry.changes(filters={"colour": "red"}))


async def test_webhooks_are_managed_and_served(registry: HyperUniversalRegistry):
    async with receiving() as receiver:
        webhook = await registry.create_webhook(receiver.url, filters={"categories": ["agent"]})
        assert [item.webhook_id for item in await registry.get_webhooks()] == [webhook.webhook_id]
        await registry.register_agent({"entry_id": "a", "title": "a"})

        async def delivered() -> bool:
            state = DeliveryState.DELIVERED
            return bool(await registry.get_deliveries(webhook.webhook_id, state=state))

        await until(delivered)
        (delivery,) = await registry.get_deliveries(webhook.webhook_id)
        again = await registry.redeliver(webhook.webhook_id, delivery.delivery_id)
        assert again.event_id == delivery.event_id
        stopped = await registry.update_webhook(webhook.webhook_id, active=False)
        assert not stopped.active
        assert stopped.filter == webhook.filter
        with pytest.raises(TargetRefusedError):
            await registry.create_webhook("http://10.0.0.1/")
        with pytest.raises(InvalidFieldError):
            await registry.create_webhook("nowhere")
        await registry.delete_webhook(webhook.webhook_id)
        with pytest.raises(WebhookNotFoundError):
            await registry.delete_webhook(webhook.webhook_id)


async def test_the_audit_log_is_read_and_verified(registry: HyperUniversalRegistry):
    await registry.register_agent({"entry_id": "a", "title": "a"})

    async def sealed() -> bool:
        report = await registry.verify_audit()
        return report.valid and report.unsealed_rows == 0

    await until(sealed)
    report = await registry.verify_audit()
    assert (await registry.verify_audit(report.head)).valid
    assert not (await registry.verify_audit("ab" * 32)).valid
    (record,) = [row async for row in registry.audit_records({"target": "a"})]
    assert record.action == "entry.create"
