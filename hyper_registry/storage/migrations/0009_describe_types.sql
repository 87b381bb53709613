-- Categories: a schema for metadata in versions, and the life that entries lead.
alter table category
    drop column metadata_schema,
    add column compatibility text not null default 'none',
    add column lifecycle jsonb,
    add column schema_version integer,
    add column created_at timestamptz not null default now(),
    add column created_by text not null default 'registry';

create table category_schema (
    category text not null references category (name) on delete cascade,
    version integer not null,
    document jsonb not null,
    created_at timestamptz not null default now(),
    created_by text not null,
    primary key (category, version)
);

-- Relationship types: those that nobody described keep the defaults, which allow everything.
alter table relationship_type
    add column described boolean not null default false,
    add column description text not null default '',
    add column source_categories text[],
    add column target_categories text[],
    add column cardinality text not null default 'many_to_many',
    add column inverse text,
    add column is_symmetric boolean not null default false,
    add column updated_at timestamptz not null default now(),
    add column updated_by text;

comment on column relationship_type.source_categories is 'Categories an entry may have to be a source; null allows all.';

-- One row: the number of the last change of a definition, which processes that hold the
-- definitions compare with theirs.
create table type_revision (
    only_row boolean primary key default true check (only_row),
    revision bigint not null
);
insert into type_revision (revision) values (1);

alter table entry add column deprecation jsonb;
create index entry_sunset on entry ((deprecation ->> 'sunset') collate "C", entry_id collate "C")
    where deleted_at is null and deprecation ->> 'sunset' is not null;

-- What the rotation of keys goes through; most entries have nothing sealed and cost no row here.
create index entry_sealed on entry (entry_key) where metadata ? '$sealed';
