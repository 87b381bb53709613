-- name: try_lead
-- Become the one transaction that seals or prunes; false where another one does.
-- $1 lock number
select pg_try_advisory_xact_lock($1);

-- name: lead
-- Wait to become the one transaction that seals or prunes.
-- $1 lock number
select pg_advisory_xact_lock($1);

-- name: fetch_head
-- The last seal, or the checkpoint where all seals were pruned.
select seal_no, seal, last_xid, last_no from (
    select seal_no, seal, last_xid, last_no from audit_seal
    union all
    select seal_no, seal, last_xid, last_no from audit_checkpoint
) known
order by seal_no desc
limit 1;

-- name: fetch_horizon
-- The transaction below which all have ended.
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- name: fetch_unsealed
-- Rows after a position that no transaction still running can precede.
-- $1 xid, $2 audit_no, $3 limit
select audit_no, xid, occurred_at, actor, action, target, outcome, request_id, before_hash,
    after_hash, detail::text as detail, salt
from audit
where (xid, audit_no) > ($1, $2)
    and xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
order by xid, audit_no
limit $3;

-- name: insert_seal
-- Append a seal.
-- $1 seal_no, $2 previous, $3 seal, $4 keyed, $5 last_xid, $6 last_no, $7 row_count, $8 sealed_at,
-- $9 personal
insert into audit_seal (
    seal_no, previous, seal, keyed, last_xid, last_no, row_count, sealed_at, personal
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: stream_rows
-- All rows in the order in which they are sealed.
select audit_no, xid, occurred_at, actor, action, target, outcome, request_id, before_hash,
    after_hash, detail::text as detail, salt
from audit
order by xid, audit_no;

-- name: stream_seals
-- The seals from the oldest on.
-- $1 last seal_no wanted, or null
select seal_no, previous, seal, keyed, last_xid, last_no, row_count, sealed_at, personal
from audit_seal
where $1::bigint is null or seal_no <= $1
order by seal_no;

-- name: fetch_checkpoint
-- Where the chain begins after pruning.
select seal_no, seal, last_xid, last_no, mac, pruned_rows from audit_checkpoint;

-- name: fetch_prunable
-- The seal up to which a step of pruning goes: seals from the oldest on, made before a time.
-- $1 time, $2 most seals in one step
select seal_no, previous, seal, keyed, last_xid, last_no, row_count, sealed_at, personal
from (select * from audit_seal order by seal_no limit $2) oldest
where sealed_at < $1
order by seal_no desc
limit 1;

-- name: prune
-- Remove the rows of all seals up to one, and those seals; the checkpoint takes their place.
-- $1 seal_no, $2 mac of the checkpoint
select prune_audit($1, $2);

-- name: fetch_page
-- Rows by filters, newest first.
-- $1 actor, $2 action, $3 target, $4 outcome, $5 from time, $6 before time, each null for any,
-- $7 audit_no before which to go on, or null, $8 limit
select audit_no, xid, occurred_at, actor, action, target, outcome, request_id, before_hash,
    after_hash, detail::text as detail, salt
from audit
where ($1::text is null or actor = $1)
    and ($2::text is null or action = $2)
    and ($3::text is null or target = $3)
    and ($4::text is null or outcome = $4)
    and ($5::timestamptz is null or occurred_at >= $5)
    and ($6::timestamptz is null or occurred_at < $6)
    and ($7::bigint is null or audit_no < $7)
order by audit_no desc
limit $8;

-- name: export_page
-- Rows in the order in which they are sealed, from after a position on, that no transaction still
-- running can precede.
-- $1 xid, $2 audit_no, $3 limit, $4 actor, $5 action, $6 target, $7 outcome, $8 from time,
-- $9 before time, each null for any
select audit_no, xid, occurred_at, actor, action, target, outcome, request_id, before_hash,
    after_hash, detail::text as detail, salt
from audit
where (xid, audit_no) > ($1, $2)
    and xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    and ($4::text is null or actor = $4)
    and ($5::text is null or action = $5)
    and ($6::text is null or target = $6)
    and ($7::text is null or outcome = $7)
    and ($8::timestamptz is null or occurred_at >= $8)
    and ($9::timestamptz is null or occurred_at < $9)
order by xid, audit_no
limit $3;

-- name: append_gathered
-- Append operations that were gathered in memory.
-- $1 rows: JSON array of {occurred_at, actor, action, target, outcome, request_id, detail}
insert into audit (occurred_at, actor, action, target, outcome, request_id, detail)
select occurred_at, actor, action, target, outcome, request_id, detail
from json_to_recordset($1::json) as r(
    occurred_at timestamptz, actor text, action text, target text, outcome text, request_id text,
    detail jsonb
)
order by occurred_at;

-- name: list_replacements
-- What the rows of seals are since persons were erased from them.
select seal_no, digest, keyed from audit_replacement;

-- name: erase_names
-- Replace a person in all rows, and the hashes of what the person was erased from; each changed row
-- gets another salt.
-- $1 names, $2 pseudonym, $3 pattern of the names in text, $4 pattern of what may hold one,
-- $5 ids of entries that hold a name, $6 former checksums, $7 the checksums in their place
select changed_xid, changed_no from erase_from_audit($1, $2, $3, $4, $5, $6, $7);

-- name: fetch_rows_between
-- Rows after one position and up to another, in the order in which they are sealed.
-- $1 xid and $2 audit_no after which, $3 xid and $4 audit_no up to which
select audit_no, xid, occurred_at, actor, action, target, outcome, request_id, before_hash,
    after_hash, detail::text as detail, salt
from audit
where (xid, audit_no) > ($1, $2) and (xid, audit_no) <= ($3, $4)
order by xid, audit_no;

-- name: put_replacement
-- Note what the rows of a seal are from now on.
-- $1 seal_no, $2 digest, $3 keyed
insert into audit_replacement (seal_no, digest, keyed) values ($1, $2, $3)
on conflict (seal_no) do update set digest = excluded.digest, keyed = excluded.keyed;
