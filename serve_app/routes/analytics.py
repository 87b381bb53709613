"""Analytics: the registry in numbers."""

from fastapi import APIRouter

from hyper_registry.domain.analytics import RegistrySummary
from serve_app.dependencies import Caller, Services

router = APIRouter()


@router.get("/analytics")
async def analytics(registry: Services, caller: Caller) -> RegistrySummary:
    """Count what the caller may see."""
    return await registry.analytics.summary(caller)
