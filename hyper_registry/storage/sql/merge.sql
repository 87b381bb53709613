-- name: lock_pair
-- Hold two living entries that the caller may see until the transaction ends: nobody relates anything
-- to them meanwhile.
-- $1 entry_ids, $2 grants (null: sees everything)
select entry_key, entry_id, version, visibility, granted, readers, handle
from entry
where entry_id = any($1::text[]) and deleted_at is null
    and ($2::text[] is null or readers && $2::text[])
order by entry_key
for update;

-- name: lock_relationships
-- Hold all relationships of some entries.
-- $1 entry_keys
select r.relationship_id, r.source_key, r.target_key, t.name as rel_type, r.weight,
    s.entry_id as source_id, e.entry_id as target_id
from relationship r
join relationship_type t on t.type_id = r.type_id
join entry s on s.entry_key = r.source_key
join entry e on e.entry_key = r.target_key
where r.source_key = any($1::bigint[]) or r.target_key = any($1::bigint[])
order by r.relationship_key
for update of r;

-- name: insert_merge
-- Keep that a duplicate was merged.
-- $1 survivor_key, $2 duplicate_key, $3 permissions, $4 security_before, $5 security_after, $6 actor
insert into entry_merge (
    survivor_key, duplicate_key, permissions, security_before, security_after, merged_by
) values ($1, $2, $3, $4, $5, $6)
returning merge_id, merged_at;

-- name: keep_relationships
-- Keep what relationships are before a merge touches them.
-- $1 merge_id, $2 relationship_ids, $3 for each why it is dropped, or null
insert into entry_merge_relationship (
    merge_id, relationship_id, dropped_for, source_key, target_key, type_id, bidirectional, weight,
    metadata, created_at, created_by, version
)
select $1, r.relationship_id, k.dropped_for, r.source_key, r.target_key, r.type_id,
    r.bidirectional, r.weight, r.metadata, r.created_at, r.created_by, r.version
from unnest($2::uuid[], $3::text[]) as k (relationship_id, dropped_for)
join relationship r on r.relationship_id = k.relationship_id;

-- name: drop_relationships
-- Delete relationships; their last versions go into the history.
-- $1 relationship_ids, $2 actor
with deleter as materialized (select set_config('hyper_registry.actor', $2, true))
delete from relationship using deleter where relationship_id = any($1::uuid[]);

-- name: move_relationships
-- Give relationships other ends.
-- $1 relationship_ids, $2 source_keys, $3 target_keys, $4 actor
update relationship r set
    source_key = m.source_key, target_key = m.target_key, version = r.version + 1,
    updated_by = $4,
    updated_at = greatest(now(), coalesce(r.updated_at, r.created_at) + interval '1 microsecond'),
    change_xid = pg_current_xact_id()::text::bigint
from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as m (relationship_id, source_key, target_key)
where r.relationship_id = m.relationship_id;

-- name: mark_merged
-- Let a duplicate be gone into its survivor.
-- $1 duplicate_key, $2 survivor_key, $3 actor
update entry set
    deleted_at = now(), merged_into = $2, version = version + 1, updated_by = $3,
    updated_at = greatest(now(), updated_at + interval '1 microsecond'), restored_from = null,
    change_xid = pg_current_xact_id()::text::bigint
where entry_key = $1;

-- name: unmark_merged
-- Let a duplicate live again as it was.
-- $1 duplicate_key, $2 actor
update entry set
    deleted_at = null, merged_into = null, version = version + 1, updated_by = $2,
    updated_at = greatest(now(), updated_at + interval '1 microsecond'), restored_from = null,
    change_xid = pg_current_xact_id()::text::bigint
where entry_key = $1;

-- name: fetch_merge
-- One merge, to whom may see both entries, the survivor living or not.
-- $1 merge_id, $2 grants (null: sees everything)
select m.merge_id, s.entry_id as survivor_id, d.entry_id as duplicate_id, m.permissions,
    m.merged_at, m.merged_by, m.undone_at, m.undone_by, m.survivor_key, m.duplicate_key,
    m.security_before, m.security_after,
    s.deleted_at is null as survivor_lives, s.handle as survivor_handle,
    d.handle as duplicate_handle,
    (
        select count(*) from entry_merge_relationship r
        join entry o on o.entry_key = r.source_key
        join entry t on t.entry_key = r.target_key
        where r.merge_id = m.merge_id and r.dropped_for is null
            and ($2::text[] is null or o.readers && $2::text[] and t.readers && $2::text[])
    ) as moved,
    (
        select coalesce(
            jsonb_agg(
                jsonb_build_object('relationship_id', r.relationship_id, 'reason', r.dropped_for)
                order by r.relationship_id
            ),
            '[]'
        )
        from entry_merge_relationship r
        join entry o on o.entry_key = r.source_key
        join entry t on t.entry_key = r.target_key
        where r.merge_id = m.merge_id and r.dropped_for is not null
            and ($2::text[] is null or o.readers && $2::text[] and t.readers && $2::text[])
    ) as dropped
