"""One local instance for all tests that need nothing but a Ray with Serve and the Jobs API."""

import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from cluster.instance import InstancePaths
from cluster.local_instance import (
    LocalInstanceOptions,
    StartedInstance,
    start_instance,
    stop_instance,
)
from cluster.ray_head import RayResources
from cluster.serve_config import ServeApplication


@pytest.fixture(scope="session")
def instance_home() -> Generator[Path]:
    home = Path(tempfile.mkdtemp(prefix="instance-"))
    yield home
    shutil.rmtree(InstancePaths.of(home).runtime_directory, ignore_errors=True)
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def instance(instance_home: Path) -> Generator[StartedInstance]:
    application = ServeApplication("tests.support.tiny_app:build", {"greeting": "hello"})
    resources = RayResources(num_cpus=2, num_gpus=0, object_store_bytes=100 * 2**20)
    try:
        yield start_instance(
            LocalInstanceOptions(home=instance_home, application=application, resources=resources)
        )
    finally:
        stop_instance(instance_home, drain_timeout_s=0)
