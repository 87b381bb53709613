-- name: insert_version
-- Record that a version is being built.
-- $1 uri, $2 snapshot_xid, $3 model_id, $4 shard_count
insert into index_version (state, uri, snapshot_xid, model_id, shard_count)
values ('building', $1, $2, $3, $4)
returning version, state, uri, snapshot_xid, model_id, row_count, shard_count, created_at,
    activated_at;

-- name: mark_active
-- Turn a built version into the active one; no row comes back if it is in no state for that.
-- $1 version, $2 row_count
update index_version set state = 'active', row_count = $2, activated_at = now()
where version = $1 and state = 'building'
returning version;

-- name: fail_others
-- Give up all versions under construction but one.
-- $1 version
update index_version set state = 'failed' where version <> $1 and state = 'building';

-- name: switch_pointer
-- Point searches to a version and remember the one before.
-- $1 version
insert into index_pointer as p (name, version) values ('vectors', $1)
on conflict (name) do update set version = excluded.version, previous_version = p.version;

-- name: swap_pointer
-- Point searches to the version before the active one; no row comes back if there is none.
update index_pointer set version = previous_version, previous_version = version
where name = 'vectors' and previous_version is not null
returning version;

-- name: mark_active_again
-- Turn a version that was active before into the active one.
-- $1 version
update index_version set state = 'active', activated_at = now() where version = $1
returning version, state, uri, snapshot_xid, model_id, row_count, shard_count, created_at,
    activated_at;

-- name: retire_others
-- Leave one version as the only active one.
-- $1 version
update index_version set state = 'retired' where state = 'active' and version <> $1;

-- name: notify_readers
-- Tell listening processes, when the transaction commits, which version to open.
-- $1 version
select pg_notify('index_version', $1::bigint::text);

-- name: fetch_active
-- The version that searches use.
select v.version, v.state, v.uri, v.snapshot_xid, v.model_id, v.row_count, v.shard_count,
    v.created_at, v.activated_at
from index_pointer p join index_version v on v.version = p.version
where p.name = 'vectors';

-- name: list_versions
-- All versions, newest first.
select version, state, uri, snapshot_xid, model_id, row_count, shard_count, created_at,
    activated_at
from index_version order by version desc;

-- name: fetch_erased_xid
-- The last transaction that erased a person: versions as of it or before hold what was erased.
select max(xid) from erasure;

-- name: forget_previous
-- Let searches not return to a version that holds what was erased.
-- $1 last transaction that erased a person
update index_pointer set previous_version = null
where previous_version in (select version from index_version where snapshot_xid <= $1);

-- name: delete_version
-- Forget a version that ended; no row comes back if searches use it or may return to it.
-- $1 version
delete from index_version v
where v.version = $1 and v.state in ('retired', 'failed') and not exists (
    select from index_pointer p where v.version in (p.version, p.previous_version)
)
returning v.version;

-- name: count_rows
-- How many living entries have a valid vector.
-- $1 model_id
select count(*) from entry e
join entry_embedding m on m.entry_key = e.entry_key and m.model_id = $1
    and m.input_hash = e.embedding_input_hash
where e.deleted_at is null;

-- name: fetch_shard_bounds
-- First and last key of contiguous ranges that hold nearly equal numbers of such entries.
-- $1 model_id, $2 number of ranges
select min(entry_key) as first_key, max(entry_key) as last_key
from (
    select e.entry_key, ntile($2) over (order by e.entry_key) as shard
    from entry e
    join entry_embedding m on m.entry_key = e.entry_key and m.model_id = $1
        and m.input_hash = e.embedding_input_hash
    where e.deleted_at is null
) as placed
group by shard
order by shard;

-- name: fetch_rows
-- Living entries of one range as the index wants them, by key; the vector is null where none is
-- valid. Looked up row by row: a join would read the whole table of vectors for every page.
-- Of a description as much as is searched.
-- $1 model_id, $2 first entry_key, $3 last entry_key, $4 limit
select e.entry_key, e.category, e.status, e.owner, e.compliance_status, e.tags, e.readers, e.title,
    left(e.description, 100000) as description, (
    select halfvec_send(m.vector) from entry_embedding m
    where m.entry_key = e.entry_key and m.model_id = $1 and m.input_hash = e.embedding_input_hash
) as vector
from entry e
where e.entry_key between $2 and $3 and e.deleted_at is null
order by e.entry_key
limit $4;

-- name: count_changed
-- Living entries written or embedded since a snapshot that the caller may see.
-- $1 grants (null: sees everything), $2 snapshot_xid
select count(*) from entry e
where e.deleted_at is null and ($1::text[] is null or e.readers && $1::text[])
    and e.entry_key in (
        select entry_key from entry where change_xid >= $2
        union
        select entry_key from entry_embedding where change_xid >= $2
    );

-- name: count_unchanged
-- Living entries with a valid vector that the caller may see, as they were at a snapshot.
-- $1 grants (null: sees everything), $2 model_id, $3 snapshot_xid
select count(*) from entry e
join entry_embedding m on m.entry_key = e.entry_key and m.model_id = $2
    and m.input_hash = e.embedding_input_hash
where e.deleted_at is null and ($1::text[] is null or e.readers && $1::text[])
    and e.change_xid < $3 and m.change_xid < $3;

-- name: count_unembedded
-- Living entries without a valid vector that the caller may see.
-- $1 grants (null: sees everything), $2 model_id
select count(*) from entry e
where e.deleted_at is null and ($1::text[] is null or e.readers && $1::text[]) and not exists (
    select from entry_embedding m
    where m.entry_key = e.entry_key and m.model_id = $2 and m.input_hash = e.embedding_input_hash
);
