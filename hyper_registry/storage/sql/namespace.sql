-- name: insert_namespace
-- Create a namespace; no row comes back where its form is taken.
-- $1 form, $2 name, $3 description, $4 created_by, $5 approval or null
insert into namespace (form, name, description, created_by, approval, approval_since)
values ($1, $2, $3, $4, $5, case when $5::jsonb is not null then now() end)
on conflict (form) do nothing
returning form, name, description, approval, created_at, created_by, updated_at;

-- name: fetch_namespace
-- Read a namespace.
-- $1 form
select form, name, description, approval, created_at, created_by, updated_at
from namespace where form = $1;

-- name: list_namespaces
-- Namespaces by form, after one of them.
-- $1 form to begin after, $2 limit
select form, name, description, approval, created_at, created_by, updated_at
from namespace where form > $1 order by form limit $2;

-- name: update_namespace
-- Change what is given of a namespace. A policy is in force since it was last another one.
-- $1 form, $2 description or null, $3 whether the policy is given, $4 approval or null
update namespace set
    description = coalesce($2::text, description), updated_at = now(),
    approval = case when $3::boolean then $4::jsonb else approval end,
    approval_since = case
        when not $3 or approval is not distinct from $4 then approval_since
        when $4 is not null then now()
    end
where form = $1
returning form, name, description, approval, created_at, created_by, updated_at;

-- name: delete_namespace
-- Delete a namespace with its bindings; refused by a constraint while there are names in it. All
-- processes drop what they know of callers.
-- $1 form, $2 channel, $3 payload
delete from namespace where form = $1 returning form, pg_notify($2, $3);

-- name: resolve_handle
-- The living entry that the caller may see and that has, or had, a handle, or into which the one was
-- merged that has or had it.
-- $1 form, $2 grants (null: sees everything)
with recursive trail as (
    select e.entry_key, e.merged_into, n.until is not null as is_alias
    from entry_name n join entry e on e.entry_key = n.entry_key
    where n.form = $1
    union all
    select e.entry_key, e.merged_into, true
    from trail t join entry e on e.entry_key = t.merged_into
)
select e.entry_id, t.is_alias
from trail t join entry e on e.entry_key = t.entry_key
where e.deleted_at is null and ($2::text[] is null or e.readers && $2::text[]);

-- name: list_names
-- All names of a living entry that the caller may see, the present one first, then the latest.
-- $1 entry_id, $2 grants (null: sees everything)
select n.handle, n.until is null as current, n.since, n.until, n.created_by
from entry e left join entry_name n on n.entry_key = e.entry_key
where e.entry_id = $1 and e.deleted_at is null and ($2::text[] is null or e.readers && $2::text[])
order by n.until desc nulls first, n.form;
