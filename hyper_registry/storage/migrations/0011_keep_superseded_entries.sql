-- The row in `entry` is the present version; `entry_version` holds what was superseded, and nothing
-- where nothing was. Triggers write it, and the change log, whichever way an entry is written.
alter table change add column checksum bytea;
comment on column change.checksum is 'Hash of the content after the change; null where none is left.';

alter table entry add column restored_from bigint;
comment on column entry.restored_from is 'The version whose content this one brought back.';
create index entry_deleted on entry (deleted_at, entry_id) where deleted_at is not null;

alter table entry_version rename to entry_version_document;
alter index entry_version_pkey rename to entry_version_document_pkey;

create table entry_version (
    entry_key bigint not null references entry (entry_key) on delete cascade,
    version bigint not null,
    category text not null,
    title text not null,
    description text not null,
    status text not null,
    owner text,
    tags text[] not null,
    metadata jsonb not null,
    deprecation jsonb,
    compliance_status text not null,
    visibility text not null,
    granted text[] not null,
    readers text[] not null,
    checksum bytea not null,
    actor text not null,
    valid_from timestamptz not null,
    superseded_at timestamptz not null,
    deleted boolean not null,
    restored_from bigint,
    primary key (entry_key, version)
);

-- A deletion kept no document: it left the content of the version before it.
insert into entry_version
select told.entry_key, told.version, d.category, d.title, d.description, d.status, d.owner, d.tags,
    d.metadata, d.deprecation, d.compliance_status, s.visibility, s.readers,
    case when s.visibility <> 'private' then '{*}' else array(
        select distinct granted from unnest(s.readers || ('user:' || d.owner)) as granted
        where granted is not null order by granted
    ) end,
    coalesce(
        (
            select a.after_hash from audit a
            where a.target = e.entry_id and a.occurred_at = told.content_at
                and a.after_hash is not null
            limit 1
        ),
        sha256(convert_to(told.document::text, 'UTF8'))
    ),
    told.actor, told.changed_at, told.superseded_at, told.operation = 'delete', null
from (
    select v.entry_key, v.version, v.operation, v.actor, v.changed_at,
        lead(v.changed_at) over history as superseded_at,
        case v.operation when 'delete' then lag(v.document) over history else v.document end
            as document,
        case v.operation when 'delete' then lag(v.changed_at) over history else v.changed_at end
            as content_at
    from entry_version_document v
    window history as (partition by v.entry_key order by v.version)
) as told
join entry e on e.entry_key = told.entry_key and e.version > told.version
cross join lateral jsonb_to_record(told.document) as d(
    category text, title text, description text, status text, owner text, tags text[],
    metadata jsonb, deprecation jsonb, compliance_status text, security jsonb
)
cross join lateral jsonb_to_record(d.security) as s(visibility text, readers text[])
where told.superseded_at is not null;

drop table entry_version_document;

create view entry_state as
select entry_key, version, category, title, description, status, owner, tags, metadata, deprecation,
    compliance_status, visibility, granted, readers, checksum, updated_by as actor,
    updated_at as valid_from, null::timestamptz as superseded_at, deleted_at is not null as deleted,
    restored_from
from entry
union all
select entry_key, version, category, title, description, status, owner, tags, metadata, deprecation,
    compliance_status, visibility, granted, readers, checksum, actor, valid_from, superseded_at,
    deleted, restored_from
from entry_version;
comment on view entry_state is 'Every version of every entry, the present one included.';

create function registry_actor(last_writer text) returns text
    language sql stable parallel safe
    return coalesce(nullif(current_setting('hyper_registry.actor', true), ''), last_writer);
comment on function registry_actor is 'Who deletes rows: they are gone before they could tell, so the statement says it in a setting of its transaction.';

create function record_inserted_entries() returns trigger language plpgsql as $$
begin
    insert into change (subject, subject_key, subject_id, operation, version, actor, checksum)
    select 'entry', entry_key, entry_id, 'create', version, updated_by, checksum
    from written
    order by entry_key;
    return null;
end
$$;

-- A plan made for one row is kept, and would join a batch row by row to every other.
create function record_updated_entries() returns trigger language plpgsql
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
        superseded_at, deleted, restored_from
    )
    select s.entry_key, s.version, s.category, s.title, s.description, s.status, s.owner, s.tags,
        s.metadata, s.deprecation, s.compliance_status, s.visibility, s.granted, s.readers, s.checksum,
        s.updated_by, s.updated_at, w.updated_at, s.deleted_at is not null, s.restored_from
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

create function record_purged_entries() returns trigger language plpgsql as $$
begin
    insert into change (subject, subject_key, subject_id, operation, version, actor)
    select 'entry', entry_key, entry_id, 'purge', version + 1, registry_actor(updated_by)
    from superseded
    order by entry_key;
    return null;
end
$$;

create trigger entry_inserted after insert on entry
    referencing new table as written
    for each statement execute function record_inserted_entries();
create trigger entry_updated after update on entry
    referencing old table as superseded new table as written
    for each statement execute function record_updated_entries();
create trigger entry_purged after delete on entry
    referencing old table as superseded
    for each statement execute function record_purged_entries();

create index entry_version_sealed on entry_version (entry_key, version)
    where metadata ? '$sealed';
