-- name: ensure_type
-- Register a relationship type if it is new. A conflict alone would use up one of the few numbers
-- that type_id has on every call.
-- $1 name
insert into relationship_type (name)
select $1::text where not exists (select from relationship_type where name = $1::text)
on conflict (name) do nothing;

-- name: insert_relationship
-- Insert one relationship; no row comes back when it exists.
-- $1 source_key, $2 target_key, $3 type name, $4 bidirectional, $5 weight, $6 metadata, $7 actor
insert into relationship (
    source_key, target_key, type_id, bidirectional, weight, metadata, created_by
)
select $1, $2, t.type_id, $4, $5, $6, $7 from relationship_type t where t.name = $3
on conflict (source_key, target_key, type_id) do nothing
returning relationship_id, version, created_at,
    relationship_checksum(source_key, target_key, type_id, bidirectional, weight, metadata)
        as checksum;

-- name: fetch_relationship
-- One relationship between living entries that the caller may see.
-- $1 relationship_id, $2 grants (null: sees everything)
select r.relationship_id, s.entry_id as source_id, e.entry_id as target_id, t.name as rel_type,
    r.weight, r.bidirectional, r.metadata, r.version, r.created_at, r.created_by,
    coalesce(r.updated_at, r.created_at) as updated_at,
    coalesce(r.updated_by, r.created_by) as updated_by
from relationship r
join relationship_type t on t.type_id = r.type_id
join entry s on s.entry_key = r.source_key and s.deleted_at is null
    and ($2::text[] is null or s.readers && $2::text[])
join entry e on e.entry_key = r.target_key and e.deleted_at is null
    and ($2::text[] is null or e.readers && $2::text[])
where r.relationship_id = $1;

-- name: lock_relationship
-- Hold one relationship until the transaction ends; nothing is told of it yet.
-- $1 relationship_id
select relationship_checksum(source_key, target_key, type_id, bidirectional, weight, metadata)
    as checksum
from relationship
where relationship_id = $1
for update;

-- name: update_relationship
-- Replace what people write of one relationship but its ends and type, which make it this one.
-- $1 relationship_id, $2 bidirectional, $3 weight, $4 metadata, $5 actor
update relationship set
    bidirectional = $2, weight = $3, metadata = $4, version = version + 1, updated_by = $5,
    updated_at = greatest(now(), coalesce(updated_at, created_at) + interval '1 microsecond'),
    change_xid = pg_current_xact_id()::text::bigint
where relationship_id = $1
returning version, updated_at,
    relationship_checksum(source_key, target_key, type_id, bidirectional, weight, metadata)
        as checksum;

-- name: delete_relationship
-- Delete one relationship; its last version goes into the history.
-- $1 relationship_id, $2 actor
with deleter as materialized (select set_config('hyper_registry.actor', $2, true))
delete from relationship using deleter where relationship_id = $1;

-- name: list_versions
-- Versions of one relationship, deleted or not, newest first by keyset; none unless the caller may
-- see both ends, which are judged by their last version if they are deleted.
-- $1 relationship_id, $2 grants (null: sees everything), $3 version to start below (null: the
-- newest), $4 limit
select v.relationship_id, s.entry_id as source_id, e.entry_id as target_id, t.name as rel_type,
    v.weight, v.bidirectional, v.metadata, v.version, v.created_at, v.created_by, v.actor,
    v.valid_from, v.superseded_at
from relationship_state v
join relationship_type t on t.type_id = v.type_id
join entry s on s.entry_key = v.source_key and ($2::text[] is null or s.readers && $2::text[])
join entry e on e.entry_key = v.target_key and ($2::text[] is null or e.readers && $2::text[])
where v.relationship_id = $1 and ($3::integer is null or v.version < $3)
order by v.version desc
limit $4;

