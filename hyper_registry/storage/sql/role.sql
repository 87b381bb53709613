-- name: insert_role
-- Store a custom role; no row comes back where the name is taken.
-- $1 name, $2 description, $3 scopes, $4 created_by
insert into role (name, description, scopes, created_by) values ($1, $2, $3, $4)
on conflict (name) do nothing
returning name, description, scopes, created_at, created_by, updated_at;

-- name: fetch_role
-- Read a custom role.
-- $1 name
select name, description, scopes, created_at, created_by, updated_at from role where name = $1;

-- name: list_roles
-- Custom roles by name, after one of them.
-- $1 name to begin after, $2 limit
select name, description, scopes, created_at, created_by, updated_at
from role where name > $1 order by name limit $2;

-- name: update_role
-- Replace a custom role. All processes drop what they know of callers.
-- $1 name, $2 description, $3 scopes, $4 channel, $5 payload
update role set description = $2, scopes = $3, updated_at = now() where name = $1
returning name, description, scopes, created_at, created_by, updated_at, pg_notify($4, $5);

-- name: delete_role
-- Delete a custom role. All processes drop what they know of callers.
-- $1 name, $2 channel, $3 payload
delete from role where name = $1 returning name, pg_notify($2, $3);

-- name: count_holders
-- How many keys that were not revoked have a role.
-- $1 name
select count(*) from api_key where role = $1 and revoked_at is null;

-- name: lock_role
-- Keep a custom role from being deleted until the end of the transaction.
-- $1 name
select scopes from role where name = $1 for share;

-- name: fetch_access
-- The scopes of a custom role, null where there is none, and the namespace roles of a name and
-- groups.
-- $1 role, $2 name, $3 groups
select
    (select scopes from role where name = $1) as role_scopes,
    (
        select jsonb_agg(jsonb_build_object('namespace', b.namespace, 'role', b.role))
        from role_binding b
        where (b.subject_kind = 'principal' and b.subject = $2)
            or (b.subject_kind = 'group' and b.subject = any ($3))
    ) as bindings;

-- name: put_binding
-- Give a principal or a group its role in a namespace, in place of the one it had. All processes
-- drop what they know of callers.
-- $1 namespace, $2 subject_kind, $3 subject, $4 role, $5 created_by, $6 channel, $7 payload
insert into role_binding (namespace, subject_kind, subject, role, created_by)
values ($1, $2, $3, $4, $5)
on conflict (subject_kind, subject, namespace)
do update set role = excluded.role, created_by = excluded.created_by, created_at = now()
returning binding_id, namespace, subject_kind, subject, role, created_at, created_by,
    pg_notify($6, $7);

-- name: list_bindings
-- Bindings in the order of their ids, after one of them.
-- $1 binding_id to begin after, $2 namespace or null, $3 limit
select binding_id, namespace, subject_kind, subject, role, created_at, created_by
from role_binding
where binding_id > $1 and ($2::text is null or namespace = $2)
order by binding_id limit $3;

-- name: delete_binding
-- Take a role in a namespace away. All processes drop what they know of callers.
-- $1 binding_id, $2 channel, $3 payload, $4 namespace that it must be in, or null
delete from role_binding where binding_id = $1 and ($4::text is null or namespace = $4)
returning binding_id, pg_notify($2, $3);
