"""The services of one process, and what it does beside its requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

from hyper_registry.ai.backlog import EmbeddingBacklog
from hyper_registry.analytics.summary import AnalyticsService
from hyper_registry.audit.gathered import GatheredOperations
from hyper_registry.audit.log import AuditLog
from hyper_registry.catalog.access_log import AccessLog
from hyper_registry.catalog.assessments import AssessmentService
from hyper_registry.catalog.bulk import BulkService
from hyper_registry.catalog.categories import CategoryService
from hyper_registry.catalog.compliance_frameworks import FrameworkService
from hyper_registry.catalog.compliance_reports import ComplianceReports
from hyper_registry.catalog.duplicates import DuplicateService
from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.entry_history import EntryHistory
from hyper_registry.catalog.export import ExportService
from hyper_registry.catalog.jobs import JobService
from hyper_registry.catalog.lifecycle import LifecycleService
from hyper_registry.catalog.merging import MergeService
from hyper_registry.catalog.namespaces import NamespaceService
from hyper_registry.catalog.naming import NamingService
from hyper_registry.catalog.relationship_types import RelationshipTypeService
from hyper_registry.catalog.relationships import RelationshipService
from hyper_registry.catalog.reviews import ReviewService
from hyper_registry.catalog.sensitive import SensitiveService
from hyper_registry.domain.ports import Classifier, Embedder
from hyper_registry.events.dispatcher import Dispatcher
from hyper_registry.events.feed import ChangeFeed
from hyper_registry.events.webhooks import WebhookService
from hyper_registry.graph.service import GraphService
from hyper_registry.privacy.erasure import ErasureService
from hyper_registry.search.hybrid import HybridSearch
from hyper_registry.search.index_reader import IndexReader
from hyper_registry.security.api_keys import ApiKeyService
from hyper_registry.security.authentication import Authentication
from hyper_registry.security.idempotency import IdempotencyService
from hyper_registry.security.key_uses import KeyUses
from hyper_registry.security.rate_limits import FailedAttempts, RateLimits
from hyper_registry.security.roles import RoleService
from hyper_registry.storage.database import Database

_logger = logging.getLogger(__name__)

_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Registry:
    """The services of one process, on one pool and one set of models."""

    database: Database
    embedder: Embedder
    classifier: Classifier
    accesses: AccessLog
    entries: EntryService
    history: EntryHistory
    naming: NamingService
    namespaces: NamespaceService
    merges: MergeService
    duplicates: DuplicateService
    reviews: ReviewService
    relationships: RelationshipService
    categories: CategoryService
    relationship_types: RelationshipTypeService
    lifecycle: LifecycleService
    sensitive: SensitiveService
    frameworks: FrameworkService
    assessments: AssessmentService
    compliance: ComplianceReports
    erasures: ErasureService
    bulk: BulkService
    exports: ExportService
    search: HybridSearch
    index: IndexReader
    backlog: EmbeddingBacklog
    keys: ApiKeyService
    key_uses: KeyUses
    roles: RoleService
    authentication: Authentication
    idempotency: IdempotencyService
    rate_limits: RateLimits
    failed_attempts: FailedAttempts
    jobs: JobService
    graph: GraphService
    analytics: AnalyticsService
    changes: ChangeFeed
    webhooks: WebhookService
    dispatcher: Dispatcher
    audit: AuditLog
    refusals: GatheredOperations
    recorded_reads: GatheredOperations
    background: tuple[Callable[[], Awaitable[NoReturn]], ...]

    async def keep_current(self) -> None:
        """Do what long-lived processes do beside their requests, until cancelled.

        New entries are embedded, new versions of the index opened, revoked keys dropped, reads
        and refusals recorded and the audit log sealed.
        """
        try:
            await asyncio.gather(*map(_kept_running, self.background))
        finally:
            await self.accesses.flush()
            await self.refusals.flush()
            await self.recorded_reads.flush()
            await self.key_uses.flush()


async def _kept_running(work: Callable[[], Awaitable[NoReturn]]) -> NoReturn:
    """Begin background work again whenever a fault ends it."""
    while True:
        try:
            await work()
        except Exception:
            _logger.exception("Work in the background failed; beginning it again")
        await asyncio.sleep(_PAUSE_S)
