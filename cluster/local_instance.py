"""A local instance as a whole: start it or join it, and stop it without a trace."""

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cluster.dashboard import Dashboard
from cluster.haproxy_limits import plan_file_limit, soft_file_limit
from cluster.instance import InstancePaths, InstanceRecord, read_record, write_record
from cluster.port_reservation import (
    PortBlock,
    block_of,
    lock_directory,
    preferred_block,
    reserved_block,
)
from cluster.ports import InstancePorts, choose_ports
from cluster.processes import find_process
from cluster.ray_environment import head_environment
from cluster.ray_head import (
    RayResources,
    choose_node_ip,
    discard_old_sessions,
    end_head,
    head_command,
    launch_detached,
    wait_until_ready,
)
from cluster.serve_config import (
    ServeApplication,
    check_serve_config,
    config_digest,
    empty_serve_config,
    serve_config,
)
from cluster.serve_deployment import (
    ApplicationState,
    application_states,
    deploy,
    shutdown_serve,
)
from hyper_registry.domain.errors.service import ClusterError

SOURCE_ROOT = Path(__file__).resolve().parent.parent

# Without an answer for so long, a head that lives is taken for hung and is replaced.
HUNG_AFTER_S = 30.0
POLL_INTERVAL_S = 0.5

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LocalInstanceOptions:
    """How a local instance is to run.

    Parameters
    ----------
    home
        State directory. One home is one instance.
    application
        What Serve is to run.
    http_host, http_port
        Where the API listens; None for the port of the last start, or any free one.
    resources
        What Ray may use.
    max_connections
        Connections that HAProxy accepts at a time, lowered where the limit on open files asks
        for it.
    import_roots
        Directories from which replicas and jobs import.
    start_timeout_s, deploy_timeout_s
        Time for Ray to answer, and for the application to run.
    """

    home: Path
    application: ServeApplication
    http_host: str = "127.0.0.1"
    http_port: int | None = None
    resources: RayResources = field(default_factory=RayResources)
    max_connections: int = 4096
    import_roots: tuple[Path, ...] = (SOURCE_ROOT,)
    start_timeout_s: float = 90.0
    deploy_timeout_s: float = 180.0


@dataclass(frozen=True, slots=True)
class StartedInstance:
    """A running instance.

    Parameters
    ----------
    record
        Its ports and addresses.
    joined
        True if Ray was running already.
    deployed
        True if the application was deployed now; False if the same was running already.
    head_s, deploy_s
        Seconds that starting Ray and deploying took.
    """

    record: InstanceRecord
    joined: bool
    deployed: bool
    head_s: float = 0.0
    deploy_s: float = 0.0

    @property
    def api_url(self) -> str:
        """URL of the API."""
        return self.record.api_url

    @property
    def dashboard_url(self) -> str:
        """URL of Ray's dashboard and Jobs API."""
        return self.record.dashboard_url


@dataclass(frozen=True, slots=True)
class StoppedInstance:
    """What a stop ended.

    Parameters
    ----------
    processes
        How many processes the instance had; 0 if it was not running.
    drained
        True if the replicas finished their requests first.
    """

    processes: int
    drained: bool


def start_instance(
    options: LocalInstanceOptions, on_step: OnStep = lambda _: None
) -> StartedInstance:
    """Start a local instance, or join it if it runs, and see that the application runs on it.

    Options that concern Ray or the port of the API take effect at the next start after a stop;
    another application or other arguments are deployed to the running instance.

    Parameters
    ----------
    options
        How it is to run.
    on_step
        Told the name of each step as it begins.

    Raises
    ------
    ClusterError
        If a port is taken, the limit on open files is too low, Ray does not start, or the
        application does not run in time. What this call started is then stopped again.
    SettingsError
        If the options of the application are unknown to Serve.
    """
    paths = InstancePaths.of(options.home)
    with paths.locked():
        paths.prepare()
        began = time.monotonic()
        record = read_record(paths)
        joined = record is not None and _head_answers(paths, record)
        if record is None or not joined:
            on_step("start Ray")
            record = _launch_head(paths, options, record)
        _refuse_other_port(options, record)
        config = serve_config(options.application, host=record.http_host, port=record.ports.http)
        digest = config_digest(config)
        try:
            with Dashboard(record.dashboard_url, paths.read_token()) as dashboard:
                if joined and _runs(
                    dashboard, options, unchanged=digest == record.application_digest
                ):
                    return StartedInstance(record, joined=True, deployed=False)
                # Takes seconds, which pass while Ray starts.
                check_serve_config(config)
                if record.head is not None and not joined:
                    wait_until_ready(
                        record.head, dashboard, paths.head_log, options.start_timeout_s
                    )
                head_s = time.monotonic() - began
                on_step("deploy the application")
                deploy(dashboard, config, options.deploy_timeout_s)
        except BaseException:
            if not joined:
                end_head(paths, record.head)
                write_record(paths, replace(record, head=None))
            raise
        record = replace(record, application_digest=digest)
        write_record(paths, record)
        deploy_s = time.monotonic() - began - head_s
        return StartedInstance(record, joined, deployed=True, head_s=head_s, deploy_s=deploy_s)


