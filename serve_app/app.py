"""The Ray Serve application: API replicas that each hold the search engine and the embedder."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Ray's deployment and ingress decorators are only partly typed.

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve import Application

from configs.loader import load_settings
from serve_app.api import build_api


class ApplicationArguments(BaseModel):
    """What an operator may set when deploying.

    Attributes
    ----------
    profile
        Settings profile that the replicas load, with their environment above it.
    min_replicas, max_replicas
        Bounds of autoscaling.
    replica_cpus
        CPUs that a replica reserves.
    """

    model_config = ConfigDict(extra="forbid")

    profile: str = "local"
    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=2, ge=1)
    replica_cpus: float = Field(default=0.5, gt=0)


def build(arguments: ApplicationArguments) -> Application:
    """Return the application for ``serve deploy`` or ``serve.run``.

    Each replica loads its settings and opens its own pool and model when it starts.
    """

    def api_of_replica() -> FastAPI:
        return build_api(load_settings(arguments.profile))

    deployment = serve.deployment(name="Api")(serve.ingress(api_of_replica)())
    return deployment.options(
        ray_actor_options={"num_cpus": arguments.replica_cpus},
        max_ongoing_requests=64,
        graceful_shutdown_timeout_s=20,
        autoscaling_config={
            "min_replicas": arguments.min_replicas,
            "max_replicas": arguments.max_replicas,
            "target_ongoing_requests": 16,
        },
    ).bind()
