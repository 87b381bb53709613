"""The audit log: what was done by whom, and the chain of seals that shows tampering.

A seal is a SHA-256 over the seal before it and the canonical bytes of the rows it covers, or an
HMAC-SHA256 of the same where a key is configured. What may tell of a person enters it as a digest
of its own, so that it can be replaced when the person is erased, and the rest stays sealed. The
bytes are defined here and nowhere else, so sealing and verifying cannot drift apart.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

from pydantic import BaseModel, ConfigDict

from hyper_registry.domain.errors.input import InvalidQueryError

_WHOLE_SEAL = b"hyper-registry audit seal 1"
_SEAL = b"hyper-registry audit seal 2"
_REPLACEMENT = b"hyper-registry audit replacement 1"
_CHECKPOINT = b"hyper-registry audit checkpoint 1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GENESIS = bytes(32)
"""What stands in place of the seal before the first one."""

PSEUDONYMISE = "audit.pseudonymise"
"""Action of the rows that vouch for replacements, in the detail ``seals``: digests by number."""


class Outcome(StrEnum):
    """How an operation ended."""

    OK = "ok"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, order=True)
class AuditPosition:
    """A place in the order in which rows are sealed; the default is before all of them."""

    xid: int = 0
    audit_no: int = 0


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the audit log as it is stored.

    Attributes
    ----------
    detail
        JSON text of an object.
    salt
        Random bytes, without which no guess at a name can be tried against the seal; None in rows
        from before there were any.
    """

    position: AuditPosition
    occurred_at: datetime
    actor: str
    action: str
    target: str | None
    outcome: str
    request_id: str | None
    before_hash: bytes | None
    after_hash: bytes | None
    detail: str
    salt: bytes | None = None

    @property
    def canonical(self) -> bytes:
        """The bytes that a seal of whole rows covers: each field with its length, in a fixed order.

        Independent of how Postgres or a JSON library prints: times are microseconds since 1970,
        numbers are in their shortest exact form and keys of objects are sorted.
        """
        detail = json.loads(self.detail, parse_int=Decimal, parse_float=Decimal)
        return _fields(
            str(self.position.xid).encode(),
            str(self.position.audit_no).encode(),
            _microseconds(self.occurred_at),
            self.actor.encode(),
            self.action.encode(),
            _text(self.target),
            self.outcome.encode(),
            _text(self.request_id),
            self.before_hash,
            self.after_hash,
            _json(detail),
        )

    @property
    def impersonal(self) -> bytes:
        """The bytes of what tells of nobody, and so is never replaced."""
        return _fields(
            str(self.position.xid).encode(),
            str(self.position.audit_no).encode(),
            _microseconds(self.occurred_at),
            self.action.encode(),
            self.outcome.encode(),
        )

    @property
    def personal(self) -> bytes:
        """The bytes of what may tell of a person, hashes of what the person wrote included."""
        detail = json.loads(self.detail, parse_int=Decimal, parse_float=Decimal)
        return _fields(
            self.salt,
            self.actor.encode(),
            _text(self.target),
            _text(self.request_id),
            self.before_hash,
            self.after_hash,
            _json(detail),
        )