-- name: fetch_outgoing
-- Relationships that start at an entry, with the entries they lead to, by keyset.
-- $1 entry_key, $2 grants (null: sees everything), $3 type names or null, $4 last relationship_id
-- seen (null at first), $5 limit
select r.relationship_id, s.entry_id as source_id, e.entry_id as target_id, t.name as rel_type,
    r.weight, r.bidirectional, r.metadata, r.version, r.created_at, r.created_by,
    coalesce(r.updated_at, r.created_at) as updated_at,
    coalesce(r.updated_by, r.created_by) as updated_by,
    e.entry_id as other_id, e.title, e.category, 'out' as direction
from relationship r
join relationship_type t on t.type_id = r.type_id
join entry s on s.entry_key = r.source_key
join entry e on e.entry_key = r.target_key
where r.source_key = $1 and ($4::uuid is null or r.relationship_id > $4)
    and ($3::text[] is null or t.name = any($3))
    and e.deleted_at is null and ($2::text[] is null or e.readers && $2::text[])
order by r.relationship_id
limit $5;

-- name: fetch_incoming
-- Relationships that end at an entry, with the entries they come from, by keyset.
-- $1 entry_key, $2 grants (null: sees everything), $3 type names or null, $4 last relationship_id
-- seen (null at first), $5 limit
select r.relationship_id, e.entry_id as source_id, s.entry_id as target_id, t.name as rel_type,
    r.weight, r.bidirectional, r.metadata, r.version, r.created_at, r.created_by,
    coalesce(r.updated_at, r.created_at) as updated_at,
    coalesce(r.updated_by, r.created_by) as updated_by,
    e.entry_id as other_id, e.title, e.category, 'in' as direction
from relationship r
join relationship_type t on t.type_id = r.type_id
join entry s on s.entry_key = r.target_key
join entry e on e.entry_key = r.source_key
where r.target_key = $1 and ($4::uuid is null or r.relationship_id > $4)
    and ($3::text[] is null or t.name = any($3))
    and e.deleted_at is null and ($2::text[] is null or e.readers && $2::text[])
order by r.relationship_id
limit $5;

-- name: fetch_as_of
-- Relationships that an entry had at a moment, with the entries at the other end as they were then,
-- by keyset. The caller must be one who may see those now and could have seen them then.
-- $1 entry_key, $2 grants (null: sees everything), $3 type names or null, $4 last relationship_id
-- seen (null at first), $5 limit, $6 time, $7 direction (out, in, both)
select r.relationship_id,
    case r.direction when 'out' then own.entry_id else o.entry_id end as source_id,
    case r.direction when 'out' then o.entry_id else own.entry_id end as target_id,
    t.name as rel_type, r.weight, r.bidirectional, r.metadata, r.version, r.created_at,
    r.created_by, r.valid_from as updated_at, r.actor as updated_by, o.entry_id as other_id,
    x.title, x.category, r.direction
from (
    select v.*, v.target_key as other_key, 'out' as direction from relationship_state v
    where v.source_key = $1 and $7::text <> 'in'
    union all
    select v.*, v.source_key as other_key, 'in' as direction from relationship_state v
    where v.target_key = $1 and $7::text <> 'out'
) as r
join relationship_type t on t.type_id = r.type_id
join entry own on own.entry_key = $1
join entry o on o.entry_key = r.other_key and ($2::text[] is null or o.readers && $2::text[])
cross join lateral (
    select p.title, p.category, p.deleted, p.readers from entry_state p
    where p.entry_key = o.entry_key and p.valid_from <= $6
        and (p.superseded_at is null or p.superseded_at > $6)
    order by p.version desc
    limit 1
) as x
where r.valid_from <= $6 and (r.superseded_at is null or r.superseded_at > $6)
    and ($4::uuid is null or r.relationship_id > $4)
    and ($3::text[] is null or t.name = any($3))
    and not x.deleted and ($2::text[] is null or x.readers && $2::text[])
order by r.relationship_id
limit $5;
