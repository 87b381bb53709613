"""What writes left of entries and relationships, without numbers and times, to compare ways.

The audit log is no part of it: it has a row for each single write, and one for a whole batch.
"""

from hyper_registry.storage.database import Database
from tests.support.database_owner import as_owner

Rows = dict[str, list[tuple[object, ...]]]

_QUERIES = {
    "entry": """
        select entry_id, category, title, description, status, owner, tags, metadata,
            compliance_status, visibility, granted, readers, checksum, embedding_input_hash,
            version, created_by, updated_by, deleted_at is not null, text_vector::text,
            deprecation
        from entry order by entry_id""",
    "entry_version": """
        select e.entry_id, v.version, v.category, v.title, v.description, v.status, v.owner,
            v.tags, v.metadata, v.compliance_status, v.visibility, v.granted, v.readers,
            v.checksum, v.actor, v.deleted, v.restored_from, v.valid_from < v.superseded_at,
            v.deprecation
        from entry_version v join entry e using (entry_key) order by 1, 2""",
    "relationship": """
        select s.entry_id, t.entry_id, y.name, r.bidirectional, r.weight, r.metadata, r.version,
            r.created_by
        from relationship r join relationship_type y using (type_id)
        join entry s on s.entry_key = r.source_key join entry t on t.entry_key = r.target_key
        order by 1, 2, 3""",
    "change": """
        select c.subject, e.entry_id, s.entry_id, t.entry_id, c.subject_id = e.entry_id
            or c.subject_id = r.relationship_id::text, c.operation, c.version, c.actor,
            case c.subject when 'entry' then c.checksum end, c.checksum is null
        from change c left join entry e on c.subject = 'entry' and e.entry_key = c.subject_key
        left join relationship r on c.subject = 'relationship'
            and r.relationship_key = c.subject_key
        left join entry s on s.entry_key = r.source_key
        left join entry t on t.entry_key = r.target_key
        order by c.subject, e.entry_id, c.version, s.entry_id, t.entry_id, r.type_id""",
}
_STALE = """
    select count(*) from entry e
    where not exists (
        select from change c
        where c.subject = 'entry' and c.subject_key = e.entry_key and c.version = e.version
            and c.xid = e.change_xid
    )"""


async def written_rows(database: Database) -> Rows:
    """Read what was written, and check that every entry names the transaction that wrote it."""
    async with database.connection() as connection:
        assert await connection.fetchval(_STALE) == 0
        return {
            table: [tuple(row) for row in await connection.fetch(query)]
            for table, query in _QUERIES.items()
        }


async def clear(database: Database) -> None:
    """Delete all that was written."""
    await as_owner(
        database.dsn,
        "set hyper_registry.audit_pruning = 'on'",  # the audit log refuses it otherwise
        "truncate entry, relationship_type, change, audit cascade",
    )


async def count(database: Database, table: str) -> int:
    """Count the rows of a table."""
    async with database.connection() as connection:
        return await connection.fetchval(f"select count(*) from {table}")
