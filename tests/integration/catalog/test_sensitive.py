import json

import pytest

from configs.settings import DatabaseSettings, EncryptionKey, EncryptionSettings, Settings
from hyper_registry.catalog.sensitive import KeyRotation
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.types import MetadataInvalidError, SealedFieldError
from hyper_registry.domain.job import JobKind, JobState
from hyper_registry.domain.sealing import PLACEHOLDER, SEALED, KeyRing
from hyper_registry.domain.type_definitions import CategoryDraft
from hyper_registry.security.key_file import key_ring, new_key_material
from hyper_registry.storage.database import Database
from hyper_registry.storage.export_store import ExportStore
from hyper_registry.storage.sensitive_store import SensitiveStore
from jobs.driver import drive
from jobs.rotate_keys import rotate_keys
from tests.support.services import ADMIN, EDITOR, MODEL_ID, VIEWER, Services, build_services, draft

OLD, NEW = ("old", b"1" * 32), ("new", b"2" * 32)
SECRET = "hunter2-s3cret"


def _services(database: Database, *keys: tuple[str, bytes]) -> Services:
    return build_services(database, ring=KeyRing(list(keys or (OLD,))))


def _account(**fields: object):
    metadata = {"user": "u", "password": SECRET}
    return draft(**({"entry_id": "a", "metadata": metadata, "sensitive": ["/password"]} | fields))


async def _everything(database: Database) -> str:
    """All rows of all tables, as text."""
    async with database.connection() as connection:
        tables = await connection.fetch(
            "select tablename from pg_tables where schemaname = 'public'"
        )
        texts = [
            str(await connection.fetch(f"select t::text from {table['tablename']} t"))
            for table in tables
        ]
    return "\n".join(texts)


async def test_a_sensitive_field_is_nowhere_in_clear(database: Database):
    services = _services(database)
    written = await services.entries.register(EDITOR, _account())
    assert written.metadata == {"user": "u", "password": PLACEHOLDER}
    read = await services.entries.get(VIEWER, "a")
    assert read == written
    await services.entries.register_many(EDITOR, {1: _account(entry_id="b")})
    await services.entries.replace(EDITOR, "a", _account(title="Renamed"))
    async with database.transaction() as connection:
        pages = ExportStore().stream(
            connection, None, MODEL_ID, categories=None, links=False, page_rows=10
        )
        exported = [json.loads(entry.metadata) async for page in pages for entry in page]
    assert exported == [read.metadata] * 2
    stored = await _everything(database)
    assert "hunter2" not in stored
    assert SEALED in stored


async def test_only_administrators_see_it_in_clear_and_that_is_audited(database: Database):
    services = _services(database)
    await services.entries.register(EDITOR, _account())
    for name in ("a", "none"):
        with pytest.raises(PermissionDeniedError):
            await services.sensitive.reveal(EDITOR, name)
    entry = await services.sensitive.reveal(ADMIN, "a", request_id="r")
    assert entry.metadata == {"user": "u", "password": SECRET}
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "select actor, target, request_id, detail from audit where action = 'entry.reveal'"
        )
    assert row is not None
    assert tuple(row) == ("ada", "a", "r", {"fields": ["/password"]})


async def test_the_placeholder_sent_back_keeps_the_value(database: Database):
    services = _services(database)
    await services.entries.register(EDITOR, _account())
    read = await services.entries.get(EDITOR, "a")
    same = await services.entries.replace(EDITOR, "a", draft(metadata=read.metadata))
    assert same.version == 1
    renamed = draft(entry_id="a", title="Renamed", metadata=read.metadata | {"user": "v"})
    assert (await services.entries.replace(EDITOR, "a", renamed)).version == 2
    outcome = await services.entries.upsert_many(EDITOR, {1: renamed})
    assert outcome.unchanged == {1: "a"}
    again = renamed.model_copy(update={"title": "Again"})
    assert len((await services.entries.upsert_many(EDITOR, {1: again})).updated) == 1
    revealed = await services.sensitive.reveal(ADMIN, "a")
    assert revealed.metadata == {"user": "v", "password": SECRET}


