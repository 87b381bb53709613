"""The one place where the parts are wired together."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from configs.settings import EmbeddingSettings, Settings
from hyper_registry.ai.backlog import EmbeddingBacklog
from hyper_registry.ai.encoder_loading import load_encoder
from hyper_registry.ai.prototype_classifier import PrototypeClassifier
from hyper_registry.ai.query_embedder import LocalEmbedder
from hyper_registry.catalog.access_log import AccessLog
from hyper_registry.catalog.bulk import BulkService
from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.limits import CatalogLimits
from hyper_registry.catalog.relationships import RelationshipService
from hyper_registry.domain.ports import Classifier, Embedder
from hyper_registry.search.hybrid import HybridSearch, Ranking
from hyper_registry.security.api_keys import ApiKeyService
from hyper_registry.security.verified_keys import VerifiedKeys
from hyper_registry.storage.access_store import AccessStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.key_store import KeyStore
from hyper_registry.storage.migrate import migrate
from hyper_registry.storage.notifications import Listener
from hyper_registry.storage.relationship_store import RelationshipStore
from hyper_registry.storage.search_store import SearchStore


@dataclass(frozen=True, slots=True)
class Models:
    """The models of one process, loaded in it or reached from it."""

    embedder: Embedder
    classifier: Classifier


@dataclass(frozen=True, slots=True)
class Registry:
    """The services of one process, on one pool and one set of models."""

    database: Database
    listener: Listener
    embedder: Embedder
    classifier: Classifier
    accesses: AccessLog
    entries: EntryService
    relationships: RelationshipService
    bulk: BulkService
    search: HybridSearch
    backlog: EmbeddingBacklog
    keys: ApiKeyService


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
async def open_models(settings: EmbeddingSettings) -> AsyncGenerator[Models]:
    """Load the models into this process, and let them go at the end.

    Raises
    ------
    ModelUnavailableError
        If a model cannot be loaded.
    """
    encoder = await asyncio.to_thread(
        load_encoder, settings.model, settings.device, settings.threads
    )
    embedder = LocalEmbedder(encoder, cache_size=settings.query_cache_entries)
    try:
        yield Models(embedder, PrototypeClassifier(embedder))
    finally:
        await embedder.aclose()


@asynccontextmanager
async def open_registry(
    settings: Settings, models: Models | None = None
) -> AsyncGenerator[Registry]:
    """Migrate the database, open the services and close them at the end.

    The embedded Postgres, where there is one, goes on running for other processes.

    Parameters
    ----------
    models
        Used, and not closed; where there are none, they are loaded into this process.

    Raises
    ------
    DatabaseUnavailableError, EmbeddedPostgresError, MigrationError, ModelUnavailableError
        If a part cannot be had; those opened before it are closed.
    """
    dsn = await database_dsn(settings)
    await migrate(dsn)
    database = Database(
        dsn, min_size=settings.database.pool_min, max_size=settings.database.pool_max
    )
    async with AsyncExitStack() as opened:
        await database.open()
        opened.push_async_callback(database.close)
        if models is None:
            models = await opened.enter_async_context(open_models(settings.embedding))
        yield _wire(settings, database, models)


def _wire(settings: Settings, database: Database, models: Models) -> Registry:
    embedder = models.embedder
    entry_store, journal, search_store = EntryStore(), JournalStore(), SearchStore()
    limits = CatalogLimits(
        **settings.limits.model_dump(
            exclude={"body_bytes", "bulk_rows", "query_characters", "embed_texts"}
        )
    )
    accesses = AccessLog(database, AccessStore())
    entries = EntryService(
        database,
        entry_store,
        journal,
        limits,
        embedder.model_id,
        accesses if settings.access.recorded else None,
    )
    relationships = RelationshipService(database, entry_store, RelationshipStore(), journal)
    ranking = Ranking(
        vector_weight=settings.search.vector_weight,
        text_weight=settings.search.text_weight,
        vector_threshold=settings.search.vector_threshold,
        candidates=settings.search.candidates,
    )
    verified = VerifiedKeys(
        capacity=settings.security.held_keys, ttl_s=settings.security.held_key_s
    )
    keys = ApiKeyService(database, KeyStore(), journal, verified)
    listener = Listener(database.dsn)
    listener.subscribe(keys.revocations)
    return Registry(
        database=database,
        listener=listener,
        embedder=embedder,
        classifier=models.classifier,
        accesses=accesses,
        entries=entries,
        relationships=relationships,
        bulk=BulkService(entries, relationships),
        search=HybridSearch(
            database,
            search_store,
            embedder,
            ranking,
            query_characters=settings.limits.query_characters,
        ),
        backlog=EmbeddingBacklog(database, search_store, embedder),
        keys=keys,
    )
