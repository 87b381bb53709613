-- name: count_expired
-- Entries that were deleted before a time; merged ones stay as long as their survivor.
-- $1 time
select count(*) from entry where deleted_at < $1 and merged_into is null;

-- name: lock_expired
-- Hold some entries that were deleted before a time, the earliest first; one that somebody else
-- holds, to bring it back perhaps, waits for the next run.
-- $1 time, $2 limit
select entry_key from entry where deleted_at < $1 and merged_into is null
order by deleted_at, entry_id
limit $2
for update skip locked;

-- name: purge_relationships
-- Delete the relationships of entries, before the entries' own deletion would do so one by one.
-- $1 entry_keys, $2 actor
with deleter as materialized (select set_config('hyper_registry.actor', $2, true))
delete from relationship using deleter
where source_key = any($1::bigint[]) or target_key = any($1::bigint[]);

-- name: purge_relationship_history
-- Delete what relationships of entries were.
-- $1 entry_keys
delete from relationship_history
where source_key = any($1::bigint[]) or target_key = any($1::bigint[]);

-- name: purge_merged_relationships
-- Delete what merges keep of relationships of entries: no undoing brings those back.
-- $1 entry_keys
delete from entry_merge_relationship
where source_key = any($1::bigint[]) or target_key = any($1::bigint[]);

-- name: purge_entries
-- Delete entries for good; their versions, vectors and counts of reads go with them.
-- $1 entry_keys, $2 actor
with deleter as materialized (select set_config('hyper_registry.actor', $2, true))
delete from entry using deleter where entry_key = any($1::bigint[])
returning entry_id, version;
