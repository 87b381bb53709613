"""Deploying an application to a running instance, and taking it away again."""

import re
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cluster.dashboard import Dashboard
from hyper_registry.domain.errors.service import ClusterError

POLL_INTERVAL_S = 0.2
LONGEST_MESSAGE = 2_000
TRACEBACK = "Traceback (most recent call last):"
EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt)\b")
# Controller and proxies, once no replica is left.
SERVE_END_TIMEOUT_S = 15.0


class ApplicationState(StrEnum):
    """State of an application in Serve, as Ray names them."""

    NOT_STARTED = "NOT_STARTED"
    DEPLOYING = "DEPLOYING"
    DEPLOY_FAILED = "DEPLOY_FAILED"
    RUNNING = "RUNNING"
    UNHEALTHY = "UNHEALTHY"
    DELETING = "DELETING"


def deploy(dashboard: Dashboard, config: dict[str, Any], timeout_s: float) -> None:
    """Deploy the applications of a checked configuration and wait until they run.

    Parameters
    ----------
    dashboard
        The instance's dashboard.
    config
        As `cluster.serve_config.serve_config` builds it.
    timeout_s
        Time for all of it.

    Raises
    ------
    ClusterError
        If Serve refuses the configuration, a deployment fails, or it takes too long.
    """
    deadline = time.monotonic() + timeout_s
    dashboard.deploy(config, timeout_s)
    waiting = {application["name"] for application in config["applications"]}
    while True:
        details = dashboard.serve_details()
        states = application_states(details)
        for name in sorted(waiting):
            if states.get(name) is ApplicationState.DEPLOY_FAILED:
                raise ClusterError(
                    f"deploy {name!r}",
                    failure_message(details["applications"][name]),
                    "Correct the cause; the replicas' logs say more.",
                )
        if _proxies_healthy(details) and all(
            states.get(name) is ApplicationState.RUNNING for name in waiting
        ):
            return
        if time.monotonic() > deadline:
            shown = ", ".join(f"{name} is {states.get(name, 'absent')}" for name in sorted(waiting))
            raise ClusterError(
                "deploy the application",
                f"not running after {timeout_s:g} s: {shown}",
                "See the replicas' logs; on a slow machine allow more time.",
            )
        time.sleep(POLL_INTERVAL_S)


def shutdown_serve(dashboard: Dashboard, empty_config: dict[str, Any], timeout_s: float) -> bool:
    """Take the applications away once their requests are answered, then end Serve.

    Serve kills HAProxy first when it is shut down, and the requests in it. So the applications are
    removed before: their replicas finish what they have while HAProxy still serves it.

    Parameters
    ----------
    dashboard
        The instance's dashboard.
    empty_config
        As `cluster.serve_config.empty_serve_config` builds it for this instance.
    timeout_s
        Time for the replicas to finish their requests.

    Returns
    -------
    bool
        False if they did not within ``timeout_s``, or the dashboard no longer answers. The
        instance can be ended then all the same.
    """
    deadline = time.monotonic() + timeout_s
    try:
        dashboard.deploy(empty_config, timeout_s)
        while not (drained := not dashboard.serve_details()["applications"]):
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_INTERVAL_S)
        dashboard.shut_serve_down(SERVE_END_TIMEOUT_S)
    except ClusterError:
        return False
    return drained


def application_states(details: Mapping[str, Any]) -> dict[str, ApplicationState]:
    """Read the state of each application from the details of Serve."""
    applications: Mapping[str, Mapping[str, Any]] = details["applications"]
    return {name: ApplicationState(entry["status"]) for name, entry in applications.items()}


def failure_message(application: Mapping[str, Any]) -> str:
    """Say why an application failed: its own message and those of its failed deployments."""
    deployments: Mapping[str, Mapping[str, Any]] = application.get("deployments", {})
    messages = [str(application.get("message", ""))] + [
        str(deployment.get("message", ""))
        for deployment in deployments.values()
        if deployment.get("status") in {"DEPLOY_FAILED", "UNHEALTHY"}
    ]
    told = "\n".join(
        dict.fromkeys(_cause(message).strip() for message in messages if message.strip())
    )
    return told[-LONGEST_MESSAGE:] or "Serve gave no reason"


def _cause(message: str) -> str:
    """Leave of a message with tracebacks only what the last of them ended with."""
    before, mark, traceback = message.rpartition(TRACEBACK)
    if not mark:
        return message
    lines = traceback.splitlines()[1:]
    # Frames are indented; what follows the last of them is the exception, however long.
    ends = [number for number, line in enumerate(lines) if EXCEPTION.match(line)]
    return "\n".join(lines[ends[-1] :]) if ends else before


def _proxies_healthy(details: Mapping[str, Any]) -> bool:
    """Tell whether HAProxy serves: an application may run a moment before it does."""
    proxies: Mapping[str, Mapping[str, Any]] = details.get("proxies", {})
    return bool(proxies) and all(proxy["status"] == "HEALTHY" for proxy in proxies.values())
