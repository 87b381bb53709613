import re
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from configs.settings import WebhookSettings
from hyper_registry.domain.principal import Role
from tests.acceptance.conftest import calling, running_api
from tests.support.receiver import Receiver, receiving
from tests.support.waiting import until

API = "/v1/registry"
HOOKS = f"{API}/webhooks"
DOCUMENT = Path(__file__).parents[2] / "docs" / "events.md"


@pytest.fixture
async def app(dsn: str) -> AsyncGenerator[FastAPI]:
    allowed = WebhookSettings.model_validate(
        {"allowed_networks": ["127.0.0.0/8"], "allow_http": True, "first_pause_s": 0.01}
    )
    async with running_api(dsn, webhooks=allowed) as built:
        yield built


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as opened:
        yield opened


async def _register(client: httpx.AsyncClient, entry_id: str) -> None:
    body = {"entry_id": entry_id, "category": "agent", "title": "T"}
    assert (await client.post(f"{API}/entries", json=body)).status_code == 201


def _documented_verify() -> Callable[[str, dict[str, str], bytes], None]:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, str(DOCUMENT), "exec"), names)
    return names["verify"]


async def test_a_delivery_is_verified_as_the_documentation_shows(
    client: httpx.AsyncClient, receiver: Receiver
):
    receiver.statuses = [500]
    answer = await client.post(HOOKS, json={"url": f"{receiver.url}/hook"})
    assert answer.status_code == 201, answer.text
    created = answer.json()
    await _register(client, "a")

    async def delivered() -> bool:
        return len(receiver.received) == 2

    await until(delivered)
    assert set(receiver.subjects) == {"a"}
    assert len(set(receiver.event_ids)) == 1
    headers, body = receiver.received[0]
    verify = _documented_verify()
    verify(created["secret"], headers, body)
    verify(
        created["secret"],
        headers | {"webhook-signature": f"v1,x {headers['webhook-signature']}"},
        body,
    )
    for wrong in (
        (created["secret"], headers, body + b" "),
        (created["secret"], headers | {"webhook-id": "evt_other"}, body),
        (created["secret"], headers | {"webhook-timestamp": "1"}, body),
        ("whsec_AAAA", headers, body),
    ):
        with pytest.raises(ValueError, match=r"signature|old"):
            verify(*wrong)


async def test_a_webhook_is_created_read_changed_and_deleted(
    client: httpx.AsyncClient, receiver: Receiver
):
    draft = {"url": receiver.url, "filter": {"subjects": ["entry"]}, "active": False}
    created = (await client.post(HOOKS, json=draft)).json()
    secret = created.pop("secret")
    assert secret.startswith("whsec_")
    path = f"{HOOKS}/{created['webhook_id']}"
    assert (await client.get(path)).json() == created
    assert (await client.get(HOOKS)).json() == {"items": [created], "next_after": None}
    changed = (await client.patch(path, json={"active": True})).json()
    assert changed["active"]
    assert (changed["url"], changed["filter"]) == (created["url"], created["filter"])
    await _register(client, "a")

    async def delivered() -> bool:
        items = (await client.get(f"{path}/deliveries?state=delivered")).json()["items"]
        return len(items) == 1

    await until(delivered)
    ((item),) = (await client.get(f"{path}/deliveries")).json()["items"]
    again = await client.post(f"{path}/deliveries/{item['delivery_id']}/redeliver")
    assert (again.status_code, again.json()["state"]) == (202, "pending")

    async def repeated() -> bool:
        return len(receiver.received) == 2

    await until(repeated)
    assert len(set(receiver.event_ids)) == 1
    assert (await client.delete(path)).status_code == 204
    for answer in (await client.get(path), await client.delete(path)):
        assert (answer.status_code, answer.json()["code"]) == (404, "webhook_not_found")


async def test_two_callers_have_their_own_webhooks(
    app: FastAPI, client: httpx.AsyncClient, receiver: Receiver
):
    created = (await client.post(HOOKS, json={"url": receiver.url})).json()
    async with calling(app, "mia") as mia, calling(app, "vic", Role.VIEWER) as vic:
        assert (await mia.get(f"{HOOKS}/{created['webhook_id']}")).status_code == 404
        assert (await mia.get(HOOKS)).json()["items"] == []
        refused = await vic.post(HOOKS, json={"url": receiver.url})
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://127.0.0.1/",
        "http://",
        "http://user:word@127.0.0.1/",
        "http://127.0.0.1/#part",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "http://127.0.0.1/ü",
        "http://127.0.0.1/\nx",
        f"http://127.0.0.1/{'x' * 2_000}",
    ],
)
async def test_what_is_no_web_address_is_refused(client: httpx.AsyncClient, url: str):
    answer = await client.post(HOOKS, json={"url": url})
    assert (answer.status_code, answer.json()["field"]) == (422, "url")


async def test_inner_addresses_are_refused(client: httpx.AsyncClient):
    answer = await client.post(HOOKS, json={"url": "http://169.254.169.254/latest"})
    assert (answer.status_code, answer.json()["code"]) == (422, "target_refused")
    assert answer.json()["field"] == "url"
