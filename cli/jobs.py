"""``hyper-registry job``: submit batch jobs, follow them, stop them."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from cli.output import AsJson, console, print_json, progress_bars
from cluster.job_submission import RayJobs
from cluster.local_instance import SOURCE_ROOT
from cluster.registry_application import registry_environment
from configs.loader import load_settings
from configs.settings import Settings
from hyper_registry.catalog.jobs import JobService
from hyper_registry.domain.errors.job import JobNotRunnableError
from hyper_registry.domain.errors.service import ClusterError
from hyper_registry.domain.job import Job, JobKind, JobState
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.factory import job_service, open_database

T = TypeVar("T")

POLL_S = 0.25
ENDED_CHECK_S = 3.0

app = typer.Typer(no_args_is_help=True, help="Batch jobs on Ray.")


@app.command()
def submit(
    kind: JobKind,
    address: Annotated[
        str | None, typer.Option(help="Dashboard of another cluster than the local instance.")
    ] = None,
    *,
    direct: Annotated[
        bool, typer.Option(help="Drive it in a process of this command, with a Ray of its own.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Follow the job until it ends.")] = True,
    as_json: AsJson = False,
) -> None:
    """Submit a job, or take up the interrupted one of its kind where it got to."""
    settings = load_settings()
    if direct:
        job = run_directly(settings, kind)
    else:
        job = submit_job(settings, kind, address)
        if wait:
            job = follow(settings, job, address, quiet=as_json)
    if as_json:
        print_json(job.model_dump(mode="json"))
    else:
        console.print(summary(job), markup=False, highlight=False, soft_wrap=True)


@app.command("list")
def list_jobs(limit: int = 20, *, as_json: AsJson = False) -> None:
    """List the latest jobs."""
    found = _with_jobs(load_settings(), lambda jobs: jobs.list_latest(LOCAL_ADMIN, limit))
    if as_json:
        print_json([job.model_dump(mode="json") for job in found])
        return
    table = Table("job", "kind", "state", "done", "attempt", "created", "seconds")
    for job in found:
        state = "interrupted" if job.is_interrupted else job.state.value
        table.add_row(
            job.job_id,
            job.kind.value,
            state,
            f"{job.done:,}/{job.total:,}" if job.total is not None else f"{job.done:,}",
            str(job.attempt),
            f"{job.created_at:%Y-%m-%d %H:%M:%S}",
            _seconds(job),
        )
    console.print(table)


@app.command()
def logs(
    job_id: str, address: Annotated[str | None, typer.Option(help="See 'submit'.")] = None
) -> None:
    """Print what the latest driver of a job has logged."""
    settings = load_settings()
    job = _with_jobs(settings, lambda jobs: jobs.get(LOCAL_ADMIN, job_id))
    if job.submission_id is None:
        raise JobNotRunnableError(job_id, "was never submitted to Ray, so it has no log there")
    sys.stdout.write(jobs_of(settings, address).logs(job.submission_id))


@app.command()
def stop(
    job_id: str, address: Annotated[str | None, typer.Option(help="See 'submit'.")] = None
) -> None:
    """Stop a job; what it has stored stays."""
    settings = load_settings()
    job = _with_jobs(settings, lambda jobs: jobs.stop(LOCAL_ADMIN, job_id))
    if job.submission_id is not None and job.held:
        jobs_of(settings, address).stop(job.submission_id)
    console.print(f"{job_id} is {job.state.value}", highlight=False)


def jobs_of(settings: Settings, address: str | None = None) -> RayJobs:
    """Speak to the Jobs API of the local instance, or of the cluster at `address`."""
    if address is None:
        return RayJobs.of_instance(settings.home)
    return RayJobs(address, working_directory=SOURCE_ROOT)


def submit_job(settings: Settings, kind: JobKind, address: str | None = None) -> Job:
    """Have a driver on Ray take up the active job of a kind, or a new one.

    A job that has a driver already is left to it.

    Raises
    ------
    ClusterError
        If Ray cannot be reached.
    """
    ray_jobs = jobs_of(settings, address)
    # The state directory of this machine means nothing on another cluster.
    home = settings.home if address is None else None
    environment = registry_environment(home, os.environ)

    async def request(jobs: JobService) -> Job:
        job = await jobs.request(LOCAL_ADMIN, kind)
        if job.held or (job.submission_id and not ray_jobs.has_ended(job.submission_id)):
            return job
        submission_id = ray_jobs.submit(job, environment)
        await jobs.record_submission(job.job_id, submission_id)
        return job.model_copy(update={"submission_id": submission_id})

    return _with_jobs(settings, request)


def follow(settings: Settings, job: Job, address: str | None = None, *, quiet: bool = False) -> Job:
    """Show a job's progress until it ends, and return it as it ended.

    Raises
    ------
    ClusterError
        If the job fails, is stopped, or loses its driver.
    """
    ray_jobs = jobs_of(settings, address)

    async def watch(jobs: JobService) -> Job:
        current, checked = job, time.monotonic()
        with progress_bars(quiet=quiet) as progress:
            task = progress.add_task(_label(job), total=None)
            while current.state.is_active:
                await asyncio.sleep(POLL_S)
                current = await jobs.get(LOCAL_ADMIN, job.job_id)
                progress.update(task, completed=current.done, total=current.total)
                if current.held or time.monotonic() < checked + ENDED_CHECK_S:
                    continue
                checked = time.monotonic()
                submission = current.submission_id
                if submission and await asyncio.to_thread(ray_jobs.has_ended, submission):
                    current = await jobs.get(LOCAL_ADMIN, job.job_id)
                    break
        return current

    ended = _with_jobs(settings, watch)
    if ended.state is JobState.SUCCEEDED:
        return ended
    reason = ended.error
    if reason is None and ended.state.is_active and ended.submission_id is not None:
        reason = f"its driver ended: {ray_jobs.last_lines(ended.submission_id)}"
    raise ClusterError(
        f"finish job {ended.job_id}",
        reason or f"it was {ended.state.value}",
        f"See 'hyper-registry job logs {ended.job_id}'; submitting the kind again goes on.",
    )


def run_directly(settings: Settings, kind: JobKind) -> Job:
    """Drive a job in a child process with a Ray of its own, and return it as it ended.

    Raises
    ------
    ClusterError
        If it fails.
    """
    job = _with_jobs(settings, lambda jobs: jobs.request(LOCAL_ADMIN, kind))
    command = [sys.executable, "-m", f"jobs.{kind.value}", "--job-id", job.job_id]
    environment = os.environ | registry_environment(settings.home, os.environ)
    paths = [str(SOURCE_ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    child = subprocess.run(
        command,
        env=environment | {"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if child.returncode != 0:
        raise ClusterError(
            f"finish job {job.job_id}", "see above", "Submitting its kind again goes on."
        )
    return _with_jobs(settings, lambda jobs: jobs.get(LOCAL_ADMIN, job.job_id))


def _with_jobs(settings: Settings, work: Callable[[JobService], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_database(settings) as database:
            return await work(job_service(database))

    return asyncio.run(run())


def _label(job: Job) -> str:
    return {
        JobKind.EMBED: "Embedding entries",
        JobKind.BUILD_INDEX: "Building the index",
        JobKind.ROTATE_KEYS: "Sealing with the active key",
        JobKind.PURGE: "Purging deleted entries",
    }[job.kind]


def summary(job: Job) -> str:
    """Say on one line how a job stands and what it found."""
    figures = ", ".join(f"{name} {value}" for name, value in job.result.items())
    return f"{job.job_id} {job.state.value}" + (f" ({figures})" if figures else "")


def _seconds(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return f"{(job.finished_at - job.started_at).total_seconds():.1f}"
