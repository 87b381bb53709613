create table api_key (
    key_id text primary key,
    name text not null,
    role text not null,
    groups text[] not null,
    secret_hash bytea not null,
    created_at timestamptz not null default now(),
    created_by text not null,
    expires_at timestamptz,
    revoked_at timestamptz
);
