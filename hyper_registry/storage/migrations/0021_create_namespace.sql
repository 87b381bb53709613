-- Namespaces and the handles of entries. The row in `entry` holds the present handle, so that reads
-- and writes need nothing else; a trigger keeps every name that was ever given in `entry_name`.
create table namespace (
    form text collate "C" primary key,
    name text not null,
    description text not null default '',
    created_at timestamptz not null default now(),
    created_by text not null,
    updated_at timestamptz not null default now()
);
comment on column namespace.form is 'NFKC_Casefold of the name: all ways to write it are one.';

alter table entry
    add column handle text,
    add column handle_form text collate "C",
    add constraint entry_handle_form check ((handle is null) = (handle_form is null));
alter table entry_version add column handle text;
create index entry_namespace on entry (split_part(handle_form, '/', 1), entry_key)
    where handle_form is not null;

create table entry_name (
    form text collate "C" primary key,
    handle text not null,
    namespace text collate "C" not null references namespace (form),
    entry_key bigint not null references entry (entry_key) on delete cascade,
    since timestamptz not null default now(),
    until timestamptz,
    created_by text not null
);
comment on table entry_name is 'Every handle that an entry has (until is null) or had; a form never passes to another entry.';
create unique index entry_name_current on entry_name (entry_key) where until is null;
create index entry_name_entry on entry_name (entry_key, since);
create index entry_name_namespace on entry_name (namespace);

create function keep_entry_name() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        update entry_name set until = now()
        where entry_key = old.entry_key and until is null
            and form is distinct from new.handle_form;
    end if;
    if new.handle_form is null then
        return null;
    end if;
    insert into entry_name (form, handle, namespace, entry_key, created_by)
    values (
        new.handle_form, new.handle, split_part(new.handle_form, '/', 1), new.entry_key,
        new.updated_by
    )
    -- An entry may return to a name that it had, or write the present one another way.
    on conflict (form) do update set
        handle = excluded.handle, until = null,
        since = case when entry_name.until is null then entry_name.since else excluded.since end,
        created_by = excluded.created_by
    where entry_name.entry_key = excluded.entry_key;
    if not found then
        raise unique_violation using
            message = format('the handle %s is, or was, another entry''s', new.handle),
            constraint = 'entry_name_pkey', detail = new.handle;
    end if;
    return null;
end
$$;
-- By row, so that entries without a handle cost nothing.
create trigger entry_named after insert on entry
    for each row when (new.handle_form is not null) execute function keep_entry_name();
create trigger entry_renamed after update on entry
    for each row when (old.handle is distinct from new.handle)
    execute function keep_entry_name();

create or replace view entry_state with (security_invoker = true) as
select entry_key, version, category, title, description, status, owner, tags, metadata, deprecation,
    compliance_status, visibility, granted, readers, checksum, updated_by as actor,
    updated_at as valid_from, null::timestamptz as superseded_at, deleted_at is not null as deleted,
    restored_from, handle
from entry
union all
select entry_key, version, category, title, description, status, owner, tags, metadata, deprecation,
    compliance_status, visibility, granted, readers, checksum, actor, valid_from, superseded_at,
    deleted, restored_from, handle
from entry_version;

create or replace function record_updated_entries() returns trigger language plpgsql
    set enable_nestloop = off
as $$
begin
    -- An insert that may come to a conflict ends here too, mostly with no row.
    if not exists (select from written) then
        return null;
    end if;
    if exists (
        select from written w join superseded s using (entry_key)
        where w.version = s.version and w.checksum <> s.checksum
            -- The same content under another key has another checksum.
            and not (s.metadata ? '$sealed' and w.metadata ? '$sealed')
    ) then
        raise exception 'the content of an entry changed without a new version';
    end if;
    insert into entry_version (
        entry_key, version, category, title, description, status, owner, tags, metadata, deprecation,
        compliance_status, visibility, granted, readers, checksum, actor, valid_from,
        superseded_at, deleted, restored_from, handle
    )
    select s.entry_key, s.version, s.category, s.title, s.description, s.status, s.owner, s.tags,
        s.metadata, s.deprecation, s.compliance_status, s.visibility, s.granted, s.readers, s.checksum,
        s.updated_by, s.updated_at, w.updated_at, s.deleted_at is not null, s.restored_from, s.handle
    from superseded s join written w using (entry_key)
    where w.version <> s.version;
    insert into change (subject, subject_key, subject_id, operation, version, actor, checksum)
    select 'entry', w.entry_key, w.entry_id,
        case
            when w.deleted_at is not null then 'delete'
            when s.deleted_at is not null then 'undelete'
            when w.restored_from is not null then 'restore'
            else 'update'
        end,
        w.version, w.updated_by, case when w.deleted_at is null then w.checksum end
    from superseded s join written w using (entry_key)
    where w.version <> s.version
    order by w.entry_key;
    return null;
end
$$;

-- Bindings decided nothing so far; from now on each is of a namespace that exists, under its form.
-- Those of names that no namespace can have are let go.
delete from role_binding where namespace !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$';
delete from role_binding b using role_binding other
where b.subject_kind = other.subject_kind and b.subject = other.subject
    and lower(b.namespace) = lower(other.namespace) and b.binding_id < other.binding_id;
insert into namespace (form, name, created_by)
select lower(namespace) collate "C", min(namespace), min(created_by) from role_binding group by 1;
alter table role_binding alter column namespace type text collate "C" using lower(namespace);
alter table role_binding
    add constraint role_binding_namespace_fkey
        foreign key (namespace) references namespace (form) on delete cascade;
create index role_binding_namespace on role_binding (namespace, binding_id);
