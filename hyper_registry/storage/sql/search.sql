-- name: text_candidates
-- Entries by full text, best first, and how many match in all.
-- $1 query, $2 grants (null: sees everything), $3 categories, $4 statuses, $5 owners,
-- $6 tags (any), $7 compliance statuses (each null: any), $8 limit
with query as (
    select websearch_to_tsquery('english', public.unaccent($1)) as terms
)
select e.entry_key, ts_rank_cd(e.text_vector, q.terms, 32)::real as score,
    count(*) over () as total
from entry e, query q
where e.text_vector @@ q.terms and e.deleted_at is null
    and ($2::text[] is null or e.readers && $2::text[])
    and ($3::text[] is null or e.category = any($3::text[]))
    and ($4::text[] is null or e.status = any($4::text[]))
    and ($5::text[] is null or e.owner = any($5::text[]))
    and ($6::text[] is null or e.tags && $6::text[])
    and ($7::text[] is null or e.compliance_status = any($7::text[]))
order by score desc, e.entry_key
limit $8;

-- name: any_word_candidates
-- Entries that hold any word of the query and are not listed yet, best first: the rarer a word, the
-- more it counts. The total is null where a word was too common to look at all entries with it.
-- $1 query, $2 grants (null: sees everything), $3 categories, $4 statuses, $5 owners,
-- $6 tags (any), $7 compliance statuses (each null: any), $8 limit, $9 entry_keys listed already,
-- $10 entries looked at for each word
with word as (
    select lexeme,
        ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery as term
    from unnest(tsvector_to_array(to_tsvector('english', public.unaccent($1)))) as lexeme
    -- The longest words of a long text are likely its rarest.
    order by length(lexeme) desc, lexeme
    limit 16
), posting as (
    select e.entry_key, e.rank, count(*) over (partition by w.lexeme) as frequency
    from word w cross join lateral (
        select e.entry_key, ts_rank(e.text_vector, w.term, 1) as rank
        from entry e
        where e.text_vector @@ w.term and e.deleted_at is null
            and e.entry_key <> all($9::bigint[])
            and ($2::text[] is null or e.readers && $2::text[])
            and ($3::text[] is null or e.category = any($3::text[]))
            and ($4::text[] is null or e.status = any($4::text[]))
            and ($5::text[] is null or e.owner = any($5::text[]))
            and ($6::text[] is null or e.tags && $6::text[])
            and ($7::text[] is null or e.compliance_status = any($7::text[]))
        limit $10
    ) as e
)
select entry_key, sum(rank * ln(1 + $10::bigint::float8 / frequency))::real as score,
    case when bool_and(max(frequency) < $10) over () then count(*) over () end as total
from posting
group by entry_key
order by score desc, entry_key
limit $8;

-- name: vector_candidates
-- Entries by cosine similarity of their valid embedding. The query vector stands in a subselect to be
-- read once: a plan that is kept for all parameters would parse its text again for every row.
-- $1 query vector as text, $2 grants (null: sees everything), $3 categories, $4 statuses,
-- $5 owners, $6 tags (any), $7 compliance statuses (each null: any), $8 limit, $9 model_id
select e.entry_key, (1 - (m.vector <=> (select $1::text::halfvec)))::real as score
from entry e
join entry_embedding m on m.entry_key = e.entry_key and m.model_id = $9
    and m.input_hash = e.embedding_input_hash
where e.deleted_at is null
    and ($2::text[] is null or e.readers && $2::text[])
    and ($3::text[] is null or e.category = any($3::text[]))
    and ($4::text[] is null or e.status = any($4::text[]))
    and ($5::text[] is null or e.owner = any($5::text[]))
    and ($6::text[] is null or e.tags && $6::text[])
    and ($7::text[] is null or e.compliance_status = any($7::text[]))
order by score desc, e.entry_key
limit $8;

