"""``hyper-registry demo``: the main job on real input, from an empty directory to answers.

It registers the software of this machine, embeds and indexes it by Ray jobs, and then asks the
API what a newcomer would ask.
"""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from shutil import which

import httpx
from rich.table import Table

from cli.demo_report import Report, ask
from cli.import_progress import import_progress
from cli.instance import start
from cli.jobs import follow, submit_job, summary
from cli.output import console
from cluster.instance import write_private
from configs.loader import load_settings
from configs.settings import Settings
from hyper_registry.catalog.source_import import ImportOutcome
from hyper_registry.catalog.sources.open_source import SourceKind, open_source
from hyper_registry.domain.errors.access import UnauthenticatedError
from hyper_registry.domain.errors.service import ClusterError
from hyper_registry.domain.job import JobKind
from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.factory import open_registry
from hyper_registry.registry import Registry

KEY_FILE = "demo-key"
SWITCH_TIMEOUT_S = 30.0


class Catalog(StrEnum):
    """What the demo registers."""

    MACHINE = "machine"
    APT = "apt"

    @property
    def sources(self) -> list[SourceKind]:
        """Sources to import, as far as this machine has them."""
        if self is Catalog.APT:
            return [SourceKind.APT]
        debian = [SourceKind.DPKG] if which("dpkg-query") else []
        return [SourceKind.PYTHON_ENV, *debian]


class Stages:
    """Names and seconds of the stages so far."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Time one stage and name it when it is done."""
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began
        console.print(f"✓ {name} [dim]{self.seconds[name]:.1f} s[/dim]", highlight=False)


def demo(catalog: Catalog = Catalog.MACHINE) -> None:
    """Register this machine's software, embed, index and search it, and leave the API serving."""
    settings, stages = load_settings(), Stages()
    with stages.stage("Register the catalogue in Postgres"):
        key, backlog = asyncio.run(_register(settings, catalog))
    with stages.stage("Start Ray and the API"), console.status("Starting") as shown:
        started = start(
            settings, on_step=lambda step: shown.update(f"{step[:1].upper()}{step[1:]}")
        )
    if backlog:
        _run_job(settings, stages, JobKind.EMBED, f"Embed {backlog:,} entries in a Ray job")
    api = httpx.Client(
        base_url=f"{started.api_url}/v1/registry",
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
        trust_env=False,
    )
    with api:
        if _index_is_behind(api):
            _run_job(settings, stages, JobKind.BUILD_INDEX, "Build the index in a Ray job")
            with stages.stage("Switch the API to the new index"):
                _await_switch(api)
        with stages.stage("Ask the API"):
            report = Report.ask(api)
    report.show()
    _show_timings(stages)
    console.print(f"\nThe API serves at {started.api_url}/v1/registry", highlight=False)
    console.print(f"Its key, also in {settings.home / KEY_FILE}:", highlight=False, soft_wrap=True)
    console.print(f"  {key}", highlight=False, soft_wrap=True)
    console.print("Stop it with 'make down' or 'hyper-registry down'; all data stays.")


async def _register(settings: Settings, catalog: Catalog) -> tuple[str, int]:
    """Import the catalogue; return the demo's key and how many entries need a vector."""
    async with open_registry(settings) as registry:
        for kind in catalog.sources:
            outcome = await _import(registry, kind)
            console.print(
                f"  {kind.value}: {outcome.created:,} created, {outcome.updated:,} updated, "
                f"{outcome.unchanged:,} unchanged, {outcome.related:,} new relationships, "
                f"{outcome.dangling:,} links to what is not here, "
                f"{len(outcome.bad_rows):,} bad rows",
                highlight=False,
                soft_wrap=True,
            )
        backlog = await registry.backlog.count()
        if backlog:
            # Before the API is up, so that its replicas leave the backlog to the job.
            await registry.jobs.request(LOCAL_ADMIN, JobKind.EMBED)
        path = settings.home / KEY_FILE
        last_key = await asyncio.to_thread(_read, path)
        key = await _working_key(registry, last_key)
        if key != last_key:
            write_private(path, f"{key}\n")
        return key, backlog


async def _import(registry: Registry, kind: SourceKind) -> ImportOutcome:
    with import_progress() as show:
        return await registry.bulk.import_source(LOCAL_ADMIN, open_source(kind), on_progress=show)


def _read(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""


async def _working_key(registry: Registry, last_key: str) -> str:
    """Return the key of an earlier demo where it still works, or else a new one."""
    if last_key:
        try:
            await registry.keys.authenticate(last_key)
        except UnauthenticatedError:
            console.print("  the key of the last demo is no longer valid; making a new one")
        else:
            return last_key
    _, token = await registry.keys.create(LOCAL_ADMIN, "demo", Role.EDITOR)
    return token


def _run_job(settings: Settings, stages: Stages, kind: JobKind, name: str) -> None:
    with stages.stage(name):
        job = follow(settings, submit_job(settings, kind))
    console.print(f"  {summary(job)}", markup=False, highlight=False, soft_wrap=True)


def _index_is_behind(api: httpx.Client) -> bool:
    status = ask(api, "search/status")
    return status["active_version"] is None or status["changed_entries"] > 0


def _await_switch(api: httpx.Client) -> None:
    deadline = time.monotonic() + SWITCH_TIMEOUT_S
    while True:
        status = ask(api, "search/status")
        if status["index_version"] == status["active_version"]:
            return
        if time.monotonic() > deadline:
            raise ClusterError(
                "switch the API to the new index",
                f"it still uses version {status['index_version']} after {SWITCH_TIMEOUT_S:g} s",
                "See the replicas' logs with 'hyper-registry status' and in the dashboard.",
            )
        time.sleep(0.2)


def _show_timings(stages: Stages) -> None:
    table = Table("stage", "seconds", title="Timings")
    for name, seconds in stages.seconds.items():
        table.add_row(name, f"{seconds:.1f}")
    table.add_row("in all", f"{sum(stages.seconds.values()):.1f}")
    console.print(table)
