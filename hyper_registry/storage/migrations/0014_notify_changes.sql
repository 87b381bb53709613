create table installation_secret (
    name text primary key,
    secret bytea not null,
    created_at timestamptz not null default now()
);
comment on table installation_secret is 'Random keys that all processes of this installation share; made when first needed.';

-- NOTIFY makes commits wait for each other, so at most one running transaction notifies. Those it
-- passes over are found by the readers it wakes, who look again while transactions are running.
create function notify_change() returns trigger language plpgsql as $$
begin
    if pg_try_advisory_xact_lock(7134902512) then
        perform pg_notify('change', '');
    end if;
    return null;
end $$;
create trigger change_notifies after insert on change
    for each statement execute function notify_change();