-- name: verified_vector_candidates
-- Entries by cosine similarity of their valid embedding, among those that a snapshot proposes and
-- those written or embedded since it was taken. Everything is judged by what is stored now.
-- $1 query vector as text, $2 grants (null: sees everything), $3 categories, $4 statuses,
-- $5 owners, $6 tags (any), $7 compliance statuses (each null: any), $8 limit, $9 model_id,
-- $10 snapshot_xid, $11 entry_keys that the snapshot proposes
with candidate as (
    select unnest($11::bigint[]) as entry_key
    union
    select entry_key from entry where change_xid >= $10
    union
    select entry_key from entry_embedding where change_xid >= $10 and model_id = $9
)
select e.entry_key, (1 - (m.vector <=> (select $1::text::halfvec)))::real as score
from candidate c
join entry e on e.entry_key = c.entry_key
join entry_embedding m on m.entry_key = e.entry_key and m.model_id = $9
    and m.input_hash = e.embedding_input_hash
where e.deleted_at is null
    and ($2::text[] is null or e.readers && $2::text[])
    and ($3::text[] is null or e.category = any($3::text[]))
    and ($4::text[] is null or e.status = any($4::text[]))
    and ($5::text[] is null or e.owner = any($5::text[]))
    and ($6::text[] is null or e.tags && $6::text[])
    and ($7::text[] is null or e.compliance_status = any($7::text[]))
order by score desc, e.entry_key
limit $8;

-- name: filter_candidates
-- Entries that match filters alone, latest change first, and how many match in all.
-- $1 grants (null: sees everything), $2 categories, $3 statuses, $4 owners, $5 tags (any),
-- $6 compliance statuses (each null: any), $7 limit
select e.entry_key, 1::real as score, count(*) over () as total
from entry e
where e.deleted_at is null
    and ($1::text[] is null or e.readers && $1::text[])
    and ($2::text[] is null or e.category = any($2::text[]))
    and ($3::text[] is null or e.status = any($3::text[]))
    and ($4::text[] is null or e.owner = any($4::text[]))
    and ($5::text[] is null or e.tags && $5::text[])
    and ($6::text[] is null or e.compliance_status = any($6::text[]))
order by e.updated_at desc, e.entry_key
limit $7;

-- name: hydrate
-- Read hits in full; the caller's permission is checked once more.
-- $1 entry_keys, $2 grants (null: sees everything), $3 model_id
select
    e.entry_key, e.entry_id, e.handle, e.category, e.title, e.description, e.status, e.owner,
    e.tags, e.metadata, e.deprecation, e.compliance_status, e.visibility, e.granted, e.checksum, e.version,
    e.created_at, e.updated_at, e.created_by, e.updated_by, a.accessed_at,
    m.entry_key is not null as embedded
from entry e
left join entry_access a on a.entry_key = e.entry_key
left join entry_embedding m on m.entry_key = e.entry_key and m.model_id = $3
    and m.input_hash = e.embedding_input_hash
where e.entry_key = any($1::bigint[]) and e.deleted_at is null
    and ($2::text[] is null or e.readers && $2::text[]);

-- name: fetch_unembedded
-- Living entries without a valid embedding, by key from after one key on.
-- $1 model_id, $2 last entry_key seen, $3 limit, $4 change_xid of the oldest write to look at
select e.entry_key, e.title, e.description, e.tags, e.embedding_input_hash
from entry e
where e.entry_key > $2 and e.change_xid >= $4 and e.deleted_at is null and not exists (
    select from entry_embedding m
    where m.entry_key = e.entry_key and m.model_id = $1 and m.input_hash = e.embedding_input_hash
)
order by e.entry_key
limit $3;

-- name: count_unembedded
-- How many living entries have no valid embedding, from after one key on.
-- $1 model_id, $2 last entry_key
select count(*) from entry e
where e.entry_key > $2 and e.deleted_at is null and not exists (
    select from entry_embedding m
    where m.entry_key = e.entry_key and m.model_id = $1 and m.input_hash = e.embedding_input_hash
);

-- name: fetch_horizon
-- The transaction below which all have ended.
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- name: upsert_embeddings
-- Store vectors, many at a time; entries that vanished meanwhile are passed over.
-- $1 entry_keys, $2 model_id, $3 input_hashes, $4 vectors as text
insert into entry_embedding (entry_key, model_id, input_hash, vector)
select t.entry_key, $2, t.input_hash, t.vector::halfvec
from unnest($1::bigint[], $3::bytea[], $4::text[]) as t (entry_key, input_hash, vector)
join entry e on e.entry_key = t.entry_key
on conflict (entry_key, model_id) do update set
    input_hash = excluded.input_hash, vector = excluded.vector,
    change_xid = pg_current_xact_id()::text::bigint;
