"""Embed every living entry that has no valid vector: ``python -m jobs.embed``."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# (pyarrow and Ray's remote calls have no annotations)

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any

import pyarrow as pa
import ray

from configs.settings import EmbeddingSettings
from hyper_registry.ai.arrow_embedding import embed_batch
from hyper_registry.ai.encoder_loading import load_encoder
from hyper_registry.ai.model_files import locate_model
from hyper_registry.domain.job import JobKind
from hyper_registry.storage.search_store import EmbeddingInput, SearchStore
from jobs.command_line import run_command
from jobs.driver import JobRun
from jobs.ray_session import ray_session
from jobs.text_batches import arrow_batch, batches_by_length, plan_embedding

# Two batches on the way to a worker: while one is stored, the next is embedded.
BATCHES_PER_WORKER = 2


@ray.remote
class EmbeddingWorker:
    """A process that holds the model and applies `embed_batch`."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        self._encoder = load_encoder(settings.model, settings.device, settings.threads)

    def embed(self, batch: pa.Table) -> pa.Table:
        """Embed one batch."""
        return embed_batch(batch, self._encoder)


async def embed_missing(run: JobRun) -> dict[str, Any]:
    """Embed what has no valid vector, page by page of rising keys.

    A batch is stored in one transaction with the hashes of its texts, so a killed driver or
    worker loses at most the batches in flight, and nothing is embedded twice. The checkpoint is
    the key up to which every page is stored.
    """
    store, settings = SearchStore(), run.settings
    model_id = locate_model(settings.embedding.model).model_id
    after = int(run.checkpoint.get("after", 0))
    async with run.database.connection() as connection:
        rows = await store.count_unembedded(connection, model_id, after)
    with ray_session() as cpus:
        plan = plan_embedding(rows, cpus)
        await run.report(
            total=run.done + rows,
            estimate={"rows": plan.rows, "workers": plan.workers, "seconds": plan.estimated_s},
        )
        if not rows:
            return {"embedded": 0, "model_id": model_id}
        # Restarted and asked again when its process or node is lost: `embed_batch` is pure.
        options = {"max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": "SPREAD"}
        gpus = 1 if settings.embedding.device == "cuda" else 0
        workers = [
            EmbeddingWorker.options(
                num_cpus=settings.jobs.worker_cpus, num_gpus=gpus, **options
            ).remote(settings.embedding)
            for _ in range(plan.workers)
        ]
        began, before = time.monotonic(), run.done
        async for page in _pages(run, store, model_id, after):
            batches = iter(batches_by_length(page, settings.jobs.batch_rows))
            await asyncio.gather(
                *(
                    _embed(run, store, model_id, worker, batches)
                    for worker in workers
                    for _ in range(BATCHES_PER_WORKER)
                )
            )
            await run.report(checkpoint={"after": page[-1].key})
        seconds = time.monotonic() - began
    return {
        "embedded": run.done - before,
        "model_id": model_id,
        "workers": plan.workers,
        "rows_per_s": round((run.done - before) / seconds, 1),
    }


async def _pages(
    run: JobRun, store: SearchStore, model_id: str, after: int
) -> AsyncGenerator[list[EmbeddingInput]]:
    """Yield pages of inputs by rising key; the next one is read while one is worked on."""

    async def read(last_key: int) -> list[EmbeddingInput]:
        async with run.database.connection() as connection:
            return await store.fetch_unembedded(
                connection, model_id, last_key, run.settings.jobs.page_rows
            )

    page = await read(after)
    while page:
        following = asyncio.create_task(read(page[-1].key))
        yield page
        page = await following


async def _embed(
    run: JobRun,
    store: SearchStore,
    model_id: str,
    worker: Any,
    batches: Iterator[Sequence[EmbeddingInput]],
) -> None:
    """Take batches from the shared iterator until none is left."""
    for batch in batches:
        table: pa.Table = await worker.embed.remote(arrow_batch(batch))
        vectors = table["vector"].combine_chunks().flatten().to_numpy().reshape(len(batch), -1)
        async with run.database.transaction() as connection:
            await store.upsert_embeddings(connection, model_id, batch, vectors)
        await run.report(done=run.done + len(batch))


if __name__ == "__main__":
    run_command(JobKind.EMBED, embed_missing)
