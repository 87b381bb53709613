-- name: insert_entry
-- Insert one entry; no row comes back when the id is taken: by a living entry, by a deleted one
-- that the caller could not see, or by one that has a handle which is not the one given. A deleted
-- one that it could see lives again, its history goes on.
-- $1 entry_id, $2 category, $3 title, $4 description, $5 status, $6 owner, $7 tags, $8 metadata,
-- $9 compliance_status, $10 visibility, $11 granted, $12 readers, $13 checksum,
-- $14 embedding_input_hash, $15 deprecation, $16 actor,
-- $17 handle, $18 handle_form, $19 grants (null: sees everything)
insert into entry as e (
    entry_id, category, title, description, status, owner, tags, metadata, compliance_status,
    visibility, granted, readers, checksum, embedding_input_hash, deprecation,
    created_by, updated_by, handle, handle_form
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18)
on conflict (entry_id) do update set
    category = excluded.category, title = excluded.title, description = excluded.description,
    status = excluded.status, owner = excluded.owner, tags = excluded.tags,
    metadata = excluded.metadata, compliance_status = excluded.compliance_status,
    visibility = excluded.visibility, granted = excluded.granted, readers = excluded.readers,
    checksum = excluded.checksum, embedding_input_hash = excluded.embedding_input_hash,
    deprecation = excluded.deprecation, handle = excluded.handle,
    handle_form = excluded.handle_form, version = e.version + 1, updated_by = excluded.updated_by, deleted_at = null,
    updated_at = greatest(now(), e.updated_at + interval '1 microsecond'),
    restored_from = null, change_xid = pg_current_xact_id()::text::bigint
where e.deleted_at is not null and e.merged_into is null
    and ($19::text[] is null or e.readers && $19::text[])
    and (e.handle_form is null or e.handle_form = excluded.handle_form)
returning entry_key, version, created_at, updated_at, created_by;

-- name: update_entry
-- Replace what people write of one entry. Of two versions the later one has the later time, even
-- where its transaction began first and waited.
-- $1 entry_key, then as insert_entry from $2 on; $16 actor, $17 handle, $18 handle_form,
-- $19 version that is restored, or null
update entry set
    category = $2, title = $3, description = $4, status = $5, owner = $6, tags = $7,
    metadata = $8, compliance_status = $9, visibility = $10, granted = $11, readers = $12,
    checksum = $13, embedding_input_hash = $14, deprecation = $15, version = version + 1,
    updated_at = greatest(now(), updated_at + interval '1 microsecond'), updated_by = $16,
    handle = $17, handle_form = $18, restored_from = $19,
    change_xid = pg_current_xact_id()::text::bigint
where entry_key = $1
returning entry_key, version, created_at, updated_at, created_by;

-- name: delete_entry
-- Mark one entry deleted.
-- $1 entry_key, $2 actor
update entry set
    deleted_at = now(), version = version + 1, updated_by = $2, restored_from = null,
    updated_at = greatest(now(), updated_at + interval '1 microsecond'),
    change_xid = pg_current_xact_id()::text::bigint
where entry_key = $1
returning version;

-- name: undelete_entry
-- Let one deleted entry live again as it was.
-- $1 entry_key, $2 actor
update entry set
    deleted_at = null, version = version + 1, updated_by = $2, restored_from = null,
    updated_at = greatest(now(), updated_at + interval '1 microsecond'),
    change_xid = pg_current_xact_id()::text::bigint
where entry_key = $1;

-- name: fetch_entry
-- Read one living entry that the caller may see.
-- $1 entry_id, $2 grants (null: sees everything), $3 model_id of the active embedding
select
    e.entry_key, e.entry_id, e.handle, e.category, e.title, e.description, e.status, e.owner,
    e.tags, e.metadata, e.deprecation, e.compliance_status, e.visibility, e.granted, e.checksum, e.version,
    e.created_at, e.updated_at, e.created_by, e.updated_by, a.accessed_at,
    exists (
        select from entry_embedding m
        where m.entry_key = e.entry_key and m.model_id = $3
            and m.input_hash = e.embedding_input_hash
    ) as embedded
from entry e
left join entry_access a on a.entry_key = e.entry_key
where e.entry_id = $1 and e.deleted_at is null
    and ($2::text[] is null or e.readers && $2::text[]);

-- name: lock_entry
-- Read what a writer needs of one entry and hold it until the transaction ends. Its key
-- stays as it is, so relationships may meanwhile be created at it.
-- A merged one comes back only by undoing the merge.
-- $1 entry_id, $2 grants (null: sees everything), $3 whether it is a deleted one
select entry_key, version, checksum, category, status, metadata, handle, deleted_at, case when exists (
    select from compliance_assessment a where a.entry_key = entry.entry_key
) then compliance_status end as assessed_status
from entry
where entry_id = $1 and (deleted_at is not null) = $3 and merged_into is null
    and ($2::text[] is null or readers && $2::text[])
for no key update;

-- name: fetch_keys
-- Resolve ids to keys, categories and handles of living entries that the caller may see.
-- $1 entry_ids, $2 grants (null: sees everything)
select entry_id, entry_key, category, handle from entry
where entry_id = any($1::text[]) and deleted_at is null
    and ($2::text[] is null or readers && $2::text[]);

-- name: fetch_version_metadata
-- Metadata of one version of an entry, as it is stored.
-- $1 entry_key, $2 version
select metadata from entry_state where entry_key = $1 and version = $2;

-- name: list_deleted
-- Deleted entries that the caller could see, the latest deletion first, by keyset.
-- $1 grants (null: sees everything), $2 deleted_at and $3 entry_id of the last one seen (null at
-- first), $4 limit
select entry_id, category, title, version, deleted_at, updated_by as deleted_by
from entry
where deleted_at is not null and merged_into is null
    and ($1::text[] is null or readers && $1::text[])
    and ($2::timestamptz is null or (deleted_at, entry_id) < ($2, $3::text))
order by deleted_at desc, entry_id desc
limit $4;

