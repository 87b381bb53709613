"""The part of the Ray dashboard's HTTP API that an instance is run by.

Spoken directly, as ``serve deploy`` does, because importing Ray takes seconds and would bind the
calling process to one cluster.
"""

from types import TracebackType
from typing import Any, Self

import httpx

from hyper_registry.domain.errors.service import ClusterError

REQUEST_TIMEOUT_S = 10.0
SERVE_PATH = "/api/serve/applications/"


class Dashboard:
    """Client of one instance's dashboard.

    Parameters
    ----------
    url
        Base URL of the dashboard.
    token
        The instance's Ray token.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=REQUEST_TIMEOUT_S,
            # A proxy set for the whole machine must not see the token, nor stand between.
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def answers(self) -> bool:
        """Tell whether the dashboard answers and a node of its cluster is alive."""
        try:
            version = self._client.get("/api/version")
            nodes = self._client.get("/nodes", params={"view": "summary"})
        except httpx.TransportError:
            return False
        if version.status_code != httpx.codes.OK or nodes.status_code != httpx.codes.OK:
            return False
        summary: list[dict[str, Any]] = nodes.json()["data"]["summary"]
        return any(node["raylet"].get("state") == "ALIVE" for node in summary)

    def serve_details(self) -> dict[str, Any]:
        """Read the state of Serve: proxies, applications, deployments, replicas.

        Raises
        ------
        ClusterError
            If the dashboard cannot be reached or refuses.
        """
        return self._request("GET", "read the state of Serve").json()

    def deploy(self, config: dict[str, Any], timeout_s: float) -> None:
        """Set the applications that Serve is to run; returns once Serve accepted them.

        Raises
        ------
        ClusterError
            If the dashboard cannot be reached or refuses the configuration.
        """
        self._request("PUT", "deploy the application", timeout_s=timeout_s, json=config)

    def shut_serve_down(self, timeout_s: float) -> None:
        """End Serve after its replicas have drained.

        Raises
        ------
        ClusterError
            If the dashboard cannot be reached, or draining takes longer than ``timeout_s``.
        """
        self._request("DELETE", "shut Serve down", timeout_s=timeout_s)

    def _request(
        self,
        method: str,
        step: str,
        *,
        timeout_s: float = REQUEST_TIMEOUT_S,
        json: dict[str, Any] | None = None,
    ) -> httpx.Response:
        try:
            response = self._client.request(method, SERVE_PATH, json=json, timeout=timeout_s)
        except httpx.TransportError as error:
            raise ClusterError(
                step,
                f"the dashboard at {self._url} does not answer ({error or type(error).__name__})",
                "See the instance's logs, or restart it: 'hyper-registry down', then 'up'.",
            ) from error
        if response.status_code != httpx.codes.OK:
            lines = response.text.strip().splitlines() or ["no reason given"]
            raise ClusterError(
                step,
                f"the dashboard answered {response.status_code}: {lines[-1][:500]}",
                "Correct the configuration, or see the instance's logs.",
            )
        return response
