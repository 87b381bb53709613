import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from hyper_registry.catalog.batch_digest import batch_digest
from hyper_registry.domain.audit import AuditFilter, SealHead
from hyper_registry.domain.entry import embedding_text
from hyper_registry.domain.errors.access import PermissionDeniedError, UnauthenticatedError
from hyper_registry.domain.errors.audit import AuditTamperedError
from hyper_registry.domain.errors.compliance import ErasureNotFoundError
from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.namespace import NamespaceDraft
from hyper_registry.domain.personal_data import COLUMNS, Holding
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.sealing import envelopes
from hyper_registry.domain.search import SearchFilters
from hyper_registry.registry import Registry
from hyper_registry.storage import migrate
from hyper_registry.storage.audit_store import AuditStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.index_store import IndexStore
from hyper_registry.storage.queries import load_queries
from jobs.index_plan import superseded
from tests.support.erased_person import (
    EMAIL,
    FULL_NAME,
    NAME,
    NAMES,
    OTHER,
    PERSON,
    erasure,
    everything,
    leave_traces,
    places_of,
)
from tests.support.search_world import SearchWorld, text_vector
from tests.support.services import EDITOR, draft

MIGRATIONS = Path(migrate.__file__).parent / "migrations"
_BEARING = {Holding.NAME, Holding.RECORD, Holding.TEXT}


async def _as_owner(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("set session_replication_role = replica")
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_every_column_is_classified(database: Database):
    # A new column fails here until hyper_registry/domain/personal_data.py says what an erasure does
    # with it.
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select table_name, column_name from information_schema.columns"
            " join information_schema.tables using (table_schema, table_name)"
            " where table_schema = 'public' and table_type = 'BASE TABLE'"
            " and data_type not in ('bigint', 'integer', 'smallint', 'real', 'boolean', 'uuid',"
            " 'date', 'timestamp with time zone')"
        )
    present: dict[str, set[str]] = {}
    for row in rows:
        present.setdefault(row["table_name"], set()).add(row["column_name"])
    assert present == {table: set(columns) for table, columns in COLUMNS.items()}


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_that_may_hold_a_name_is_written_by_the_erasure(table: str):
    statements = (
        [(MIGRATIONS / "0028_restrict_compliance_and_erasure.sql").read_text()]
        if table == "audit"
        else load_queries("erasure").values()
    )
    update = rf"\b(?:update {table}\b.*?\bset\b|delete from {table}\b)"
    written = "\n".join(
        text[found.end() :]
        for text in statements
        if (found := re.search(update, text, re.DOTALL)) is not None
    )
    for column, holding in COLUMNS[table].items():
        if holding in _BEARING:
            assert re.search(rf"\b{column} = ", written), f"no statement erases {table}.{column}"


async def test_the_traces_are_in_every_column_that_may_hold_a_name(registry: Registry):
    await leave_traces(registry)
    found = await places_of(registry.database, NAMES)
    unreached = {
        f"{table}.{column}"
        for table, columns in COLUMNS.items()
        for column, holding in columns.items()
        if holding in _BEARING
    } - found.keys()
    # Only drivers of jobs, the dispatcher and the erasure write there.
    assert unreached == {
        "job.checkpoint",
        "job.error",
        "job.result",
        "webhook.inactive_reason",
        "webhook_delivery.reason",
    }


async def test_nothing_is_left_of_an_erased_person_in_any_column(registry: Registry, dsn: str):
    await leave_traces(registry)
    assert await places_of(registry.database, NAMES)
    erased = await registry.erasures.erase(OTHER, erasure(redact_text=True), request_id="r1")
    assert await places_of(registry.database, NAMES) == {}
    sealed = await registry.sensitive.reveal(OTHER, "sealed")
    pseudonym = erased.pseudonym
    assert sealed.metadata == {"k": {pseudonym: f"call {pseudonym}"}, "v": 1}
    async with registry.database.connection() as connection:
        for row in await connection.fetch(
            "select v.metadata from entry_state v join entry e using (entry_key)"
            " where e.entry_id = 'sealed'"
        ):
            assert set(envelopes(row["metadata"])) == {"/k"}
    report = await registry.audit.verify(OTHER)
    assert report.valid, report.faults
    assert report.replaced_seals == erased.report.seals_replaced >= 3
    await registry.audit.seal()
    report = await registry.audit.verify(OTHER)
    assert (report.valid, report.unsealed_rows) == (True, 0), report.faults
    assert erased.report.unread_sealed == 0
    assert (erased.report.keys_revoked, erased.report.bindings_removed) == (2, 2)
    assert erased.reason == f"asked by {pseudonym}"
    assert await registry.erasures.get(OTHER, erased.erasure_id or "") == erased
    assert (await registry.erasures.page(OTHER)).items[0] == erased


