-- name: list_versions
-- Versions of one entry, deleted or not, newest first by keyset. The caller must be one who may see
-- the present version; of the others those are left out that it could not have seen.
-- $1 entry_id, $2 grants (null: sees everything), $3 version to start below (null: the newest),
-- $4 limit
select e.entry_id, e.created_at, e.created_by, v.*
from entry e
cross join lateral (
    select s.* from entry_state s
    where s.entry_key = e.entry_key and ($3::bigint is null or s.version < $3)
        and ($2::text[] is null or s.readers && $2::text[])
    order by s.version desc
    limit $4
) as v
where e.entry_id = $1 and ($2::text[] is null or e.readers && $2::text[])
order by v.version desc;

-- name: fetch_version
-- One version of an entry, under the conditions of list_versions.
-- $1 entry_id, $2 grants (null: sees everything), $3 version
select e.entry_id, e.created_at, e.created_by, v.*
from entry e
join entry_state v on v.entry_key = e.entry_key and v.version = $3
    and ($2::text[] is null or v.readers && $2::text[])
where e.entry_id = $1 and ($2::text[] is null or e.readers && $2::text[]);

-- name: fetch_as_of
-- The version that an entry was at, under the conditions of list_versions.
-- $1 entry_id, $2 grants (null: sees everything), $3 time
select e.entry_id, e.created_at, e.created_by, v.*
from entry e
cross join lateral (
    select s.* from entry_state s
    where s.entry_key = e.entry_key and s.valid_from <= $3
        and (s.superseded_at is null or s.superseded_at > $3)
    order by s.version desc
    limit 1
) as v
where e.entry_id = $1 and ($2::text[] is null or e.readers && $2::text[])
    and ($2::text[] is null or v.readers && $2::text[]);

-- name: fetch_key_as_of
-- The key of an entry whose present version the caller may see, and whether it lived at a moment as
-- something that the caller could see.
-- $1 entry_id, $2 grants (null: sees everything), $3 time
select e.entry_key, coalesce((
    select not s.deleted and ($2::text[] is null or s.readers && $2::text[]) from entry_state s
    where s.entry_key = e.entry_key and s.valid_from <= $3
        and (s.superseded_at is null or s.superseded_at > $3)
    order by s.version desc
    limit 1
), false) as lived
from entry e
where e.entry_id = $1 and ($2::text[] is null or e.readers && $2::text[]);
