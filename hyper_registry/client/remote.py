"""The registry behind its HTTP API."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import orjson
from pydantic import BaseModel, JsonValue, ValidationError
from typing_extensions import override

from hyper_registry.client.backend import Backend
from hyper_registry.client.remote_compliance import RemoteCompliance
from hyper_registry.client.remote_duplicates import RemoteDuplicates
from hyper_registry.client.remote_errors import remote_error
from hyper_registry.client.remote_parts import if_match, segment, written
from hyper_registry.client.remote_reviews import RemoteReviews
from hyper_registry.client.repeating import (
    IDEMPOTENCY_HEADER,
    Attempt,
    pause_before_repeating,
)
from hyper_registry.domain.analytics import RegistrySummary
from hyper_registry.domain.audit import AuditFilter, AuditPage, AuditReport
from hyper_registry.domain.change import ChangeFilter, ChangePage
from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.entry_version import EntryDifference, EntryVersion, EntryVersionPage
from hyper_registry.domain.errors.identity import HandleNotFoundError
from hyper_registry.domain.errors.service import NotStartedError, ServerUnavailableError
from hyper_registry.domain.graph import Centrality, PathAnswer
from hyper_registry.domain.handle import checked_handle
from hyper_registry.domain.identifiers import EntryId, RelationshipId
from hyper_registry.domain.merge import Merge, MergedPermissions
from hyper_registry.domain.namespace import (
    EntryNames,
    NamedEntry,
    Namespace,
    NamespaceDraft,
    NamespacePage,
)
from hyper_registry.domain.relationship import (
    Direction,
    RelatedEntry,
    Relationship,
    RelationshipDraft,
)
from hyper_registry.domain.search import SearchAnswer, SearchQuery
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

M = TypeVar("M", bound=BaseModel)

API_PATH = "/v1/registry"
_REMEDY = "Check the URL, the network, and that the registry runs there."


class RemoteBackend(RemoteCompliance, RemoteDuplicates, RemoteReviews, Backend):
    """One API, called with one key over connections that are kept.

    Parameters
    ----------
    url
        Base URL of the API, with or without its path ``/v1/registry``.
    api_key
        Key of the caller.
    timeout_s
        Longest wait for one answer.
    transport
        Carries the requests; None for the network.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        *,
        timeout_s: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/").removesuffix(API_PATH) + API_PATH
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout_s = timeout_s
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    @override
    async def start(self) -> None:
        if self._client is not None:
            return
        self._client = httpx.AsyncClient(
            base_url=self._url,
            headers=self._headers,
            timeout=self._timeout_s,
            transport=self._transport,
        )
        try:
            await self._ask("GET", "/health")
        except BaseException:
            await self.close()
            raise

    @override
    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @override
    async def register(self, draft: EntryDraft, *, wait_embedded: bool) -> Entry:
        parameters = {"wait": "embedded"} if wait_embedded else {}
        answer = await self._ask("POST", "/entries", parameters, body=written(draft))
        return self._read(Entry, answer)

    @override
    async def get(self, entry_id: str) -> Entry:
        answer = await self._ask("GET", f"/entries/{segment(entry_id)}")
        # The entry that another one was merged into tells so.
        return self._read(NamedEntry if b'"found_by":' in answer else Entry, answer)

    @override
    async def replace(
        self, entry_id: str, draft: EntryDraft, *, expected_version: int | None
    ) -> Entry:
        answer = await self._ask(
            "PUT",
            f"/entries/{segment(entry_id)}",
            body=written(draft),
            headers=if_match(expected_version),
        )
        return self._read(Entry, answer)

    @override
    async def patch(
        self, entry_id: str, patch: Mapping[str, JsonValue], *, expected_version: int | None
    ) -> Entry:
        path = f"/entries/{segment(entry_id)}"
        return self._read(Entry, await self._patch(path, patch, expected_version))

    @override
    async def undelete(self, entry_id: str, *, expected_version: int | None) -> Entry:
        path = f"/entries/{segment(entry_id)}/undelete"
        return self._read(Entry, await self._ask("POST", path, headers=if_match(expected_version)))

    @override
    async def versions_page(
        self, entry_id: str, before: int | None, limit: int
    ) -> EntryVersionPage:
        asked = {"limit": limit} | ({} if before is None else {"before": before})
        answer = await self._ask("GET", f"/entries/{segment(entry_id)}/versions", asked)
        return self._read(EntryVersionPage, answer)

    @override
    async def version(self, entry_id: str, version: int) -> EntryVersion:
        path = f"/entries/{segment(entry_id)}/versions/{version}"
        return self._read(EntryVersion, await self._ask("GET", path))

    @override
    async def as_of(self, entry_id: str, moment: datetime) -> EntryVersion:
        asked = {"as_of": moment.isoformat()}
        answer = await self._ask("GET", f"/entries/{segment(entry_id)}", asked)
        return self._read(EntryVersion, answer)

    @override
    async def diff(self, entry_id: str, from_version: int, to_version: int) -> EntryDifference:
        asked = {"from": from_version, "to": to_version}
        answer = await self._ask("GET", f"/entries/{segment(entry_id)}/versions/diff", asked)
        return self._read(EntryDifference, answer)

    @override
    async def restore(self, entry_id: str, version: int, *, expected_version: int | None) -> Entry:
        path = f"/entries/{segment(entry_id)}/versions/{version}/restore"
        return self._read(Entry, await self._ask("POST", path, headers=if_match(expected_version)))

    @override
    async def delete(self, entry_id: str, *, expected_version: int | None) -> None:
        await self._ask(
            "DELETE", f"/entries/{segment(entry_id)}", headers=if_match(expected_version)
        )

    @override
    async def by_handle(self, handle: str) -> NamedEntry:
        try:
            parts = checked_handle(handle).split("/")
        except ValueError as error:
            raise HandleNotFoundError(handle) from error
        path = "/".join(map(segment, parts))
        return self._read(NamedEntry, await self._ask("GET", f"/handles/{path}"))

    @override
    async def rename(self, entry_id: str, name: str, *, expected_version: int | None) -> Entry:
        return await self._named(entry_id, "rename", {"name": name}, expected_version)

    @override
    async def transfer(
        self, entry_id: str, namespace: str, name: str | None, *, expected_version: int | None
    ) -> Entry:
        wanted = {"namespace": namespace, "name": name}
        return await self._named(entry_id, "transfer", wanted, expected_version)

    async def _named(
        self,
        entry_id: str,
        action: str,
        body: Mapping[str, str | None],
        expected_version: int | None,
    ) -> Entry:
        answer = await self._ask(
            "POST",
            f"/entries/{segment(entry_id)}/{action}",
            body=orjson.dumps(body),
            headers=if_match(expected_version),
        )
        return self._read(Entry, answer)

    @override
    async def names(self, entry_id: str) -> EntryNames:
        answer = await self._ask("GET", f"/entries/{segment(entry_id)}/aliases")
        return self._read(EntryNames, answer)

    @override
    async def create_namespace(self, draft: NamespaceDraft) -> Namespace:
        return self._read(Namespace, await self._ask("POST", "/namespaces", body=written(draft)))

    @override
    async def namespaces_page(self, after: str, limit: int) -> list[Namespace]:
        parameters = {"after": after, "limit": limit}
        page = self._read(NamespacePage, await self._ask("GET", "/namespaces", parameters))
        return page.items

    @override
    async def merge(
        self,
        duplicate_id: str,
        survivor_id: str,
        permissions: MergedPermissions,
        *,
        expected_version: int | None,
    ) -> Merge:
        answer = await self._ask(
            "POST",
            f"/entries/{segment(duplicate_id)}/merge",
            body=orjson.dumps({"into": survivor_id, "permissions": permissions.value}),
            headers=if_match(expected_version),
        )
        return self._read(Merge, answer)

    @override
    async def undo_merge(self, merge_id: UUID) -> Merge:
        return self._read(Merge, await self._ask("POST", f"/merges/{merge_id}/undo"))

    @override
    async def register_many(
        self, rows: Sequence[dict[str, Any]], *, atomic: bool
    ) -> tuple[dict[int, EntryId], dict[int, str]]:
        body = orjson.dumps({"entries": list(rows), "atomic": atomic})
        answer = orjson.loads(await self._ask("POST", "/bulk/register", body=body))
        registered = {int(row): EntryId(entry_id) for row, entry_id in answer["registered"].items()}
        return registered, {item["row"]: item["detail"] for item in answer["rejected"]}

    @override
    async def search(self, query: SearchQuery) -> SearchAnswer:
        asked = query.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        filters = asked.pop("filters", {})
        parameters = {"q": asked.pop("query", ""), **asked, **filters}
        if "tags" in parameters:
            parameters["tag"] = parameters.pop("tags")
        return self._read(SearchAnswer, await self._ask("GET", "/search", parameters))

    @override
    async def relate(self, draft: RelationshipDraft) -> Relationship:
        answer = await self._ask("POST", "/relationships", body=written(draft))
        return self._read(Relationship, answer)

    @override
    async def get_relationship(self, relationship_id: RelationshipId) -> Relationship:
        answer = await self._ask("GET", f"/relationships/{relationship_id}")
        return self._read(Relationship, answer)

    @override
    async def patch_relationship(
        self,
        relationship_id: RelationshipId,
        patch: Mapping[str, JsonValue],
        *,
        expected_version: int | None,
    ) -> Relationship:
        answer = await self._patch(f"/relationships/{relationship_id}", patch, expected_version)
        return self._read(Relationship, answer)

    @override
    async def delete_relationship(
        self, relationship_id: RelationshipId, *, expected_version: int | None
    ) -> None:
        path = f"/relationships/{relationship_id}"
        await self._ask("DELETE", path, headers=if_match(expected_version))

    @override
    async def relationships_page(
        self,
        entry_id: str,
        direction: Direction,
        rel_types: Sequence[str] | None,
        after: RelationshipId | None,
        limit: int,
        as_of: datetime | None,
    ) -> list[RelatedEntry]:
        asked: dict[str, Any] = {
            "direction": direction.value,
            "limit": limit,
            "rel_type": None if rel_types is None else list(rel_types),
            "after": None if after is None else str(after),
            "as_of": None if as_of is None else as_of.isoformat(),
        }
        parameters = {name: value for name, value in asked.items() if value is not None}
        path = f"/entries/{segment(entry_id)}/relationships"
        page = orjson.loads(await self._ask("GET", path, parameters))
        return [RelatedEntry.model_validate(item) for item in page["items"]]

    @override
    async def shortest_path(self, source_id: str, target_id: str, max_hops: int) -> PathAnswer:
        parameters = {"source": source_id, "target": target_id, "max_hops": max_hops}
        return self._read(PathAnswer, await self._ask("GET", "/graph/path", parameters))

    @override
    async def centrality(self, entry_id: str) -> Centrality:
        answer = await self._ask("GET", f"/entries/{segment(entry_id)}/centrality")
        return self._read(Centrality, answer)

    @override
    async def summary(self) -> RegistrySummary:
        return self._read(RegistrySummary, await self._ask("GET", "/analytics"))

    @override
    async def changes_page(
        self, after: str | None, wanted: ChangeFilter, limit: int, wait_s: float
    ) -> ChangePage:
        parameters: dict[str, Any] = {"limit": limit, "wait_s": wait_s}
        filters = {
            "after": after,
            "subject": None if wanted.subjects is None else sorted(wanted.subjects),
            "operation": None if wanted.operations is None else sorted(wanted.operations),
            "category": None if wanted.categories is None else sorted(wanted.categories),
            "entry_id": wanted.entry_id,
        }
        parameters |= {name: value for name, value in filters.items() if value is not None}
        return self._read(ChangePage, await self._ask("GET", "/changes", parameters))

    @override
    async def create_webhook(self, draft: WebhookDraft) -> CreatedWebhook:
        answer = await self._ask("POST", "/webhooks", body=written(draft))
        return self._read(CreatedWebhook, answer)

    @override
    async def webhooks_page(self, after: str, limit: int) -> WebhookPage:
        parameters = {"after": after, "limit": limit}
        return self._read(WebhookPage, await self._ask("GET", "/webhooks", parameters))

    @override
    async def update_webhook(self, webhook_id: str, patch: WebhookPatch) -> Webhook:
        path = f"/webhooks/{segment(webhook_id)}"
        return self._read(Webhook, await self._ask("PATCH", path, body=written(patch)))

    @override
    async def delete_webhook(self, webhook_id: str) -> None:
        await self._ask("DELETE", f"/webhooks/{segment(webhook_id)}")

    @override
    async def deliveries_page(
        self, webhook_id: str, state: DeliveryState | None, before: str | None, limit: int
    ) -> DeliveryPage:
        filters = {"state": state, "before": before, "limit": limit}
        parameters = {name: value for name, value in filters.items() if value is not None}
        path = f"/webhooks/{segment(webhook_id)}/deliveries"
        return self._read(DeliveryPage, await self._ask("GET", path, parameters))

    @override
    async def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        path = f"/webhooks/{segment(webhook_id)}/deliveries/{segment(delivery_id)}/redeliver"
        return self._read(Delivery, await self._ask("POST", path))

    @override
    async def audit_page(self, wanted: AuditFilter, before: int | None, limit: int) -> AuditPage:
        parameters = wanted.model_dump(mode="json", exclude_none=True) | {"limit": limit}
        if before is not None:
            parameters["before"] = before
        return self._read(AuditPage, await self._ask("GET", "/audit", parameters))

    @override
    async def verify_audit(self, expected: str | None) -> AuditReport:
        parameters = {} if expected is None else {"expect": expected}
        return self._read(AuditReport, await self._ask("GET", "/audit/verify", parameters))

    async def _patch(
        self, path: str, patch: Mapping[str, JsonValue], expected_version: int | None
    ) -> bytes:
        headers = {"Content-Type": "application/merge-patch+json"} | if_match(expected_version)
        return await self._ask("PATCH", path, body=orjson.dumps(dict(patch)), headers=headers)

    @override
    async def _ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        if self._client is None:
            raise NotStartedError
        sent = {**({"Content-Type": "application/json"} if body else {}), **(headers or {})}
        if method == "POST":
            sent[IDEMPOTENCY_HEADER] = str(uuid4())
        try:
            request = self._client.build_request(
                method,
                path,
                params=parameters,
                content=body,
                headers=sent,
                # A request that asks to wait is given that time on top.
                timeout=self._timeout_s + float((parameters or {}).get("wait_s", 0)),
            )
        except httpx.InvalidURL as error:
            raise ServerUnavailableError(self._url, str(error), _REMEDY) from error
        answer = await self._send(self._client, request)
        if answer.is_success:
            return answer.content
        if answer.headers.get("content-type", "").startswith("application/problem+json"):
            raise remote_error(answer.json())
        raise ServerUnavailableError(
            self._url, f"{method} {path} was answered with {answer.status_code}", _REMEDY
        )

    async def _send(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        """Send a request, and again where that is safe and may help."""
        # A replacement or deletion sent twice would meet its own first change.
        is_repeatable = request.method == "GET" or IDEMPOTENCY_HEADER in request.headers
        attempt = Attempt(0, is_repeatable)
        while True:
            answer: httpx.Response | None = None
            failure: httpx.TransportError | None = None
            try:
                answer = await client.send(request)
            except httpx.TransportError as error:
                failure = error
            if answer is not None and answer.is_success:
                return answer
            attempt = Attempt(
                attempt.number + 1,
                is_repeatable,
                None if answer is None else answer.status_code,
                None if answer is None else answer.headers.get("Retry-After"),
            )
            pause_s = pause_before_repeating(attempt)
            if pause_s is not None:
                await asyncio.sleep(pause_s)
            elif answer is not None:
                return answer
            else:
                reason = str(failure) or type(failure).__name__
                raise ServerUnavailableError(self._url, reason, _REMEDY) from failure

    @override
    def _read(self, model: type[M], answer: bytes) -> M:
        try:
            return model.model_validate_json(answer)
        except ValidationError as error:
            raise ServerUnavailableError(
                self._url,
                f"its answer is no {model.__name__} of this version ({error.error_count()} faults)",
                "Use the client and the server of one version.",
            ) from error
