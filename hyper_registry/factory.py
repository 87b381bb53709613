"""The one place where the parts are wired together."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import fields
from functools import partial
from typing import NoReturn

from configs.settings import RetentionSettings, Settings
from hyper_registry.ai.backlog import EmbeddingBacklog
from hyper_registry.ai.models import Models, open_models
from hyper_registry.analytics.summary import AnalyticsService
from hyper_registry.audit.gathered import GatheredOperations
from hyper_registry.audit.log import AuditLog
from hyper_registry.audit.pseudonyms import AuditPseudonyms
from hyper_registry.audit.verification import SealKey
from hyper_registry.catalog.access_log import AccessLog
from hyper_registry.catalog.assessments import AssessmentService
from hyper_registry.catalog.bulk import BulkService
from hyper_registry.catalog.categories import CategoryService
from hyper_registry.catalog.compliance_frameworks import FrameworkService
from hyper_registry.catalog.compliance_reports import ComplianceReports
from hyper_registry.catalog.definitions import HeldDefinitions
from hyper_registry.catalog.duplicates import DuplicateService
from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.entry_history import EntryHistory
from hyper_registry.catalog.entry_rules import EntryRules
from hyper_registry.catalog.export import ExportService
from hyper_registry.catalog.jobs import JobService
from hyper_registry.catalog.lifecycle import LifecycleService
from hyper_registry.catalog.limits import CatalogLimits
from hyper_registry.catalog.merging import MergeService
from hyper_registry.catalog.namespaces import NamespaceService
from hyper_registry.catalog.naming import NamingService
from hyper_registry.catalog.relationship_rules import RelationshipRules
from hyper_registry.catalog.relationship_types import RelationshipTypeService
from hyper_registry.catalog.relationships import RelationshipService
from hyper_registry.catalog.retention import RetentionService
from hyper_registry.catalog.reviews import ReviewService
from hyper_registry.catalog.sensitive import SensitiveService
from hyper_registry.domain.rate_class import RateClass
from hyper_registry.domain.search import Fusion
from hyper_registry.events.dispatcher import Dispatcher, Retries
from hyper_registry.events.feed import ChangeFeed
from hyper_registry.events.secret_sealing import SecretSealing
from hyper_registry.events.signal import ChangeSignal
from hyper_registry.events.target import Targets
from hyper_registry.events.webhooks import WebhookService
from hyper_registry.graph.service import GraphService
from hyper_registry.privacy.contents import ContentErasure
from hyper_registry.privacy.erasure import ErasureService
from hyper_registry.registry import Registry
from hyper_registry.search.alike import NearestToEntry
from hyper_registry.search.hybrid import HybridSearch
from hyper_registry.search.index_reader import IndexReader
from hyper_registry.search.nearest import NearestEntries
from hyper_registry.search.ranking import Ranking
from hyper_registry.security.api_keys import ApiKeyService
from hyper_registry.security.authentication import Authentication
from hyper_registry.security.bearer_tokens import BearerTokens
from hyper_registry.security.idempotency import IdempotencyService
from hyper_registry.security.key_file import key_ring
from hyper_registry.security.key_uses import KeyUses
from hyper_registry.security.rate_limits import FailedAttempts, RateLimits
from hyper_registry.security.roles import RoleService
from hyper_registry.security.signing_keys import SigningKeys
from hyper_registry.security.verified_keys import VerifiedKeys
from hyper_registry.storage.access_store import AccessStore
from hyper_registry.storage.analytics_store import AnalyticsStore
from hyper_registry.storage.audit_store import AuditStore
from hyper_registry.storage.bulk_store import BulkStore
from hyper_registry.storage.change_feed_store import ChangeFeedStore
from hyper_registry.storage.compliance_store import ComplianceStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.duplicate_store import DuplicateStore
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.erasure_store import ErasureStore
from hyper_registry.storage.export_store import ExportStore
from hyper_registry.storage.graph_store import GraphStore
from hyper_registry.storage.history_store import HistoryStore
from hyper_registry.storage.idempotency_store import IdempotencyStore
from hyper_registry.storage.index_store import IndexStore
from hyper_registry.storage.job_store import JobStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.key_store import KeyStore
from hyper_registry.storage.lifecycle_store import LifecycleStore
from hyper_registry.storage.merge_store import MergeStore
from hyper_registry.storage.migrate import migrate
from hyper_registry.storage.namespace_store import NamespaceStore
from hyper_registry.storage.notifications import Listener
from hyper_registry.storage.rate_limit_store import RateLimitStore
from hyper_registry.storage.relationship_store import RelationshipStore
from hyper_registry.storage.retention_store import RetentionStore
from hyper_registry.storage.review_store import ReviewStore
from hyper_registry.storage.role_store import RoleStore
from hyper_registry.storage.search_store import SearchStore
from hyper_registry.storage.sensitive_store import SensitiveStore
from hyper_registry.storage.type_store import TypeStore
from hyper_registry.storage.webhook_store import WebhookStore

_READS_PER_MINUTE = 60_000


async def database_dsn(settings: Settings) -> str:
    """Return where Postgres is, after starting the embedded one if none is configured.

    Raises
    ------
    EmbeddedPostgresError
        If the embedded server does not start.
    """
    if settings.database.url is not None:
        return settings.database.url.get_secret_value()
    return await asyncio.to_thread(EmbeddedPostgres(settings.home / "postgres").start)


def owner_dsn(settings: Settings, dsn: str) -> str:
    """Return how the owner of the database at `dsn` connects to it, which is who migrates."""
    owner = settings.database.owner_url
    return dsn if owner is None else owner.get_secret_value()


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncGenerator[Database]:
    """Migrate the database, open a pool on it and close it at the end.

    The embedded Postgres, where there is one, goes on running for other processes.

    Raises
    ------
    DatabaseUnavailableError, EmbeddedPostgresError, MigrationError
        If it cannot be had.
    """
    dsn = await database_dsn(settings)
    await migrate(owner_dsn(settings, dsn))
    database = Database(
        dsn, min_size=settings.database.pool_min, max_size=settings.database.pool_max
    )
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def job_service(database: Database) -> JobService:
    """Return the service of batch jobs, which needs no model."""
    return JobService(database, JobStore(), JournalStore())


def audit_log(settings: Settings, database: Database) -> AuditLog:
    """Return the audit log, which needs no model."""
    key, keep_days = _seal_key(settings), settings.audit.keep_days
    return AuditLog(database, AuditStore(), JournalStore(), key, keep_days=keep_days)


def _seal_key(settings: Settings) -> SealKey:
    key = settings.audit.key
    secret = None if key is None else key.get_secret_value().encode()
    return SealKey(secret, settings.audit.keyed_from)


def change_feed(settings: Settings, database: Database) -> ChangeFeed:
    """Return the change feed of a process that does not listen, which needs no model."""
    store = ChangeFeedStore()
    signal = ChangeSignal(database, store, poll_s=settings.events.poll_interval_s)
    return ChangeFeed(database, store, signal)


def retention_service(database: Database) -> RetentionService:
    """Return the service that removes deleted entries for good, which needs no model."""
    return RetentionService(database, RetentionStore(), JournalStore())


def _purging(
    settings: RetentionSettings, database: Database
) -> Iterator[Callable[[], Awaitable[NoReturn]]]:
    if settings.purge_interval_s:
        yield partial(
            retention_service(database).keep_purged,
            days=settings.deleted_days,
            batch_rows=settings.batch_rows,
            interval_s=settings.purge_interval_s,
        )


@asynccontextmanager
async def open_registry(
    settings: Settings, models: Models | None = None
) -> AsyncGenerator[Registry]:
    """Open the services on the database and close them at the end.

    Parameters
    ----------
    models
        Used, and not closed; where there are none, they are loaded into this process.

    Raises
    ------
    DatabaseUnavailableError, EmbeddedPostgresError, MigrationError, ModelUnavailableError
        If a part cannot be had; those opened before it are closed.
    """
    async with AsyncExitStack() as opened:
        database = await opened.enter_async_context(open_database(settings))
        if models is None:
            models = await opened.enter_async_context(open_models(settings.embedding))
        index = IndexReader(database, IndexStore(), SearchStore(), models.embedder.model_id)
        opened.callback(index.close)
        targets = Targets(
            allowed_networks=settings.webhooks.allowed_networks,
            allow_http=settings.webhooks.allow_http,
            timeout_s=settings.webhooks.timeout_s,
        )
        opened.push_async_callback(targets.aclose)
        yield _wire(settings, database, models, index, targets)


def _wire(
    settings: Settings, database: Database, models: Models, index: IndexReader, targets: Targets
) -> Registry:
    embedder = models.embedder
    entry_store, bulk_store = EntryStore(), BulkStore()
    journal, search_store = JournalStore(), SearchStore()
    nearest = NearestEntries(database, search_store, index, embedder.model_id)
    limits = CatalogLimits(
        **settings.limits.model_dump(include={each.name for each in fields(CatalogLimits)})
    )
    types = TypeStore()
    definitions = HeldDefinitions(types)
    ring = key_ring(settings)
    rules = EntryRules(definitions, ring)
    accesses = AccessLog(database, AccessStore())
    entries = EntryService(
        database,
        entry_store,
        bulk_store,
        journal,
        limits,
        embedder.model_id,
        rules,
        accesses if settings.access.recorded else None,
    )
    relationships = RelationshipService(
        database,
        entry_store,
        RelationshipStore(),
        bulk_store,
        journal,
        HistoryStore(),
        RelationshipRules(definitions, types, strict=settings.types.strict_relationship_types),
    )
    compliance_store, erasure_store = ComplianceStore(), ErasureStore()
    assessments = AssessmentService(database, entries, compliance_store, journal)
    graph = GraphService(database, entry_store, GraphStore())
    ranking = Ranking(
        **settings.search.model_dump(exclude={"fusion"}), fusion=Fusion(settings.search.fusion)
    )
    verified = VerifiedKeys(
        capacity=settings.security.held_keys, ttl_s=settings.security.held_key_s
    )
    key_store, role_store = KeyStore(), RoleStore()
    key_uses = KeyUses(database, key_store)
    keys = ApiKeyService(database, key_store, role_store, journal, verified, key_uses)
    issuers = [(issuer, SigningKeys(issuer)) for issuer in settings.security.issuers]
    tokens = BearerTokens(database, role_store, issuers, verified) if issuers else None
    idempotency = IdempotencyService(
        database,
        IdempotencyStore(),
        lease_s=settings.requests.idempotency_lease_s,
        kept_s=settings.requests.idempotency_kept_s,
        answer_bytes=settings.requests.idempotency_answer_bytes,
    )
    per_minute = settings.rate_limits.model_dump(exclude={"failed_attempts"}, exclude_none=True)
    rate_limits = RateLimits(
        database,
        RateLimitStore(),
        {RateClass(kind): limit for kind, limit in per_minute.items()},
    )
    listener = Listener(database.dsn)
    listener.subscribe(keys.revocations)
    listener.subscribe(index.activations)
    feed_store = ChangeFeedStore()
    signal = ChangeSignal(database, feed_store, poll_s=settings.events.poll_interval_s)
    listener.subscribe(signal.subscription)
    feed = ChangeFeed(database, feed_store, signal)
    webhook_store = WebhookStore()
    sending = settings.webhooks
    sealing = SecretSealing(ring)
    dispatcher = Dispatcher(
        database,
        webhook_store,
        feed,
        signal,
        targets,
        Retries(sending.attempts, sending.first_pause_s, sending.longest_pause_s, sending.lease_s),
        sealing,
        parallel=sending.parallel,
        per_webhook=sending.per_webhook,
        keep_days=sending.keep_days,
    )
    listener.subscribe(definitions.changes)
    backlog = EmbeddingBacklog(database, search_store, embedder)
    audit_store = AuditStore()
    audit = audit_log(settings, database)
    refusals = GatheredOperations(
        database, audit_store, per_minute=settings.audit.refusals_per_minute
    )
    reads = GatheredOperations(database, audit_store, per_minute=_READS_PER_MINUTE)
    background = (
        listener.listen,
        backlog.keep_embedded,
        partial(index.keep_current, interval_s=settings.index.refresh_interval_s),
        partial(accesses.keep_flushed, interval_s=settings.access.flush_interval_s),
        signal.keep_watching,
        dispatcher.keep_dispatching,
        refusals.keep_flushed,
        reads.keep_flushed,
        partial(audit.keep_sealed, interval_s=settings.audit.seal_interval_s),
        partial(key_uses.keep_flushed, interval_s=settings.access.flush_interval_s),
        assessments.keep_settled,
        idempotency.keep_clean,
        rate_limits.keep_clean,
        *(signing.keep_fresh for _, signing in issuers),
        *_purging(settings.retention, database),
    )
    return Registry(
        database=database,
        embedder=embedder,
        classifier=models.classifier,
        accesses=accesses,
        entries=entries,
        history=EntryHistory(database, HistoryStore()),
        naming=NamingService(database, entries, NamespaceStore(), MergeStore()),
        namespaces=NamespaceService(
            database, NamespaceStore(), role_store, journal, definitions, verified.forget_all
        ),
        merges=MergeService(database, entries, MergeStore(), journal, rules),
        duplicates=DuplicateService(
            database,
            DuplicateStore(),
            search_store,
            NearestToEntry(database, DuplicateStore(), nearest, embedder.model_id),
            journal,
        ),
        reviews=ReviewService(database, entries, entry_store, ReviewStore(), journal, rules),
        relationships=relationships,
        categories=CategoryService(database, types, journal, ring),
        relationship_types=RelationshipTypeService(database, types, journal),
        lifecycle=LifecycleService(database, entries, LifecycleStore(), journal),
        sensitive=SensitiveService(database, entries, SensitiveStore(), journal, ring),
        frameworks=FrameworkService(database, compliance_store, journal),
        assessments=assessments,
        compliance=ComplianceReports(database, compliance_store),
        erasures=ErasureService(
            database,
            erasure_store,
            ContentErasure(erasure_store, ring),
            audit,
            audit_store,
            AuditPseudonyms(audit_store, journal, _seal_key(settings)),
            types,
            journal,
        ),
        bulk=BulkService(entries, relationships),
        exports=ExportService(database, ExportStore(), embedder.model_id),
        search=HybridSearch(
            database,
            search_store,
            nearest,
            models.query_embedder,
            ranking,
            query_characters=settings.limits.query_characters,
        ),
        index=index,
        backlog=backlog,
        keys=keys,
        key_uses=key_uses,
        roles=RoleService(database, role_store, journal, verified.forget_all),
        authentication=Authentication(keys, tokens),
        idempotency=idempotency,
        rate_limits=rate_limits,
        failed_attempts=FailedAttempts(settings.rate_limits.failed_attempts),
        jobs=job_service(database),
        graph=graph,
        analytics=AnalyticsService(
            database, AnalyticsStore(), graph.relationship_counts, embedder.model_id
        ),
        changes=feed,
        webhooks=WebhookService(database, webhook_store, journal, feed, targets, sealing),
        dispatcher=dispatcher,
        audit=audit,
        refusals=refusals,
        recorded_reads=reads,
        background=background,
    )
