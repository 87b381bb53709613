"""A registry of its own for a trial: nothing that others stored is read or changed."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from pydantic import JsonValue, SecretStr

from configs.settings import Settings
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.domain.search import Fusion, SearchMode, SearchQuery
from hyper_registry.factory import Registry, open_registry
from hyper_registry.search.evaluation import DEPTH, Quality, judge, mean_quality
from hyper_registry.search.judged_corpus import Document, JudgedCorpus, JudgedQuery
from hyper_registry.storage.embedded import EmbeddedPostgres

MODES: dict[str, tuple[SearchMode, Fusion | None]] = {
    "text": (SearchMode.TEXT, None),
    "vector": (SearchMode.VECTOR, None),
    "hybrid": (SearchMode.HYBRID, None),
}
"""What is judged by default, by name: modes with the fusion that the settings choose."""

FUSIONS: dict[str, tuple[SearchMode, Fusion | None]] = {
    f"hybrid_{fusion.value}": (SearchMode.HYBRID, fusion) for fusion in Fusion
}
"""The hybrid mode with each fusion."""

_BATCH = 500
_AT_ONCE = 4
_TITLE_CHARACTERS = 500
_DESCRIPTION_CHARACTERS = 100_000


@contextmanager
def temporary_home(prefix: str = "hyper-registry-trial-") -> Generator[Path]:
    """Create a home for one run; the embedded Postgres in it is stopped and all is removed."""
    home = Path(tempfile.mkdtemp(prefix=prefix))
    home.chmod(0o755)  # mkdtemp gives 0700, which the account that root drops to cannot enter
    server = EmbeddedPostgres(home / "postgres")
    try:
        yield home
    finally:
        server.stop(mode="immediate")
        shutil.rmtree(server.server_directory, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def open_trial(settings: Settings) -> AsyncGenerator[Registry]:
    """Open an empty registry with these settings on a Postgres of its own, and end both.

    Raises
    ------
    EmbeddedPostgresError, MigrationError, ModelUnavailableError
        If a part cannot be had.
    """
    with temporary_home() as home:
        dsn = await asyncio.to_thread(EmbeddedPostgres(home / "postgres").start)
        database = settings.database.model_copy(update={"url": SecretStr(dsn), "owner_url": None})
        own = settings.model_copy(update={"home": home, "database": database})
        async with open_registry(own) as registry:
            yield registry


async def evaluate(
    registry: Registry,
    corpus: JudgedCorpus,
    modes: dict[str, tuple[SearchMode, Fusion | None]] = MODES,
    *,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Quality]:
    """Register a corpus in an empty registry and judge what its searches answer.

    Queries longer than a search takes are cut.

    Parameters
    ----------
    modes
        By the name that the figures get.
    on_progress
        Is told what is done, how many of it are, and of how many.

    Returns
    -------
    dict
        Means over the queries, by mode.

    Raises
    ------
    BulkRejectedError
        If a document cannot be registered.
    DatabaseUnavailableError, ModelUnavailableError
        If a part is away.
    """
    tell = on_progress or _tell_nobody
    rows: list[JsonValue] = [
        _draft(number, document) for number, document in enumerate(corpus.documents)
    ]
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        await registry.bulk.register(LOCAL_ADMIN, batch, atomic=True)
        tell("register", start + len(batch), len(rows))
    done = 0
    async for count in registry.backlog.work_off():
        done += count
        tell("embed", done, len(corpus.documents))
    async with registry.database.connection() as connection:
        await connection.execute("vacuum analyze")
    ids = [document.document_id for document in corpus.documents]
    found: dict[str, Quality] = {}
    for name, (mode, fusion) in modes.items():
        judged: list[Quality] = []
        for start in range(0, len(corpus.queries), _AT_ONCE):
            queries = corpus.queries[start : start + _AT_ONCE]
            judged += await asyncio.gather(
                *(_judged(registry, query, mode, fusion, ids) for query in queries)
            )
            tell(name, len(judged), len(corpus.queries))
        found[name] = mean_quality(judged)
    return found


def _tell_nobody(step: str, done: int, total: int) -> None:
    del step, done, total


async def _judged(
    registry: Registry,
    query: JudgedQuery,
    mode: SearchMode,
    fusion: Fusion | None,
    ids: list[str],
) -> Quality:
    text = query.text.strip()[: registry.search.query_characters]
    asked = SearchQuery(query=text, mode=mode, fusion=fusion, limit=DEPTH)
    answer = await registry.search.search(LOCAL_ADMIN, asked)
    ranking = [ids[int(hit.entry_id.removeprefix("document-"))] for hit in answer.hits]
    return judge(ranking, query.relevant)


def _draft(number: int, document: Document) -> dict[str, JsonValue]:
    title = " ".join(document.title.split())[:_TITLE_CHARACTERS]
    return {
        "entry_id": f"document-{number}",
        "category": "component",
        "title": title or document.document_id,
        "description": document.text[:_DESCRIPTION_CHARACTERS],
    }
