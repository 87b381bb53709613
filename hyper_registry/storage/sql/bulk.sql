-- name: insert_entries
-- Insert the entries of a batch whose ids are free, in the order of their ids: batches that share
-- ids then wait for each other instead of locking each other out. Ids that are seen to be taken go
-- no further: a row costs its text vector even where it comes to a conflict.
-- Arrays by column, one element a row: $1 entry_id, $2 category, $3 title, $4 description,
-- $5 status, $6 owner, $7 tags (array literals), $8 metadata, $9 deprecation, $10 compliance_status,
-- $11 visibility, $12 granted and $13 readers (array literals), $14 checksum,
-- $15 embedding_input_hash, $16 handle, $17 handle_form; $18 actor
insert into entry (
    entry_id, category, title, description, status, owner, tags, metadata, deprecation,
    compliance_status, visibility, granted, readers, checksum, embedding_input_hash,
    handle, handle_form, created_by, updated_by
)
select
    r.entry_id, r.category, r.title, r.description, r.status, r.owner, r.tags::text[],
    r.metadata::jsonb, r.deprecation::jsonb, r.compliance_status, r.visibility, r.granted::text[],
    r.readers::text[], r.checksum::bytea, r.embedding_input_hash::bytea,
    r.handle, r.handle_form, $18, $18
from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::text[], $16::text[], $17::text[]
) as r(
    entry_id, category, title, description, status, owner, tags, metadata, deprecation,
    compliance_status, visibility, granted, readers, checksum, embedding_input_hash, handle,
    handle_form
)
where not exists (select from entry e where e.entry_id = r.entry_id)
order by r.entry_id collate "C"
on conflict (entry_id) do nothing
returning entry_id, entry_key, version, created_at, updated_at, created_by;

-- name: hold_names
-- Keep other batches from giving these handles until the transaction ends, in one order for all. A
-- statement of its own: the next one sees what those had committed that this one waited for.
-- $1 forms of handles
select pg_advisory_xact_lock(hashtextextended(n.form, 7134902513))
from (select form from unnest($1::text[]) as wanted(form) order by form collate "C") n;

-- name: fetch_names
-- Whose handles of some forms are or were, deleted entries' too, and which namespaces exist.
-- $1 forms of handles, $2 forms of namespaces
select
    coalesce(array_agg(n.form order by n.form), '{}') as forms,
    coalesce(array_agg(e.entry_id order by n.form), '{}') as entry_ids,
    array(select form from namespace where form = any($2::text[])) as namespaces
from entry_name n join entry e on e.entry_key = n.entry_key
where n.form = any($1::text[]);

-- name: lock_entries
-- Read the state of entries, deleted ones too, and hold them until the transaction ends. They are
-- locked in the order of their ids; those that the caller may not see are left out.
-- $1 entry_ids, $2 grants (null: sees everything)
select entry_id, entry_key, version, checksum, category, status, metadata, handle,
    deleted_at is not null as deleted, case when exists (
        select from compliance_assessment a where a.entry_key = entry.entry_key
    ) then compliance_status end as assessed_status
from entry
where entry_id = any($1::text[]) and merged_into is null
    and ($2::text[] is null or readers && $2::text[])
order by entry_id collate "C"
for no key update;

-- name: replace_entries
-- Replace what people write of the locked entries of a batch; deleted ones live again.
-- $1 to $18 as for insert_entries
update entry e set
    category = r.category, title = r.title, description = r.description, status = r.status,
    owner = r.owner, tags = r.tags::text[], metadata = r.metadata::jsonb,
    deprecation = r.deprecation::jsonb, compliance_status = r.compliance_status,
    visibility = r.visibility, granted = r.granted::text[], readers = r.readers::text[],
    checksum = r.checksum::bytea, embedding_input_hash = r.embedding_input_hash::bytea,
    handle = r.handle, handle_form = r.handle_form, version = e.version + 1, updated_by = $18, deleted_at = null, restored_from = null,
    updated_at = greatest(now(), e.updated_at + interval '1 microsecond'),
    change_xid = pg_current_xact_id()::text::bigint
from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::text[], $16::text[], $17::text[]
) as r(
    entry_id, category, title, description, status, owner, tags, metadata, deprecation,
    compliance_status, visibility, granted, readers, checksum, embedding_input_hash, handle,
    handle_form
)
where e.entry_id = r.entry_id
returning e.entry_id, e.entry_key, e.version, e.created_at, e.updated_at, e.created_by;

-- name: delete_entries
-- Mark the locked entries of a batch deleted.
-- $1 entry_ids, $2 actor
update entry set
    deleted_at = now(), version = version + 1, updated_by = $2, restored_from = null,
    updated_at = greatest(now(), updated_at + interval '1 microsecond'),
    change_xid = pg_current_xact_id()::text::bigint
where entry_id = any($1::text[])
returning entry_id, version;

-- name: ensure_types
-- Register the relationship types that are new, in one order for all.
-- $1 names
insert into relationship_type (name)
select wanted.name from unnest($1::text[]) as wanted(name)
where not exists (select from relationship_type t where t.name = wanted.name)
order by wanted.name
on conflict (name) do nothing;

-- name: insert_relationships
-- Insert the relationships of a batch that do not exist yet; in one order of ends and types, for
-- the reason that insert_entries has.
-- $1 rows: JSON array of {source_key, target_key, rel_type, bidirectional, weight, metadata},
-- $2 actor
with created as (
    insert into relationship (
        source_key, target_key, type_id, bidirectional, weight, metadata, created_by
    )
    select r.source_key, r.target_key, t.type_id, r.bidirectional, r.weight, r.metadata, $2
    from json_to_recordset($1::json) as r(
        source_key bigint, target_key bigint, rel_type text, bidirectional boolean, weight real,
        metadata jsonb
    )
    join relationship_type t on t.name = r.rel_type
    order by r.source_key, r.target_key, t.type_id
    on conflict (source_key, target_key, type_id) do nothing
    returning relationship_id, source_key, target_key, type_id, version,
        relationship_checksum(source_key, target_key, type_id, bidirectional, weight, metadata)
            as checksum
)
select c.relationship_id, c.source_key, c.target_key, t.name as rel_type, c.version, c.checksum
from created c
join relationship_type t on t.type_id = c.type_id;
