-- name: insert_job
-- Record a job; no row comes back when one of its kind is active.
-- $1 job_id, $2 kind, $3 parameters, $4 created_by
insert into job (job_id, kind, state, parameters, created_by)
values ($1, $2, 'pending', $3, $4)
on conflict (kind) where state in ('pending', 'running') do nothing
returning job_id;

-- name: fetch_job
-- Read one job. A driver holds the session lock of its job's id as long as it lives.
-- $1 job_id
select j.job_id, j.kind, j.state, j.parameters, j.estimate, j.checkpoint, j.result, j.done, j.total,
    j.attempt, j.submission_id, j.error, j.created_by, j.created_at, j.started_at, j.heartbeat_at,
    j.finished_at, exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
        and l.database = (select oid from pg_database where datname = current_database())
        and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(j.job_id, 0)
) as held
from job j where j.job_id = $1;

-- name: fetch_active_job
-- Id of the active job of a kind.
-- $1 kind
select job_id from job where kind = $1 and state in ('pending', 'running');

-- name: list_jobs
-- The latest jobs, newest first.
-- $1 limit
select j.job_id, j.kind, j.state, j.parameters, j.estimate, j.checkpoint, j.result, j.done, j.total,
    j.attempt, j.submission_id, j.error, j.created_by, j.created_at, j.started_at, j.heartbeat_at,
    j.finished_at, exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
        and l.database = (select oid from pg_database where datname = current_database())
        and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(j.job_id, 0)
) as held
from job j order by j.created_at desc, j.job_id limit $1;

-- name: try_hold
-- Take the session lock of a job; false when another driver has it.
-- $1 job_id
select pg_try_advisory_lock(hashtextextended($1, 0));

-- name: begin_attempt
-- Set an active job running under its next attempt; no row comes back when it is not active.
-- $1 job_id
update job set
    state = 'running', attempt = attempt + 1, started_at = coalesce(started_at, now()),
    heartbeat_at = now(), error = null
where job_id = $1 and state in ('pending', 'running')
returning attempt;

-- name: report_progress
-- Record how far an attempt is; no row comes back when it is no longer the running one.
-- $1 job_id, $2 attempt, $3 done, $4 total, $5 checkpoint, $6 estimate (null: as it was)
update job set
    done = $3, total = $4, checkpoint = $5, estimate = coalesce($6, estimate),
    heartbeat_at = now()
where job_id = $1 and attempt = $2 and state = 'running'
returning job_id;

-- name: end_job
-- Set the final state of an attempt; no row comes back when it is no longer the running one.
-- $1 job_id, $2 attempt, $3 state, $4 result, $5 error
update job set
    state = $3, result = $4, error = $5, finished_at = now(), heartbeat_at = now()
where job_id = $1 and attempt = $2 and state = 'running'
returning job_id;

-- name: stop_job
-- Mark an active job stopped; no row comes back when it has ended.
-- $1 job_id
update job set state = 'stopped', finished_at = now()
where job_id = $1 and state in ('pending', 'running')
returning job_id;

-- name: record_submission
-- Note under which id Ray runs the job.
-- $1 job_id, $2 submission_id
update job set submission_id = $2 where job_id = $1;
