-- Pairs of entries that somebody looked at and found to be two things. It holds as long as both say
-- what they said then.
create table duplicate_rejection (
    lower_key bigint not null references entry (entry_key) on delete cascade,
    higher_key bigint not null references entry (entry_key) on delete cascade,
    lower_text bytea not null,
    higher_text bytea not null,
    rejected_at timestamptz not null default now(),
    rejected_by text not null,
    primary key (lower_key, higher_key),
    constraint duplicate_rejection_order check (lower_key < higher_key)
);
comment on column duplicate_rejection.lower_text is 'embedding_input_hash of the entry with the lower key when the pair was rejected.';
create index duplicate_rejection_higher on duplicate_rejection (higher_key);
