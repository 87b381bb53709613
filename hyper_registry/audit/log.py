"""The audit log: listed, exported, verified, sealed and pruned."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from hyper_registry.audit.verification import SealKey, verify
from hyper_registry.domain.audit import (
    AuditFilter,
    AuditPage,
    AuditPosition,
    AuditRecord,
    AuditReport,
    Seal,
    checkpoint_mac,
)
from hyper_registry.domain.errors.audit import AuditSealingError, AuditTamperedError
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.scope import Scope
from hyper_registry.storage.audit_store import AuditStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore

_logger = logging.getLogger(__name__)

_SEALED_TOGETHER = 500
_PRUNED_TOGETHER = 100
_EXPORTED_TOGETHER = 1_000
_PRUNING_INTERVAL_S = 3_600.0
_RETENTION = Principal("retention", Role.ADMIN)


class AuditLog:
    """What was done in the registry, on behalf of a principal who may know.

    Parameters
    ----------
    key
        Key of the seals.
    keep_days
        Days after which `keep_sealed` prunes; None keeps all.
    """

    def __init__(
        self,
        database: Database,
        store: AuditStore,
        journal: JournalStore,
        key: SealKey | None = None,
        *,
        keep_days: float | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._journal = journal
        self._key = key or SealKey()
        self._keep_days = keep_days

    async def page(
        self, principal: Principal, wanted: AuditFilter, before: int | None, limit: int
    ) -> AuditPage:
        """Read rows, newest first, from before one number on.

        Raises
        ------
        PermissionDeniedError
            If the caller is neither auditor nor administrator.
        """
        principal.require(Scope.AUDIT_READ, "read the audit log")
        async with self._database.connection() as connection:
            rows = await self._store.fetch_page(connection, wanted, before, limit)
        last = rows[-1].position.audit_no if len(rows) == limit else None
        return AuditPage(items=[AuditRecord.of(row) for row in rows], next_before=last)

    async def export(
        self, principal: Principal, wanted: AuditFilter
    ) -> AsyncGenerator[list[AuditRecord]]:
        """Yield pages of rows in the order in which they are sealed, up to now.

        Raises
        ------
        PermissionDeniedError
            If the caller is neither auditor nor administrator.
        """
        principal.require(Scope.AUDIT_READ, "export the audit log")
        after = AuditPosition()
        while True:
            async with self._database.connection() as connection:
                rows = await self._store.export_page(connection, wanted, after, _EXPORTED_TOGETHER)
            if not rows:
                return
            yield [AuditRecord.of(row) for row in rows]
            after = rows[-1].position

    async def verify(self, principal: Principal, expected: bytes | None = None) -> AuditReport:
        """Compare all rows with their seals, see `hyper_registry.audit.verification.verify`.

        Raises
        ------
        PermissionDeniedError
            If the caller is neither auditor nor administrator.
        """
        principal.require(Scope.AUDIT_READ, "verify the audit log")
        return await self._verify(expected=expected)

    async def prune(
        self, principal: Principal, before: datetime, *, request_id: str | None = None
    ) -> int:
        """Remove whole seals made before a time with their rows, and return how many rows.

        What goes is verified first: pruning must not remove the traces of tampering.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        AuditTamperedError
            If what would go is not as it was sealed.
        """
        principal.require(Role.ADMIN, "prune the audit log")
        pruned = 0
        while True:
            async with self._database.connection() as connection:
                boundary = await self._store.fetch_prunable(connection, before, _PRUNED_TOGETHER)
            if boundary is None:
                return pruned
            report = await self._verify(up_to=boundary)
            if report.faults:
                raise AuditTamperedError(report.faults[0].seal_no, report.faults[0].reason)
            pruned += await self._prune_to(boundary, principal, request_id)

    async def seal(self) -> int:
        """Seal what no transaction still running can precede; return how many rows.

        One process at a time does so; where another one is at it, nothing is done. Writers never
        wait for it.

        Raises
        ------
        AuditSealingError
            If transaction ids have restarted below those that are sealed.
        """
        sealed = 0
        while True:
            async with self._database.transaction() as connection:
                if not await self._store.try_lead(connection):
                    return sealed
                head = await self._store.fetch_head(connection)
                rows = await self._store.fetch_unsealed(connection, head.last, _SEALED_TOGETHER)
                if not rows:
                    horizon = await self._store.fetch_horizon(connection)
                    if horizon <= head.last.xid:
                        raise AuditSealingError(head.seal_no, head.last.xid, horizon)
                    return sealed
                seal = Seal.of(rows, head, datetime.now(UTC), self._key.secret)
                await self._store.insert_seal(connection, seal)
            _logger.info(
                "Sealed %d audit rows by seal %d: %s", len(rows), seal.seal_no, seal.seal.hex()
            )
            sealed += len(rows)
            if len(rows) < _SEALED_TOGETHER:
                return sealed

    async def keep_sealed(self, *, interval_s: float = 1.0) -> NoReturn:
        """Seal again and again, and prune what is too old, until cancelled."""
        loop = asyncio.get_running_loop()
        pruned_at = -_PRUNING_INTERVAL_S
        while True:
            try:
                await self.seal()
                if self._keep_days is not None and loop.time() - pruned_at >= _PRUNING_INTERVAL_S:
                    pruned_at = loop.time()
                    oldest = datetime.now(UTC) - timedelta(days=self._keep_days)
                    await self.prune(_RETENTION, oldest)
            except RegistryError:
                _logger.exception("Sealing or pruning the audit log failed; trying again")
            await asyncio.sleep(interval_s)

    async def _verify(
        self, *, expected: bytes | None = None, up_to: Seal | None = None
    ) -> AuditReport:
        async with self._database.snapshot() as connection:
            return await verify(
                self._store.stream_seals(connection, None if up_to is None else up_to.seal_no),
                self._store.stream_rows(connection),
                await self._store.fetch_checkpoint(connection),
                self._key,
                replacements=await self._store.fetch_replacements(connection),
                expected=expected,
                whole=up_to is None,
            )

    async def _prune_to(self, boundary: Seal, principal: Principal, request_id: str | None) -> int:
        mac = checkpoint_mac(boundary.head, self._key.secret)
        async with self._database.transaction() as connection:
            await self._store.lead(connection)
            rows = await self._store.prune(connection, boundary.seal_no, mac)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="audit.prune",
                target=str(boundary.seal_no),
                request_id=request_id,
                before_hash=boundary.seal,
                detail={"rows": rows},
            )
            return rows
