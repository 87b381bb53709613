create unlogged table rate_limit (
    subject bytea primary key,
    full_at timestamptz not null,
    granted integer not null
);

comment on table rate_limit is 'Unlogged: a crash of Postgres gives everybody a full share, and nothing else.';
comment on column rate_limit.full_at is 'When the share would be full again if nothing more were taken.';
