-- Frameworks belong to the deployment, assessments to an entry and a control. As with entries, the
-- row is the present version, and triggers keep what was superseded and write the change log.
create table compliance_framework (
    name text primary key,
    title text not null,
    description text not null,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    created_by text not null,
    updated_at timestamptz not null default now(),
    updated_by text not null
);

create table compliance_control (
    control_key bigint generated always as identity primary key,
    framework text not null references compliance_framework (name) on delete cascade,
    code text not null,
    position integer not null,
    title text not null,
    description text not null,
    categories text[],
    unique (framework, code)
);
comment on column compliance_control.categories is 'Categories whose entries the control applies to; null for all.';

create table compliance_assessment (
    entry_key bigint not null references entry (entry_key) on delete cascade,
    control_key bigint not null references compliance_control (control_key),
    version bigint not null,
    status text not null,
    assessor text,
    due_date date,
    note text not null,
    evidence jsonb not null,
    valid_until timestamptz,
    created_at timestamptz not null default now(),
    created_by text not null,
    updated_at timestamptz not null default now(),
    updated_by text not null,
    primary key (entry_key, control_key)
);
comment on column compliance_assessment.valid_until is 'When the first of the evidence expires; null where none does.';
create index compliance_assessment_control on compliance_assessment (control_key, entry_key);
create index compliance_assessment_valid_until on compliance_assessment (valid_until)
    where valid_until is not null;
create index compliance_assessment_due_date on compliance_assessment (due_date)
    where due_date is not null;

-- It names its control by words: a control may go when nothing is assessed by it any more.
create table compliance_assessment_history (
    entry_key bigint not null references entry (entry_key) on delete cascade,
    framework text not null,
    control text not null,
    version bigint not null,
    status text not null,
    assessor text,
    due_date date,
    note text not null,
    evidence jsonb not null,
    actor text not null,
    valid_from timestamptz not null,
    superseded_at timestamptz not null,
    primary key (entry_key, framework, control, version)
);

create function record_inserted_assessments() returns trigger language plpgsql as $$
begin
    insert into change (subject, subject_key, subject_id, operation, version, actor)
    select 'assessment', w.entry_key, e.entry_id || '/' || c.framework || '/' || c.code, 'create',
        w.version, w.updated_by
    from written w
    join entry e using (entry_key)
    join compliance_control c using (control_key)
    order by w.entry_key, w.control_key;
    return null;
end
$$;

create function record_updated_assessments() returns trigger language plpgsql
    set enable_nestloop = off
as $$
begin
    insert into compliance_assessment_history (
        entry_key, framework, control, version, status, assessor, due_date, note, evidence, actor,
        valid_from, superseded_at
    )
    select s.entry_key, c.framework, c.code, s.version, s.status, s.assessor, s.due_date, s.note,
        s.evidence, s.updated_by, s.updated_at, w.updated_at
    from superseded s
    join written w using (entry_key, control_key)
    join compliance_control c using (control_key)
    where w.version <> s.version;
    insert into change (subject, subject_key, subject_id, operation, version, actor)
    select 'assessment', w.entry_key, e.entry_id || '/' || c.framework || '/' || c.code, 'update',
        w.version, w.updated_by
    from superseded s
    join written w using (entry_key, control_key)
    join entry e using (entry_key)
    join compliance_control c using (control_key)
    where w.version <> s.version
    order by w.entry_key, w.control_key;
    return null;
end
$$;

-- Those that go with their entry, which is purged, leave nothing.
create function record_deleted_assessments() returns trigger language plpgsql as $$
begin
    insert into compliance_assessment_history (
        entry_key, framework, control, version, status, assessor, due_date, note, evidence, actor,
        valid_from, superseded_at
    )
    select s.entry_key, c.framework, c.code, s.version, s.status, s.assessor, s.due_date, s.note,
        s.evidence, s.updated_by, s.updated_at, greatest(now(), s.updated_at)
    from superseded s
    join entry e using (entry_key)
    join compliance_control c using (control_key);
    insert into change (subject, subject_key, subject_id, operation, version, actor)
    select 'assessment', s.entry_key, e.entry_id || '/' || c.framework || '/' || c.code, 'delete',
        s.version + 1, registry_actor(s.updated_by)
    from superseded s
    join entry e using (entry_key)
    join compliance_control c using (control_key)
    order by s.entry_key, s.control_key;
    return null;
end
$$;

create trigger assessment_inserted after insert on compliance_assessment
    referencing new table as written
    for each statement execute function record_inserted_assessments();
create trigger assessment_updated after update on compliance_assessment
    referencing old table as superseded new table as written
    for each statement execute function record_updated_assessments();
create trigger assessment_deleted after delete on compliance_assessment
    referencing old table as superseded
    for each statement execute function record_deleted_assessments();