async def test_what_was_sealed_once_stays_sealed_until_it_is_gone(database: Database):
    services = _services(database)
    await services.entries.register(EDITOR, _account())
    changed = draft(metadata={"user": "u", "password": "other"})
    shown = await services.entries.replace(EDITOR, "a", changed)
    assert shown.metadata["password"] == PLACEHOLDER
    revealed = await services.sensitive.reveal(ADMIN, "a")
    assert revealed.metadata["password"] == "other"
    without = await services.entries.replace(EDITOR, "a", draft(metadata={"user": "u"}))
    assert without.metadata == {"user": "u"}


async def test_equal_content_is_recognised_without_a_checksum_to_guess_at(database: Database):
    services = _services(database)
    written = await services.entries.register(EDITOR, _account())
    assert written.checksum_hex != _account().checksum.hex()
    assert (await services.entries.replace(EDITOR, "a", _account())).version == 1
    outcome = await services.entries.upsert_many(EDITOR, {1: _account()})
    assert outcome.unchanged == {1: "a"}
    # Also when the keys have changed and the entry is not rotated yet.
    later = _services(database, NEW, OLD)
    assert (await later.entries.replace(EDITOR, "a", _account())).version == 1
    assert (await later.entries.upsert_many(EDITOR, {1: _account()})).unchanged == {1: "a"}


async def test_forged_and_misplaced_values_are_refused(database: Database):
    services = _services(database)
    await services.entries.register(EDITOR, _account())
    async with database.connection() as connection:
        stolen = await connection.fetchval("select metadata from entry where entry_id = 'a'")
    for metadata, reason in (
        (stolen, "reserved"),
        ({"deep": {SEALED: "x"}}, "reserved"),
        ({"password": PLACEHOLDER}, "nothing is sealed there"),
    ):
        entry = draft(entry_id="b", metadata=metadata)
        with pytest.raises(SealedFieldError, match=reason):
            await services.entries.register(EDITOR, entry)
        for write in (services.entries.register_many, services.entries.upsert_many):
            outcome = await write(EDITOR, {1: entry})
            refused = outcome[1] if isinstance(outcome, tuple) else outcome.refused
            assert isinstance(refused[1], SealedFieldError)
    with pytest.raises(SealedFieldError, match="no place in the metadata"):
        await services.entries.register(EDITOR, _account(entry_id="b", sensitive=["/none"]))


async def test_the_schema_of_a_category_marks_what_is_sensitive(database: Database):
    services = _services(database)
    await services.categories.create(ADMIN, CategoryDraft(name="account"))
    token = {"type": "string", "minLength": 5, "x-sensitive": True}
    schema = {"properties": {"tokens": {"type": "array", "items": token}}}
    await services.categories.put_schema(ADMIN, "account", schema)
    entry = draft(entry_id="t", category="account", metadata={"tokens": [SECRET, "other"]})
    assert (await services.entries.register(EDITOR, entry)).metadata == {
        "tokens": [PLACEHOLDER, PLACEHOLDER]
    }
    # The schema judges the clear value, and its verdict does not tell it.
    read = await services.entries.get(EDITOR, "t")
    await services.entries.replace(
        EDITOR, "t", draft(category="account", title="B", metadata=read.metadata)
    )
    short = draft(category="account", metadata={"tokens": ["abc1"]})
    with pytest.raises(MetadataInvalidError) as caught:
        await services.entries.replace(EDITOR, "t", short)
    assert "abc1" not in f"{caught.value} {caught.value.args}"
    report = await services.categories.put_schema(ADMIN, "account", schema, dry_run=True)
    assert (report.checked, report.invalid_count) == (1, 0)


async def test_without_a_key_nothing_sensitive_is_stored(database: Database):
    services = build_services(database)
    with pytest.raises(SealedFieldError, match="no key is configured"):
        await services.entries.register(EDITOR, _account())
    await services.entries.register(EDITOR, _account(sensitive=[]))


