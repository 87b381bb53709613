-- The application works as two roles that own nothing and that row security binds. The writer sees
-- every row, because an id is taken also where its entry is hidden; it may add to the audit log and
-- not change it. The reader sees what the grants in its session meet, whatever a query asks for.

grant usage on schema public to hyper_registry_writer, hyper_registry_reader;
grant select, insert, update, delete on all tables in schema public to hyper_registry_writer;
grant usage, select on all sequences in schema public to hyper_registry_writer;
alter default privileges in schema public
    grant select, insert, update, delete on tables to hyper_registry_writer;
alter default privileges in schema public
    grant usage, select on sequences to hyper_registry_writer;

revoke update, delete on audit, audit_seal, audit_checkpoint from hyper_registry_writer;
revoke insert on audit_checkpoint from hyper_registry_writer;
revoke insert, update, delete on schema_migration from hyper_registry_writer;

-- The owner alone may remove audit rows, and this function is the one way.
alter function prune_audit(bigint, bytea) security definer set search_path = pg_catalog, public, pg_temp;
revoke execute on function prune_audit(bigint, bytea) from public;
grant execute on function prune_audit(bigint, bytea) to hyper_registry_writer;

grant select on entry, entry_version, entry_access, entry_state, relationship, relationship_history,
    relationship_state, relationship_type, change to hyper_registry_reader;
grant select (entry_key, model_id, input_hash) on entry_embedding to hyper_registry_reader;

-- A view reads as who asks, not as its owner, whom row security does not bind.
alter view entry_state set (security_invoker = true);
alter view relationship_state set (security_invoker = true);

alter table entry enable row level security;
alter table entry_version enable row level security;
alter table relationship enable row level security;
alter table relationship_history enable row level security;

create policy written on entry to hyper_registry_writer using (true) with check (true);
create policy written on entry_version to hyper_registry_writer using (true) with check (true);
create policy written on relationship to hyper_registry_writer using (true) with check (true);
create policy written on relationship_history to hyper_registry_writer
    using (true) with check (true);

-- The subselect is read once a query instead of once a row; without grants nothing is seen.
create policy visible on entry for select to hyper_registry_reader using (
    readers && (select nullif(current_setting('hyper_registry.grants', true), '')::text[])
);
create policy visible on entry_version for select to hyper_registry_reader using (
    readers && (select nullif(current_setting('hyper_registry.grants', true), '')::text[])
);
-- What the policy of entries hides from these subselects hides the relationship.
create policy visible on relationship for select to hyper_registry_reader using (
    exists (select from entry s where s.entry_key = source_key)
    and exists (select from entry t where t.entry_key = target_key)
);
create policy visible on relationship_history for select to hyper_registry_reader using (
    exists (select from entry s where s.entry_key = source_key)
    and exists (select from entry t where t.entry_key = target_key)
);
