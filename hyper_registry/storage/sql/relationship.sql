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
returning relationship_key, version, created_at;

-- name: fetch_outgoing
-- Relationships that start at an entry, with the entries they lead to, by keyset.
-- $1 entry_key, $2 grants (null: sees everything), $3 type name or null, $4 last key seen, $5 limit
select r.relationship_key, s.entry_id as source_id, e.entry_id as target_id, t.name as rel_type,
    r.weight, r.bidirectional, r.metadata, r.version, r.created_at, r.created_by,
    e.entry_id as other_id, e.title, e.category, 'out' as direction
from relationship r
join relationship_type t on t.type_id = r.type_id
join entry s on s.entry_key = r.source_key
join entry e on e.entry_key = r.target_key
where r.source_key = $1 and r.relationship_key > $4
    and ($3::text is null or t.name = $3)
    and e.deleted_at is null and ($2::text[] is null or e.readers && $2::text[])
order by r.relationship_key
limit $5;

-- name: fetch_incoming
-- Relationships that end at an entry, with the entries they come from, by keyset.
-- $1 entry_key, $2 grants (null: sees everything), $3 type name or null, $4 last key seen, $5 limit
select r.relationship_key, e.entry_id as source_id, s.entry_id as target_id, t.name as rel_type,
    r.weight, r.bidirectional, r.metadata, r.version, r.created_at, r.created_by,
    e.entry_id as other_id, e.title, e.category, 'in' as direction
from relationship r
join relationship_type t on t.type_id = r.type_id
join entry s on s.entry_key = r.target_key
join entry e on e.entry_key = r.source_key
where r.target_key = $1 and r.relationship_key > $4
    and ($3::text is null or t.name = $3)
    and e.deleted_at is null and ($2::text[] is null or e.readers && $2::text[])
order by r.relationship_key
limit $5;
