-- name: add_accesses
-- Add accesses, many entries at a time; entries that vanished meanwhile are passed over.
-- $1 entry_keys, $2 times of the last access, $3 how many accesses
insert into entry_access as a (entry_key, accessed_at, access_count)
select t.entry_key, t.accessed_at, t.access_count
from unnest($1::bigint[], $2::timestamptz[], $3::bigint[])
    as t (entry_key, accessed_at, access_count)
join entry e on e.entry_key = t.entry_key
order by t.entry_key -- one order for all, so that processes never lock each other out
on conflict (entry_key) do update set
    accessed_at = greatest(a.accessed_at, excluded.accessed_at),
    access_count = a.access_count + excluded.access_count;
