create table job (
    job_id text primary key,
    kind text not null,
    state text not null,
    parameters jsonb not null,
    estimate jsonb not null default '{}',
    checkpoint jsonb not null default '{}',
    result jsonb not null default '{}',
    done bigint not null default 0,
    total bigint,
    attempt integer not null default 0,
    submission_id text,
    error text,
    created_by text not null,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    heartbeat_at timestamptz,
    finished_at timestamptz
);
create index job_created on job (created_at desc);
create unique index job_one_active on job (kind) where state in ('pending', 'running');