async def test_contents_history_and_hashes_agree_after_an_erasure(registry: Registry):
    await leave_traces(registry)
    before = await registry.entries.get(OTHER, "about")
    erased = await registry.erasures.erase(OTHER, erasure(redact_text=True))
    who = erased.pseudonym
    entry = await registry.entries.get(OTHER, "about")
    assert entry.version == before.version + 1
    assert (entry.title, entry.tags) == (f"Agent of {who}", (who, "team"))
    assert entry.description == f"Ask\n{who} or <{who}>."
    assert entry.metadata == {who: [1, {"maintainer": who}], "port": 2}
    assert entry.deprecation is not None
    assert entry.deprecation.note == f"{who} retires it"
    assert (entry.owner, entry.created_by, entry.updated_by) == ("ops", who, "otto")
    assert not entry.embedded
    plain = await registry.entries.get(OTHER, "plain")
    assert (plain.version, plain.description) == (1, "as mallowish, no name")
    versions = (await registry.history.list_versions(OTHER, "about")).items
    first = versions[-1]
    assert (first.owner, first.actor, first.title) == (who, who, f"Agent of {who}")
    for version in versions:
        assert version.checksum_hex == version.draft.checksum.hex()
    async with registry.database.connection() as connection:
        told = await connection.fetch(
            "select c.checksum = s.checksum as same, c.subject_id from change c"
            " join entry_state s on s.entry_key = c.subject_key and s.version = c.version"
            " where c.subject = 'entry' and c.operation <> 'delete'"
        )
        assert told
        assert [row["subject_id"] for row in told if not row["same"]] == []
        stray = await connection.fetch(
            "select a.action, a.target from audit a where a.after_hash is not null"
            " and a.action not like 'bulk%' and a.action <> 'entry.create_many' and not exists"
            " (select from change c where c.checksum = a.after_hash)"
        )
        assert [row["target"] for row in stray if row["target"] == "about"] == []
    private = await registry.entries.get(OTHER, "private")
    assert private.owner == who
    assert set(private.security.readers) == {f"user:{who}", "group:blue"}
    with pytest.raises(EntryNotFoundError):
        await registry.entries.get(Principal(NAME, Role.EDITOR), "private")
    stand = await registry.assessments.of_entry(OTHER, "about")
    assert stand.assessments[0].assessor == who
    assert stand.assessments[0].evidence[0].title == f"Mail of {who}"


async def test_a_batch_is_still_sealed_by_what_the_change_log_tells(registry: Registry):
    await leave_traces(registry)
    await registry.erasures.erase(OTHER, erasure(redact_text=True))
    async with registry.database.connection() as connection:
        rows = await connection.fetch(
            "select a.after_hash, c.subject_id, c.version, c.checksum from audit a"
            " join change c using (xid) where a.detail ? 'created'"
        )
    assert len(rows) == 3
    digest = batch_digest((r["subject_id"], r["version"], bytes(r["checksum"])) for r in rows)
    assert {bytes(row["after_hash"]) for row in rows} == {digest}


async def test_a_trial_tells_what_the_erasure_does_and_changes_nothing(registry: Registry):
    await leave_traces(registry)
    before = await everything(registry.database)
    tried = await registry.erasures.erase(OTHER, erasure(redact_text=True, dry_run=True))
    assert await everything(registry.database) == before
    assert (tried.erasure_id, tried.pseudonym, tried.report.dry_run) == (None, None, True)
    done = await registry.erasures.erase(OTHER, erasure(redact_text=True))
    assert done.report == tried.report.model_copy(update={"dry_run": False})
    assert done.report.changed["entry_version"] > 0
    assert [entry.entry_id for entry in done.report.entries] == [
        "about",
        "batch1",
        "batch2",
        "batch3",
        "removed",
        "sealed",
    ]