@dataclass(frozen=True, slots=True)
class SealHead:
    """The end of the chain: what the next seal continues."""

    seal_no: int = 0
    seal: bytes = GENESIS
    last: AuditPosition = AuditPosition()


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of the chain.

    Attributes
    ----------
    last
        Position of the last row covered; the first is the one after the last of the seal before.
    keyed
        Whether `seal` is an HMAC.
    personal
        SHA-256 over what of its rows may tell of a person, when it was made; None for one that
        covers whole rows.
    """

    seal_no: int
    previous: bytes
    seal: bytes
    keyed: bool
    last: AuditPosition
    row_count: int
    sealed_at: datetime
    personal: bytes | None = None

    @property
    def head(self) -> SealHead:
        """The chain that ends here."""
        return SealHead(self.seal_no, self.seal, self.last)

    def matches(
        self, rows: Sequence[AuditRow], key: bytes | None, replacement: "Replacement | None" = None
    ) -> bool:
        """Whether the seal is the one of `rows`, of which a replacement may have changed parts."""
        if replacement is not None:
            expected = Replacement.of(self, rows, key if replacement.keyed else None).digest
            if not hmac.compare_digest(replacement.digest, expected):
                return False
            # Of whole rows, nothing is left that the seal could be compared with.
            return self.personal is None or hmac.compare_digest(
                self.seal, self._computed(rows, key)
            )
        if self.personal is not None and not hmac.compare_digest(self.personal, _personal(rows)):
            return False
        return hmac.compare_digest(self.seal, self._computed(rows, key))

    def _computed(self, rows: Iterable[AuditRow], key: bytes | None) -> bytes:
        header = _fields(
            _WHOLE_SEAL if self.personal is None else _SEAL,
            self.previous,
            b"keyed" if self.keyed else b"plain",
            str(self.seal_no).encode(),
            str(self.last.xid).encode(),
            str(self.last.audit_no).encode(),
            str(self.row_count).encode(),
            _microseconds(self.sealed_at),
        )
        digest = (
            hmac.new(key or b"", header, hashlib.sha256) if self.keyed else hashlib.sha256(header)
        )
        for row in rows:
            digest.update(_fields(row.canonical if self.personal is None else row.impersonal))
        if self.personal is not None:
            digest.update(_fields(self.personal))
        return digest.digest()

    @classmethod
    def of(
        cls, rows: list[AuditRow], after: SealHead, sealed_at: datetime, key: bytes | None
    ) -> "Seal":
        """Seal `rows`, at least one, in their order."""
        unsealed = cls(
            after.seal_no + 1,
            after.seal,
            b"",
            key is not None,
            rows[-1].position,
            len(rows),
            sealed_at,
            _personal(rows),
        )
        return cls(
            unsealed.seal_no,
            unsealed.previous,
            unsealed._computed(rows, key),
            unsealed.keyed,
            unsealed.last,
            unsealed.row_count,
            sealed_at,
            unsealed.personal,
        )


@dataclass(frozen=True, slots=True)
class Replacement:
    """What the rows of a seal are, since a person was erased from them.

    Attributes
    ----------
    keyed
        Whether `digest` is an HMAC.
    """

    seal_no: int
    digest: bytes
    keyed: bool

    @classmethod
    def of(cls, seal: Seal, rows: Sequence[AuditRow], key: bytes | None) -> "Replacement":
        """Return the replacement that makes `rows` the ones of a seal."""
        if seal.personal is None:
            whole = hashlib.sha256()
            for row in rows:
                whole.update(_fields(row.canonical, row.salt))
            rows_digest = whole.digest()
        else:
            rows_digest = _personal(rows)
        told = _fields(_REPLACEMENT, seal.seal, str(len(rows)).encode(), rows_digest)
        digest = (
            hashlib.sha256(told).digest()
            if key is None
            else hmac.new(key, told, hashlib.sha256).digest()
        )
        return cls(seal.seal_no, digest, key is not None)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the chain begins after its oldest part was pruned.

    Attributes
    ----------
    mac
        What the key says of `head`; None where no key was configured.
    """

    head: SealHead
    mac: bytes | None
    pruned_rows: int


def checkpoint_mac(head: SealHead, key: bytes | None) -> bytes | None:
    """Return what only a holder of the key can say of a checkpoint; None without a key."""
    if key is None:
        return None
    told = _fields(
        _CHECKPOINT,
        head.seal,
        str(head.seal_no).encode(),
        str(head.last.xid).encode(),
        str(head.last.audit_no).encode(),
    )
    return hmac.new(key, told, hashlib.sha256).digest()


