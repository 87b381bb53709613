-- name: fetch_inputs
-- What to embed of some living entries, and whether their vectors are valid already.
-- $1 entry_ids, $2 model_id
select e.entry_key, e.entry_id, e.title, e.description, e.tags, e.embedding_input_hash,
    exists (
        select from entry_embedding m
        where m.entry_key = e.entry_key and m.model_id = $2
            and m.input_hash = e.embedding_input_hash
    ) as embedded
from entry e
where e.entry_id = any($1::text[]) and e.deleted_at is null
order by e.entry_key;

-- name: embed_job_is_active
-- Whether a job embeds the backlog: it runs and was heard of lately, or is about to start.
select exists (
    select from job
    where kind = 'embed' and (
        (state = 'running' and heartbeat_at > now() - interval '60 seconds')
        or (state = 'pending' and created_at > now() - interval '5 minutes')
    )
);

-- name: try_lead
-- Become the one session that embeds what is newly written; false where another one is.
-- $1 lock number
select pg_try_advisory_lock($1);

-- name: stop_leading
-- Let another session lead.
-- $1 lock number
select pg_advisory_unlock($1);