async def test_without_redaction_texts_are_reported_and_stay(registry: Registry):
    await leave_traces(registry)
    erased = await registry.erasures.erase(OTHER, erasure())
    left = await places_of(registry.database, NAMES)
    kept = {
        f"{table}.{column}"
        for table, columns in COLUMNS.items()
        for column, holding in columns.items()
        if holding is Holding.TEXT
    }
    assert left.keys() <= kept | {"entry.text_vector"}
    assert {"entry.title", "entry_version.metadata", "relationship.metadata"} <= left.keys()
    assert erased.report.found["relationship"] == 2
    assert erased.report.found["entry_merge_relationship"] == 1
    about = next(item for item in erased.report.entries if item.entry_id == "about")
    assert about.fields == ("deprecation", "description", "metadata", "tags", "title")
    assert (await registry.audit.verify(OTHER)).valid


async def test_an_erasure_repeated_under_its_pseudonym_finds_nothing_more(registry: Registry):
    await leave_traces(registry)
    first = await registry.erasures.erase(OTHER, erasure(redact_text=True))
    again = await registry.erasures.erase(
        OTHER, erasure(redact_text=True, pseudonym=first.pseudonym)
    )
    assert again.pseudonym == first.pseudonym
    assert (again.report.changed, again.report.found, again.report.seals_replaced) == ({}, {}, 0)
    # Written meanwhile by a request that was under way.
    await registry.entries.register(PERSON, draft(entry_id="late", owner=EMAIL))
    later = await registry.erasures.erase(OTHER, erasure(pseudonym=first.pseudonym))
    assert later.report.changed == {"audit": 1, "change": 1, "entry": 2, "entry_version": 2}
    assert await places_of(registry.database, NAMES) == {}


async def test_a_merge_is_undone_after_an_erasure_of_its_readers(registry: Registry):
    await leave_traces(registry)
    async with registry.database.connection() as connection:
        merge_id = await connection.fetchval(
            "select merge_id from entry_merge where undone_at is null"
        )
    erased = await registry.erasures.erase(OTHER, erasure(redact_text=True))
    who = f"user:{erased.pseudonym}"
    merged = await registry.entries.get(OTHER, "survivor")
    assert merged.security.readers == ("group:blue", who)
    undone = await registry.merges.undo(OTHER, merge_id)
    assert (undone.merged_by, undone.undone_by) == (erased.pseudonym, "otto")
    survivor = await registry.entries.get(OTHER, "survivor")
    assert survivor.security.visibility.value == "private"
    assert set(survivor.security.readers) == {"group:blue", who}
    related = await registry.relationships.list_of(OTHER, "twin1")
    assert [each.relationship.metadata for each in related] == [{"by": [erased.pseudonym]}]
    assert await places_of(registry.database, NAMES) == {}


async def test_handles_that_hold_a_name_are_reported_and_lead_on(registry: Registry):
    await registry.namespaces.create(OTHER, NamespaceDraft(name="Mallow.Q"))
    await registry.namespaces.create(OTHER, NamespaceDraft(name="mallow.quist"))
    named = {"handle": "Mallow.Q/Agent", "description": NAME, "owner": NAME}
    private = {"visibility": "private"}
    await registry.entries.register(OTHER, draft(entry_id="named", security=private, **named))
    await registry.naming.transfer(OTHER, "named", "mallow.quist")
    erased = await registry.erasures.erase(OTHER, erasure(redact_text=True))
    assert erased.report.kept_handles == ["Mallow.Q", "Mallow.Q/Agent"]
    assert (await registry.erasures.get(OTHER, erased.erasure_id or "")).report.kept_handles == []
    found = await registry.naming.get(OTHER, "mallow.q/agent")
    assert (found.handle, found.owner) == ("mallow.quist/Agent", erased.pseudonym)
    # Who sees it by a role in the namespace still does.
    async with registry.database.connection() as connection:
        rows = await connection.fetch("select readers, handle from entry_state")
    owner = f"user:{erased.pseudonym}"
    assert {(row["handle"], *sorted(row["readers"])) for row in rows} == {
        ("Mallow.Q/Agent", "namespace:mallow.q", owner),
        ("mallow.quist/Agent", "namespace:mallow.quist", owner),
    }
    for version in (await registry.history.list_versions(OTHER, "named")).items:
        assert version.checksum_hex == version.draft.checksum.hex()


