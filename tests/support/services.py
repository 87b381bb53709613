"""The services on a test's own database."""

from dataclasses import dataclass

from hyper_registry.catalog.bulk import BulkService
from hyper_registry.catalog.categories import CategoryService
from hyper_registry.catalog.definitions import HeldDefinitions
from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.entry_history import EntryHistory
from hyper_registry.catalog.entry_rules import EntryRules
from hyper_registry.catalog.lifecycle import LifecycleService
from hyper_registry.catalog.limits import CatalogLimits
from hyper_registry.catalog.merging import MergeService
from hyper_registry.catalog.namespaces import NamespaceService
from hyper_registry.catalog.naming import NamingService
from hyper_registry.catalog.relationship_rules import RelationshipRules
from hyper_registry.catalog.relationship_types import RelationshipTypeService
from hyper_registry.catalog.relationships import RelationshipService
from hyper_registry.catalog.reviews import ReviewService
from hyper_registry.catalog.sensitive import SensitiveService
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.sealing import KeyRing
from hyper_registry.security.api_keys import ApiKeyService
from hyper_registry.storage.bulk_store import BulkStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.history_store import HistoryStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.key_store import KeyStore
from hyper_registry.storage.lifecycle_store import LifecycleStore
from hyper_registry.storage.merge_store import MergeStore
from hyper_registry.storage.namespace_store import NamespaceStore
from hyper_registry.storage.relationship_store import RelationshipStore
from hyper_registry.storage.review_store import ReviewStore
from hyper_registry.storage.role_store import RoleStore
from hyper_registry.storage.sensitive_store import SensitiveStore
from hyper_registry.storage.type_store import TypeStore

ADMIN = Principal("ada", Role.ADMIN)
EDITOR = Principal("eve", Role.EDITOR)
VIEWER = Principal("vic", Role.VIEWER)
MODEL_ID = "test-model@0"


@dataclass(frozen=True)
class Services:
    entries: EntryService
    history: EntryHistory
    categories: CategoryService
    relationship_types: RelationshipTypeService
    lifecycle: LifecycleService
    sensitive: SensitiveService
    definitions: HeldDefinitions
    relationships: RelationshipService
    bulk: BulkService
    keys: ApiKeyService
    naming: NamingService
    namespaces: NamespaceService
    merges: MergeService
    reviews: ReviewService


def build_services(
    database: Database,
    limits: CatalogLimits | None = None,
    *,
    strict_types: bool = False,
    ring: KeyRing | None = None,
) -> Services:
    entry_store, bulk_store, journal = EntryStore(), BulkStore(), JournalStore()
    types = TypeStore()
    definitions = HeldDefinitions(types)
    rules = EntryRules(definitions, ring)
    entries = EntryService(
        database,
        entry_store,
        bulk_store,
        journal,
        limits or CatalogLimits(),
        MODEL_ID,
        rules,
    )
    relationships = RelationshipService(
        database,
        entry_store,
        RelationshipStore(),
        bulk_store,
        journal,
        HistoryStore(),
        RelationshipRules(definitions, types, strict=strict_types),
    )
    return Services(
        entries,
        EntryHistory(database, HistoryStore()),
        CategoryService(database, types, journal, ring),
        RelationshipTypeService(database, types, journal),
        LifecycleService(database, entries, LifecycleStore(), journal),
        SensitiveService(database, entries, SensitiveStore(), journal, ring),
        definitions,
        relationships,
        BulkService(entries, relationships),
        ApiKeyService(database, KeyStore(), RoleStore(), journal),
        NamingService(database, entries, NamespaceStore(), MergeStore()),
        NamespaceService(database, NamespaceStore(), RoleStore(), journal, definitions),
        MergeService(database, entries, MergeStore(), journal, rules),
        ReviewService(database, entries, entry_store, ReviewStore(), journal, rules),
    )


def draft(**fields: object) -> EntryDraft:
    """A valid draft, with `fields` in place of the defaults."""
    return EntryDraft.model_validate({"category": "agent", "title": "Weather agent"} | fields)
