"""From one parsed record of a file to an item, or to the reason why it cannot be one."""

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from hyper_registry.catalog.sources.source import BadRow, Link, SourceItem, validation_reason
from hyper_registry.domain.entry import KEPT_FIELDS, EntryDraft

RELATIONSHIPS = "relationships"
_LINKS = TypeAdapter(dict[str, tuple[Link, ...]])


def item_from_record(row: int, record: object) -> SourceItem | BadRow:
    """Validate a record: an object with the fields of an entry and, optionally, `relationships`.

    Parameters
    ----------
    row
        1-based line or record number, for the reason.
    record
        Anything a parser returned; it is not changed. What the registry keeps of an entry is
        passed over, so that an export can be imported.
    """
    if not isinstance(record, (dict, Mapping)):  # nearly all are dicts, and so told faster
        return BadRow(row, "is not an object; write one entry as {...} a line")
    fields: dict[object, object] = {
        name: value
        for name, value in record.items()  # pyright: ignore[reportUnknownVariableType]  # any mapping; the model checks keys and values
        if name not in KEPT_FIELDS
    }
    relationships = fields.pop(RELATIONSHIPS, None)
    try:
        draft = EntryDraft.model_validate(fields)
        if relationships is None:
            return SourceItem(row, draft, ())
        links = _LINKS.validate_python({RELATIONSHIPS: relationships})[RELATIONSHIPS]
    except ValidationError as error:
        return BadRow(row, validation_reason(error))
    fault = _fault_between(draft, links)
    return BadRow(row, fault) if fault else SourceItem(row, draft, links)


def _fault_between(draft: EntryDraft, links: tuple[Link, ...]) -> str | None:
    seen: set[tuple[str, str]] = set()
    for position, link in enumerate(links):
        where = f"{RELATIONSHIPS}[{position}].target_id"
        if link.target_id == draft.entry_id:
            return f"{where}: is the entry itself; name another entry"
        if (link.rel_type, link.target_id) in seen:
            return f"{where}: repeats {link.rel_type} to {link.target_id}; keep one of them"
        seen.add((link.rel_type, link.target_id))
    return None
