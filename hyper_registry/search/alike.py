"""The entries whose embeddings are nearest to that of another entry."""

from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.ports import AlikeTexts
from hyper_registry.domain.search import SearchFilters
from hyper_registry.search.nearest import NearestEntries
from hyper_registry.storage.database import Database
from hyper_registry.storage.duplicate_store import DuplicateStore


class NearestToEntry(AlikeTexts):
    """Asks vector search with the stored embedding of an entry."""

    def __init__(
        self, database: Database, store: DuplicateStore, nearest: NearestEntries, model_id: str
    ) -> None:
        self._database = database
        self._store = store
        self._nearest = nearest
        self._model_id = model_id

    @property
    def model_id(self) -> str:
        """The model whose embeddings are compared."""
        return self._model_id

    async def find(self, key: EntryKey, grants: list[str] | None, limit: int) -> list[EntryKey]:
        """Return the entries nearest to one that `grants` may see, the nearest first.

        Raises
        ------
        DatabaseUnavailableError
            If Postgres is away.
        """
        async with self._database.connection() as connection:
            vector = await self._store.fetch_vector(connection, key, self._model_id)
        if vector is None:
            return []
        # The entry itself is among them.
        found = await self._nearest.find(vector, grants, SearchFilters(), limit + 1)
        return [near for near in found.candidates.scores if near != key]
