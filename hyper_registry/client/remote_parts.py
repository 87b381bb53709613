"""Parts of requests: bodies, segments of paths, conditions."""

from urllib.parse import quote

import orjson
from pydantic import BaseModel

from hyper_registry.domain.entry import EntryDraft


def written(draft: BaseModel) -> bytes:
    """Return the body that sends what people write."""
    if isinstance(draft, EntryDraft) and draft.sensitive:
        return orjson.dumps(draft.model_dump(mode="json") | {"sensitive": draft.sensitive})
    return draft.model_dump_json(exclude_defaults=True).encode()


def segment(name: str) -> str:
    """Return an id or a name as one segment of a path."""
    return quote(name, safe="")


def if_match(expected_version: int | None) -> dict[str, str]:
    """Return the header that expects a version; None expects any."""
    return {} if expected_version is None else {"If-Match": f'"{expected_version}"'}
