"""JSON Lines: one entry a line, as the API answers it."""

from collections.abc import Sequence

import orjson

from hyper_registry.storage.export_store import ExportedEntry

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


class NdjsonEncoder:
    """Writes lines that an import of JSON Lines reads back."""

    def page(self, entries: Sequence[ExportedEntry]) -> bytes:
        """Return one line an entry."""
        return b"".join(orjson.dumps(_document(entry), option=_OPTIONS) for entry in entries)

    def end(self) -> bytes:
        """Return nothing: the file ends with its last line."""
        return b""


def _document(entry: ExportedEntry) -> dict[str, object]:
    document: dict[str, object] = {
        "entry_id": entry.entry_id,
        "handle": entry.handle,
        "category": entry.category,
        "title": entry.title,
        "description": entry.description,
        "status": entry.status,
        "owner": entry.owner,
        "tags": entry.tags,
        "metadata": orjson.Fragment(entry.metadata),
        "deprecation": orjson.Fragment(entry.deprecation or "null"),
        "compliance_status": entry.compliance_status,
        "security": {"visibility": entry.visibility, "readers": entry.readers},
        "version": entry.version,
        "checksum": entry.checksum,
        "embedded": entry.embedded,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
        "accessed_at": entry.accessed_at,
        "created_by": entry.created_by,
        "updated_by": entry.updated_by,
    }
    if entry.relationships is not None:
        document["relationships"] = orjson.Fragment(entry.relationships)
    return document
