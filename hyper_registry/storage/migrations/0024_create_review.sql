-- A namespace may ask for the approval of its owners. A change that needs it is a review: a merge patch
-- to an entry at a version, applied by the decision that completes the approvals.
alter table namespace
    add column approval jsonb,
    add column approval_since timestamptz;
comment on column namespace.approval is 'Which statuses of entries need approval, and by how many owners; null asks for none.';

create table entry_review (
    review_id uuid primary key default time_ordered_uuid(),
    entry_key bigint not null references entry (entry_key) on delete cascade,
    version integer not null,
    namespace text collate "C" not null references namespace (form) on delete cascade,
    patch jsonb not null,
    note text not null,
    readers text[] not null,
    readers_after text[] not null,
    state text not null default 'open',
    proposed_by text not null,
    proposed_at timestamptz not null default now(),
    closed_at timestamptz,
    applied_version integer
);
comment on column entry_review.version is 'Of the entry when the change was proposed: at another one the review is outdated.';
comment on column entry_review.namespace is 'Whose owners decide: where the entry is once the patch is applied.';
comment on column entry_review.readers is 'Readers of the entry when the change was proposed; who sees the review is one of them, of readers_after and of the present ones.';
create index entry_review_entry on entry_review (entry_key, review_id);
create index entry_review_open on entry_review (review_id) where state = 'open';
create index entry_review_namespace on entry_review (namespace);

create table entry_review_decision (
    decision_id bigint primary key generated always as identity,
    review_id uuid not null references entry_review (review_id) on delete cascade,
    decision text not null,
    note text not null,
    decided_by text not null,
    decided_at timestamptz not null default now()
);
create index entry_review_decision_review on entry_review_decision (review_id, decision_id);

-- As its reader sees it, who is bound by row security.
create view review_state with (security_invoker = true) as
select r.review_id, e.entry_id, r.version, r.namespace, r.patch, r.note,
    case when r.state = 'open' and r.version <> e.version then 'outdated' else r.state end as state,
    r.proposed_by, r.proposed_at, r.closed_at, r.applied_version,
    coalesce(
        (
            select jsonb_agg(
                jsonb_build_object(
                    'decided_by', d.decided_by, 'decision', d.decision, 'note', d.note,
                    'decided_at', d.decided_at
                ) order by d.decision_id
            )
            from entry_review_decision d where d.review_id = r.review_id
        ),
        '[]'
    ) as decisions,
    e.readers, r.readers as readers_before, r.readers_after
from entry_review r
join entry e on e.entry_key = r.entry_key and e.deleted_at is null;

alter table entry_review enable row level security;
alter table entry_review_decision enable row level security;
create policy written on entry_review to hyper_registry_writer using (true) with check (true);
create policy written on entry_review_decision to hyper_registry_writer
    using (true) with check (true);
create policy visible on entry_review for select to hyper_registry_reader using (
    readers && (select nullif(current_setting('hyper_registry.grants', true), '')::text[])
    and readers_after && (select nullif(current_setting('hyper_registry.grants', true), '')::text[])
    and exists (select from entry e where e.entry_key = entry_review.entry_key)
);
create policy visible on entry_review_decision for select to hyper_registry_reader using (
    exists (select from entry_review r where r.review_id = entry_review_decision.review_id)
);
grant select on entry_review, entry_review_decision, review_state to hyper_registry_reader;
