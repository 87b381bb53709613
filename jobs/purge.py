"""Remove for good what was deleted long ago: ``python -m jobs.purge``."""

from datetime import UTC, datetime
from typing import Any

from hyper_registry.domain.job import JobKind
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.factory import retention_service
from jobs.command_line import run_command
from jobs.driver import JobRun
from jobs.purge_plan import plan_purge, purge_before


async def purge_expired(run: JobRun) -> dict[str, Any]:
    """Remove entries whose deletion is older than the settings keep them, batch by batch.

    Each batch is a transaction, so a killed driver loses nothing and does nothing twice; the
    checkpoint is the time that the first attempt had set as the bound.
    """
    retention, settings = retention_service(run.database), run.settings.retention
    told = run.checkpoint.get("before")
    before = (
        purge_before(datetime.now(UTC), settings.deleted_days)
        if told is None
        else datetime.fromisoformat(told)
    )
    rows = await retention.count_expired(LOCAL_ADMIN, before)
    plan = plan_purge(before, rows, settings.batch_rows)
    await run.report(
        total=run.done + plan.rows,
        checkpoint={"before": plan.before.isoformat()},
        estimate={"rows": plan.rows, "batches": plan.batches},
    )
    while removed := await retention.purge(LOCAL_ADMIN, plan.before, settings.batch_rows):
        await run.report(done=run.done + removed)
    return {"purged": run.done, "before": plan.before.isoformat()}


if __name__ == "__main__":
    run_command(JobKind.PURGE, purge_expired)
