"""Jobs on a Ray cluster, through its Jobs API."""

# pyright: reportUnknownMemberType=false

import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.instance import InstancePaths, read_record
from hyper_registry.domain.errors.service import ClusterError
from hyper_registry.domain.job import Job

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

_END_TIMEOUT_S = 10.0
_LOG_LINES = 5


class RayJobs:
    """The jobs of one cluster.

    Parameters
    ----------
    address
        URL of the cluster's dashboard.
    token
        The cluster's Ray token; None where the environment holds it, or none is asked for.
    working_directory
        Sources that are sent with each job; None where the cluster's nodes have them.
    """

    def __init__(
        self, address: str, *, token: str | None = None, working_directory: Path | None = None
    ) -> None:
        self._address = address
        self._token = token
        self._working_directory = working_directory
        self._connected: JobSubmissionClient | None = None

    @classmethod
    def of_instance(cls, home: Path) -> "RayJobs":
        """Speak to the local instance of a state directory.

        Raises
        ------
        ClusterError
            If none was started there.
        """
        paths = InstancePaths.of(home)
        record = read_record(paths)
        if record is None or record.head is None:
            raise ClusterError(
                "reach Ray's Jobs API",
                f"no instance runs in {paths.home}",
                "Start it with 'hyper-registry up', or run the job in this process with --direct.",
            )
        return cls(record.dashboard_url, token=paths.read_token())

    def submit(self, job: Job, environment: Mapping[str, str]) -> str:
        """Have a driver take up the job, and return Ray's id of the submission.

        Parameters
        ----------
        environment
            Variables of the driver and its workers.

        Raises
        ------
        ClusterError
            If the cluster cannot be reached or refuses.
        """
        runtime_environment: dict[str, object] = {"env_vars": dict(environment)}
        if self._working_directory is not None:
            runtime_environment["working_dir"] = str(self._working_directory)
            runtime_environment["excludes"] = [".git"]  # what .gitignore names is left out anyway
        try:
            return self._client().submit_job(
                entrypoint=f"python -m jobs.{job.kind.value} --job-id {job.job_id}",
                # Ray answers a repeated id with an internal error, so each attempt has its own.
                submission_id=f"{job.job_id}-{secrets.token_hex(3)}",
                runtime_env=runtime_environment,
                metadata={"job_id": job.job_id, "kind": job.kind.value},
            )
        except (RuntimeError, OSError) as error:
            raise self._failure("submit the job", error) from error

    def has_ended(self, submission_id: str) -> bool:
        """Tell whether a submission's driver is gone, or unknown to this cluster.

        Raises
        ------
        ClusterError
            If the cluster cannot be reached.
        """
        try:
            return self._client().get_job_status(submission_id).is_terminal()
        except RuntimeError as error:
            if "404" in str(error):
                return True
            raise self._failure("read the job's state", error) from error
        except OSError as error:
            raise self._failure("read the job's state", error) from error

    def logs(self, submission_id: str) -> str:
        """Return what the driver has printed.

        Raises
        ------
        ClusterError
            If the cluster cannot be reached or does not know the submission.
        """
        try:
            return self._client().get_job_logs(submission_id)
        except (RuntimeError, OSError) as error:
            raise self._failure("read the job's log", error) from error

    def last_lines(self, submission_id: str) -> str:
        """Return the end of the log on one line, for messages."""
        lines = [line.strip() for line in self.logs(submission_id).splitlines() if line.strip()]
        return " | ".join(lines[-_LOG_LINES:]) or "it printed nothing"

    def stop(self, submission_id: str) -> None:
        """End a submission's driver and wait until it is gone.

        Raises
        ------
        ClusterError
            If the cluster cannot be reached, or the driver does not end.
        """
        if self.has_ended(submission_id):
            return
        try:
            self._client().stop_job(submission_id)
        except (RuntimeError, OSError) as error:
            raise self._failure("stop the job", error) from error
        deadline = time.monotonic() + _END_TIMEOUT_S
        while not self.has_ended(submission_id):
            if time.monotonic() > deadline:
                raise ClusterError(
                    "stop the job",
                    f"its driver {submission_id} still runs after {_END_TIMEOUT_S:g} s",
                    "Try again, or restart the instance: 'hyper-registry down', then 'up'.",
                )
            time.sleep(0.2)

    def _client(self) -> "JobSubmissionClient":
        if self._connected is None:
            # Takes more than a second, so only those pay for it who speak to Ray.
            from ray.job_submission import JobSubmissionClient  # noqa: PLC0415

            # An explicit header is preferred to whatever Ray finds in the environment.
            headers = {"Authorization": f"Bearer {self._token}"} if self._token else None
            try:
                self._connected = JobSubmissionClient(self._address, headers=headers)
            except (RuntimeError, OSError) as error:
                raise self._failure("reach Ray's Jobs API", error) from error
        return self._connected

    def _failure(self, step: str, error: Exception) -> ClusterError:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return ClusterError(
            step,
            f"{self._address}: {lines[-1][:300]}",
            "See 'hyper-registry status'; start the instance with 'hyper-registry up'.",
        )
