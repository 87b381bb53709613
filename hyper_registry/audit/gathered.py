"""Operations that write nothing themselves, gathered in memory and recorded together.

Reads, where they are recorded at all, and refused requests: equal ones of one interval become one
row with their count, and a budget bounds the rows, so that no flood of requests fills the disk.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from hyper_registry.domain.audit import Outcome
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.storage.audit_store import AuditStore
from hyper_registry.storage.database import Database

_logger = logging.getLogger(__name__)

_TARGET_CHARACTERS = 200
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Operation:
    """What was tried.

    Attributes
    ----------
    code
        Code of the error that refused it.
    """

    actor: str
    action: str
    target: str | None
    outcome: Outcome
    code: str | None = None


@dataclass(slots=True)
class _Seen:
    first_at: datetime
    request_id: str | None
    count: int = 1


class GatheredOperations:
    """The operations of this process since the last flush.

    Parameters
    ----------
    per_minute
        Different operations recorded in a minute at most; of further ones only the number is.
    clock
        Seconds that only ever increase.
    """

    def __init__(
        self,
        database: Database,
        store: AuditStore,
        *,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._store = store
        self._per_minute = per_minute
        self._clock = clock
        self._gathered: dict[Operation, _Seen] = {}
        self._minute_from = clock()
        self._in_minute = 0
        self._passed_over = 0

    def record(self, operation: Operation, request_id: str | None) -> None:
        """Note that something was tried just now."""
        if operation.target is not None and len(operation.target) > _TARGET_CHARACTERS:
            shortened = operation.target[:_TARGET_CHARACTERS]
            operation = Operation(
                operation.actor, operation.action, shortened, operation.outcome, operation.code
            )
        seen = self._gathered.get(operation)
        if seen is not None:
            seen.count += 1
            return
        now = self._clock()
        if now - self._minute_from >= _MINUTE_S:
            self._minute_from, self._in_minute = now, 0
        if self._in_minute >= self._per_minute:
            self._passed_over += 1
            return
        self._in_minute += 1
        self._gathered[operation] = _Seen(datetime.now(UTC), request_id)

    async def flush(self) -> None:
        """Write what was gathered; what cannot be written is logged and kept for the next time."""
        gathered, self._gathered = self._gathered, {}
        passed_over, self._passed_over = self._passed_over, 0
        rows = [_row(operation, seen) for operation, seen in gathered.items()]
        if passed_over:
            summary = Operation("registry", "audit.passed_over", None, Outcome.FAILED)
            rows.append(_row(summary, _Seen(datetime.now(UTC), None, passed_over)))
        if not rows:
            return
        try:
            async with self._database.connection() as connection:
                await self._store.append_gathered(connection, rows)
        except RegistryError as error:
            _logger.warning("Operations could not be recorded; trying again: %s", error)
            self._passed_over += passed_over
            for operation, seen in gathered.items():
                newer = self._gathered.get(operation)
                seen.count += 0 if newer is None else newer.count
                self._gathered[operation] = seen

    async def keep_flushed(self, *, interval_s: float = 1.0) -> NoReturn:
        """Flush again and again, until cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            await self.flush()


def _row(operation: Operation, seen: _Seen) -> dict[str, Any]:
    detail: dict[str, Any] = {}
    if operation.code is not None:
        detail["code"] = operation.code
    if seen.count > 1:
        detail["count"] = seen.count
    return {
        "occurred_at": seen.first_at,
        "actor": operation.actor,
        "action": operation.action,
        "target": _storable(operation.target),
        "outcome": operation.outcome.value,
        "request_id": seen.request_id,
        "detail": detail,
    }


def _storable(text: str | None) -> str | None:
    """Make text of any origin storable: Postgres holds neither NUL nor lone surrogates."""
    if text is None:
        return None
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")
