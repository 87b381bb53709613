-- name: insert_framework
-- Add a framework; no row comes back where the name is taken.
-- $1 name, $2 title, $3 description, $4 actor
insert into compliance_framework (name, title, description, created_by, updated_by)
values ($1, $2, $3, $4, $4)
on conflict (name) do nothing
returning name;

-- name: update_framework
-- Replace what describes a framework.
-- $1 name, $2 title, $3 description, $4 actor
update compliance_framework set
    title = $2, description = $3, version = version + 1, updated_by = $4,
    updated_at = greatest(now(), updated_at + interval '1 microsecond')
where name = $1;

-- name: lock_framework
-- Hold a framework until the transaction ends, and read its version.
-- $1 name
select version from compliance_framework where name = $1 for no key update;

-- name: delete_framework
-- Delete a framework with its controls.
-- $1 name
delete from compliance_framework where name = $1;

-- name: list_frameworks
-- Frameworks by name, each with its controls in their order, from after one of them on.
-- $1 name or null for all, $2 name to begin after, $3 limit
select f.name, f.title, f.description, f.version, f.created_at, f.created_by, f.updated_at,
    f.updated_by, coalesce(
        (
            select jsonb_agg(jsonb_build_object(
                'code', c.code, 'title', c.title, 'description', c.description,
                'categories', c.categories
            ) order by c.position)
            from compliance_control c where c.framework = f.name
        ),
        '[]'
    ) as controls
from compliance_framework f
where ($1::text is null or f.name = $1) and f.name > $2
order by f.name
limit $3;

-- name: put_controls
-- Add the controls of a framework that are new, and describe those that are known.
-- $1 framework, $2 controls: JSON array of {code, title, description, categories} in their order
insert into compliance_control as c (framework, code, position, title, description, categories)
select $1, w.item ->> 'code', w.position, w.item ->> 'title', w.item ->> 'description',
    case when jsonb_typeof(w.item -> 'categories') = 'array' then array(
        select jsonb_array_elements_text(w.item -> 'categories')
    ) end
from jsonb_array_elements($2::jsonb) with ordinality as w(item, position)
on conflict (framework, code) do update set
    position = excluded.position, title = excluded.title, description = excluded.description,
    categories = excluded.categories;

-- name: find_assessed_control
-- The first control, of those that are not among some, by which entries are assessed.
-- $1 framework, $2 codes that stay
select c.code, count(*) as assessments
from compliance_control c join compliance_assessment a on a.control_key = c.control_key
where c.framework = $1 and c.code <> all($2::text[])
group by c.code, c.position
order by c.position
limit 1;

-- name: delete_controls
-- Delete the controls of a framework that are not among some.
-- $1 framework, $2 codes that stay
delete from compliance_control where framework = $1 and code <> all($2::text[]);

-- name: lock_control
-- Read one control and keep it from being deleted until the transaction ends.
-- $1 framework, $2 code
select control_key, code, title, description, categories
from compliance_control where framework = $1 and code = $2
for key share;

-- name: fetch_assessment
-- One assessment.
-- $1 entry_id, $2 control_key
select a.version, a.status, a.assessor, a.due_date, a.note, a.evidence, a.updated_at, a.updated_by
from compliance_assessment a join entry e on e.entry_key = a.entry_key
where e.entry_id = $1 and a.control_key = $2;

-- name: put_assessment
-- Write an assessment. One that was deleted goes on with the version after its deletion.
-- $1 entry_id, $2 control_key, $3 status, $4 assessor, $5 due_date, $6 note, $7 evidence,
-- $8 valid_until, $9 actor
insert into compliance_assessment as a (
    entry_key, control_key, version, status, assessor, due_date, note, evidence, valid_until,
    created_by, updated_by
)
select e.entry_key, c.control_key, coalesce(
        (
            select max(h.version) + 2 from compliance_assessment_history h
            where h.entry_key = e.entry_key and h.framework = c.framework and h.control = c.code
        ),
        1
    ), $3, $4, $5, $6, $7, $8, $9, $9
from entry e cross join compliance_control c
where e.entry_id = $1 and c.control_key = $2
on conflict (entry_key, control_key) do update set
    version = a.version + 1, status = excluded.status, assessor = excluded.assessor,
    due_date = excluded.due_date, note = excluded.note, evidence = excluded.evidence,
    valid_until = excluded.valid_until, updated_by = excluded.updated_by,
    updated_at = greatest(now(), a.updated_at + interval '1 microsecond')
returning version, status, assessor, due_date, note, evidence, updated_at, updated_by;

-- name: delete_assessment
-- Delete an assessment; its history stays.
-- $1 entry_id, $2 control_key, $3 actor
with deleter as materialized (select set_config('hyper_registry.actor', $3, true))
delete from compliance_assessment a using deleter, entry e
where e.entry_id = $1 and a.entry_key = e.entry_key and a.control_key = $2;

-- name: list_statuses
-- What the assessments of an entry say, and when the first evidence of each expires.
-- $1 entry_id
select a.status, a.valid_until
from compliance_assessment a join entry e on e.entry_key = a.entry_key
where e.entry_id = $1;

