-- Public ids tell when a relationship was made, as created_at does, but not how many there are:
-- version 7 of RFC 9562, whose rising order also keeps inserts at one end of the index.
create function time_ordered_uuid() returns uuid
    language sql volatile parallel safe
    return (
        select encode(
            int8send((us / 1000 << 16) | 28672 | (us % 1000 * 4096 / 1000))
                || substring(uuid_send(gen_random_uuid()) from 9),
            'hex'
        )::uuid
        from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as us) as moment
    );

alter table relationship
    add column relationship_id uuid not null default time_ordered_uuid(),
    add column updated_at timestamptz,
    add column updated_by text;
comment on column relationship.updated_at is 'Null, as updated_by, while it is as it was created.';
create unique index relationship_public_id on relationship (relationship_id);
update change set subject_id = r.relationship_id::text
from relationship r
where change.subject = 'relationship' and change.subject_key = r.relationship_key;

-- Pages are read in the order of public ids, so that a cursor shows no other.
drop index relationship_target;
create index relationship_target on relationship (target_key, relationship_id);

drop table relationship_history;
create table relationship_history (
    relationship_key bigint not null,
    relationship_id uuid not null,
    version integer not null,
    source_key bigint not null,
    target_key bigint not null,
    type_id smallint not null,
    bidirectional boolean not null,
    weight real not null,
    metadata jsonb not null,
    created_at timestamptz not null,
    created_by text not null,
    actor text not null,
    valid_from timestamptz not null,
    superseded_at timestamptz not null,
    primary key (relationship_key, version)
);
create unique index relationship_history_public_id on relationship_history (
    relationship_id, version
);
create index relationship_history_source on relationship_history (source_key, superseded_at);
create index relationship_history_target on relationship_history (target_key, superseded_at);

create view relationship_state as
select relationship_id, version, source_key, target_key, type_id, bidirectional, weight, metadata,
    created_at, created_by, coalesce(updated_by, created_by) as actor,
    coalesce(updated_at, created_at) as valid_from, null::timestamptz as superseded_at
from relationship
union all
select relationship_id, version, source_key, target_key, type_id, bidirectional, weight, metadata,
    created_at, created_by, actor, valid_from, superseded_at
from relationship_history;
comment on view relationship_state is 'Every version of every relationship, the present ones included.';

create function relationship_checksum(
    source_key bigint, target_key bigint, type_id smallint, bidirectional boolean, weight real,
    metadata jsonb
) returns bytea
    language sql stable parallel safe
    return sha256(convert_to(
        source_key::text || ' ' || target_key::text || ' ' || type_id::text || ' '
            || bidirectional::text || ' ' || weight::text || ' ' || metadata::text,
        'UTF8'
    ));

create function record_inserted_relationships() returns trigger language plpgsql as $$
begin
    insert into change (subject, subject_key, subject_id, operation, version, actor, checksum)
    select 'relationship', relationship_key, relationship_id::text, 'create', version, created_by,
        relationship_checksum(source_key, target_key, type_id, bidirectional, weight, metadata)
    from written
    order by relationship_key;
    return null;
end
$$;

create function record_updated_relationships() returns trigger language plpgsql
    set enable_nestloop = off
as $$
begin
    insert into relationship_history (
        relationship_key, relationship_id, version, source_key, target_key, type_id, bidirectional, weight, metadata,
        created_at, created_by, actor, valid_from, superseded_at
    )
    select s.relationship_key, s.relationship_id, s.version, s.source_key, s.target_key, s.type_id, s.bidirectional,
        s.weight, s.metadata, s.created_at, s.created_by, coalesce(s.updated_by, s.created_by),
        coalesce(s.updated_at, s.created_at), coalesce(w.updated_at, now())
    from superseded s join written w using (relationship_key)
    where w.version <> s.version;
    insert into change (subject, subject_key, subject_id, operation, version, actor, checksum)
    select 'relationship', w.relationship_key, w.relationship_id::text, 'update', w.version,
        coalesce(w.updated_by, w.created_by),
        relationship_checksum(
            w.source_key, w.target_key, w.type_id, w.bidirectional, w.weight, w.metadata
        )
    from superseded s join written w using (relationship_key)
    where w.version <> s.version
    order by w.relationship_key;
    return null;
end
$$;

create function record_deleted_relationships() returns trigger language plpgsql as $$
begin
    insert into relationship_history (
        relationship_key, relationship_id, version, source_key, target_key, type_id, bidirectional, weight, metadata,
        created_at, created_by, actor, valid_from, superseded_at
    )
    select relationship_key, relationship_id, version, source_key, target_key, type_id,
        bidirectional, weight, metadata, created_at, created_by, coalesce(updated_by, created_by),
        coalesce(updated_at, created_at),
        greatest(now(), coalesce(updated_at, created_at))
    from superseded;
    insert into change (subject, subject_key, subject_id, operation, version, actor)
    select 'relationship', relationship_key, relationship_id::text, 'delete', version + 1,
        registry_actor(coalesce(updated_by, created_by))
    from superseded
    order by relationship_key;
    return null;
end
$$;

create trigger relationship_inserted after insert on relationship
    referencing new table as written
    for each statement execute function record_inserted_relationships();
create trigger relationship_updated after update on relationship
    referencing old table as superseded new table as written
    for each statement execute function record_updated_relationships();
create trigger relationship_deleted after delete on relationship
    referencing old table as superseded
    for each statement execute function record_deleted_relationships();
