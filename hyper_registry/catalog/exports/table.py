"""The columns that an export as a table has: what an import reads, then what it passes over."""

WRITTEN_COLUMNS = (
    "entry_id",
    "handle",
    "category",
    "title",
    "description",
    "status",
    "owner",
    "tags",
    "metadata",
    "deprecation",
    "compliance_status",
    "visibility",
    "readers",
)
"""What people write of an entry; `tags` and `readers` are lists, `metadata` and `deprecation`
are JSON text."""

KEPT_COLUMNS = (
    "version",
    "checksum",
    "embedded",
    "created_at",
    "updated_at",
    "accessed_at",
    "created_by",
    "updated_by",
)
"""What the registry itself keeps of an entry."""

LINKS_COLUMN = "relationships"
"""JSON text, there only where links were asked for."""


def table_columns(*, links: bool) -> tuple[str, ...]:
    """Return the names of all columns in their order."""
    return (*WRITTEN_COLUMNS, *KEPT_COLUMNS, *([LINKS_COLUMN] if links else []))
