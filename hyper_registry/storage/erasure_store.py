"""Erasing a person from every table but the audit log, which has a store of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.erasure import Erasure, ErasureReport
from hyper_registry.domain.identifiers import EntryId, EntryKey
from hyper_registry.domain.person import Person
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries
from hyper_registry.storage.role_store import ACCESS_CHANGES, EVERY_CALLER

_SQL = load_queries("erasure")


@dataclass(frozen=True, slots=True)
class HeldContent:
    """What people wrote of an entry or of a version of it, held until the transaction ends.

    Attributes
    ----------
    version
        None for the present one.
    """

    key: EntryKey
    version: int | None
    entry_id: EntryId
    draft: EntryDraft
    checksum: bytes


class ErasureStore:
    """Persons in Postgres; takes a connection and never commits."""

    async def revoke_keys(self, connection: Connection, person: Person) -> int:
        """Revoke the keys of a person, of which all processes hear, and return how many."""
        row = await connection.fetchrow(
            _SQL["revoke_keys"], list(person.names), ACCESS_CHANGES, EVERY_CALLER
        )
        assert row is not None
        return int(row["revoked"])

    async def stop_webhooks(self, connection: Connection, person: Person) -> int:
        """Stop the webhooks of a person and return how many."""
        return _count(
            await connection.execute(
                _SQL["stop_webhooks"], list(person.names), person.sql_pattern, person.pseudonym
            )
        )

    async def remove_bindings(self, connection: Connection, person: Person) -> int:
        """Remove the namespace roles of a person and return how many."""
        return _count(await connection.execute(_SQL["remove_bindings"], list(person.names)))

    async def replace_names(
        self, connection: Connection, person: Person, kept_ids: Sequence[str], actor: str
    ) -> dict[str, int]:
        """Replace a person in every column that holds names, or what the registry wrote down.

        Returns
        -------
        dict
            How many rows changed, by table.
        """
        names, pseudonym = list(person.names), person.pseudonym
        pattern, mention = person.sql_pattern, person.sql_mention
        named = (names, pseudonym)
        steps: list[tuple[str, str, tuple[Any, ...]]] = [
            ("api_key", _SQL["name_api_key"], named),
            ("category", _SQL["name_category"], named),
            ("category_schema", _SQL["name_category_schema"], named),
            ("change", _SQL["name_change"], (*named, pattern, list(kept_ids))),
            ("compliance_assessment", _SQL["name_compliance_assessment"], (*named, actor)),
            ("compliance_assessment", _SQL["sign_compliance_assessment"], named),
            (
                "compliance_assessment_history",
                _SQL["name_compliance_assessment_history"],
                named,
            ),
            ("compliance_framework", _SQL["name_compliance_framework"], named),
            ("duplicate_rejection", _SQL["name_duplicate_rejection"], named),
            ("entry", _SQL["name_entry"], named),
            ("entry_merge", _SQL["name_entry_merge"], (*named, person.grants)),
            ("entry_merge_relationship", _SQL["name_entry_merge_relationship"], named),
            ("entry_name", _SQL["name_entry_name"], named),
            ("entry_review", _SQL["name_entry_review"], (*named, person.grants, pattern, mention)),
            ("entry_review_decision", _SQL["name_entry_review_decision"], named),
            ("entry_version", _SQL["name_entry_version"], named),
            ("erasure", _SQL["name_erasure"], (*named, pattern)),
            ("idempotency", _SQL["name_idempotency"], (*named, mention)),
            ("job", _SQL["name_job"], (*named, pattern, mention)),
            ("namespace", _SQL["name_namespace"], named),
            ("relationship", _SQL["name_relationship"], named),
            ("relationship_history", _SQL["name_relationship_history"], named),
            ("relationship_type", _SQL["name_relationship_type"], named),
            ("role", _SQL["name_role"], named),
            ("role_binding", _SQL["name_role_binding"], named),
            ("webhook", _SQL["name_webhook"], (*named, pattern)),
            ("webhook_delivery", _SQL["name_webhook_delivery"], (pseudonym, pattern, mention)),
        ]
        return await _performed(connection, steps)

    async def redact_texts(
        self, connection: Connection, person: Person, actor: str
    ) -> tuple[dict[str, int], dict[bytes, bytes]]:
        """Replace names in all texts that people wrote, but for entries.

        Returns
        -------
        tuple
            How many rows changed, by table; and the checksums of versions of relationships, the
            present ones by the former ones.
        """
        text = (person.pseudonym, person.sql_pattern)
        json = (*text, person.sql_mention)
        steps: list[tuple[str, str, tuple[Any, ...]]] = [
            ("category", _SQL["text_category"], text),
            ("category_schema", _SQL["text_category_schema"], json),
            ("compliance_assessment", _SQL["text_compliance_assessment"], (*json, actor)),
            (
                "compliance_assessment_history",
                _SQL["text_compliance_assessment_history"],
                json,
            ),
            ("compliance_control", _SQL["text_compliance_control"], text),
            ("compliance_framework", _SQL["text_compliance_framework"], text),
            ("entry_merge_relationship", _SQL["text_entry_merge_relationship"], json),
            ("namespace", _SQL["text_namespace"], text),
            ("entry_review", _SQL["text_entry_review"], text),
            ("entry_review_decision", _SQL["text_entry_review_decision"], text),
            # The present version becomes one of those that the next statement looks through.
            ("relationship", _SQL["text_relationship"], (*json, actor)),
            ("relationship_type", _SQL["text_relationship_type"], text),
            ("role", _SQL["text_role"], text),
            ("webhook", _SQL["text_webhook"], text),
        ]
        changed = await _performed(connection, steps)
        rows = await connection.fetch(_SQL["text_relationship_history"], *json)
        if rows:
            changed["relationship_history"] = len(rows)
        return changed, {bytes(row["former"]): bytes(row["present"]) for row in rows}

    async def lock_entries(
        self, connection: Connection, person: Person, after: int, limit: int
    ) -> list[HeldContent]:
        """Hold entries that may tell of a person, by rising key from after one on."""
        rows = await connection.fetch(_SQL["lock_entries"], *_conditions(person), after, limit)
        return [_content(row, None) for row in rows]

    async def write_entry(
        self,
        connection: Connection,
        held: HeldContent,
        draft: EntryDraft,
        checksum: bytes,
        actor: str,
    ) -> None:
        """Write a held entry anew, as its next version.

        Parameters
        ----------
        draft
            With its metadata as it is stored.
        """
        said, says = held.draft.embedding_input_hash, draft.embedding_input_hash
        if said != says:
            await connection.execute(_SQL["reword_rejections"], held.key, said, says)
        await connection.execute(
            _SQL["write_entry"],
            held.key,
            *_columns(draft),
            checksum,
            says,
            actor,
        )

    async def remove_stale_vectors(self, connection: Connection, keys: Sequence[EntryKey]) -> None:
        """Delete the vectors of texts that entries had before."""
        await connection.execute(_SQL["remove_stale_vectors"], list(keys))

    async def lock_versions(
        self, connection: Connection, person: Person, after: tuple[int, int], limit: int
    ) -> list[HeldContent]:
        """Hold versions that may tell of a person, by rising key and version from after one on."""
        rows = await connection.fetch(_SQL["lock_versions"], *_conditions(person), *after, limit)
        return [_content(row, row["version"]) for row in rows]

    async def write_version(
        self, connection: Connection, held: HeldContent, draft: EntryDraft, checksum: bytes
    ) -> None:
        """Write a held version anew."""
        await connection.execute(
            _SQL["write_version"], held.key, held.version, *_columns(draft), checksum
        )

    async def write_checksums(
        self, connection: Connection, checksums: Mapping[bytes, bytes]
    ) -> None:
        """Let the change log tell the present checksums in the place of the former ones."""
        if checksums:
            await connection.execute(
                _SQL["write_checksums"], list(checksums), list(checksums.values())
            )

    async def fetch_batches(
        self, connection: Connection, checksums: Sequence[bytes]
    ) -> dict[tuple[int, str], list[tuple[str, int, bytes]]]:
        """Return what each transaction wrote that wrote one of these contents.

        Returns
        -------
        dict
            By transaction and kind of subject: id, version and checksum, as `batch_digest` takes
            them.
        """
        batches: dict[tuple[int, str], list[tuple[str, int, bytes]]] = {}
        for row in await connection.fetch(_SQL["fetch_batches"], list(checksums)):
            written = (row["subject_id"], row["version"], bytes(row["checksum"] or b""))
            batches.setdefault((row["xid"], row["subject"]), []).append(written)
        return batches

    async def list_kept_ids(self, connection: Connection, person: Person) -> list[str]:
        """Return the ids of entries that hold a name."""
        rows = await connection.fetch(_SQL["list_kept_ids"], person.sql_pattern)
        return [row["entry_id"] for row in rows]

    async def list_kept_handles(
        self, connection: Connection, person: Person, limit: int
    ) -> list[str]:
        """Return namespaces and handles that hold a name."""
        rows = await connection.fetch(_SQL["list_kept_handles"], person.sql_pattern, limit)
        return [row["name"] for row in rows]

    async def list_stale_indexes(self, connection: Connection) -> list[int]:
        """Return the versions of the index whose files hold what was there before."""
        return [row["version"] for row in await connection.fetch(_SQL["list_stale_indexes"])]

    async def insert_erasure(
        self,
        connection: Connection,
        erasure_id: str,
        pseudonym: str,
        reason: str,
        requested_by: str,
        report: ErasureReport,
    ) -> Erasure:
        """Note an erasure."""
        erased_at = await connection.fetchval(
            _SQL["insert_erasure"],
            erasure_id,
            pseudonym,
            reason,
            requested_by,
            report.without_kept_ids().model_dump(mode="json"),
        )
        return Erasure(
            erasure_id=erasure_id,
            pseudonym=pseudonym,
            reason=reason,
            requested_by=requested_by,
            erased_at=erased_at,
            report=report,
        )

    async def fetch_erasure(self, connection: Connection, erasure_id: str) -> Erasure | None:
        """Read an erasure."""
        row = await connection.fetchrow(_SQL["fetch_erasure"], erasure_id)
        return None if row is None else Erasure.model_validate(dict(row))

    async def list_erasures(
        self, connection: Connection, before: str | None, limit: int
    ) -> list[Erasure]:
        """Read erasures, newest first, from before one on."""
        rows = await connection.fetch(_SQL["list_erasures"], before, limit)
        return [Erasure.model_validate(dict(row)) for row in rows]


async def _performed(
    connection: Connection, steps: Sequence[tuple[str, str, tuple[Any, ...]]]
) -> dict[str, int]:
    changed: dict[str, int] = {}
    for table, statement, arguments in steps:
        rows = _count(await connection.execute(statement, *arguments))
        if rows:
            changed[table] = changed.get(table, 0) + rows
    return changed


def _count(status: str) -> int:
    """Return the number of rows that Postgres tells of a statement."""
    return int(status.rpartition(" ")[2])


def _conditions(person: Person) -> tuple[Any, ...]:
    return list(person.names), person.grants, person.sql_pattern, person.sql_mention


def _content(row: asyncpg.Record, version: int | None) -> HeldContent:
    fields = dict(row)
    fields.pop("version", None)
    key, checksum = EntryKey(fields.pop("entry_key")), bytes(fields.pop("checksum"))
    security = {"visibility": fields.pop("visibility"), "readers": fields.pop("granted")}
    draft = EntryDraft.model_validate(fields | {"security": security})
    return HeldContent(key, version, EntryId(row["entry_id"]), draft, checksum)


def _columns(draft: EntryDraft) -> tuple[Any, ...]:
    deprecation = draft.deprecation
    return (
        draft.title,
        draft.description,
        draft.owner,
        list(draft.tags),
        draft.metadata,
        None if deprecation is None else deprecation.model_dump(mode="json"),
        list(draft.security.readers),
        draft.readers,
    )
