-- name: claim
-- Claim a request that was not made before, whose record has ended, or whose holder's lease ran
-- out before it wrote anything. What is recorded comes back; `is_mine` says that it was claimed.
-- $1 digest, $2 body_hash, $3 holder, $4 lease in seconds, $5 seconds to keep the record
with claimed as (
    insert into idempotency as i (digest, body_hash, holder, lease_until, expires_at)
    values ($1, $2, $3, now() + make_interval(secs => $4), now() + make_interval(secs => $5))
    on conflict (digest) do update set
        body_hash = excluded.body_hash, holder = excluded.holder,
        lease_until = excluded.lease_until, expires_at = excluded.expires_at,
        written = false, status = null, headers = null, body = null
    where i.expires_at <= now()
        or (
            i.status is null and not i.written and i.lease_until <= now()
            and i.body_hash = excluded.body_hash
        )
    returning true as is_mine
)
select exists (select from claimed) as is_mine, i.body_hash, i.written, i.status, i.headers,
    i.body, extract(epoch from i.lease_until - now())::float8 as lease_s
from (select) one
left join idempotency i on i.digest = $1;

-- name: mark_written
-- Note within the transaction of its write that a request has written; no row comes back where
-- another holder has taken it over.
-- $1 digest, $2 holder
update idempotency set written = true where digest = $1 and holder = $2
returning true;

-- name: complete
-- Keep the answer of a request.
-- $1 digest, $2 holder, $3 status, $4 headers, $5 body or null
update idempotency set status = $3, headers = $4, body = $5 where digest = $1 and holder = $2;

-- name: release
-- Forget a request that has written nothing, so that it can be made again.
-- $1 digest, $2 holder
delete from idempotency where digest = $1 and holder = $2 and not written;

-- name: delete_expired
-- Delete records that have ended, some at a time.
-- $1 limit
with ended as (
    select digest from idempotency where expires_at <= now() limit $1 for update skip locked
)
delete from idempotency i using ended where i.digest = ended.digest
returning true;
