-- A sealer reads in the order (xid, audit_no) below the transaction horizon, as readers of the
-- change log do.
alter table audit
    add column if not exists xid bigint not null default pg_current_xact_id()::text::bigint;
create index if not exists audit_position on audit (xid, audit_no);
create index audit_actor on audit (actor, audit_no);

create table audit_seal (
    seal_no bigint primary key,
    previous bytea not null,
    seal bytea not null,
    keyed boolean not null,
    last_xid bigint not null,
    last_no bigint not null,
    row_count bigint not null,
    sealed_at timestamptz not null
);
comment on table audit_seal is 'A hash chain over the audit rows: each seal covers those after the one before it, up to (last_xid, last_no).';

create table audit_checkpoint (
    single boolean primary key default true check (single),
    seal_no bigint not null,
    seal bytea not null,
    last_xid bigint not null,
    last_no bigint not null,
    mac bytea,
    pruned_rows bigint not null,
    pruned_at timestamptz not null default now()
);
comment on table audit_checkpoint is 'Where the chain begins after its oldest seals and their rows were pruned.';

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
    if coalesce(current_setting('hyper_registry.audit_pruning', true), 'off') <> 'on' then
        raise exception '% is append-only', tg_table_name
            using hint = 'Old rows go by prune_audit(), which keeps the chain of seals whole.';
    end if;
    return null;
end $$;

create trigger audit_append_only before update or delete or truncate on audit
    for each statement execute function refuse_audit_change();
create trigger audit_seal_append_only before update or delete or truncate on audit_seal
    for each statement execute function refuse_audit_change();

create function prune_audit(up_to bigint, checkpoint_mac bytea) returns bigint
    language plpgsql as $$
declare
    boundary audit_seal;
    pruned bigint;
begin
    select * into strict boundary from audit_seal where seal_no = up_to;
    perform set_config('hyper_registry.audit_pruning', 'on', true);
    delete from audit where (xid, audit_no) <= (boundary.last_xid, boundary.last_no);
    get diagnostics pruned = row_count;
    delete from audit_seal where seal_no <= up_to;
    insert into audit_checkpoint as c (seal_no, seal, last_xid, last_no, mac, pruned_rows)
    values (
        boundary.seal_no, boundary.seal, boundary.last_xid, boundary.last_no, checkpoint_mac, pruned
    )
    on conflict (single) do update set
        seal_no = excluded.seal_no, seal = excluded.seal, last_xid = excluded.last_xid,
        last_no = excluded.last_no, mac = excluded.mac,
        pruned_rows = c.pruned_rows + excluded.pruned_rows, pruned_at = now();
    perform set_config('hyper_registry.audit_pruning', 'off', true);
    return pruned;
end $$;
