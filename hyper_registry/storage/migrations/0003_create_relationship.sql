create table relationship_type (
    type_id smallint generated always as identity primary key,
    name text not null unique
);

create table relationship (
    relationship_key bigint generated always as identity primary key,
    source_key bigint not null references entry (entry_key) on delete cascade,
    target_key bigint not null references entry (entry_key) on delete cascade,
    type_id smallint not null references relationship_type (type_id),
    bidirectional boolean not null,
    weight real not null,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    created_by text not null,
    metadata jsonb not null,
    change_xid bigint not null default pg_current_xact_id()::text::bigint,
    check (source_key <> target_key)
);
create unique index relationship_source on relationship (source_key, target_key, type_id);
create index relationship_target on relationship (target_key, relationship_key);

-- Holds superseded and deleted states only: a relationship that never changed costs no second row.
create table relationship_history (
    relationship_key bigint not null,
    version integer not null,
    operation text not null,
    document jsonb not null,
    actor text not null,
    superseded_at timestamptz not null default now(),
    primary key (relationship_key, version)
);
