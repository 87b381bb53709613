"""How large the parts of an entry may be."""

from dataclasses import dataclass

import orjson

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors.input import InvalidFieldError


@dataclass(frozen=True, slots=True)
class CatalogLimits:
    """Sizes above which an entry is refused: characters, counts, and bytes of JSON."""

    title_characters: int = 500
    description_characters: int = 100_000
    owner_characters: int = 200
    tag_characters: int = 100
    tags: int = 100
    readers: int = 1_000
    metadata_bytes: int = 262_144


def check_limits(
    draft: EntryDraft, limits: CatalogLimits, metadata_bytes: int | None = None
) -> None:
    """Check an entry against `limits`.

    Parameters
    ----------
    metadata_bytes
        Size of the metadata as JSON, where it is known already.

    Raises
    ------
    InvalidFieldError
        Naming the first field that is too large, its size and its limit.
    """
    if metadata_bytes is None:
        metadata_bytes = len(orjson.dumps(draft.metadata))
    sizes = (
        ("title", len(draft.title), limits.title_characters, "characters"),
        ("description", len(draft.description), limits.description_characters, "characters"),
        ("owner", len(draft.owner or ""), limits.owner_characters, "characters"),
        ("tags", len(draft.tags), limits.tags, "tags"),
        ("tags", max(map(len, draft.tags), default=0), limits.tag_characters, "characters a tag"),
        ("security.readers", len(draft.security.readers), limits.readers, "readers"),
        ("metadata", metadata_bytes, limits.metadata_bytes, "bytes"),
    )
    for field, size, limit, unit in sizes:
        if size > limit:
            raise InvalidFieldError(
                field, f"{size:,} {unit} are above the limit of {limit:,}", "Shorten it."
            )