-- name: list_of_entry
-- The controls that apply to a living entry that the caller may see, or by which it is assessed,
-- each with its assessment; one row without a control where there is none.
-- $1 entry_id, $2 grants (null: sees everything)
select e.compliance_status, c.framework, c.code, c.title, a.version, a.status, a.assessor,
    a.due_date, a.note, a.evidence, a.updated_at, a.updated_by
from entry e
left join (
    compliance_control c
    left join compliance_assessment a on a.control_key = c.control_key
        and a.entry_key = (select k.entry_key from entry k where k.entry_id = $1)
) on a.entry_key is not null or c.categories is null or e.category = any(c.categories)
where e.entry_id = $1 and e.deleted_at is null
    and ($2::text[] is null or e.readers && $2::text[])
order by c.framework, c.position;

-- name: list_versions
-- All versions of an assessment of a living entry that the caller may see, newest first.
-- $1 entry_id, $2 grants (null: sees everything), $3 framework, $4 control
select v.version, v.status, v.assessor, v.due_date, v.note, v.evidence, v.actor, v.valid_from,
    v.superseded_at
from entry e
cross join lateral (
    select a.version, a.status, a.assessor, a.due_date, a.note, a.evidence, a.updated_by as actor,
        a.updated_at as valid_from, null::timestamptz as superseded_at
    from compliance_assessment a join compliance_control c on c.control_key = a.control_key
    where a.entry_key = e.entry_key and c.framework = $3 and c.code = $4
    union all
    select h.version, h.status, h.assessor, h.due_date, h.note, h.evidence, h.actor, h.valid_from,
        h.superseded_at
    from compliance_assessment_history h
    where h.entry_key = e.entry_key and h.framework = $3 and h.control = $4
) v
where e.entry_id = $1 and e.deleted_at is null
    and ($2::text[] is null or e.readers && $2::text[])
order by v.version desc;

-- name: list_expiring
-- Assessments that say compliant and whose first evidence expires up to a time, by keyset.
-- $1 grants (null: sees everything), $2 time, $3 framework or null for any, $4 valid_until,
-- $5 entry_id, $6 framework and $7 control of the last one seen (null at first), $8 limit
select e.entry_id, c.framework, c.code, a.valid_until, a.assessor, a.evidence
from compliance_assessment a
join compliance_control c on c.control_key = a.control_key
join entry e on e.entry_key = a.entry_key
where a.status = 'compliant' and a.valid_until <= $2 and e.deleted_at is null
    and ($1::text[] is null or e.readers && $1::text[])
    and ($3::text is null or c.framework = $3)
    and ($4::timestamptz is null
        or (a.valid_until, e.entry_id, c.framework, c.code) > ($4, $5::text, $6::text, $7::text))
order by a.valid_until, e.entry_id, c.framework, c.code
limit $8;

-- name: list_overdue
-- Assessments past their due date that are not settled, by keyset.
-- $1 grants (null: sees everything), $2 today, $3 now, $4 framework or null for any, $5 due_date,
-- $6 entry_id, $7 framework and $8 control of the last one seen (null at first), $9 limit
select e.entry_id, c.framework, c.code, a.due_date, a.status, a.valid_until, a.assessor
from compliance_assessment a
join compliance_control c on c.control_key = a.control_key
join entry e on e.entry_key = a.entry_key
where a.due_date < $2 and a.status <> 'not_applicable'
    and (a.status <> 'compliant' or a.valid_until <= $3)
    and e.deleted_at is null and ($1::text[] is null or e.readers && $1::text[])
    and ($4::text is null or c.framework = $4)
    and ($5::date is null
        or (a.due_date, e.entry_id, c.framework, c.code) > ($5, $6::text, $7::text, $8::text))
order by a.due_date, e.entry_id, c.framework, c.code
limit $9;

-- name: count_entries
-- Living entries that the caller may see, by category and owner.
-- $1 grants (null: sees everything)
select category, owner, count(*) as entries
from entry
where deleted_at is null and ($1::text[] is null or readers && $1::text[])
group by category, owner;

-- name: count_assessments
-- Assessments of such entries by the controls of a framework that apply to them.
-- $1 grants (null: sees everything), $2 framework, $3 now, $4 today,
-- $5 time up to which evidence counts as expiring
select e.category, e.owner, c.code,
    case when a.status = 'compliant' and a.valid_until <= $3 then 'expired' else a.status end
        as status,
    count(*) as pairs,
    count(*) filter (
        where a.due_date < $4 and a.status <> 'not_applicable'
            and (a.status <> 'compliant' or a.valid_until <= $3)
    ) as overdue,
    count(*) filter (
        where a.status = 'compliant' and a.valid_until > $3 and a.valid_until <= $5
    ) as expiring
from compliance_control c
join compliance_assessment a on a.control_key = c.control_key
join entry e on e.entry_key = a.entry_key
where c.framework = $2 and (c.categories is null or e.category = any(c.categories))
    and e.deleted_at is null and ($1::text[] is null or e.readers && $1::text[])
group by e.category, e.owner, c.code, 4;

-- name: list_outdated
-- Living entries whose status still counts an evidence that has expired.
-- $1 now, $2 limit
select e.entry_id
from entry e
where e.deleted_at is null and e.compliance_status = 'compliant' and exists (
    select from compliance_assessment a
    where a.entry_key = e.entry_key and a.status = 'compliant' and a.valid_until <= $1
)
order by e.entry_id
limit $2;
