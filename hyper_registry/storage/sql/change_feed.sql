-- name: fetch_snapshot
-- Which transactions have ended: all below the first number; and the first that has not begun.
-- Also, whether there are changes that became readable since an earlier horizon; asked for the first
-- of them in order, which keeps the planner from looking through the table for any.
-- $1 earlier horizon
select pg_snapshot_xmin(snapshot)::text::bigint as horizon,
    pg_snapshot_xmax(snapshot)::text::bigint as unborn,
    coalesce(
        (select c.xid from change c where c.xid >= $1 order by c.xid limit 1)
            < pg_snapshot_xmin(snapshot)::text::bigint,
        false
    ) as changed
from (select pg_current_snapshot() as snapshot) now;

-- name: open_window
-- What became readable since an earlier horizon: up to which horizon, and which numbers it spans.
-- The offset keeps the planner from looking for the least number in the order of numbers.
-- $1 earlier horizon
select h.horizon, w.first_no, w.last_no
from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon) h
cross join lateral (
    select min(c.change_no) as first_no, max(c.change_no) as last_no
    from (select change_no from change where xid >= $1 and xid < h.horizon offset 0) c
) w;

-- name: read_window
-- The changes of a window that the caller may see, in the order of their numbers, each row beside
-- how many changes were examined and the last of them; one row without a change if all are hidden.
-- A deleted entry is seen by those who could see its last state, a purged one by those alone who
-- see everything, a relationship by those who see both of its ends.
-- Changes of other windows among the numbers are sorted out last: a condition on two indexes would
-- let the planner sort a whole window for each page.
-- $1 low and $2 high horizon of the window, $3 change_no after which and $4 up to which to read,
-- $5 changes examined at most, $6 grants (null: sees everything), $7 subjects, $8 operations,
-- $9 categories, $10 entry_id, each null for any, $11 limit
with examined as materialized (
    select change_no, xid, subject, subject_key, subject_id, operation, version, actor, occurred_at
    from change
    where change_no > $3 and change_no <= $4
    order by change_no
    limit $5
)
select x.examined, x.last_no, v.*
from (select count(*) as examined, max(change_no) as last_no from examined) x
left join lateral (
    select c.change_no, c.subject, c.subject_id, c.operation, c.version, c.actor, c.occurred_at,
        e.category, s.entry_id as source_id, d.entry_id as target_id, t.name as rel_type
    from examined c
    left join entry e on c.subject in ('entry', 'assessment') and e.entry_key = c.subject_key
    left join relationship r on c.subject = 'relationship' and r.relationship_key = c.subject_key
    left join lateral (
        select h.source_key, h.target_key, h.type_id from relationship_history h
        where c.subject = 'relationship' and r.relationship_key is null
            and h.relationship_key = c.subject_key
        order by h.version desc
        limit 1
    ) p on true
    left join relationship_type t on t.type_id = coalesce(r.type_id, p.type_id)
    left join entry s on s.entry_key = coalesce(r.source_key, p.source_key)
    left join entry d on d.entry_key = coalesce(r.target_key, p.target_key)
    where c.xid >= $1 and c.xid < $2
        and ($6::text[] is null
            or e.readers && $6::text[]
            or (s.readers && $6::text[] and d.readers && $6::text[]))
        and ($7::text[] is null or c.subject = any($7::text[]))
        and ($8::text[] is null or c.operation = any($8::text[]))
        and ($9::text[] is null or e.category = any($9::text[])
            or s.category = any($9::text[]) or d.category = any($9::text[]))
        and ($10::text is null or (c.subject = 'entry' and c.subject_id = $10)
            or (c.subject = 'assessment' and e.entry_id = $10)
            or s.entry_id = $10 or d.entry_id = $10)
    order by c.change_no
    limit $11
) v on true
order by v.change_no;

-- name: insert_secret
-- Keep a new key, unless there is one already.
-- $1 name, $2 secret
insert into installation_secret (name, secret) values ($1, $2) on conflict (name) do nothing;

-- name: fetch_secret
-- A key of this installation.
-- $1 name
select secret from installation_secret where name = $1;
