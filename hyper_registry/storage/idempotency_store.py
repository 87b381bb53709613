"""Records of requests that carry an idempotency key."""

from dataclasses import dataclass
from uuid import UUID

from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("idempotency")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer to a request.

    Attributes
    ----------
    body
        None where it may not be kept: it is too large, or holds a secret.
    """

    status: int
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What is known of a request that was made before.

    Attributes
    ----------
    written
        Whether it has written.
    answer
        None where it has none yet.
    lease_s
        For how long its holder still counts as working on it; negative if no more.
    """

    body_hash: bytes
    written: bool
    answer: KeptAnswer | None
    lease_s: float


class IdempotencyStore:
    """Records in Postgres; takes a connection and never commits."""

    async def claim(
        self,
        connection: Connection,
        digest: bytes,
        body_hash: bytes,
        holder: UUID,
        *,
        lease_s: float,
        kept_s: float,
    ) -> RecordedRequest | None:
        """Claim a request; what is recorded comes back where somebody else has."""
        row = await connection.fetchrow(_SQL["claim"], digest, body_hash, holder, lease_s, kept_s)
        assert row is not None
        if row["is_mine"]:
            return None
        if row["body_hash"] is None:
            # Claimed by another one between the two halves of the statement.
            return RecordedRequest(body_hash, written=False, answer=None, lease_s=lease_s)
        answer = None
        if row["status"] is not None:
            answer = KeptAnswer(row["status"], row["headers"], row["body"])
        return RecordedRequest(row["body_hash"], row["written"], answer, row["lease_s"])

    async def mark_written(self, connection: Connection, digest: bytes, holder: UUID) -> bool:
        """Note that a request has written; False where another holder has taken it over."""
        return await connection.fetchval(_SQL["mark_written"], digest, holder) is not None

    async def complete(
        self, connection: Connection, digest: bytes, holder: UUID, answer: KeptAnswer
    ) -> None:
        """Keep the answer of a request."""
        await connection.execute(
            _SQL["complete"], digest, holder, answer.status, answer.headers, answer.body
        )

    async def release(self, connection: Connection, digest: bytes, holder: UUID) -> None:
        """Forget a request that has written nothing."""
        await connection.execute(_SQL["release"], digest, holder)

    async def delete_expired(self, connection: Connection, limit: int) -> int:
        """Delete some of the records that have ended, and return how many."""
        return len(await connection.fetch(_SQL["delete_expired"], limit))
