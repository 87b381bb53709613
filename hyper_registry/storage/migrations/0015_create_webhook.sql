create table webhook (
    webhook_id text primary key,
    url text not null,
    secret bytea not null,
    filter jsonb not null,
    active boolean not null,
    inactive_reason text,
    owner text not null,
    owner_role text not null,
    owner_groups text[] not null,
    owner_is_local boolean not null,
    low_xid bigint not null,
    high_xid bigint not null,
    change_no bigint not null,
    last_no bigint not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on column webhook.change_no is 'With low_xid, high_xid and last_no: how far its changes became deliveries.';

create table webhook_delivery (
    delivery_id text primary key,
    webhook_id text not null references webhook (webhook_id) on delete cascade,
    event_id text not null,
    body text not null,
    state text not null check (state in ('pending', 'delivered', 'dead')),
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    response_status integer,
    reason text,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    unique (webhook_id, event_id)
);
create index webhook_delivery_log on webhook_delivery (webhook_id, delivery_id);
create index webhook_delivery_due on webhook_delivery (webhook_id, next_attempt_at)
    where state = 'pending';
comment on column webhook_delivery.next_attempt_at is 'Whoever sends puts it off first: if it dies, the delivery is due again then.';
