create table category (
    name text primary key,
    built_in boolean not null default false,
    description text not null default '',
    metadata_schema jsonb
);

insert into category (name, built_in) values
    ('agent', true),
    ('service', true),
    ('engine', true),
    ('model', true),
    ('skill', true),
    ('plugin', true),
    ('prompt', true),
    ('embedding', true),
    ('memory', true),
    ('api', true),
    ('integration', true),
    ('component', true),
    ('resource', true),
    ('infrastructure', true),
    ('pipeline', true),
    ('webhook', true),
    ('dataset', true),
    ('knowledge', true),
    ('search', true),
    ('event_schema', true),
    ('task_schema', true),
    ('workflow', true),
    ('organization', true),
    ('template', true),
    ('widget', true),
    ('notification', true);

create table entry (
    entry_key bigint generated always as identity primary key,
    entry_id text not null unique,
    category text not null references category (name),
    title text not null,
    description text not null,
    status text not null,
    owner text,
    tags text[] not null,
    metadata jsonb not null,
    compliance_status text not null,
    visibility text not null,
    granted text[] not null,
    readers text[] not null,
    checksum bytea not null,
    embedding_input_hash bytea not null,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by text not null,
    updated_by text not null,
    deleted_at timestamptz,
    change_xid bigint not null default pg_current_xact_id()::text::bigint,
    text_vector tsvector generated always as (registry_text_vector(title, description, tags)) stored
);
create index entry_change_xid on entry (change_xid);
create index entry_text_vector on entry using gin (text_vector);
create index entry_category on entry (category, entry_key) where deleted_at is null;
create index entry_owner on entry (owner, entry_key) where deleted_at is null;
create index entry_tags on entry using gin (tags);

comment on column entry.readers is 'Grants that may see the entry; compared with a principal''s grants.';
comment on column entry.change_xid is 'Transaction of the last write: a snapshot taken when all transactions below X had ended holds every row whose change_xid is below X.';

create table entry_embedding (
    entry_key bigint not null references entry (entry_key) on delete cascade,
    model_id text not null,
    input_hash bytea not null,
    vector halfvec(384) not null,
    change_xid bigint not null default pg_current_xact_id()::text::bigint,
    primary key (entry_key, model_id)
);
create index entry_embedding_change_xid on entry_embedding (change_xid);

create table entry_access (
    entry_key bigint primary key references entry (entry_key) on delete cascade,
    accessed_at timestamptz not null,
    access_count bigint not null
) with (fillfactor = 70);

create table entry_version (
    entry_key bigint not null references entry (entry_key) on delete cascade,
    version bigint not null,
    operation text not null,
    document jsonb not null,
    actor text not null,
    changed_at timestamptz not null default now(),
    primary key (entry_key, version)
);