async def test_keys_of_an_erased_person_are_refused(registry: Registry):
    _, token = await registry.keys.create(OTHER, NAME, Role.EDITOR)
    assert (await registry.authentication.authenticate(token)).name == NAME
    await registry.erasures.erase(OTHER, erasure())
    registry.keys.revocations.on_lost()
    with pytest.raises(UnauthenticatedError):
        await registry.authentication.authenticate(token)


TAMPERING = {
    "a pseudonymised actor": "update audit set actor = 'mallory' where actor like 'erased-%'"
    " and action = 'entry.create'",
    "a time": "update audit set occurred_at = occurred_at + interval '1 s' where actor like"
    " 'erased-%' and action = 'role.create'",
    "a salt": "update audit set salt = 'x' where actor like 'erased-%' and action = 'role.create'",
    "the names put back": f"update audit set actor = '{NAME}' where actor like 'erased-%'",
    "an untouched row beside": "update audit set action = 'x' where actor = 'otto'"
    " and action = 'entry.create' and target = 'other'",
    "a removed row": "delete from audit where actor like 'erased-%' and action = 'role.create'",
    "a removed replacement": "delete from audit_replacement where seal_no = 1",
    "a replacement of one's own": "update audit_replacement set digest = sha256(digest)"
    " where seal_no = 1",
    "what vouches": "update audit set detail = '{}' where action = 'audit.pseudonymise'",
    "the digest that was sealed": "update audit_seal set personal = sha256(personal)"
    " where seal_no = 1",
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING.keys())
async def test_tampering_after_an_erasure_is_found(statement: str, registry: Registry, dsn: str):
    await leave_traces(registry)
    await registry.erasures.erase(OTHER, erasure(redact_text=True))
    await registry.audit.seal()
    assert (await registry.audit.verify(OTHER)).valid
    await _as_owner(dsn, statement)
    report = await registry.audit.verify(OTHER)
    assert not report.valid


async def test_what_was_tampered_with_is_not_covered_up(registry: Registry, dsn: str):
    await leave_traces(registry)
    await _as_owner(dsn, "update audit set outcome = 'failed' where action = 'role.create'")
    before = await everything(registry.database)
    with pytest.raises(AuditTamperedError):
        await registry.erasures.erase(OTHER, erasure())
    after = await everything(registry.database)
    assert {table for table in after if after[table] != before[table]} == {"api_key"}


async def test_a_second_erasure_of_another_person_replaces_the_same_seals(registry: Registry):
    await leave_traces(registry)
    await registry.erasures.erase(OTHER, erasure(redact_text=True))
    await registry.audit.seal()
    third = Principal("third", Role.ADMIN)
    await registry.erasures.erase(third, erasure(names=("otto",), redact_text=True))
    assert await places_of(registry.database, ("otto",)) == {}
    report = await registry.audit.verify(third)
    assert report.valid, report.faults
    # Old seals go with their replacements.
    assert await registry.audit.prune(third, datetime(2100, 1, 1, tzinfo=UTC)) > 0
    assert (await registry.audit.verify(third)).valid


