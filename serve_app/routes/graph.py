"""The graph of relationships: paths through it, and the place of an entry in it."""

from typing import Annotated

from fastapi import APIRouter, Query

from hyper_registry.domain.graph import Centrality, PathAnswer
from hyper_registry.domain.relationship import Direction
from serve_app.dependencies import Caller, EntryIdInPath, Services, require_storable

router = APIRouter()


@router.get("/graph/path")
async def shortest_path(
    registry: Services,
    caller: Caller,
    source: str,
    target: str,
    rel_type: Annotated[list[str] | None, Query()] = None,
    direction: Direction = Direction.BOTH,
    max_hops: Annotated[int, Query(ge=1, le=100)] = 12,
) -> PathAnswer:
    """Find a shortest path between two entries over entries that the caller may see."""
    for field, values in {"source": [source], "target": [target], "rel_type": rel_type}.items():
        for value in values or ():
            require_storable(field, value)
    return await registry.graph.shortest_path(
        caller,
        source,
        target,
        rel_types=None if rel_type is None else tuple(rel_type),
        direction=direction,
        max_hops=max_hops,
    )


@router.get("/entries/{entry_id}/centrality")
async def centrality(entry_id: EntryIdInPath, registry: Services, caller: Caller) -> Centrality:
    """Measure how central an entry is among those that the caller may see."""
    return await registry.graph.centrality(caller, entry_id)
