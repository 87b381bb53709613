create table idempotency (
    digest bytea primary key,
    body_hash bytea not null,
    holder uuid not null,
    lease_until timestamptz not null,
    expires_at timestamptz not null,
    written boolean not null default false,
    status smallint,
    headers jsonb,
    body bytea
);
create index idempotency_expires_at on idempotency (expires_at);

comment on column idempotency.digest is 'SHA-256 of the caller''s credential, the route and the key.';
comment on column idempotency.written is 'Set in the transaction of the request''s own write.';
comment on column idempotency.body is 'Null where there is no answer yet, or it may not be kept.';