async def test_a_rotation_seals_entries_and_their_history_with_the_active_key(database: Database):
    services = _services(database)
    for name in ("a", "b", "gone"):
        await services.entries.register(EDITOR, _account(entry_id=name))
    await services.entries.replace(EDITOR, "a", _account(title="Renamed"))
    await services.entries.delete(EDITOR, "gone")
    before = await services.history.list_versions(ADMIN, "a")
    checksums = {version.checksum_hex for version in before.items}
    rotation = KeyRotation(database, SensitiveStore(), KeyRing([NEW, OLD]))
    # Broken off after one entry, then begun anew.
    first = await rotation.entries(0, 1)
    assert (first.seen, first.resealed) == (1, 1)
    counts = [await rotation.entries(0, 10), await rotation.versions((0, 0), 1)]
    counts.append(await rotation.versions(counts[-1].after, 10))
    assert [(step.seen, step.resealed) for step in counts] == [(3, 2), (1, 1), (1, 1)]
    after = _services(database, NEW)
    revealed = await after.sensitive.reveal(ADMIN, "a")
    assert (revealed.metadata["password"], revealed.version) == (SECRET, 2)
    assert (await after.entries.replace(EDITOR, "a", _account(title="Renamed"))).version == 2
    assert '"old"' not in (await _everything(database)).replace("\\", "")
    # Under the key that was given up, no guess can be tried against a checksum either.
    page = await services.history.list_versions(ADMIN, "a")
    assert checksums.isdisjoint(version.checksum_hex for version in page.items)


async def test_the_job_rotates_all_and_then_finds_nothing(database: Database, dsn: str, tmp_path):
    from pydantic import SecretStr

    def settings(*names: str) -> Settings:
        return Settings(
            home=tmp_path,
            database=DatabaseSettings(url=SecretStr(dsn)),
            encryption=EncryptionSettings(keys=tuple(keys[name] for name in names)),
        )

    keys = {
        name: EncryptionKey(id=name, material=SecretStr(new_key_material()))
        for name in ("old", "new")
    }
    services = build_services(database, ring=key_ring(settings("old")))
    for number in range(3):
        await services.entries.register(EDITOR, _account(entry_id=f"e{number}"))
    await services.entries.replace(EDITOR, "e1", _account(title="Renamed"))
    job = await drive(JobKind.ROTATE_KEYS, rotate_keys, settings("new", "old"))
    assert (job.state, job.done, job.total) == (JobState.SUCCEEDED, 4, 4)
    assert (job.result["resealed"], job.result["active_key"]) == (4, "new")
    again = await drive(JobKind.ROTATE_KEYS, rotate_keys, settings("new"))
    assert again.result["resealed"] == 0
    after = build_services(database, ring=key_ring(settings("new")))
    assert (await after.sensitive.reveal(ADMIN, "e1")).metadata["password"] == SECRET


async def test_a_restored_version_brings_back_its_own_secret(database: Database):
    services = _services(database)
    await services.entries.register(EDITOR, _account(entry_id="a"))
    present = await services.entries.replace(
        EDITOR, "a", _account(metadata={"user": "rosa", "password": "another"})
    )
    assert (await services.entries.patch(EDITOR, "a", {"title": "Renamed"})).metadata == (
        present.metadata
    )
    assert (await services.sensitive.reveal(ADMIN, "a")).metadata["password"] == "another"
    first = await services.history.get_version(EDITOR, "a", 1)
    assert first.metadata["password"] == PLACEHOLDER
    restored = await services.entries.restore(EDITOR, first)
    assert (restored.version, restored.metadata["password"]) == (4, PLACEHOLDER)
    assert (await services.sensitive.reveal(ADMIN, "a")).metadata["password"] == SECRET
    difference = await services.history.diff(EDITOR, "a", 1, 2)
    assert SECRET not in difference.model_dump_json()
    assert SECRET not in await _everything(database)
