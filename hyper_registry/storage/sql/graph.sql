-- name: fetch_snapshot
-- Which transactions a statement that starts now sees; equal texts see equal rows.
select pg_current_snapshot()::text;

-- name: load_edges
-- All relationships, of fixed width in COPY's binary format.
select relationship_key, source_key, target_key, type_id, bidirectional from relationship

-- name: load_entries
-- The keys of all entries, deleted ones too, by who may see them.
select readers, deleted_at is null as living, array_agg(entry_key) as entry_keys
from entry
group by readers, deleted_at is null;

-- name: fetch_removed_edges
-- Relationships deleted by transactions that a snapshot did not see.
-- $1 snapshot
select subject_key from change
where xid >= pg_snapshot_xmin($1::text::pg_snapshot)::text::bigint
    and not pg_visible_in_snapshot(xid::text::xid8, $1::text::pg_snapshot)
    and subject = 'relationship' and operation = 'delete';

-- name: fetch_changed_edges
-- Relationships written by transactions that a snapshot did not see.
-- $1 snapshot, $2 limit
select relationship_key, source_key, target_key, type_id, bidirectional from relationship
where change_xid >= pg_snapshot_xmin($1::text::pg_snapshot)::text::bigint
    and not pg_visible_in_snapshot(change_xid::text::xid8, $1::text::pg_snapshot)
limit $2;

-- name: fetch_changed_entries
-- Keys of the entries written by transactions that a snapshot did not see, by who may see them.
-- $1 snapshot
select readers, deleted_at is null as living, array_agg(entry_key) as entry_keys
from entry
where change_xid >= pg_snapshot_xmin($1::text::pg_snapshot)::text::bigint
    and not pg_visible_in_snapshot(change_xid::text::xid8, $1::text::pg_snapshot)
group by readers, deleted_at is null;

-- name: fetch_types
-- All types of relationships.
select type_id, name from relationship_type;

-- name: fetch_entries
-- Living entries that the caller may see.
-- $1 entry_keys, $2 grants (null: sees everything)
select entry_key, entry_id, title, category from entry
where entry_key = any($1::bigint[]) and deleted_at is null
    and ($2::text[] is null or readers && $2::text[]);

-- name: fetch_path_links
-- For each hop a relationship that may be walked, one along the way before one against it.
-- $1 entry_keys of the path, $2 type ids (null: any), $3 direction (out, in, both)
select distinct on (hop.number) r.relationship_id, s.entry_id as source_id,
    t.entry_id as target_id, k.name as rel_type, r.weight, r.bidirectional, r.direction
from (
    select number, entry_key as from_key, lead(entry_key) over (order by number) as to_key
    from unnest($1::bigint[]) with ordinality as passed (entry_key, number)
) hop
cross join lateral (
    select relationship_id, source_key, target_key, type_id, weight, bidirectional,
        'out' as direction
    from relationship
    where source_key = hop.from_key and target_key = hop.to_key
        and ($3::text <> 'in' or bidirectional)
    union all
    select relationship_id, source_key, target_key, type_id, weight, bidirectional,
        'in' as direction
    from relationship
    where source_key = hop.to_key and target_key = hop.from_key
        and ($3::text <> 'out' or bidirectional)
) r
join relationship_type k on k.type_id = r.type_id
join entry s on s.entry_key = r.source_key
join entry t on t.entry_key = r.target_key
where $2::smallint[] is null or r.type_id = any($2::smallint[])
order by hop.number, r.direction desc, r.relationship_id;
