-- Merges of duplicates. The duplicate's row stays, deleted and pointing to the survivor: its id, its
-- names and its history lead there. What is needed to undo a merge is kept beside it.
alter table entry
    add column merged_into bigint references entry (entry_key) on delete cascade,
    add constraint entry_merged_is_deleted check (merged_into is null or deleted_at is not null);
create index entry_merged_into on entry (merged_into) where merged_into is not null;

create table entry_merge (
    merge_id uuid primary key default time_ordered_uuid(),
    survivor_key bigint not null references entry (entry_key) on delete cascade,
    duplicate_key bigint not null references entry (entry_key) on delete cascade,
    permissions text not null,
    security_before jsonb,
    security_after jsonb,
    merged_at timestamptz not null default now(),
    merged_by text not null,
    undone_at timestamptz,
    undone_by text
);
comment on column entry_merge.security_before is 'Security of the survivor, where the merge changed it.';
create index entry_merge_survivor on entry_merge (survivor_key);
create index entry_merge_duplicate on entry_merge (duplicate_key);

create table entry_merge_relationship (
    merge_id uuid not null references entry_merge (merge_id) on delete cascade,
    relationship_id uuid not null,
    dropped_for text,
    source_key bigint not null,
    target_key bigint not null,
    type_id smallint not null references relationship_type (type_id),
    bidirectional boolean not null,
    weight real not null,
    metadata jsonb not null,
    created_at timestamptz not null,
    created_by text not null,
    version integer not null,
    primary key (merge_id, relationship_id)
);
create index entry_merge_relationship_source on entry_merge_relationship (source_key);
create index entry_merge_relationship_target on entry_merge_relationship (target_key);
comment on table entry_merge_relationship is 'Relationships as they were before a merge moved them, or, with a reason in dropped_for, left them out.';

-- One that an undone merge brings back was created by one and is written by another.
create or replace function record_inserted_relationships() returns trigger language plpgsql as $$
begin
    insert into change (subject, subject_key, subject_id, operation, version, actor, checksum)
    select 'relationship', relationship_key, relationship_id::text, 'create', version,
        coalesce(updated_by, created_by),
        relationship_checksum(source_key, target_key, type_id, bidirectional, weight, metadata)
    from written
    order by relationship_key;
    return null;
end
$$;
