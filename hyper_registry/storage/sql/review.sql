-- name: insert_review
-- Keep a proposed change of an entry.
-- $1 entry_id, $2 version, $3 namespace, $4 patch, $5 note, $6 readers, $7 readers_after, $8 actor
insert into entry_review (
    entry_key, version, namespace, patch, note, readers, readers_after, proposed_by
)
select entry_key, $2, $3, $4, $5, $6, $7, $8 from entry where entry_id = $1
returning review_id;

-- name: fetch_review
-- A review of a living entry that the caller may see.
-- $1 review_id, $2 grants (null: sees everything)
select review_id, entry_id, version, namespace, patch, note, state, proposed_by, proposed_at,
    closed_at, applied_version, decisions
from review_state
where review_id = $1 and ($2::text[] is null or readers && $2::text[])
    and ($2::text[] is null or readers_before && $2::text[] and readers_after && $2::text[]);

-- name: list_of_entry
-- Reviews of an entry that the caller may see, in the order in which they were proposed.
-- $1 entry_id, $2 grants (null: sees everything), $3 review_id to begin after, $4 limit
select review_id, entry_id, version, namespace, patch, note, state, proposed_by, proposed_at,
    closed_at, applied_version, decisions
from review_state
where entry_id = $1 and ($2::text[] is null or readers && $2::text[])
    and ($2::text[] is null or readers_before && $2::text[] and readers_after && $2::text[])
    and ($3::uuid is null or review_id > $3::uuid)
order by review_id
limit $4;

-- name: list_open
-- Open reviews that the caller may see, in the order in which they were proposed.
-- $1 grants (null: sees everything), $2 review_id to begin after, $3 limit,
-- $4 caller, who proposed none of them and decided about none (null: whichever),
-- $5 namespaces that they are in (null: all)
select review_id, entry_id, version, namespace, patch, note, state, proposed_by, proposed_at,
    closed_at, applied_version, decisions
from review_state
where state = 'open' and ($1::text[] is null or readers && $1::text[])
    and ($1::text[] is null or readers_before && $1::text[] and readers_after && $1::text[])
    and ($2::uuid is null or review_id > $2::uuid)
    and ($4::text is null or proposed_by <> $4::text and not exists (
        select from entry_review_decision d
        where d.review_id = review_state.review_id and d.decided_by = $4::text
    ))
    and ($5::text[] is null or namespace = any($5::text[]))
order by review_id
limit $3;

-- name: lock_review
-- Hold a review until the transaction ends. Whoever holds its entry too holds that first.
-- $1 review_id
select from entry_review where review_id = $1 for update;

-- name: insert_decision
-- Keep what one of the owners decided.
-- $1 review_id, $2 decision, $3 note, $4 actor
insert into entry_review_decision (review_id, decision, note, decided_by) values ($1, $2, $3, $4);

-- name: close_review
-- End a held review.
-- $1 review_id, $2 state, $3 applied_version or null
update entry_review set state = $2, closed_at = now(), applied_version = $3 where review_id = $1;