async def test_a_failure_in_the_middle_leaves_everything_but_revoked_keys(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    await leave_traces(registry)
    before = await everything(registry.database)

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr("hyper_registry.audit.pseudonyms.AuditPseudonyms._vouch", fail)
    with pytest.raises(RuntimeError):
        await registry.erasures.erase(OTHER, erasure(redact_text=True))
    monkeypatch.undo()
    after = await everything(registry.database)
    assert {table for table in after if after[table] != before[table]} == {"api_key"}
    await registry.erasures.erase(OTHER, erasure(redact_text=True))
    assert await places_of(registry.database, NAMES) == {}


async def test_ids_that_hold_a_name_are_told_and_stay(registry: Registry):
    await registry.entries.register(OTHER, draft(entry_id=f"{NAME}-agent"))
    erased = await registry.erasures.erase(OTHER, erasure(redact_text=True))
    assert erased.report.kept_ids == [f"{NAME}-agent"]
    await registry.entries.get(OTHER, f"{NAME}-agent")
    page = await registry.audit.page(OTHER, AuditFilter(target=f"{NAME}-agent"), None, 10)
    assert [row.action for row in page.items] == ["entry.create"]
    stored = await registry.erasures.get(OTHER, erased.erasure_id or "")
    assert stored.report.kept_ids == []


async def test_who_may_erase_and_whom(registry: Registry):
    with pytest.raises(PermissionDeniedError):
        await registry.erasures.erase(EDITOR, erasure())
    with pytest.raises(PermissionDeniedError):
        await registry.erasures.page(EDITOR)
    with pytest.raises(InvalidFieldError, match="asks for the erasure"):
        await registry.erasures.erase(PERSON, erasure())
    with pytest.raises(InvalidFieldError, match="no person"):
        await registry.erasures.erase(OTHER, erasure(names=("registry",)))
    with pytest.raises(ErasureNotFoundError):
        await registry.erasures.get(OTHER, "era_none")


async def test_an_index_from_before_an_erasure_serves_nothing_of_it_and_goes(
    registry: Registry, tmp_path: Path
):
    world = SearchWorld(registry.database, tmp_path)
    text = embedding_text(f"Agent of {FULL_NAME}", "", [NAME])
    await world.register(
        [draft(entry_id="about", title=f"Agent of {FULL_NAME}", owner=NAME, tags=(NAME,))]
    )
    await world.register([draft(entry_id="plain", title="Another")])
    old = [await world.build() for _ in range(2)]
    assert (await world.nearest(text_vector(text), OTHER, 2))[0] == "about"
    erased = await registry.erasures.erase(OTHER, erasure(redact_text=True))
    assert erased.report.stale_index_versions == [version.version for version in old]
    # No vector is left until the new text is embedded, and the old snapshot proposes keys only.
    assert await world.nearest(text_vector(text), OTHER, 2) == ["plain"]
    by_name = SearchFilters.model_validate({"owner": NAME})
    assert await world.nearest(text_vector(text), OTHER, 2, by_name) == []
    await world.embed()
    title = f"Agent of {erased.pseudonym}"
    vector = text_vector(embedding_text(title, "", [erased.pseudonym or ""]))
    answer = await world.search.vector_search(OTHER, vector, None, 2)
    assert (answer.hits[0].entry_id, answer.hits[0].title) == ("about", title)
    new = await world.build()
    store = IndexStore()
    async with registry.database.transaction() as connection:
        erased_xid = await store.let_go_of_erased(connection)
        going = superseded(await store.list_versions(connection), 3, erased_xid)
        assert [item.version for item in going] == [old[1].version, old[0].version]
        assert all([await store.remove(connection, item.version) for item in going])
        assert [item.version for item in await store.list_versions(connection)] == [new.version]


async def _seal_as_before(registry: Registry, dsn: str) -> None:
    """Make the rows and seals what they were before rows had salts."""
    connection = await asyncpg.connect(dsn)
    store = AuditStore()
    try:
        await connection.execute("set session_replication_role = replica")
        await connection.execute("update audit set salt = null")
        async with connection.transaction():
            seals = [seal async for seal in store.stream_seals(connection)]
            head = SealHead()
            await connection.execute("delete from audit_seal")
            for seal in seals:
                rows = await store.fetch_rows_between(connection, head.last, seal.last)
                bare = replace(seal, personal=None, previous=head.seal, seal=b"")
                whole = replace(bare, seal=bare._computed(rows, None))
                await store.insert_seal(connection, whole)
                head = whole.head
    finally:
        await connection.close()


async def test_a_log_sealed_before_there_were_salts_verifies_after_an_erasure(
    registry: Registry, dsn: str
):
    await leave_traces(registry)
    await _seal_as_before(registry, dsn)
    noted = bytes.fromhex((await registry.audit.verify(OTHER)).head)
    await registry.erasures.erase(OTHER, erasure(redact_text=True))
    assert await places_of(registry.database, NAMES) == {}
    await registry.audit.seal()
    report = await registry.audit.verify(OTHER, noted)
    assert (report.valid, report.unsealed_rows) == (True, 0), report.faults
    assert report.replaced_seals >= 3
    await _as_owner(dsn, TAMPERING["a pseudonymised actor"])
    assert not (await registry.audit.verify(OTHER)).valid
