-- name: insert_key
-- Store a new API key.
-- $1 key_id, $2 name, $3 role, $4 groups, $5 secret_hash, $6 created_by, $7 expires_at
insert into api_key (key_id, name, role, groups, secret_hash, created_by, expires_at)
values ($1, $2, $3, $4, $5, $6, $7)
returning created_at;

-- name: fetch_key
-- Read a key that is neither revoked nor expired.
-- $1 key_id
select key_id, name, role, groups, secret_hash,
    extract(epoch from expires_at - now())::float8 as expires_in_s
from api_key
where key_id = $1 and revoked_at is null and (expires_at is null or expires_at > now());

-- name: list_keys
-- All keys, newest first.
select key_id, name, role, groups, created_at, created_by, expires_at, revoked_at
from api_key order by created_at desc, key_id;

-- name: revoke_key
-- Revoke a key, of which every listening process hears; no row comes back when there is none.
-- $1 key_id, $2 channel
update api_key set revoked_at = coalesce(revoked_at, now()) where key_id = $1
returning key_id, pg_notify($2, key_id);
