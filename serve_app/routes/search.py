"""Search by text, meaning and filters."""

from typing import Annotated

from fastapi import APIRouter, Query

from hyper_registry.domain.entry import ComplianceStatus
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.index_version import SearchStatus
from hyper_registry.domain.search import (
    Fusion,
    SearchAnswer,
    SearchFilters,
    SearchMode,
    SearchQuery,
)
from serve_app.dependencies import Caller, Services, require_storable

router = APIRouter()


@router.get("/search")
async def search(
    registry: Services,
    caller: Caller,
    q: str = "",
    mode: SearchMode = SearchMode.HYBRID,
    fusion: Fusion | None = None,
    category: Annotated[list[str] | None, Query()] = None,
    status: Annotated[list[EntryStatus] | None, Query()] = None,
    owner: Annotated[list[str] | None, Query()] = None,
    tag: Annotated[list[str] | None, Query()] = None,
    compliance_status: Annotated[list[ComplianceStatus] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> SearchAnswer:
    """Search by text, meaning and filters."""
    for field, values in {"q": [q], "category": category, "owner": owner, "tag": tag}.items():
        for value in values or ():
            require_storable(field, value)
    filters = SearchFilters.model_validate(
        {
            "category": category,
            "status": status,
            "owner": owner,
            "tags": tag,
            "compliance_status": compliance_status,
        }
    )
    return await registry.search.search(
        caller, SearchQuery(query=q, filters=filters, mode=mode, fusion=fusion, limit=limit)
    )


@router.get("/search/status")
async def status(registry: Services, caller: Caller) -> SearchStatus:
    """Tell how current the index is that this replica searches with."""
    return await registry.index.status(caller)
