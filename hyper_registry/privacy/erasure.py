"""Erasure of a person on request: across tables, history, audit log and vectors."""

import logging
import secrets

from hyper_registry.audit.log import AuditLog
from hyper_registry.audit.pseudonyms import AuditPseudonyms
from hyper_registry.catalog.batch_digest import batch_digest
from hyper_registry.domain.erasure import (
    FOUND_TOLD,
    Erasure,
    ErasurePage,
    ErasureReport,
    ErasureRequest,
    NamedEntry,
)
from hyper_registry.domain.errors.audit import AuditTamperedError
from hyper_registry.domain.errors.compliance import ErasureNotFoundError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.person import Person, distinct_names, new_pseudonym
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.scope import Scope
from hyper_registry.privacy.contents import ContentErasure, ErasedContents
from hyper_registry.storage.audit_store import AuditStore
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.erasure_store import ErasureStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.type_store import TypeStore

_logger = logging.getLogger(__name__)

_VERIFIER = Principal("registry", Role.ADMIN)


class _TakenBackError(Exception):
    """Ends a transaction, or a part of it, that is to leave nothing."""


class ErasureService:
    """Erases persons on behalf of administrators.

    An erasure is one transaction, so it has happened as a whole or not at all; only the keys are
    revoked before it, so that the person writes nothing meanwhile. A trial is the same transaction,
    taken back at its end.
    """

    def __init__(
        self,
        database: Database,
        store: ErasureStore,
        contents: ContentErasure,
        audit: AuditLog,
        audit_store: AuditStore,
        pseudonyms: AuditPseudonyms,
        types: TypeStore,
        journal: JournalStore,
    ) -> None:
        self._database = database
        self._store = store
        self._contents = contents
        self._audit = audit
        self._audit_store = audit_store
        self._pseudonyms = pseudonyms
        self._types = types
        self._journal = journal

    async def erase(
        self, principal: Principal, request: ErasureRequest, *, request_id: str | None = None
    ) -> Erasure:
        """Erase a person, or with `dry_run` tell what that would touch.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        InvalidFieldError
            If the caller is the person, or a name is one that the registry itself acts under.
        AuditTamperedError
            If the audit log is not as it was sealed: an erasure would cover it up.
        """
        _require(principal, "erase persons")
        names = distinct_names(request.names)
        _check_names(principal, names)
        person = Person(names, request.pseudonym or new_pseudonym())
        if request.dry_run:
            report = await self._tried(principal, person, request, request_id)
            return Erasure(
                erasure_id=None,
                pseudonym=None,
                reason=person.redacted_text(request.reason),
                requested_by=principal.name,
                erased_at=None,
                report=report,
            )
        async with self._database.transaction() as connection:
            revoked = await self._store.revoke_keys(connection, person)
        async with self._database.transaction() as connection:
            # From here on nobody seals or prunes, so what is verified stays so.
            await self._audit_store.lead(connection)
            await self._verify_audit()
            erasure = await self._erased(
                connection, principal, person, request, request_id, revoked=revoked
            )
        _logger.info("Erased a person as %s: %s", person.pseudonym, erasure.report.changed)
        return erasure

    async def get(self, principal: Principal, erasure_id: str) -> Erasure:
        """Read an erasure.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        ErasureNotFoundError
            If there is none of this id.
        """
        _require(principal, "read erasures")
        async with self._database.connection() as connection:
            found = await self._store.fetch_erasure(connection, erasure_id)
        if found is None:
            raise ErasureNotFoundError(erasure_id)
        return found

    async def page(
        self, principal: Principal, before: str | None = None, limit: int = 100
    ) -> ErasurePage:
        """Read erasures, newest first, from before one on.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        """
        _require(principal, "list erasures")
        async with self._database.connection() as connection:
            items = await self._store.list_erasures(connection, before, limit)
        return ErasurePage(
            items=items, next_before=items[-1].erasure_id if len(items) == limit else None
        )

    async def _tried(
        self,
        principal: Principal,
        person: Person,
        request: ErasureRequest,
        request_id: str | None,
    ) -> ErasureReport:
        report: ErasureReport | None = None
        try:
            async with self._database.transaction() as connection:
                await self._audit_store.lead(connection)
                revoked = await self._store.revoke_keys(connection, person)
                erasure = await self._erased(
                    connection, principal, person, request, request_id, revoked=revoked
                )
                report = erasure.report
                raise _TakenBackError
        except _TakenBackError:
            assert report is not None
        return report

    async def _verify_audit(self) -> None:
        report = await self._audit.verify(_VERIFIER)
        if not report.valid:
            fault = report.faults[0]
            raise AuditTamperedError(fault.seal_no, fault.reason)

    async def _erased(
        self,
        connection: Connection,
        principal: Principal,
        person: Person,
        request: ErasureRequest,
        request_id: str | None,
        *,
        revoked: int,
    ) -> Erasure:
        erasure_id = f"era_{secrets.token_hex(12)}"
        actor = principal.name
        kept_ids = await self._store.list_kept_ids(connection, person)
        # Contents first: what they were becomes versions, which the names are then erased from.
        contents = await self._contents.erase(
            connection, person, actor, redact_text=request.redact_text
        )
        found, checksums = await self._redacted(connection, person, actor, keep=request.redact_text)
        webhooks = await self._store.stop_webhooks(connection, person)
        bindings = await self._store.remove_bindings(connection, person)
        changed = await self._store.replace_names(connection, person, kept_ids, actor)
        checksums |= contents.checksums
        checksums |= await self._changes_told(connection, checksums)
        rows, seals = await self._pseudonyms.erase(
            connection, person, kept_ids, checksums, actor=actor, erasure_id=erasure_id
        )
        report = ErasureReport(
            dry_run=request.dry_run,
            redact_text=request.redact_text,
            changed=_added(
                changed,
                {
                    "entry": contents.entries,
                    "entry_version": contents.versions,
                    "audit": rows,
                    "role_binding": bindings,
                },
                found if request.redact_text else {},
            ),
            found=_added(
                found,
                {"entry": contents.entries_found, "entry_version": contents.versions_found},
            ),
            entries=_named(contents),
            entries_found=len(contents.found),
            kept_ids=kept_ids[:FOUND_TOLD],
            kept_handles=await self._store.list_kept_handles(connection, person, FOUND_TOLD),
            unread_sealed=contents.unread,
            keys_revoked=revoked,
            webhooks_stopped=webhooks,
            bindings_removed=bindings,
            seals_replaced=seals,
            stale_index_versions=await self._store.list_stale_indexes(connection),
        )
        reason = person.redacted_text(request.reason)
        erasure = await self._store.insert_erasure(
            connection, erasure_id, person.pseudonym, reason, actor, report
        )
        await self._journal.append_audit(
            connection,
            actor=actor,
            action="erasure.run",
            target=erasure_id,
            request_id=None if request_id is None else person.redacted_text(request_id),
            detail={
                "pseudonym": person.pseudonym,
                "redact_text": request.redact_text,
                "changed": report.changed,
            },
        )
        return erasure

    async def _changes_told(
        self, connection: Connection, checksums: dict[bytes, bytes]
    ) -> dict[bytes, bytes]:
        """Let the change log tell present checksums; return the present hashes of batches."""
        if not checksums:
            return {}
        former = await self._store.fetch_batches(connection, list(checksums))
        await self._store.write_checksums(connection, checksums)
        present = await self._store.fetch_batches(connection, list(checksums.values()))
        return {
            batch_digest(written): batch_digest(present[batch])
            for batch, written in former.items()
            if batch in present
        }

    async def _redacted(
        self, connection: Connection, person: Person, actor: str, *, keep: bool
    ) -> tuple[dict[str, int], dict[bytes, bytes]]:
        """Redact texts beside entries, or only count those that hold a name."""
        found: dict[str, int] = {}
        checksums: dict[bytes, bytes] = {}
        try:
            async with connection.transaction():
                found, checksums = await self._store.redact_texts(connection, person, actor)
                if not keep:
                    raise _TakenBackError
        except _TakenBackError:
            return found, {}
        if found.keys() & {"category", "category_schema", "relationship_type"}:
            await self._types.advance(connection)
        return found, checksums


def _require(principal: Principal, action: str) -> None:
    principal.require(Role.ADMIN, action)
    principal.require(Scope.ERASURES_MANAGE, action)


def _check_names(principal: Principal, names: tuple[str, ...]) -> None:
    if principal.name in names:
        raise InvalidFieldError(
            "names",
            f"{principal.name!r} asks for the erasure, which names its actor",
            "Let another administrator ask for it.",
        )
    own = {"registry", "local", "retention"}.intersection(names)
    if own:
        raise InvalidFieldError(
            "names", f"{min(own)!r} is no person: the registry acts under it", "Leave it out."
        )


def _added(*counts: dict[str, int]) -> dict[str, int]:
    tables = sorted({table for each in counts for table in each})
    summed = {table: sum(each.get(table, 0) for each in counts) for table in tables}
    return {table: rows for table, rows in summed.items() if rows}


def _named(contents: ErasedContents) -> list[NamedEntry]:
    first = sorted(contents.found.items())[:FOUND_TOLD]
    return [NamedEntry(entry_id=id_, fields=tuple(sorted(fields))) for id_, fields in first]
