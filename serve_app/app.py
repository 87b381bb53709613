"""The Ray Serve application: the API, and its models inside the replicas or behind handles."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# Ray's deployment and ingress decorators are only partly typed.

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, model_validator
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle

from configs.loader import load_settings
from hyper_registry.factory import Models
from serve_app.api import build_api
from serve_app.model_replicas import ClassifierReplica, EmbedderReplica
from serve_app.remote_models import RemoteClassifier, RemoteTimeouts, connect_embedder

API, EMBEDDER, CLASSIFIER = "Api", "Embedder", "Classifier"
"""Names of the deployments."""


class ReplicaArguments(BaseModel):
    """How many replicas a deployment has, and what each of them reserves.

    Attributes
    ----------
    min_replicas, max_replicas
        Bounds of autoscaling.
    target_ongoing_requests
        Requests a replica is to have at a time: with more, replicas are added; with fewer, taken
        away.
    max_ongoing_requests
        Requests that a replica accepts at a time; further ones go to another replica.
    max_queued_requests
        Requests that may wait for a replica in each caller; further ones are refused.
    cpus, gpus
        What a replica reserves; fractions let several share one.
    shutdown_s
        Time in which a replica that is taken away may finish its requests.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=2, ge=1)
    target_ongoing_requests: float = Field(default=16, gt=0)
    max_ongoing_requests: int = Field(default=64, ge=1)
    max_queued_requests: int = Field(default=10_000, ge=0)
    cpus: float = Field(default=0.5, ge=0)
    gpus: float = Field(default=0, ge=0)
    shutdown_s: float = Field(default=20, ge=0)

    @model_validator(mode="after")
    def _ordered_bounds(self) -> "ReplicaArguments":
        if self.min_replicas > self.max_replicas:
            msg = f"min_replicas={self.min_replicas} is above max_replicas={self.max_replicas}"
            raise ValueError(msg)
        return self

    def options(self) -> dict[str, Any]:
        """Return the same as options of a Serve deployment."""
        return {
            "ray_actor_options": {"num_cpus": self.cpus, "num_gpus": self.gpus},
            "max_ongoing_requests": self.max_ongoing_requests,
            "max_queued_requests": self.max_queued_requests,
            "graceful_shutdown_timeout_s": self.shutdown_s,
            "autoscaling_config": {
                "min_replicas": self.min_replicas,
                "max_replicas": self.max_replicas,
                "target_ongoing_requests": self.target_ongoing_requests,
            },
        }


class ApplicationArguments(BaseModel):
    """What an operator may set when deploying.

    Attributes
    ----------
    profile
        Settings profile that the replicas load, with their environment above it. Its
        `embedding.placement` decides whether the models have deployments of their own.
    api
        The API's replicas.
    embedder, classifier
        The models' replicas, where they have some. A GPU takes `gpus` here and
        `embedding.device` in the settings.
    model_timeout_s
        How long the API waits for a model, a lost replica's successor included, before it
        answers 503.
    model_start_s
        How long the API waits at its own start for the first replica of the embedder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str = "local"
    api: ReplicaArguments = ReplicaArguments()
    embedder: ReplicaArguments = ReplicaArguments(cpus=1, max_replicas=4)
    classifier: ReplicaArguments = ReplicaArguments(cpus=0.2)
    model_timeout_s: float = Field(default=15, gt=0)
    model_start_s: float = Field(default=120, gt=0)

    @property
    def timeouts(self) -> RemoteTimeouts:
        """How long to wait for the models."""
        return RemoteTimeouts(self.model_timeout_s, self.model_start_s)


class ApiReplica:
    """Serves the API; opens its settings, its pool and its models when it starts.

    Parameters
    ----------
    arguments
        What was deployed.
    embedder, classifier
        Handles of the models' deployments; None loads the models into this replica.
    """

    def __init__(
        self,
        arguments: ApplicationArguments,
        embedder: DeploymentHandle[Any] | None = None,
        classifier: DeploymentHandle[Any] | None = None,
    ) -> None:
        self._arguments = arguments
        self._embedder = embedder
        self._classifier = classifier

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Build the API in the replica, where its settings are; Serve asks for it by this name."""
        settings = load_settings(self._arguments.profile)
        embedder, classifier = self._embedder, self._classifier
        if embedder is None or classifier is None:
            return build_api(settings, echo_request_id=False)

        async def connect_models() -> Models:
            timeouts = self._arguments.timeouts
            cache_size = settings.embedding.query_cache_entries
            remote = await connect_embedder(embedder, timeouts, cache_size=cache_size)
            return Models(remote, remote, RemoteClassifier(classifier, timeout_s=timeouts.call_s))

        return build_api(settings, connect_models, echo_request_id=False)


def build(arguments: ApplicationArguments) -> Application:
    """Return the application for ``serve deploy`` or ``serve.run``.

    Raises
    ------
    SettingsFileError
        If the profile is unknown or invalid.
    """
    ingress = serve.ingress()(ApiReplica)
    api = serve.deployment(name=API)(ingress).options(**arguments.api.options())
    if load_settings(arguments.profile).embedding.placement == "in_process":
        return api.bind(arguments)
    embedder = (
        serve.deployment(name=EMBEDDER)(EmbedderReplica)
        .options(**arguments.embedder.options())
        .bind(arguments.profile)
    )
    classifier = (
        serve.deployment(name=CLASSIFIER)(ClassifierReplica)
        .options(**arguments.classifier.options())
        .bind(embedder, arguments.timeouts)
    )
    return api.bind(arguments, embedder, classifier)