def stop_instance(
    home: Path, *, drain_timeout_s: float = 30.0, on_step: OnStep = lambda _: None
) -> StoppedInstance:
    """Stop a local instance: drain the replicas, end Ray, leave no process.

    Other instances and any other Ray on this machine are not touched. Stopping what does not run
    is no error.

    Parameters
    ----------
    home
        The instance's state directory, which is kept.
    drain_timeout_s
        Time for the replicas to finish their requests.
    on_step
        Told the name of each step as it begins.

    Raises
    ------
    ClusterError
        If a process cannot be ended.
    """
    paths = InstancePaths.of(home)
    with paths.locked():
        try:
            record = read_record(paths)
        except ClusterError as error:
            # The processes are found without it, and the next start needs a readable one.
            on_step(f"remove the record ({error.reason})")
            paths.record_file.unlink()
            record = None
        drained = False
        if record is not None and _head_answers(paths, record):
            on_step("drain the API")
            empty = empty_serve_config(host=record.http_host, port=record.ports.http)
            with Dashboard(record.dashboard_url, paths.read_token()) as dashboard:
                drained = shutdown_serve(dashboard, empty, drain_timeout_s)
        on_step("stop Ray")
        processes = end_head(paths, record.head if record is not None else None)
        if record is not None:
            write_record(paths, replace(record, head=None, application_digest=None))
        return StoppedInstance(processes, drained)


def _head_answers(paths: InstancePaths, record: InstanceRecord) -> bool:
    """Tell whether the recorded head runs; a busy one is given time before it counts as hung."""
    deadline = time.monotonic() + HUNG_AFTER_S
    with Dashboard(record.dashboard_url, paths.read_token()) as dashboard:
        while record.head is not None and find_process(record.head) is not None:
            if dashboard.answers():
                return True
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_INTERVAL_S)
    return False


def _launch_head(
    paths: InstancePaths, options: LocalInstanceOptions, previous: InstanceRecord | None
) -> InstanceRecord:
    """Launch Ray and record it; whatever an earlier start left behind is ended first."""
    end_head(paths, previous.head if previous is not None else None)
    discard_old_sessions(paths.runtime_directory)
    ports = previous.ports if previous is not None else None
    wanted = block_of(ports.gcs) if ports is not None else preferred_block(paths.home)
    with reserved_block(wanted, lock_directory()) as block:
        # In a block that another instance took meanwhile, no former port can be kept.
        kept = ports if block.first == wanted else None
        return _launch_in_block(paths, options, block, kept)


def _launch_in_block(
    paths: InstancePaths,
    options: LocalInstanceOptions,
    block: PortBlock,
    previous: InstancePorts | None,
) -> InstanceRecord:
    plan = plan_file_limit(options.max_connections, *resource.getrlimit(resource.RLIMIT_NOFILE))
    record = InstanceRecord(
        ports=choose_ports(
            block.first,
            http_host=options.http_host,
            http_port=options.http_port,
            previous=previous,
        ),
        http_host=options.http_host,
        node_ip=choose_node_ip(),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    command = head_command(paths, record, options.resources)
    environment = head_environment(
        paths,
        record,
        max_connections=plan.max_connections,
        import_roots=tuple(str(root) for root in options.import_roots),
        inherited=os.environ,
    )
    with soft_file_limit(plan.soft_limit):
        head = launch_detached(command, environment, paths.head_log, held=block.descriptor)
    record = replace(record, head=head)
    write_record(paths, record)
    return record


def _refuse_other_port(options: LocalInstanceOptions, record: InstanceRecord) -> None:
    if options.http_port is not None and options.http_port != record.ports.http:
        raise ClusterError(
            "start the API",
            f"the running instance serves port {record.ports.http}, not {options.http_port}",
            "Stop it first with 'hyper-registry down'.",
        )


def _runs(dashboard: Dashboard, options: LocalInstanceOptions, *, unchanged: bool) -> bool:
    """Tell whether just this application runs already."""
    if not unchanged:
        return False
    states = application_states(dashboard.serve_details())
    return states.get(options.application.name) is ApplicationState.RUNNING
