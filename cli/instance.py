"""``hyper-registry up``, ``down``, ``status``, ``migrate``: the instance on this machine."""

import asyncio
import os
from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Table

from cli.output import AsJson, console, print_json
from cluster.local_instance import (
    LocalInstanceOptions,
    StartedInstance,
    start_instance,
    stop_instance,
)
from cluster.ray_head import RayResources
from cluster.registry_application import registry_application
from cluster.status import instance_status
from configs.loader import load_settings
from configs.settings import Settings
from hyper_registry.factory import database_dsn, owner_dsn
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.migrate import migrate as apply_migrations


def up(
    host: Annotated[str, typer.Option(help="Interface of the API.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help="Port of the API; by default the last one, or a free one.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Settings profile of the replicas.")] = "local",
    cpus: Annotated[int | None, typer.Option(min=1, help="CPUs for Ray; by default all.")] = None,
    max_replicas: Annotated[int, typer.Option(min=1, help="API replicas at most.")] = 2,
) -> None:
    """Start Postgres, Ray and the API, or join them if they run."""
    settings = load_settings(profile)
    with console.status("Starting") as shown:
        started = start(
            settings,
            host=host,
            port=port,
            profile=profile,
            cpus=cpus,
            max_replicas=max_replicas,
            on_step=lambda step: shown.update(f"{step[:1].upper()}{step[1:]}"),
        )
    console.print(f"The API serves at {started.api_url}/v1/registry", highlight=False)
    console.print("Stop it with 'hyper-registry down'.", highlight=False)


def start(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    profile: str = "local",
    cpus: int | None = None,
    max_replicas: int = 2,
    on_step: Callable[[str], None] = lambda _: None,
) -> StartedInstance:
    """Start or join the instance of this process's settings.

    Raises
    ------
    RegistryError
        If Postgres, Ray or the API does not come up.
    """
    on_step("start Postgres")
    asyncio.run(_prepare_database(settings))
    return start_instance(
        LocalInstanceOptions(
            home=settings.home,
            application=registry_application(
                settings.home, os.environ, profile=profile, max_replicas=max_replicas
            ),
            http_host=host,
            http_port=port,
            resources=RayResources(num_cpus=cpus),
        ),
        on_step,
    )


def down() -> None:
    """Stop the API, Ray and the embedded Postgres; all data stays."""
    settings = load_settings()
    with console.status("Stopping") as shown:
        stopped = stop_instance(
            settings.home, on_step=lambda step: shown.update(f"{step[:1].upper()}{step[1:]}")
        )
        server = EmbeddedPostgres(settings.home / "postgres")
        had_server = server.is_running()
        if had_server:
            server.stop()
    ended = [name for name, ran in (("Ray", stopped.processes), ("Postgres", had_server)) if ran]
    console.print(f"{' and '.join(ended)} stopped." if ended else "Nothing was running.")


def status(*, as_json: AsJson = False) -> None:
    """Tell what runs on this machine, without changing anything."""
    settings = load_settings()
    instance = instance_status(settings.home)
    server = EmbeddedPostgres(settings.home / "postgres")
    own = settings.database.url is not None
    postgres = "configured" if own else "running" if server.is_running() else "stopped"
    if as_json:
        print_json(
            {
                "running": instance.running,
                "api_url": instance.api_url,
                "dashboard_url": instance.dashboard_url,
                "started_at": instance.started_at,
                "processes": len(instance.pids),
                "applications": {name: str(state) for name, state in instance.applications.items()},
                "postgres": postgres,
                "home": str(settings.home),
            }
        )
        return
    table = Table("part", "state", show_header=False)
    api = ", ".join(f"{name} {state}" for name, state in instance.applications.items())
    table.add_row("API", f"{instance.api_url}/v1/registry ({api})" if instance.running else "down")
    table.add_row("Ray dashboard", instance.dashboard_url or "down")
    table.add_row("Processes", str(len(instance.pids)))
    table.add_row("Postgres", postgres)
    table.add_row("State directory", str(settings.home))
    console.print(table)


def migrate() -> None:
    """Bring the database to this version's schema."""
    applied = asyncio.run(_prepare_database(load_settings()))
    console.print(f"Applied {', '.join(applied)}" if applied else "The schema is up to date.")


async def _prepare_database(settings: Settings) -> list[str]:
    return await apply_migrations(owner_dsn(settings, await database_dsn(settings)))
