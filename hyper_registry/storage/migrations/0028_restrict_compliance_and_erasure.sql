-- Assessments are seen by who sees their entry, as relationships are by who sees both ends. The audit
-- log is changed by its owner alone, and by this function only: verifying finds what it did where no
-- erasure in the log vouches for it.

grant select on compliance_framework, compliance_control, compliance_assessment,
    compliance_assessment_history to hyper_registry_reader;

alter table compliance_assessment enable row level security;
alter table compliance_assessment_history enable row level security;

create policy written on compliance_assessment to hyper_registry_writer
    using (true) with check (true);
create policy written on compliance_assessment_history to hyper_registry_writer
    using (true) with check (true);
create policy visible on compliance_assessment for select to hyper_registry_reader using (
    exists (select from entry e where e.entry_key = compliance_assessment.entry_key)
);
create policy visible on compliance_assessment_history for select to hyper_registry_reader using (
    exists (select from entry e where e.entry_key = compliance_assessment_history.entry_key)
);

create function erase_from_audit(
    names text[], pseudonym text, pattern text, mention text, kept_ids text[],
    former bytea[], present bytea[]
) returns table (changed_xid bigint, changed_no bigint)
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform set_config('hyper_registry.audit_erasing', 'on', true);
    return query
    with hashes as materialized (
        select m.former_hash, m.present_hash
        from unnest(former, present) as m(former_hash, present_hash)
    ),
    erased as materialized (
        select a.audit_no, case when a.actor = any(names) then pseudonym else a.actor end as actor,
            case
                when split_part(a.target, '/', 1) = any(kept_ids) then a.target
                else redacted_text(a.target, pattern, pseudonym)
            end as target,
            redacted_text(a.request_id, pattern, pseudonym) as request_id,
            case
                when a.action = 'audit.pseudonymise' then a.detail
                else redacted_json(a.detail, pattern, pseudonym)
            end as detail,
            coalesce(b.present_hash, a.before_hash) as before_hash,
            coalesce(f.present_hash, a.after_hash) as after_hash
        from audit a
        left join hashes b on b.former_hash = a.before_hash
        left join hashes f on f.former_hash = a.after_hash
        where a.actor = any(names) or a.target ~* mention or a.request_id ~* mention
            or a.detail::text ~* mention or b.former_hash is not null or f.former_hash is not null
    )
    update audit a set
        actor = e.actor, target = e.target, request_id = e.request_id, detail = e.detail,
        before_hash = e.before_hash, after_hash = e.after_hash,
        salt = uuid_send(gen_random_uuid())
    from erased e
    where a.audit_no = e.audit_no
        and (a.actor, a.target, a.request_id, a.detail, a.before_hash, a.after_hash)
            is distinct from
            (e.actor, e.target, e.request_id, e.detail, e.before_hash, e.after_hash)
    returning a.xid, a.audit_no;
    perform set_config('hyper_registry.audit_erasing', 'off', true);
end $$;
comment on function erase_from_audit is 'Replaces a person in all audit rows, and hashes of what the person was erased from; what names an entry by its id stays, and so does what vouches for seals.';

revoke execute on function erase_from_audit(text[], text, text, text, text[], bytea[], bytea[])
    from public;
grant execute on function erase_from_audit(text[], text, text, text, text[], bytea[], bytea[])
    to hyper_registry_writer;

-- Defining it anew has made it one of its callers.
alter function prune_audit(bigint, bytea) security definer
    set search_path = pg_catalog, public, pg_temp;
revoke execute on function prune_audit(bigint, bytea) from public;
grant execute on function prune_audit(bigint, bytea) to hyper_registry_writer;
