"""Health: the one route that anybody may ask."""

from fastapi import APIRouter
from pydantic import BaseModel

from serve_app.dependencies import Services

router = APIRouter()


class Health(BaseModel):
    """Whether the registry can answer."""

    status: str


@router.get("/health")
async def health(registry: Services) -> Health:
    """Tell whether Postgres answers."""
    async with registry.database.connection() as connection:
        await connection.fetchval("select 1")
    return Health(status="ok")