class AuditFilter(BaseModel):
    """Conditions on audit rows; None is no condition.

    Attributes
    ----------
    since, until
        First time included, and first time not included any more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditRecord(BaseModel):
    """One row of the audit log as it is shown; hashes are hexadecimal."""

    model_config = ConfigDict(frozen=True)

    audit_no: int
    xid: int
    occurred_at: datetime
    actor: str
    action: str
    target: str | None
    outcome: str
    request_id: str | None
    before_hash: str | None
    after_hash: str | None
    detail: dict[str, Any]

    @classmethod
    def of(cls, row: AuditRow) -> "AuditRecord":
        """Show a stored row."""
        return cls(
            audit_no=row.position.audit_no,
            xid=row.position.xid,
            occurred_at=row.occurred_at,
            actor=row.actor,
            action=row.action,
            target=row.target,
            outcome=row.outcome,
            request_id=row.request_id,
            before_hash=None if row.before_hash is None else row.before_hash.hex(),
            after_hash=None if row.after_hash is None else row.after_hash.hex(),
            detail=json.loads(row.detail),
        )


class AuditPage(BaseModel):
    """Some audit rows, newest first; `next_before` continues, null ends."""

    items: list[AuditRecord]
    next_before: int | None


class AuditFault(BaseModel):
    """One sign of tampering.

    Attributes
    ----------
    seal_no
        The seal whose rows, or which itself, is not as it was.
    """

    model_config = ConfigDict(frozen=True)

    seal_no: int
    reason: str


class AuditReport(BaseModel):
    """What a verification of the audit log found.

    Attributes
    ----------
    rows, seals
        What was verified.
    unsealed_rows
        Rows that no seal covers yet; they are sealed within seconds.
    replaced_seals
        Seals from whose rows a person was erased, by an erasure that the log tells of.
    head
        The last seal, hexadecimal: noted elsewhere, it shows later that nothing before it was
        changed and the log does not end earlier.
    faults
        The first signs of tampering.
    """

    model_config = ConfigDict(frozen=True)

    valid: bool
    rows: int
    seals: int
    unsealed_rows: int
    pruned_rows: int
    replaced_seals: int = 0
    head: str
    head_no: int
    faults: tuple[AuditFault, ...]


def parse_seal(text: str | None) -> bytes | None:
    """Read a seal as it is shown.

    Raises
    ------
    InvalidQueryError
        If it is not 64 hexadecimal digits.
    """
    if text is None:
        return None
    try:
        seal = bytes.fromhex(text)
    except ValueError:
        seal = b""
    if len(seal) != 32:
        raise InvalidQueryError(
            "expect", f"{text!r} is no seal", "Send the 64 hexadecimal digits of a seal."
        )
    return seal


def _personal(rows: Iterable[AuditRow]) -> bytes:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(_fields(row.personal))
    return digest.digest()


def _fields(*values: bytes | None) -> bytes:
    parts: list[bytes] = []
    for value in values:
        if value is None:
            parts.append(b"\x00")
        else:
            parts += (b"\x01", len(value).to_bytes(8, "big"), value)
    return b"".join(parts)


def _text(value: str | None) -> bytes | None:
    return None if value is None else value.encode()


def _microseconds(moment: datetime) -> bytes:
    return str((moment - _EPOCH) // timedelta(microseconds=1)).encode()


def _number(value: Decimal) -> bytes:
    """Tell a number so that 1, 1.0 and 1e0 are the same; exactly, as normalize() is not."""
    sign, digits, exponent = value.as_tuple()
    written = "".join(map(str, digits)).lstrip("0")
    significant = written.rstrip("0")
    if not significant:
        return b"0"
    power = int(exponent) + len(written) - len(significant)
    return f"{'-' if sign else ''}{significant}e{power}".encode()


def _json(value: object) -> bytes:
    match value:
        case None:
            return b"n"
        case bool():
            return b"t" if value else b"f"
        case Decimal():
            return b"d" + _fields(_number(value))
        case str():
            return b"s" + _fields(value.encode(errors="surrogatepass"))
        case list():
            return b"l" + _fields(*map(_json, cast("list[object]", value)))
        case dict():
            items = sorted(
                (name.encode(errors="surrogatepass"), _json(held))
                for name, held in cast("dict[str, object]", value).items()
            )
            return b"o" + _fields(*(part for item in items for part in item))
        case _:
            msg = f"no JSON value: {type(value).__name__}"
            raise TypeError(msg)
