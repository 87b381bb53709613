create table change (
    change_no bigint generated always as identity primary key,
    xid bigint not null default pg_current_xact_id()::text::bigint,
    subject text not null,
    subject_key bigint not null,
    subject_id text not null,
    operation text not null,
    version bigint not null,
    actor text not null,
    occurred_at timestamptz not null default now()
);
create index change_position on change (xid, change_no);

comment on table change is 'Read in the order (xid, change_no) and only where xid < pg_snapshot_xmin: then no transaction that commits late is skipped.';

create table audit (
    audit_no bigint generated always as identity primary key,
    occurred_at timestamptz not null default now(),
    actor text not null,
    action text not null,
    target text,
    outcome text not null,
    request_id text,
    before_hash bytea,
    after_hash bytea,
    detail jsonb not null default '{}'
);
create index audit_target on audit (target, audit_no);
