"""The process's connection to Ray: the cluster it was submitted to, or one of its own."""

# pyright: reportUnknownMemberType=false
# (Ray's functions are only partly typed)

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager

import ray


@contextmanager
def ray_session() -> Generator[int]:
    """Connect to Ray and give the number of CPUs of the whole cluster.

    A job that was submitted to a cluster finds it in ``RAY_ADDRESS``; a job that is run directly
    starts a Ray of its own, which ends with it. A connection that exists already is used and
    left open.
    """
    mine = not ray.is_initialized()
    if mine:
        ray.init(
            address=os.environ.get("RAY_ADDRESS"),
            log_to_driver=False,
            logging_level=logging.WARNING,
            include_dashboard=False,
        )
    try:
        yield max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        if mine:
            ray.shutdown()
