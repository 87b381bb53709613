"""The command line that every job module has: ``python -m jobs.<kind> [--job-id ID]``."""

import argparse
import asyncio
import logging
import sys

import orjson

from configs.loader import SettingsFileError, load_settings
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.job import JobKind
from jobs.driver import Work, drive


def run_command(kind: JobKind, work: Work) -> None:
    """Drive a job of this process's command line; a failure ends with one line and status 1."""
    parser = argparse.ArgumentParser(prog=f"python -m jobs.{kind.value}")
    parser.add_argument("--job-id", help="the job to take up; by default the active one, or a new")
    job_id: str | None = parser.parse_args().job_id
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        job = asyncio.run(drive(kind, work, load_settings(), job_id))
    except RegistryError as error:
        sys.exit(f"{kind.value}: {error}. {error.remedy}")
    except SettingsFileError as error:
        sys.exit(f"{kind.value}: {error}")
    sys.stdout.write(f"{job.job_id} {job.state.value} {orjson.dumps(job.result).decode()}\n")
