"""Verifying the chain of seals in one pass over the rows, in constant memory."""

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from hyper_registry.domain.audit import (
    PSEUDONYMISE,
    AuditFault,
    AuditReport,
    AuditRow,
    Checkpoint,
    Replacement,
    Seal,
    SealHead,
    checkpoint_mac,
)

_FAULTS_TOLD = 100


@dataclass(frozen=True, slots=True)
class SealKey:
    """The key of HMAC seals.

    Attributes
    ----------
    secret
        None seals by SHA-256 alone.
    from_seal
        The first seal that must be keyed: those before it were made before there was a key.
    """

    secret: bytes | None = None
    from_seal: int = 1

    def demands(self, seal_no: int) -> bool:
        """Whether a seal without the key is a forgery."""
        return self.secret is not None and seal_no >= self.from_seal


@dataclass(slots=True)
class _Findings:
    faults: list[AuditFault] = field(default_factory=list)
    rows: int = 0
    seals: int = 0
    found: int = 0

    def add(self, seal_no: int, reason: str) -> None:
        self.found += 1
        if len(self.faults) < _FAULTS_TOLD:
            self.faults.append(AuditFault(seal_no=seal_no, reason=reason))


class _LookAhead:
    """Rows that are taken only up to a position, and what they say of replacements."""

    def __init__(
        self, rows: AsyncIterator[AuditRow], replacements: Mapping[int, Replacement]
    ) -> None:
        self._rows = rows
        self._replacements = replacements
        self._vouched: dict[int, Any] = {}
        self._next: AuditRow | None = None

    def vouches_for(self, replacement: Replacement) -> bool:
        """Whether the last row that tells of a seal's replacement tells of this one."""
        return self._vouched.get(replacement.seal_no) == replacement.digest.hex()

    async def take(self, limit: SealHead | None) -> AsyncIterator[AuditRow]:
        """Yield the rows up to the end of `limit`, or all that are left."""
        while True:
            if self._next is None:
                self._next = await anext(self._rows, None)
            row = self._next
            if row is None or (limit is not None and row.position > limit.last):
                return
            self._next = None
            if row.action == PSEUDONYMISE and self._replacements:
                self._note_vouched(row)
            yield row

    def _note_vouched(self, row: AuditRow) -> None:
        told: dict[str, Any] = json.loads(row.detail)
        seals = told.get("seals")
        if not isinstance(seals, dict):
            return  # no row that the registry wrote
        vouched = cast("dict[str, Any]", seals)
        for replacement in self._replacements.values():
            digest = vouched.get(str(replacement.seal_no))
            if digest is not None:
                self._vouched[replacement.seal_no] = digest


async def verify(
    seals: AsyncIterator[Seal],
    rows: AsyncIterator[AuditRow],
    checkpoint: Checkpoint | None,
    key: SealKey,
    *,
    replacements: Mapping[int, Replacement] | None = None,
    expected: bytes | None = None,
    whole: bool = True,
) -> AuditReport:
    """Compare all rows with their seals, and the seals with each other.

    Finds rows that were changed, removed, inserted or exchanged since they were sealed, seals that
    were removed or made anew, and with `expected` a log that ends before a seal noted earlier.

    Parameters
    ----------
    seals, rows
        In their order, as of one moment.
    replacements
        What the rows of seals are since persons were erased, by the seal's number. Each must be the
        one that a later row of the log vouches for.
    expected
        A seal noted elsewhere: it must be in the chain.
    whole
        Whether `seals` are all there are, so that further rows are unsealed rather than sealed
        later.
    """
    findings = _Findings()
    head = SealHead() if checkpoint is None else checkpoint.head
    if (
        checkpoint is not None
        and key.demands(head.seal_no)
        and checkpoint.mac != checkpoint_mac(head, key.secret)
    ):
        findings.add(head.seal_no, "the checkpoint of pruning was not made with the key")
    met = expected is None or expected == head.seal
    replaced = replacements or {}
    used: list[Replacement] = []
    ahead = _LookAhead(rows, replaced)
    if checkpoint is not None:
        stray = [row async for row in ahead.take(head)]
        if stray:
            findings.add(head.seal_no, f"{len(stray)} rows lie before the checkpoint of pruning")
    async for seal in seals:
        if seal.seal_no != head.seal_no + 1:
            findings.add(seal.seal_no, f"the seals after {head.seal_no} are missing")
        elif seal.previous != head.seal:
            findings.add(seal.seal_no, "it does not continue the seal before it")
        if seal.last <= head.last:
            findings.add(seal.seal_no, "it ends before the seal before it")
        covered = [row async for row in ahead.take(seal.head)]
        replacement = replaced.get(seal.seal_no)
        if replacement is not None:
            used.append(replacement)
        _compare(seal, covered, key, findings, replacement)
        findings.seals += 1
        findings.rows += len(covered)
        met = met or expected == seal.seal
        head = seal.head
    if not met and expected is not None:
        findings.add(head.seal_no, f"the expected seal {expected.hex()} is not in the log")
    unsealed = 0
    if whole or used:
        async for _row in ahead.take(None):
            unsealed += 1
    for replacement in itertools.filterfalse(ahead.vouches_for, used):
        reason = "its rows were replaced, and no erasure in the log vouches for them"
        findings.add(replacement.seal_no, reason)
    return AuditReport(
        valid=not findings.found,
        rows=findings.rows,
        seals=findings.seals,
        unsealed_rows=unsealed if whole else 0,
        replaced_seals=len(used),
        pruned_rows=0 if checkpoint is None else checkpoint.pruned_rows,
        head=head.seal.hex(),
        head_no=head.seal_no,
        faults=tuple(findings.faults),
    )


def _compare(
    seal: Seal,
    covered: list[AuditRow],
    key: SealKey,
    findings: _Findings,
    replacement: Replacement | None,
) -> None:
    if replacement is not None:
        if key.demands(seal.seal_no) and not replacement.keyed:
            findings.add(seal.seal_no, "its rows were replaced without the key")
        if replacement.keyed and key.secret is None:
            findings.add(seal.seal_no, "its rows were replaced with a key that is not configured")
            return
    if key.demands(seal.seal_no) and not seal.keyed:
        findings.add(seal.seal_no, "it was made without the key")
    if seal.keyed and key.secret is None:
        findings.add(seal.seal_no, "it was made with a key, which is not configured here")
        return
    if len(covered) < seal.row_count:
        findings.add(seal.seal_no, f"{seal.row_count - len(covered)} rows were removed")
    elif len(covered) > seal.row_count:
        findings.add(seal.seal_no, f"{len(covered) - seal.row_count} rows were inserted")
    elif not seal.matches(covered, key.secret, replacement):
        findings.add(seal.seal_no, f"it or one of its {seal.row_count} rows was changed")
