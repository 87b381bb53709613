create table role (
    name text primary key,
    description text not null,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    created_by text not null,
    updated_at timestamptz not null default now()
);

comment on table role is 'Custom roles; the built-in ones are part of the code and have no row.';

create table role_binding (
    binding_id bigint generated always as identity primary key,
    namespace text not null,
    subject_kind text not null check (subject_kind in ('principal', 'group')),
    subject text not null,
    role text not null,
    created_at timestamptz not null default now(),
    created_by text not null,
    unique (subject_kind, subject, namespace)
);
