create table index_version (
    version bigint generated always as identity primary key,
    state text not null,
    uri text not null,
    snapshot_xid bigint not null,
    model_id text not null,
    row_count bigint,
    shard_count integer not null,
    created_at timestamptz not null default now(),
    activated_at timestamptz
);

create table index_pointer (
    name text primary key,
    version bigint not null references index_version (version),
    previous_version bigint references index_version (version)
);
