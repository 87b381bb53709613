-- name: insert_audit
-- Append to the audit log.
-- $1 actor, $2 action, $3 target, $4 outcome, $5 request_id, $6 before_hash, $7 after_hash, $8 detail
insert into audit (actor, action, target, outcome, request_id, before_hash, after_hash, detail)
values ($1, $2, $3, $4, $5, $6, $7, $8);
