"""Health: the one route that anybody may ask."""

from fastapi import APIRouter
from pydantic import BaseModel

from serve_app.dependencies import Services

_LIMIT_S = 2.0

router = APIRouter()


class Health(BaseModel):
    """Whether the registry can answer."""

    status: str


@router.get("/health")
async def health(registry: Services) -> Health:
    """Tell whether Postgres answers; 503 if it does not."""
    await registry.database.ping(timeout_s=_LIMIT_S)
    return Health(status="ok")
