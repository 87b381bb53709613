-- name: insert_key
-- Store a new API key.
-- $1 key_id, $2 name, $3 role, $4 groups, $5 scopes or null, $6 secret_hash, $7 created_by,
-- $8 expires_at
insert into api_key (key_id, name, role, groups, scopes, secret_hash, created_by, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning key_id, name, role, groups, scopes, created_at, created_by, expires_at, revoked_at,
    rotated_at, previous_until, last_used_at;

-- name: fetch_secret
-- Read what a presented key is checked against, if it is neither revoked nor expired, with the
-- scopes of its custom role and the namespace roles of its name and groups.
-- $1 key_id
select k.key_id, k.name, k.role, k.groups, k.scopes, k.secret_hash,
    extract(epoch from k.expires_at - now())::float8 as expires_in_s,
    case when k.previous_until > now() then k.previous_hash end as previous_hash,
    extract(epoch from k.previous_until - now())::float8 as previous_in_s,
    r.scopes as role_scopes,
    (
        select jsonb_agg(jsonb_build_object('namespace', b.namespace, 'role', b.role))
        from role_binding b
        where (b.subject_kind = 'principal' and b.subject = k.name)
            or (b.subject_kind = 'group' and b.subject = any (k.groups))
    ) as bindings
from api_key k
left join role r on r.name = k.role
where k.key_id = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());

-- name: fetch_key
-- Read a key, whatever its state, and keep others from changing it.
-- $1 key_id
select key_id, name, role, groups, scopes, created_at, created_by, expires_at, revoked_at,
    rotated_at, previous_until, last_used_at
from api_key where key_id = $1
for update;

-- name: list_keys
-- Keys, newest first, after one of them.
-- $1 key_id to begin after or null, $2 name of the only holder or null, $3 limit
select key_id, name, role, groups, scopes, created_at, created_by, expires_at, revoked_at,
    rotated_at, previous_until, last_used_at
from api_key
where ($1::text is null
        or (created_at, key_id) < (select a.created_at, a.key_id from api_key a where a.key_id = $1))
    and ($2::text is null or name = $2)
order by created_at desc, key_id desc
limit $3;

-- name: revoke_key
-- Revoke a key, of which every listening process hears; no row comes back when there is none.
-- $1 key_id, $2 channel
update api_key set revoked_at = coalesce(revoked_at, now()) where key_id = $1
returning key_id, pg_notify($2, key_id);

-- name: rotate_key
-- Replace the secret of a key; the one before stays valid for a while. Every process hears of it.
-- $1 key_id, $2 secret_hash, $3 seconds that the one before stays valid, $4 channel
update api_key
set previous_hash = secret_hash, previous_until = now() + make_interval(secs => $3),
    secret_hash = $2, rotated_at = now()
where key_id = $1
returning key_id, name, role, groups, scopes, created_at, created_by, expires_at, revoked_at,
    rotated_at, previous_until, last_used_at, pg_notify($4, key_id);

-- name: expire_key
-- Set when a key ends to be valid. Every process hears of it.
-- $1 key_id, $2 expires_at or null for never, $3 channel
update api_key set expires_at = $2 where key_id = $1
returning key_id, name, role, groups, scopes, created_at, created_by, expires_at, revoked_at,
    rotated_at, previous_until, last_used_at, pg_notify($3, key_id);

-- name: add_uses
-- Record when keys were last used, many at a time.
-- $1 key_ids, $2 times
update api_key k set last_used_at = greatest(k.last_used_at, t.used_at)
from (
    select u.key_id, u.used_at from unnest($1::text[], $2::timestamptz[]) as u (key_id, used_at)
) t
where k.key_id = t.key_id;
