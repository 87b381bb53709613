-- What may tell of a person is sealed apart from the rest of a row, under a salt of its own: when the
-- person is erased the salt goes too, and no guess can be tried against the seal any more. Rows from
-- before have no salt, and their seals cover them whole.
alter table audit add column salt bytea;
alter table audit alter column salt set default uuid_send(gen_random_uuid());
comment on column audit.salt is 'Random: sealed with what may tell of a person, and replaced with it.';

alter table audit_seal add column personal bytea;
comment on column audit_seal.personal is 'SHA-256 over what of its rows may tell of a person, as it was sealed; null where the seal covers whole rows.';

create table audit_replacement (
    seal_no bigint primary key,
    digest bytea not null,
    keyed boolean not null
);
comment on table audit_replacement is 'What the rows of a seal are since a person was erased from them; a row of the log itself vouches for each digest.';

create or replace function refuse_audit_change() returns trigger language plpgsql as $$
begin
    if coalesce(current_setting('hyper_registry.audit_pruning', true), 'off') <> 'on'
        and not (
            tg_table_name = 'audit' and tg_op = 'UPDATE'
            and coalesce(current_setting('hyper_registry.audit_erasing', true), 'off') = 'on'
        )
    then
        raise exception '% is append-only', tg_table_name
            using hint = 'Old rows go by prune_audit(), which keeps the chain of seals whole.';
    end if;
    return null;
end $$;

create or replace function prune_audit(up_to bigint, checkpoint_mac bytea) returns bigint
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
    delete from audit_replacement where seal_no <= up_to;
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
