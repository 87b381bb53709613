"""The one place where the parts are wired together."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from configs.settings import Settings
from hyper_registry.ai.backlog import EmbeddingBacklog
from hyper_registry.ai.encoder_loading import load_encoder
from hyper_registry.ai.query_embedder import LocalEmbedder
from hyper_registry.analytics.summary import AnalyticsService
from hyper_registry.catalog.bulk import BulkService
from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.jobs import JobService
from hyper_registry.catalog.limits import CatalogLimits
from hyper_registry.catalog.relationships import RelationshipService
from hyper_registry.domain.search import Fusion
from hyper_registry.graph.service import GraphService
from hyper_registry.search.hybrid import HybridSearch, Ranking
from hyper_registry.search.index_reader import IndexReader
from hyper_registry.search.nearest import NearestEntries
from hyper_registry.security.api_keys import ApiKeyService
from hyper_registry.storage.analytics_store import AnalyticsStore
from hyper_registry.storage.bulk_store import BulkStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.graph_store import GraphStore
from hyper_registry.storage.index_store import IndexStore
from hyper_registry.storage.job_store import JobStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.key_store import KeyStore
from hyper_registry.storage.migrate import migrate
from hyper_registry.storage.relationship_store import RelationshipStore
from hyper_registry.storage.search_store import SearchStore


@dataclass(frozen=True, slots=True)
class Registry:
    """The services of one process, on one pool and one model."""

    database: Database
    embedder: LocalEmbedder
    entries: EntryService
    relationships: RelationshipService
    bulk: BulkService
    search: HybridSearch
    index: IndexReader
    backlog: EmbeddingBacklog
    keys: ApiKeyService
    jobs: JobService
    graph: GraphService
    analytics: AnalyticsService


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
    await migrate(dsn)
    database = Database(
        dsn, min_size=settings.database.pool_min, max_size=settings.database.pool_max
    )
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_registry(settings: Settings) -> AsyncGenerator[Registry]:
    """Open the services on the database and close them at the end.

    Raises
    ------
    DatabaseUnavailableError, EmbeddedPostgresError, MigrationError, ModelUnavailableError
        If a part cannot be had; those opened before it are closed.
    """
    async with open_database(settings) as database:
        encoder = await asyncio.to_thread(
            load_encoder,
            settings.embedding.model,
            settings.embedding.device,
            settings.embedding.threads,
        )
        embedder = LocalEmbedder(encoder, cache_size=settings.embedding.query_cache_entries)
        index = IndexReader(database, IndexStore(), SearchStore(), embedder.model_id)
        try:
            yield _wire(settings, database, embedder, index)
        finally:
            index.close()
            await embedder.aclose()


def _wire(
    settings: Settings, database: Database, embedder: LocalEmbedder, index: IndexReader
) -> Registry:
    entry_store, bulk_store = EntryStore(), BulkStore()
    journal, search_store = JournalStore(), SearchStore()
    limits = CatalogLimits(
        **settings.limits.model_dump(exclude={"body_bytes", "bulk_rows", "query_characters"})
    )
    entries = EntryService(database, entry_store, bulk_store, journal, limits, embedder.model_id)
    relationships = RelationshipService(
        database, entry_store, RelationshipStore(), bulk_store, journal
    )
    graph = GraphService(database, entry_store, GraphStore())
    ranking = Ranking(
        vector_weight=settings.search.vector_weight,
        text_weight=settings.search.text_weight,
        filter_weight=settings.search.filter_weight,
        vector_threshold=settings.search.vector_threshold,
        candidates=settings.search.candidates,
        fusion=Fusion(settings.search.fusion),
    )
    return Registry(
        database=database,
        embedder=embedder,
        entries=entries,
        relationships=relationships,
        bulk=BulkService(entries, relationships),
        search=HybridSearch(
            database,
            search_store,
            NearestEntries(database, search_store, index, embedder.model_id),
            embedder,
            ranking,
            query_characters=settings.limits.query_characters,
        ),
        index=index,
        backlog=EmbeddingBacklog(database, search_store, embedder),
        keys=ApiKeyService(database, KeyStore(), journal),
        jobs=JobService(database, JobStore(), journal),
        graph=graph,
        analytics=AnalyticsService(
            database, AnalyticsStore(), graph.relationship_counts, embedder.model_id
        ),
    )
