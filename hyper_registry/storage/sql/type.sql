-- name: fetch_revision
-- Number of the last change of a definition.
select revision from type_revision;

-- name: advance_revision
-- Count a change of a definition and tell every process, once the transaction commits.
-- $1 channel
with advanced as (
    update type_revision set revision = revision + 1 returning revision
)
select revision, pg_notify($1, revision::text) from advanced;

-- name: fetch_category_rules
-- What is asked of the entries of each category, with the current schemas.
select c.name, c.lifecycle, c.schema_version, s.document
from category c
left join category_schema s on s.category = c.name and s.version = c.schema_version;

-- name: fetch_approval_policies
-- What namespaces ask for before an entry takes a status.
select form, approval, approval_since from namespace where approval is not null;

-- name: list_categories
-- All categories with their definitions.
select name, built_in, description, compatibility, lifecycle, schema_version, created_at, created_by
from category order by name;

-- name: fetch_category
-- One category with its definition.
-- $1 name
select name, built_in, description, compatibility, lifecycle, schema_version, created_at, created_by
from category where name = $1;

-- name: lock_category
-- Hold a category until the transaction ends, so that its versions come one after the other.
-- $1 name
select name from category where name = $1 for update;

-- name: insert_category
-- Add a category; no row comes back when the name is taken.
-- $1 name, $2 description, $3 compatibility, $4 lifecycle, $5 actor
insert into category (name, description, compatibility, lifecycle, created_by)
values ($1, $2, $3, $4, $5)
on conflict (name) do nothing
returning name, built_in, description, compatibility, lifecycle, schema_version, created_at,
    created_by;

-- name: update_category
-- Change what is given of a category.
-- $1 name, $2 description or null, $3 compatibility or null, $4 lifecycle or null
update category set
    description = coalesce($2::text, description),
    compatibility = coalesce($3::text, compatibility),
    lifecycle = coalesce($4::jsonb, lifecycle)
where name = $1
returning name, built_in, description, compatibility, lifecycle, schema_version, created_at,
    created_by;

-- name: delete_category
-- Delete a category that was added; an entry of it, even a deleted one, makes this fail.
-- $1 name
delete from category where name = $1;

-- name: insert_schema
-- Add the next version of a locked category's schema and make it the current one.
-- $1 category, $2 document, $3 actor
with added as (
    insert into category_schema (category, version, document, created_by)
    select $1::text, coalesce(max(version), 0) + 1, $2::jsonb, $3
    from category_schema where category = $1::text
    returning category, version
)
update category c set schema_version = a.version from added a where c.name = a.category
returning a.version;

-- name: list_schemas
-- Versions of a category's schema, the newest first.
-- $1 category
select category, version, document, created_at, created_by
from category_schema where category = $1 order by version desc;

-- name: fetch_schema
-- One version of a category's schema.
-- $1 category, $2 version or null for the current one
select s.category, s.version, s.document, s.created_at, s.created_by
from category_schema s join category c on c.name = s.category
where s.category = $1 and s.version = coalesce($2::integer, c.schema_version);

-- name: fetch_metadata_page
-- Metadata of living entries of a category, by rising key.
-- $1 category, $2 last key seen, $3 limit
select entry_key, entry_id, metadata from entry
where category = $1 and deleted_at is null and entry_key > $2
order by entry_key
limit $3;

-- name: list_relationship_types
-- Kinds of relationships that somebody described, and on demand those that are merely in use.
-- $1 whether to give those too
select name, described, description, source_categories, target_categories, cardinality, inverse,
    is_symmetric as "symmetric", updated_at, updated_by
from relationship_type where described or $1::boolean order by name;

-- name: list_described_types
-- The kinds of relationships that somebody described: only they can refuse anything.
select name, described, description, source_categories, target_categories, cardinality, inverse,
    is_symmetric as "symmetric", updated_at, updated_by
from relationship_type where described;

-- name: fetch_relationship_type
-- One kind of relationship, see list_relationship_types.
-- $1 name, $2 whether it may be one that nobody described
select name, described, description, source_categories, target_categories, cardinality, inverse,
    is_symmetric as "symmetric", updated_at, updated_by
from relationship_type where name = $1 and (described or $2::boolean);

-- name: lock_relationship_type
-- Hold a kind of relationship: new relationships of it wait, as their foreign key does.
-- $1 name
select type_id from relationship_type where name = $1 for update;

-- name: put_relationship_type
-- Describe a kind of relationship, new or known.
-- $1 name, $2 description, $3 source_categories, $4 target_categories, $5 cardinality, $6 inverse,
-- $7 symmetric, $8 actor
insert into relationship_type as t (
    name, described, description, source_categories, target_categories, cardinality, inverse,
    is_symmetric, updated_by
) values ($1, true, $2, $3, $4, $5, $6, $7, $8)
on conflict (name) do update set
    described = true, description = excluded.description,
    source_categories = excluded.source_categories,
    target_categories = excluded.target_categories, cardinality = excluded.cardinality,
    inverse = excluded.inverse, is_symmetric = excluded.is_symmetric, updated_at = now(),
    updated_by = excluded.updated_by
returning name, described, description, source_categories, target_categories, cardinality, inverse,
    is_symmetric as "symmetric", updated_at, updated_by;

-- name: delete_relationship_type
-- Delete a kind of relationship; a relationship of it, even one that was, makes this fail.
-- $1 name
delete from relationship_type where name = $1;

-- name: count_violations
-- Living relationships of a kind that a definition would not allow.
-- $1 type_id, $2 source_categories, $3 target_categories, $4 one target a source, $5 one source a
-- target, $6 symmetric: source before target in the order of ids, and both ways
with living as (
    select r.source_key, r.target_key, r.bidirectional, s.category as source_category,
        t.category as target_category, s.entry_id as source_id, t.entry_id as target_id
    from relationship r
    join entry s on s.entry_key = r.source_key and s.deleted_at is null
    join entry t on t.entry_key = r.target_key and t.deleted_at is null
    where r.type_id = $1
)
select
    (select count(*) from living
        where source_category <> all($2::text[]) or target_category <> all($3::text[])) as categories,
    (select count(*) from (
        select from living where $4::boolean group by source_key having count(*) > 1) s)
    + (select count(*) from (
        select from living where $5::boolean group by target_key having count(*) > 1) t)
        as cardinality,
    (select count(*) from living where $6::boolean
        and (not bidirectional or source_id collate "C" > target_id)) as symmetry;

-- name: lock_ends
-- Hold entries, in the order in which batches of entries are locked, so that relationships that
-- are counted come one after the other. What their ends have is read by a later statement only:
-- this one sees what was committed before it began to wait.
-- $1 entry_keys
select from entry where entry_key = any($1::bigint[]) order by entry_id collate "C"
for no key update;

-- name: fetch_taken_ends
-- Of locked ends, those that have a living other end by a kind of relationship.
-- $1 type name, $2 entry_keys of sources, $3 entry_keys of targets
select r.source_key, r.target_key
from relationship_type k
join relationship r on r.type_id = k.type_id
    and (r.source_key = any($2::bigint[]) or r.target_key = any($3::bigint[]))
join entry s on s.entry_key = r.source_key and s.deleted_at is null
join entry t on t.entry_key = r.target_key and t.deleted_at is null
where k.name = $1;
