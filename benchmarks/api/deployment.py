"""The registry under measurement: an instance as users start it, in a home that ends with it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from cluster.instance import InstancePaths
from cluster.local_instance import SOURCE_ROOT, LocalInstanceOptions, start_instance, stop_instance
from cluster.serve_config import ServeApplication
from hyper_registry.storage.embedded import EmbeddedPostgres

DATABASE_VARIABLE = "HYPER_REGISTRY_DATABASE_URL"


def postgres_home(home: Path) -> Path:
    """Give the directory of the embedded Postgres, where every registry of that home has it."""
    return home / "postgres"


def instance_home(home: Path) -> Path:
    """Give the directory of the Ray instance."""
    return home / "instance"


def start_postgres(home: Path) -> str:
    """Start the embedded Postgres as it is shipped and return its connection string."""
    return EmbeddedPostgres(postgres_home(home)).start()


def build_index(home: Path, dsn: str) -> None:
    """Build the vector index by its job, in a process with a Ray of its own.

    Raises
    ------
    CalledProcessError
        If the job fails; it has said why on standard error.
    """
    settings = {"HYPER_REGISTRY_HOME": str(home), DATABASE_VARIABLE: dsn}
    subprocess.run(
        [sys.executable, "-m", "jobs.build_index"],
        # That Ray listens for nobody else and ends with the job.
        env=os.environ | settings | {"RAY_AUTH_MODE": "disabled"},
        stdout=subprocess.DEVNULL,
        cwd=SOURCE_ROOT,
        check=True,
    )


@contextmanager
def serving(home: Path, dsn: str, replicas: int) -> Generator[str]:
    """Serve the registry by Ray Serve behind HAProxy and give the URL.

    Parameters
    ----------
    replicas
        A fixed number: one that grows would load models in the middle of a measurement.
    """
    application = ServeApplication(
        "serve_app.app:build",
        {"profile": "local", "api": {"min_replicas": replicas, "max_replicas": replicas}},
        {"HYPER_REGISTRY_HOME": str(home), DATABASE_VARIABLE: dsn},
    )
    options = LocalInstanceOptions(home=instance_home(home), application=application)
    try:
        yield start_instance(options).api_url
    finally:
        stop_instance(options.home, drain_timeout_s=0)
        shutil.rmtree(InstancePaths.of(options.home).runtime_directory, ignore_errors=True)
