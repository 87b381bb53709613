-- name: insert_webhook
-- Store a new webhook, which begins after a position of the feed.
-- $1 webhook_id, $2 url, $3 secret, $4 sealed_secret, $5 filter, $6 active, $7 owner,
-- $8 owner_role, $9 owner_groups, $10 owner_is_local, $11 low_xid, $12 high_xid, $13 change_no,
-- $14 last_no
insert into webhook (
    webhook_id, url, secret, sealed_secret, filter, active, owner, owner_role, owner_groups, owner_is_local,
    low_xid, high_xid, change_no, last_no
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
returning webhook_id, url, filter, active, inactive_reason, owner, created_at, updated_at;

-- name: fetch_webhook
-- Read one webhook.
-- $1 webhook_id, $2 owner, or null for any
select webhook_id, url, filter, active, inactive_reason, owner, created_at, updated_at
from webhook
where webhook_id = $1 and ($2::text is null or owner = $2);

-- name: list_webhooks
-- Webhooks by id, from after one on.
-- $1 owner, or null for any, $2 last webhook_id seen ('' at first), $3 limit
select webhook_id, url, filter, active, inactive_reason, owner, created_at, updated_at
from webhook
where ($1::text is null or owner = $1) and webhook_id > $2
order by webhook_id
limit $3;

-- name: update_webhook
-- Change a webhook; null leaves a field as it is. No row comes back when there is none.
-- $1 webhook_id, $2 owner, or null for any, $3 url, $4 filter, $5 active
update webhook set
    url = coalesce($3, url), filter = coalesce($4::jsonb, filter), active = coalesce($5, active),
    inactive_reason = case when $5 then null else inactive_reason end, updated_at = now()
where webhook_id = $1 and ($2::text is null or owner = $2)
returning webhook_id, url, filter, active, inactive_reason, owner, created_at, updated_at;

-- name: deactivate
-- Stop a webhook, and say why.
-- $1 webhook_id, $2 reason
update webhook set active = false, inactive_reason = $2, updated_at = now()
where webhook_id = $1 and active;

-- name: delete_webhook
-- Delete a webhook with its deliveries; no row comes back when there is none.
-- $1 webhook_id, $2 owner, or null for any
delete from webhook where webhook_id = $1 and ($2::text is null or owner = $2)
returning webhook_id;

-- name: claim_webhook
-- Take the next active webhook that has changes to look at and that nobody else is at, until the
-- transaction ends, with what its owner holds now: the roles and the groups of the keys of that name that are valid.
-- $1 webhook_id after which to look ('' at first)
select w.webhook_id, w.filter, w.owner, w.owner_role, w.owner_groups, w.owner_is_local,
    w.low_xid, w.high_xid, w.change_no, w.last_no,
    array(
        select distinct k.role from api_key k
        where k.name = w.owner and k.revoked_at is null
            and (k.expires_at is null or k.expires_at > now())
    ) as held_roles,
    array(
        select distinct g from api_key k cross join unnest(k.groups) as g
        where k.name = w.owner and k.revoked_at is null
            and (k.expires_at is null or k.expires_at > now())
    ) as held_groups
from webhook w
where w.active and w.webhook_id > $1
    and (w.change_no < w.last_no
        or (select c.xid from change c where c.xid >= w.high_xid order by c.xid limit 1)
            < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
order by w.webhook_id
limit 1
for update of w skip locked;

-- name: advance
-- Note how far the changes of a webhook became deliveries.
-- $1 webhook_id, $2 low_xid, $3 high_xid, $4 change_no, $5 last_no
update webhook set low_xid = $2, high_xid = $3, change_no = $4, last_no = $5
where webhook_id = $1;

-- name: insert_deliveries
-- Make deliveries of events.
-- $1 webhook_id, $2 delivery_ids, $3 event_ids, $4 bodies
insert into webhook_delivery (delivery_id, webhook_id, event_id, body, state)
select d.delivery_id, $1, d.event_id, d.body, 'pending'
from unnest($2::text[], $3::text[], $4::text[]) as d(delivery_id, event_id, body);

-- name: claim_deliveries
-- Take deliveries that are due, some of each webhook, by putting their next attempt off.
-- $1 seconds after which they are due again, $2 most per webhook, $3 most in all,
-- $4 webhook_ids to leave out
update webhook_delivery d
set attempts = d.attempts + 1, next_attempt_at = now() + make_interval(secs => $1::float8)
from (
    select due.delivery_id, w.url, w.secret, w.sealed_secret
    from webhook w
    cross join lateral (
        select p.delivery_id from webhook_delivery p
        where p.webhook_id = w.webhook_id and p.state = 'pending' and p.next_attempt_at <= now()
        order by p.next_attempt_at
        limit $2
        for update skip locked
    ) due
    where w.active and w.webhook_id <> all($4::text[])
    limit $3
) claimed
where d.delivery_id = claimed.delivery_id
returning d.delivery_id, d.webhook_id, d.event_id, d.body, d.attempts, claimed.url,
    claimed.secret, claimed.sealed_secret;

-- name: record_attempt
-- Record what became of an attempt, unless somebody else has claimed the delivery meanwhile.
-- $1 delivery_id, $2 attempts at the claim, $3 state, $4 status answered, $5 reason,
-- $6 seconds to the next attempt
update webhook_delivery set
    state = $3, response_status = $4, reason = $5,
    next_attempt_at = now() + make_interval(secs => $6::float8),
    finished_at = case when $3 = 'pending' then null else now() end
where delivery_id = $1 and attempts = $2 and state = 'pending';

-- name: list_deliveries
-- Deliveries of a webhook, newest first.
-- $1 webhook_id, $2 state, or null for any, $3 delivery_id before which to go on, or null, $4 limit
select delivery_id, event_id, state, attempts, next_attempt_at, response_status, reason,
    created_at, finished_at
from webhook_delivery
where webhook_id = $1 and ($2::text is null or state = $2)
    and ($3::text is null or delivery_id < $3)
order by delivery_id desc
limit $4;

-- name: redeliver
-- Send a delivery again, with the same id of its event; no row comes back when there is none.
-- $1 webhook_id, $2 delivery_id
update webhook_delivery set
    state = 'pending', attempts = 0, next_attempt_at = now(), response_status = null,
    reason = null, finished_at = null
where webhook_id = $1 and delivery_id = $2
returning delivery_id, event_id, state, attempts, next_attempt_at, response_status, reason,
    created_at, finished_at;

-- name: forget_deliveries
-- Delete deliveries that ended long ago.
-- $1 days
delete from webhook_delivery
where state <> 'pending' and finished_at < now() - make_interval(days => $1);

-- name: lock_secrets
-- Secrets that the active key has not sealed; held until the transaction ends.
-- $1 id of the active key, $2 limit
select webhook_id, secret, sealed_secret from webhook
where sealed_secret ->> 'key' is distinct from $1
order by webhook_id
limit $2
for no key update;

-- name: replace_secret
-- Store the same secret in another form.
-- $1 webhook_id, $2 secret, $3 sealed_secret
update webhook set secret = $2, sealed_secret = $3 where webhook_id = $1;
