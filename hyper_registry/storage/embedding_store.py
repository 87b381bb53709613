"""What is to be embedded, and who does it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hyper_registry.domain.entry import embedding_text
from hyper_registry.domain.identifiers import EntryId, EntryKey
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries
from hyper_registry.storage.search_store import EmbeddingInput

_SQL = load_queries("embedding")

_LEADER_LOCK = 0x48797065456D6265  # 'HypeEmbe': distinct from the lock of the migrations


@dataclass(frozen=True, slots=True)
class PendingEntries:
    """Some entries, parted by whether their vectors are valid.

    Attributes
    ----------
    embedded
        Ids of those that have one.
    inputs
        What to embed of the others, by id, in the order of their keys.
    """

    embedded: frozenset[EntryId]
    inputs: dict[EntryId, EmbeddingInput]


class EmbeddingStore:
    """The state of embedding in Postgres; takes a connection and never commits."""

    async def fetch_pending(
        self, connection: Connection, model_id: str, entry_ids: Sequence[EntryId]
    ) -> PendingEntries:
        """Read which living ones of `entry_ids` lack a valid vector of the model."""
        rows = await connection.fetch(_SQL["fetch_inputs"], list(entry_ids), model_id)
        return PendingEntries(
            frozenset(EntryId(row["entry_id"]) for row in rows if row["embedded"]),
            {
                EntryId(row["entry_id"]): EmbeddingInput(
                    EntryKey(row["entry_key"]),
                    embedding_text(row["title"], row["description"], row["tags"]),
                    bytes(row["embedding_input_hash"]),
                )
                for row in rows
                if not row["embedded"]
            },
        )

    async def embed_job_is_active(self, connection: Connection) -> bool:
        """Whether a batch job is embedding, or about to."""
        active: bool = await connection.fetchval(_SQL["embed_job_is_active"])
        return active

    @asynccontextmanager
    async def leading(self, connection: Connection) -> AsyncGenerator[bool]:
        """Lead while the block lasts; false where another process does.

        The lock belongs to the session of `connection`, so it ends with the process, too, and no
        transaction stays open while texts are embedded.
        """
        leads: bool = await connection.fetchval(_SQL["try_lead"], _LEADER_LOCK)
        try:
            yield leads
        finally:
            if leads and not connection.is_closed():
                await connection.execute(_SQL["stop_leading"], _LEADER_LOCK)
