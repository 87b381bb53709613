alter table api_key
    add column scopes text[],
    add column previous_hash bytea,
    add column previous_until timestamptz,
    add column rotated_at timestamptz,
    add column last_used_at timestamptz;

create index api_key_newest on api_key (created_at desc, key_id desc);

comment on column api_key.scopes is 'What the key is narrowed to; null for all scopes of its role.';
comment on column api_key.previous_hash is 'The secret before the last rotation, valid until previous_until.';
