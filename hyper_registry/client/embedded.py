"""The registry inside this process, on the embedded Postgres or a configured one."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from typing_extensions import override

from configs.settings import Settings
from hyper_registry.client.backend import Backend
from hyper_registry.client.embedded_compliance import EmbeddedCompliance
from hyper_registry.client.embedded_duplicates import EmbeddedDuplicates
from hyper_registry.client.embedded_reviews import EmbeddedReviews
from hyper_registry.domain.analytics import RegistrySummary
from hyper_registry.domain.audit import AuditFilter, AuditPage, AuditReport, parse_seal
from hyper_registry.domain.change import ChangeFilter, ChangePage
from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.entry_version import EntryDifference, EntryVersion, EntryVersionPage
from hyper_registry.domain.errors.service import NotStartedError
from hyper_registry.domain.graph import Centrality, PathAnswer
from hyper_registry.domain.identifiers import EntryId, RelationshipId
from hyper_registry.domain.merge import Merge, MergedPermissions
from hyper_registry.domain.namespace import EntryNames, NamedEntry, Namespace, NamespaceDraft
from hyper_registry.domain.principal import LOCAL_ADMIN
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
from hyper_registry.factory import open_registry
from hyper_registry.registry import Registry

EMBEDDING_WAIT_S = 10.0


class EmbeddedBackend(EmbeddedCompliance, EmbeddedDuplicates, EmbeddedReviews, Backend):
    """The services of this process, called as the operator of its own files.

    New entries are embedded in the background, as an API replica does it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: AsyncExitStack | None = None
        self._services: Registry | None = None

    @override
    async def start(self) -> None:
        if self._opened is not None:
            return
        async with AsyncExitStack() as stack:
            self._services = await stack.enter_async_context(open_registry(self._settings))
            background = asyncio.create_task(self._services.keep_current())
            stack.push_async_callback(_cancel, background)
            self._opened = stack.pop_all()

    @override
    async def close(self) -> None:
        opened, self._opened, self._services = self._opened, None, None
        if opened is not None:
            await opened.aclose()

    @override
    async def register(self, draft: EntryDraft, *, wait_embedded: bool) -> Entry:
        entry = await self._registry.entries.register(LOCAL_ADMIN, draft)
        if not wait_embedded:
            return entry
        return await self._registry.backlog.embed_entry(entry, limit_s=EMBEDDING_WAIT_S)

    @override
    async def get(self, entry_id: str) -> Entry:
        return await self._registry.naming.get_by_id(LOCAL_ADMIN, entry_id)

    @override
    async def replace(
        self, entry_id: str, draft: EntryDraft, *, expected_version: int | None
    ) -> Entry:
        return await self._registry.entries.replace(
            LOCAL_ADMIN, entry_id, draft, expected_versions=_only(expected_version)
        )

    @override
    async def patch(
        self, entry_id: str, patch: Mapping[str, JsonValue], *, expected_version: int | None
    ) -> Entry:
        return await self._registry.entries.patch(
            LOCAL_ADMIN, entry_id, patch, expected_versions=_only(expected_version)
        )

    @override
    async def undelete(self, entry_id: str, *, expected_version: int | None) -> Entry:
        return await self._registry.entries.undelete(
            LOCAL_ADMIN, entry_id, expected_versions=_only(expected_version)
        )

    @override
    async def versions_page(
        self, entry_id: str, before: int | None, limit: int
    ) -> EntryVersionPage:
        return await self._registry.history.list_versions(
            LOCAL_ADMIN, entry_id, before=before, limit=limit
        )

    @override
    async def version(self, entry_id: str, version: int) -> EntryVersion:
        return await self._registry.history.get_version(LOCAL_ADMIN, entry_id, version)

    @override
    async def as_of(self, entry_id: str, moment: datetime) -> EntryVersion:
        return await self._registry.history.get_as_of(LOCAL_ADMIN, entry_id, moment)

    @override
    async def diff(self, entry_id: str, from_version: int, to_version: int) -> EntryDifference:
        return await self._registry.history.diff(LOCAL_ADMIN, entry_id, from_version, to_version)

    @override
    async def restore(self, entry_id: str, version: int, *, expected_version: int | None) -> Entry:
        found = await self._registry.history.get_version(LOCAL_ADMIN, entry_id, version)
        return await self._registry.entries.restore(
            LOCAL_ADMIN, found, expected_versions=_only(expected_version)
        )

    @override
    async def delete(self, entry_id: str, *, expected_version: int | None) -> None:
        await self._registry.entries.delete(
            LOCAL_ADMIN, entry_id, expected_versions=_only(expected_version)
        )

    @override
    async def by_handle(self, handle: str) -> NamedEntry:
        return await self._registry.naming.get(LOCAL_ADMIN, handle)

    @override
    async def rename(self, entry_id: str, name: str, *, expected_version: int | None) -> Entry:
        return await self._registry.naming.rename(
            LOCAL_ADMIN, entry_id, name, expected_versions=_only(expected_version)
        )

    @override
    async def transfer(
        self, entry_id: str, namespace: str, name: str | None, *, expected_version: int | None
    ) -> Entry:
        return await self._registry.naming.transfer(
            LOCAL_ADMIN,
            entry_id,
            namespace,
            name=name,
            expected_versions=_only(expected_version),
        )

    @override
    async def names(self, entry_id: str) -> EntryNames:
        return await self._registry.naming.list_names(LOCAL_ADMIN, entry_id)

    @override
    async def create_namespace(self, draft: NamespaceDraft) -> Namespace:
        return await self._registry.namespaces.create(LOCAL_ADMIN, draft)

    @override
    async def namespaces_page(self, after: str, limit: int) -> list[Namespace]:
        return await self._registry.namespaces.list_page(after=after, limit=limit)

    @override
    async def merge(
        self,
        duplicate_id: str,
        survivor_id: str,
        permissions: MergedPermissions,
        *,
        expected_version: int | None,
    ) -> Merge:
        return await self._registry.merges.merge(
            LOCAL_ADMIN,
            duplicate_id,
            survivor_id,
            permissions,
            expected_versions=_only(expected_version),
        )

    @override
    async def undo_merge(self, merge_id: UUID) -> Merge:
        return await self._registry.merges.undo(LOCAL_ADMIN, merge_id)

    @override
    async def register_many(
        self, rows: Sequence[dict[str, Any]], *, atomic: bool
    ) -> tuple[dict[int, EntryId], dict[int, str]]:
        outcome = await self._registry.bulk.register(LOCAL_ADMIN, rows, atomic=atomic)
        return outcome.written, {item.row: item.message for item in outcome.rejected}

    @override
    async def search(self, query: SearchQuery) -> SearchAnswer:
        return await self._registry.search.search(LOCAL_ADMIN, query)

    @override
    async def relate(self, draft: RelationshipDraft) -> Relationship:
        return await self._registry.relationships.create(LOCAL_ADMIN, draft)

    @override
    async def get_relationship(self, relationship_id: RelationshipId) -> Relationship:
        return await self._registry.relationships.get(LOCAL_ADMIN, relationship_id)

    @override
    async def patch_relationship(
        self,
        relationship_id: RelationshipId,
        patch: Mapping[str, JsonValue],
        *,
        expected_version: int | None,
    ) -> Relationship:
        return await self._registry.relationships.patch(
            LOCAL_ADMIN, relationship_id, patch, expected_versions=_only(expected_version)
        )

    @override
    async def delete_relationship(
        self, relationship_id: RelationshipId, *, expected_version: int | None
    ) -> None:
        await self._registry.relationships.delete(
            LOCAL_ADMIN, relationship_id, expected_versions=_only(expected_version)
        )

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
        return await self._registry.relationships.list_of(
            LOCAL_ADMIN,
            entry_id,
            direction,
            rel_types=rel_types,
            as_of=as_of,
            after=after,
            limit=limit,
        )

    @override
    async def shortest_path(self, source_id: str, target_id: str, max_hops: int) -> PathAnswer:
        return await self._registry.graph.shortest_path(
            LOCAL_ADMIN, source_id, target_id, max_hops=max_hops
        )

    @override
    async def centrality(self, entry_id: str) -> Centrality:
        return await self._registry.graph.centrality(LOCAL_ADMIN, entry_id)

    @override
    async def summary(self) -> RegistrySummary:
        return await self._registry.analytics.summary(LOCAL_ADMIN)

    @override
    async def changes_page(
        self, after: str | None, wanted: ChangeFilter, limit: int, wait_s: float
    ) -> ChangePage:
        return await self._registry.changes.page(
            LOCAL_ADMIN, after, wanted, limit=limit, wait_s=wait_s
        )

    @override
    async def create_webhook(self, draft: WebhookDraft) -> CreatedWebhook:
        return await self._registry.webhooks.create(LOCAL_ADMIN, draft)

    @override
    async def webhooks_page(self, after: str, limit: int) -> WebhookPage:
        return await self._registry.webhooks.page(LOCAL_ADMIN, after, limit)

    @override
    async def update_webhook(self, webhook_id: str, patch: WebhookPatch) -> Webhook:
        return await self._registry.webhooks.update(LOCAL_ADMIN, webhook_id, patch)

    @override
    async def delete_webhook(self, webhook_id: str) -> None:
        await self._registry.webhooks.delete(LOCAL_ADMIN, webhook_id)

    @override
    async def deliveries_page(
        self, webhook_id: str, state: DeliveryState | None, before: str | None, limit: int
    ) -> DeliveryPage:
        return await self._registry.webhooks.deliveries(
            LOCAL_ADMIN, webhook_id, state=state, before=before, limit=limit
        )

    @override
    async def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        return await self._registry.webhooks.redeliver(LOCAL_ADMIN, webhook_id, delivery_id)

    @override
    async def audit_page(self, wanted: AuditFilter, before: int | None, limit: int) -> AuditPage:
        return await self._registry.audit.page(LOCAL_ADMIN, wanted, before, limit)

    @override
    async def verify_audit(self, expected: str | None) -> AuditReport:
        return await self._registry.audit.verify(LOCAL_ADMIN, parse_seal(expected))

    @property
    @override
    def _registry(self) -> Registry:
        if self._services is None:
            raise NotStartedError
        return self._services


def _only(expected_version: int | None) -> frozenset[int] | None:
    return None if expected_version is None else frozenset({expected_version})


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
