"""Build a version of the vector index and switch to it: ``python -m jobs.build_index``."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# (pyarrow and Ray's remote calls have no annotations)

import asyncio
import shutil
import time
from typing import Any

import pyarrow as pa
import ray

from configs.settings import Settings
from hyper_registry.ai.model_files import locate_model
from hyper_registry.domain.errors.service import ClusterError
from hyper_registry.domain.index_version import IndexVersion
from hyper_registry.domain.job import JobKind
from hyper_registry.factory import open_database
from hyper_registry.storage.index_rows import index_row_schema
from hyper_registry.storage.index_store import IndexStore
from hyper_registry.storage.search_store import SearchStore
from index.manifest import SHARD_MANIFEST
from index.shard_writer import build_shard, shard_directory
from index.snapshot_writer import write_snapshot_manifest
from jobs.command_line import run_command
from jobs.driver import JobRun
from jobs.index_plan import IndexPlan, ShardPlan, plan_shard_count, superseded
from jobs.ray_session import ray_session

READ_ROWS = 8_192
DIMENSION = 384


async def build_index(run: JobRun) -> dict[str, Any]:
    """Build every shard of a version, publish it, and point searches to it.

    The plan is the checkpoint: a further attempt builds the shards that are still missing, under
    the same version. What is written while the shards are read has a later transaction than the
    version's position and is searched in Postgres, so the shards need no common snapshot.
    """
    began = time.monotonic()
    plan = IndexPlan.of(run.checkpoint) if run.checkpoint else await _plan(run)
    missing = [shard for shard in plan.shards if not _is_built(plan, shard)]
    await run.report(
        done=len(plan.shards) - len(missing), total=len(plan.shards), checkpoint=plan.to_json()
    )
    try:
        with ray_session():
            await asyncio.gather(*(_build(run, plan, shard) for shard in missing))
        manifest = await asyncio.to_thread(write_snapshot_manifest, plan.directory)
        await run.report()
        await _activate(run, plan.version, manifest.row_count)
    except OSError as error:
        raise ClusterError(
            f"write the index to {plan.directory}",
            str(error),
            "Make room or choose another 'index.directory'; then submit the job again.",
        ) from error
    removed = await _remove_superseded(run)
    return {
        "version": plan.version,
        "rows": manifest.row_count,
        "shards": len(plan.shards),
        "size_bytes": manifest.size_bytes,
        "removed_versions": removed,
        "seconds": round(time.monotonic() - began, 3),
    }


async def _plan(run: JobRun) -> IndexPlan:
    store, settings = IndexStore(), run.settings
    model_id = locate_model(settings.embedding.model).model_id
    directory = (settings.index_directory / run.job.job_id).absolute()
    async with run.database.transaction() as connection:
        # First the position, then the rows: whatever commits after it is in the delta.
        snapshot_xid = await SearchStore().fetch_horizon(connection)
        rows = await store.count_rows(connection, model_id)
        shard_count = plan_shard_count(rows, settings.index.shard_rows)
        # An empty registry gets one empty shard.
        bounds = await store.shard_bounds(connection, model_id, shard_count) or [(1, 0)]
        version = await store.create(
            connection,
            uri=directory.as_uri(),
            snapshot_xid=snapshot_xid,
            model_id=model_id,
            shard_count=len(bounds),
        )
        await store.give_up_others(connection, version.version)
    shards = tuple(ShardPlan(number, *ends) for number, ends in enumerate(bounds))
    return IndexPlan(version.version, directory, snapshot_xid, model_id, rows, shards)


async def _activate(run: JobRun, version: int, row_count: int) -> None:
    store = IndexStore()
    async with run.database.transaction() as connection:
        active = await store.active(connection)
        # An attempt that was killed after it had switched left only the clearing up.
        if active is None or active.version != version:
            await store.activate(connection, version, row_count)


async def _build(run: JobRun, plan: IndexPlan, shard: ShardPlan) -> None:
    task = build_one_shard.options(num_cpus=run.settings.jobs.worker_cpus)
    await task.remote(run.settings, plan, shard)
    await run.report(done=run.done + 1)


@ray.remote(max_retries=3)
def build_one_shard(settings: Settings, plan: IndexPlan, shard: ShardPlan) -> int:
    """Read a shard's rows from Postgres, build it, and return how many rows it has."""
    table = asyncio.run(_read_rows(settings, plan, shard))
    manifest = build_shard(
        table,
        shard_directory(plan.directory, shard.number),
        shard_number=shard.number,
        shard_count=len(plan.shards),
        model_id=plan.model_id,
        snapshot_xid=plan.snapshot_xid,
    )
    return manifest.row_count


async def _read_rows(settings: Settings, plan: IndexPlan, shard: ShardPlan) -> pa.Table:
    store = IndexStore()
    async with open_database(settings) as database, database.connection() as connection:
        return pa.Table.from_batches(
            [
                batch
                async for batch in store.fetch_rows(
                    connection, plan.model_id, shard.first_key, shard.last_key, READ_ROWS
                )
            ],
            schema=index_row_schema(DIMENSION),
        )


def _is_built(plan: IndexPlan, shard: ShardPlan) -> bool:
    return (shard_directory(plan.directory, shard.number) / SHARD_MANIFEST).exists()


async def _remove_superseded(run: JobRun) -> list[int]:
    """Remove the files of versions that retention no longer keeps; return their numbers."""
    store = IndexStore()
    async with run.database.transaction() as connection:
        erased_xid = await store.let_go_of_erased(connection)
        versions = await store.list_versions(connection)
        removed = [
            version
            for version in superseded(
                versions, keep=run.settings.index.keep_versions, erased_xid=erased_xid
            )
            if await store.remove(connection, version.version)
        ]
    await asyncio.to_thread(_remove_files, removed)
    return [version.version for version in removed]


def _remove_files(versions: list[IndexVersion]) -> None:
    for version in versions:
        # A replica that still maps the files reads on: they vanish with its last mapping.
        if version.directory is not None:
            shutil.rmtree(version.directory, ignore_errors=True)


if __name__ == "__main__":
    run_command(JobKind.BUILD_INDEX, build_index)
