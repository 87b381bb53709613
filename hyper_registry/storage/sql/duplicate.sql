-- name: fetch_subject
-- A living entry that the caller may see.
-- $1 entry_id, $2 grants (null: sees everything)
select entry_key, entry_id, handle, title, category
from entry
where entry_id = $1 and deleted_at is null and ($2::text[] is null or readers && $2::text[]);

-- name: fetch_position
-- The key of an entry that the caller may see, deleted or not.
-- $1 entry_id, $2 grants (null: sees everything)
select entry_key from entry
where entry_id = $1 and ($2::text[] is null or readers && $2::text[]);

-- name: list_subjects
-- Living entries that the caller may see, the latest registered first.
-- $1 entry_key to begin below (null: the latest), $2 grants (null: sees everything), $3 limit
select entry_key, entry_id, handle, title, category
from entry
where ($1::bigint is null or entry_key < $1) and deleted_at is null
    and ($2::text[] is null or readers && $2::text[])
order by entry_key desc
limit $3;

-- name: same_words
-- Entries that hold all words of a title, those first whose titles are about as long.
-- $1 entry_key of the title, $2 title, $3 grants (null: sees everything), $4 limit, $5 entries to
-- look at
select f.entry_key
from (
    select e.entry_key, e.title
    from entry e
    where e.text_vector @@ (select plainto_tsquery('english', public.unaccent($2::text)))
        and e.entry_key <> $1 and e.deleted_at is null
        and ($3::text[] is null or e.readers && $3::text[])
    limit $5
) f
order by abs(length(f.title) - length($2::text)), f.entry_key
limit $4;

-- name: same_neighbours
-- Entries that are related to entries which an entry is related to, those with the most first.
-- $1 entry_key, $2 grants (null: sees everything), $3 limit, $4 entries to look at, of an entry and
-- of each of its neighbours
with near as (
    select n.entry_key
    from (
        select target_key as entry_key from relationship where source_key = $1
        union
        select source_key from relationship where target_key = $1
    ) n
    join entry e on e.entry_key = n.entry_key and e.deleted_at is null
        and ($2::text[] is null or e.readers && $2::text[])
    order by n.entry_key
    limit $4
)
select far.entry_key
from near cross join lateral (
    select n.entry_key
    from (
        select target_key as entry_key from relationship where source_key = near.entry_key
        union
        select source_key from relationship where target_key = near.entry_key
    ) n
    join entry e on e.entry_key = n.entry_key and e.deleted_at is null
        and ($2::text[] is null or e.readers && $2::text[])
    where n.entry_key <> $1
    order by n.entry_key
    limit $4
) far
group by far.entry_key
order by count(*) desc, far.entry_key
limit $3;

-- name: fetch_entries
-- Those of some entries that live and that the caller may see.
-- $1 entry_keys, $2 grants (null: sees everything)
select entry_key, entry_id, handle, title, category
from entry
where entry_key = any($1::bigint[]) and deleted_at is null
    and ($2::text[] is null or readers && $2::text[])
order by entry_key;

-- name: compare
-- Some entries beside one, without those that were found to be another thing since either was
-- reworded last; with the cosine of both embeddings where both are valid.
-- $1 entry_key, $2 entry_keys, $3 model_id
select e.entry_key, (1 - (own.vector <=> m.vector))::float8 as cosine
from entry s
join entry e on e.entry_key = any($2::bigint[])
left join entry_embedding own on own.entry_key = s.entry_key and own.model_id = $3
    and own.input_hash = s.embedding_input_hash
left join entry_embedding m on m.entry_key = e.entry_key and m.model_id = $3
    and m.input_hash = e.embedding_input_hash
where s.entry_key = $1 and not exists (
    select from duplicate_rejection r
    where (r.lower_key, r.lower_text, r.higher_key, r.higher_text) in (
        (s.entry_key, s.embedding_input_hash, e.entry_key, e.embedding_input_hash),
        (e.entry_key, e.embedding_input_hash, s.entry_key, s.embedding_input_hash)
    )
);

-- name: fetch_neighbours
-- The lowest keys of what entries are related to, in both directions, where the caller may see it.
-- $1 entry_keys, $2 grants (null: sees everything), $3 limit of each
select subject.entry_key, array(
    select n.entry_key
    from (
        select target_key as entry_key from relationship where source_key = subject.entry_key
        union
        select source_key from relationship where target_key = subject.entry_key
    ) n
    join entry e on e.entry_key = n.entry_key and e.deleted_at is null
        and ($2::text[] is null or e.readers && $2::text[])
    order by n.entry_key
    limit $3
) as neighbours
from unnest($1::bigint[]) as subject (entry_key);

-- name: fetch_vector
-- The valid embedding of an entry.
-- $1 entry_key, $2 model_id
select m.vector::text
from entry_embedding m join entry e on e.entry_key = m.entry_key
where m.entry_key = $1 and m.model_id = $2 and m.input_hash = e.embedding_input_hash;

-- name: lock_rejected
-- Hold two living entries that the caller may see as they are.
-- $1 entry_ids, $2 grants (null: sees everything)
select entry_key, entry_id, handle, embedding_input_hash
from entry
where entry_id = any($1::text[]) and deleted_at is null
    and ($2::text[] is null or readers && $2::text[])
order by entry_key
for share;

-- name: put_rejection
-- Note that two entries are two things, in place of what was noted of them before.
-- $1 lower entry_key, $2 higher entry_key, $3 and $4 embedding_input_hash of each, $5 actor
insert into duplicate_rejection (lower_key, higher_key, lower_text, higher_text, rejected_by)
values ($1, $2, $3, $4, $5)
on conflict (lower_key, higher_key) do update set
    lower_text = excluded.lower_text, higher_text = excluded.higher_text,
    rejected_at = excluded.rejected_at, rejected_by = excluded.rejected_by
returning rejected_at;