from entry_merge m
join entry s on s.entry_key = m.survivor_key
join entry d on d.entry_key = m.duplicate_key
where m.merge_id = $1
    and ($2::text[] is null or s.readers && $2::text[] and d.readers && $2::text[]);

-- name: lock_merge
-- Hold a merge and both its entries, the duplicate last.
-- $1 merge_id
select m.merge_id
from entry_merge m
join entry e on e.entry_key in (m.survivor_key, m.duplicate_key)
where m.merge_id = $1
order by e.entry_key
for update;

-- name: list_changed_since
-- Relationships of a merge that are not as it left them, and so cannot be brought back; and whether
-- the caller may see both their ends.
-- $1 merge_id, $2 grants (null: sees everything)
select k.relationship_id,
    $2::text[] is null
        or coalesce(s.readers && $2::text[], false) and coalesce(t.readers && $2::text[], false)
        as visible
from entry_merge_relationship k
join entry_merge m on m.merge_id = k.merge_id
left join relationship r on r.relationship_id = k.relationship_id
left join entry s on s.entry_key = k.source_key
left join entry t on t.entry_key = k.target_key
where k.merge_id = $1 and (
    case when k.dropped_for is null then
        r.relationship_id is null
        or (r.type_id, r.bidirectional, r.weight, r.metadata)
            <> (k.type_id, k.bidirectional, k.weight, k.metadata)
        -- One of a symmetric type may have changed its direction with its ends.
        or (least(r.source_key, r.target_key), greatest(r.source_key, r.target_key)) <> (
            least(
                case k.source_key when m.duplicate_key then m.survivor_key else k.source_key end,
                case k.target_key when m.duplicate_key then m.survivor_key else k.target_key end
            ),
            greatest(
                case k.source_key when m.duplicate_key then m.survivor_key else k.source_key end,
                case k.target_key when m.duplicate_key then m.survivor_key else k.target_key end
            )
        )
    else r.relationship_id is not null
        or s.merged_into is not null and s.entry_key <> m.duplicate_key
        or t.merged_into is not null and t.entry_key <> m.duplicate_key
    end
)
order by k.relationship_id
limit 100;

-- name: move_back
-- Give the moved relationships of a merge the ends that they had.
-- $1 merge_id, $2 actor
update relationship r set
    source_key = k.source_key, target_key = k.target_key, version = r.version + 1,
    updated_by = $2,
    updated_at = greatest(now(), coalesce(r.updated_at, r.created_at) + interval '1 microsecond'),
    change_xid = pg_current_xact_id()::text::bigint
from entry_merge_relationship k
where k.merge_id = $1 and k.dropped_for is null and r.relationship_id = k.relationship_id;

-- name: bring_back
-- Insert the relationships again that a merge left out, after the version that deleted them; what
-- stands in the way comes back.
-- $1 merge_id, $2 actor
with inserted as (
    insert into relationship (
        relationship_id, source_key, target_key, type_id, bidirectional, weight, metadata,
        created_at, created_by, version, updated_at, updated_by
    )
    select relationship_id, source_key, target_key, type_id, bidirectional, weight, metadata,
        created_at, created_by, version + 2, now(), $2
    from entry_merge_relationship
    where merge_id = $1 and dropped_for is not null
    on conflict (source_key, target_key, type_id) do nothing
    returning relationship_id
)
select k.relationship_id
from entry_merge_relationship k
where k.merge_id = $1 and k.dropped_for is not null
    and not exists (select from inserted i where i.relationship_id = k.relationship_id);

-- name: end_merge
-- Note that a merge was undone.
-- $1 merge_id, $2 actor
update entry_merge set undone_at = now(), undone_by = $2 where merge_id = $1;

-- name: resolve_merged
-- The living entry that the caller may see and that an entry was merged into, over all merges.
-- $1 entry_id, $2 grants (null: sees everything)
with recursive trail as (
    select entry_key, merged_into from entry where entry_id = $1 and merged_into is not null
    union all
    select e.entry_key, e.merged_into from trail t join entry e on e.entry_key = t.merged_into
)
select e.entry_id
from trail t join entry e on e.entry_key = t.entry_key
where e.deleted_at is null and ($2::text[] is null or e.readers && $2::text[]);

-- name: list_merged
-- Merges into a living entry that the caller may see, the latest first; of duplicates that it may not
-- see none is told.
-- $1 entry_id, $2 grants (null: sees everything)
select m.merge_id, d.entry_id, m.merged_at
from entry s
join entry_merge m on m.survivor_key = s.entry_key and m.undone_at is null
join entry d on d.entry_key = m.duplicate_key
    and ($2::text[] is null or d.readers && $2::text[])
where s.entry_id = $1 and s.deleted_at is null and ($2::text[] is null or s.readers && $2::text[])
order by m.merged_at desc, m.merge_id desc;
