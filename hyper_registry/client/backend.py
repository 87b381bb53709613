"""What the public face asks of a registry, wherever that runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pydantic import JsonValue

from hyper_registry.client.compliance_backend import ComplianceBackend
from hyper_registry.client.duplicates_backend import DuplicatesBackend
from hyper_registry.client.review_backend import ReviewBackend
from hyper_registry.domain.analytics import RegistrySummary
from hyper_registry.domain.audit import AuditFilter, AuditPage, AuditReport
from hyper_registry.domain.change import ChangeFilter, ChangePage
from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.entry_version import EntryDifference, EntryVersion, EntryVersionPage
from hyper_registry.domain.graph import Centrality, PathAnswer
from hyper_registry.domain.identifiers import EntryId, RelationshipId
from hyper_registry.domain.merge import Merge, MergedPermissions
from hyper_registry.domain.namespace import EntryNames, NamedEntry, Namespace, NamespaceDraft
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


class Backend(ComplianceBackend, DuplicatesBackend, ReviewBackend, Protocol):
    """A registry in this process, or one behind HTTP; both raise the same errors."""

    async def start(self) -> None:
        """Open it; starting again does nothing."""
        ...

    async def close(self) -> None:
        """Close it; closing again does nothing."""
        ...

    async def register(self, draft: EntryDraft, *, wait_embedded: bool) -> Entry:
        """Register an entry, see `EntryService.register`."""
        ...

    async def get(self, entry_id: str) -> Entry:
        """Read an entry, see `EntryService.get`."""
        ...

    async def replace(
        self, entry_id: str, draft: EntryDraft, *, expected_version: int | None
    ) -> Entry:
        """Replace an entry, see `EntryService.replace`."""
        ...

    async def patch(
        self, entry_id: str, patch: Mapping[str, JsonValue], *, expected_version: int | None
    ) -> Entry:
        """Patch an entry, see `EntryService.patch`."""
        ...

    async def undelete(self, entry_id: str, *, expected_version: int | None) -> Entry:
        """Let a deleted entry live again, see `EntryService.undelete`."""
        ...

    async def versions_page(
        self, entry_id: str, before: int | None, limit: int
    ) -> EntryVersionPage:
        """Read versions of an entry, see `EntryHistory.list_versions`."""
        ...

    async def version(self, entry_id: str, version: int) -> EntryVersion:
        """Read one version, see `EntryHistory.get_version`."""
        ...

    async def as_of(self, entry_id: str, moment: datetime) -> EntryVersion:
        """Read an entry as it was, see `EntryHistory.get_as_of`."""
        ...

    async def diff(self, entry_id: str, from_version: int, to_version: int) -> EntryDifference:
        """Compare two versions, see `EntryHistory.diff`."""
        ...

    async def restore(self, entry_id: str, version: int, *, expected_version: int | None) -> Entry:
        """Bring back an earlier version, see `EntryService.restore`."""
        ...

    async def delete(self, entry_id: str, *, expected_version: int | None) -> None:
        """Delete an entry, see `EntryService.delete`."""
        ...

    async def by_handle(self, handle: str) -> NamedEntry:
        """Read an entry by its handle, see `NamingService.get`."""
        ...

    async def rename(self, entry_id: str, name: str, *, expected_version: int | None) -> Entry:
        """Rename an entry, see `NamingService.rename`."""
        ...

    async def transfer(
        self, entry_id: str, namespace: str, name: str | None, *, expected_version: int | None
    ) -> Entry:
        """Take an entry to another namespace, see `NamingService.transfer`."""
        ...

    async def names(self, entry_id: str) -> EntryNames:
        """Read the names of an entry, see `NamingService.list_names`."""
        ...

    async def create_namespace(self, draft: NamespaceDraft) -> Namespace:
        """Create a namespace, see `NamespaceService.create`."""
        ...

    async def namespaces_page(self, after: str, limit: int) -> list[Namespace]:
        """Read namespaces, see `NamespaceService.list_page`."""
        ...

    async def merge(
        self,
        duplicate_id: str,
        survivor_id: str,
        permissions: MergedPermissions,
        *,
        expected_version: int | None,
    ) -> Merge:
        """Merge a duplicate, see `MergeService.merge`."""
        ...

    async def undo_merge(self, merge_id: UUID) -> Merge:
        """Undo a merge, see `MergeService.undo`."""
        ...

    async def register_many(
        self, rows: Sequence[dict[str, Any]], *, atomic: bool
    ) -> tuple[dict[int, EntryId], dict[int, str]]:
        """Register rows; ids and reasons of refusal by row number from 1 on."""
        ...

    async def search(self, query: SearchQuery) -> SearchAnswer:
        """Answer a search, see `HybridSearch.search`."""
        ...

    async def relate(self, draft: RelationshipDraft) -> Relationship:
        """Create a relationship, see `RelationshipService.create`."""
        ...

    async def get_relationship(self, relationship_id: RelationshipId) -> Relationship:
        """Read a relationship, see `RelationshipService.get`."""
        ...

    async def patch_relationship(
        self,
        relationship_id: RelationshipId,
        patch: Mapping[str, JsonValue],
        *,
        expected_version: int | None,
    ) -> Relationship:
        """Patch a relationship, see `RelationshipService.patch`."""
        ...

    async def delete_relationship(
        self, relationship_id: RelationshipId, *, expected_version: int | None
    ) -> None:
        """Delete a relationship, see `RelationshipService.delete`."""
        ...

    async def relationships_page(
        self,
        entry_id: str,
        direction: Direction,
        rel_types: Sequence[str] | None,
        after: RelationshipId | None,
        limit: int,
        as_of: datetime | None,
    ) -> list[RelatedEntry]:
        """Read relationships of an entry, see `RelationshipService.list_of`."""
        ...

    async def shortest_path(self, source_id: str, target_id: str, max_hops: int) -> PathAnswer:
        """Find a shortest path, see `GraphService.shortest_path`."""
        ...

    async def centrality(self, entry_id: str) -> Centrality:
        """Measure an entry, see `GraphService.centrality`."""
        ...

    async def summary(self) -> RegistrySummary:
        """Count what the caller may see, see `AnalyticsService.summary`."""
        ...

    async def changes_page(
        self, after: str | None, wanted: ChangeFilter, limit: int, wait_s: float
    ) -> ChangePage:
        """Read changes, see `ChangeFeed.page`."""
        ...

    async def create_webhook(self, draft: WebhookDraft) -> CreatedWebhook:
        """Create a webhook, see `WebhookService.create`."""
        ...

    async def webhooks_page(self, after: str, limit: int) -> WebhookPage:
        """Read webhooks, see `WebhookService.page`."""
        ...

    async def update_webhook(self, webhook_id: str, patch: WebhookPatch) -> Webhook:
        """Change a webhook, see `WebhookService.update`."""
        ...

    async def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook, see `WebhookService.delete`."""
        ...

    async def deliveries_page(
        self, webhook_id: str, state: DeliveryState | None, before: str | None, limit: int
    ) -> DeliveryPage:
        """Read deliveries, see `WebhookService.deliveries`."""
        ...

    async def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send a delivery again, see `WebhookService.redeliver`."""
        ...

    async def audit_page(self, wanted: AuditFilter, before: int | None, limit: int) -> AuditPage:
        """Read the audit log, see `AuditLog.page`."""
        ...

    async def verify_audit(self, expected: str | None) -> AuditReport:
        """Verify the audit log, see `AuditLog.verify`."""
        ...
