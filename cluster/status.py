"""What a local instance is doing now, asked without changing anything."""

from dataclasses import dataclass, field
from pathlib import Path

from cluster.dashboard import Dashboard
from cluster.instance import InstancePaths, read_record
from cluster.processes import find_family, find_process
from cluster.ray_environment import instance_mark
from cluster.serve_deployment import ApplicationState, application_states
from hyper_registry.domain.errors.service import ClusterError


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """State of a local instance.

    Parameters
    ----------
    running
        True if the head process lives and its dashboard answers.
    api_url, dashboard_url
        Where it answers; None unless it runs.
    started_at
        ISO 8601 time of its start, UTC; None unless it runs.
    head_pid
        Process id of Ray's head; None unless it lives.
    pids
        Every process of the instance, ascending. Not empty while ``running`` is False means
        that something was left behind; a stop ends it.
    applications
        State of each Serve application by name.
    """

    running: bool
    api_url: str | None = None
    dashboard_url: str | None = None
    started_at: str | None = None
    head_pid: int | None = None
    pids: tuple[int, ...] = ()
    applications: dict[str, ApplicationState] = field(default_factory=dict)


def instance_status(home: Path) -> InstanceStatus:
    """Ask what the instance of a home is doing.

    Raises
    ------
    ClusterError
        If the instance's record cannot be understood.
    """
    paths = InstancePaths.of(home)
    record = read_record(paths)
    root = record.head if record is not None else None
    pids = tuple(sorted(process.pid for process in find_family(root, instance_mark(paths))))
    if record is None or root is None or find_process(root) is None:
        return InstanceStatus(running=False, pids=pids)
    try:
        with Dashboard(record.dashboard_url, paths.read_token()) as dashboard:
            applications = application_states(dashboard.serve_details())
    except ClusterError:
        # The head lives but does not answer: it is starting, or it hangs.
        return InstanceStatus(running=False, head_pid=root.pid, pids=pids)
    return InstanceStatus(
        running=True,
        api_url=record.api_url,
        dashboard_url=record.dashboard_url,
        started_at=record.started_at,
        head_pid=root.pid,
        pids=pids,
        applications=applications,
    )
