"""Requests that may be sent twice and are carried out once."""

import asyncio
import hashlib
import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn
from uuid import UUID, uuid4

from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.request import (
    IdempotencyKeyReusedError,
    RequestInProgressError,
    RequestTakenOverError,
    UnkeptAnswerError,
)
from hyper_registry.storage.database import Connection, Database, witnessed_by
from hyper_registry.storage.idempotency_store import IdempotencyStore, KeptAnswer

_logger = logging.getLogger(__name__)

_DELETED_TOGETHER = 1_000


@dataclass(frozen=True, slots=True)
class ClaimedRequest:
    """A request that this process carries out, under a lease."""

    digest: bytes
    holder: UUID = field(default_factory=uuid4)


class IdempotencyService:
    """Records requests by their idempotency key, beside what they write.

    Parameters
    ----------
    lease_s
        How long whoever claimed a request counts as working on it.
    kept_s
        How long an answer is kept.
    answer_bytes
        Size above which an answer's body is not kept.
    """

    def __init__(
        self,
        database: Database,
        store: IdempotencyStore,
        *,
        lease_s: float,
        kept_s: float,
        answer_bytes: int,
    ) -> None:
        self._database = database
        self._store = store
        self._lease_s = lease_s
        self._kept_s = kept_s
        self.answer_bytes = answer_bytes

    async def claim(
        self, credential: str, route: str, key: str, body: bytes
    ) -> ClaimedRequest | KeptAnswer:
        """Claim a request, or return the answer that it had.

        Raises
        ------
        IdempotencyKeyReusedError
            If the key was used for another body.
        RequestInProgressError
            If the same request is being carried out.
        UnkeptAnswerError
            If it was carried out and its answer is not known: it was not kept, or whoever carried
            it out ended before it could be.
        """
        parts = (credential, route, key)
        digest = hashlib.sha256(b"".join(_framed(part) for part in parts)).digest()
        body_hash = hashlib.sha256(body).digest()
        request = ClaimedRequest(digest)
        async with self._database.connection() as connection:
            recorded = await self._store.claim(
                connection,
                digest,
                body_hash,
                request.holder,
                lease_s=self._lease_s,
                kept_s=self._kept_s,
            )
        if recorded is None:
            return request
        if recorded.body_hash != body_hash:
            raise IdempotencyKeyReusedError(key)
        if recorded.answer is not None:
            if recorded.answer.body is None:
                raise UnkeptAnswerError(key)
            return recorded.answer
        if recorded.lease_s <= 0 and recorded.written:
            raise UnkeptAnswerError(key)
        raise RequestInProgressError(key)

    @contextmanager
    def writing(self, request: ClaimedRequest) -> Generator[None]:
        """Within the block, each transaction of this task notes that the request has written.

        Its commit is thereby also the commit of the note, and whoever was taken over meanwhile
        cannot commit any more.
        """

        async def note(connection: Connection) -> None:
            if not await self._store.mark_written(connection, request.digest, request.holder):
                raise RequestTakenOverError

        with witnessed_by(note):
            yield

    async def complete(self, request: ClaimedRequest, answer: KeptAnswer) -> None:
        """Keep the answer; that it cannot be kept is logged, the request has been carried out."""
        try:
            async with self._database.connection() as connection:
                await self._store.complete(connection, request.digest, request.holder, answer)
        except RegistryError as error:
            _logger.warning("The answer to a repeatable request could not be kept: %s", error)

    async def release(self, request: ClaimedRequest) -> None:
        """Let the request be made again if it has written nothing; without this its lease ends."""
        try:
            async with self._database.connection() as connection:
                await self._store.release(connection, request.digest, request.holder)
        except RegistryError as error:
            _logger.warning("A repeatable request could not be released: %s", error)

    async def keep_clean(self, *, interval_s: float = 60.0) -> NoReturn:
        """Delete records that have ended again and again, until cancelled."""
        while True:
            await self.clean()
            await asyncio.sleep(interval_s)

    async def clean(self) -> None:
        """Delete the records that have ended."""
        deleted = _DELETED_TOGETHER
        while deleted == _DELETED_TOGETHER:
            async with self._database.connection() as connection:
                deleted = await self._store.delete_expired(connection, _DELETED_TOGETHER)


def _framed(part: str) -> bytes:
    """Return a part with its length, so that no two lists of parts look alike."""
    encoded = part.encode()
    return len(encoded).to_bytes(4) + encoded
