-- name: list_sunset
-- Living entries that the caller may see and whose sunset lies before a time, the oldest first.
-- $1 grants (null: sees everything), $2 time as text (UTC, as entries hold it), $3 sunset and
-- $4 entry_id of the last one seen ('' at first), $5 owner or null, $6 limit
select entry_id, category, title, status, owner, deprecation, version
from entry
where deleted_at is null and deprecation ->> 'sunset' is not null
    and (deprecation ->> 'sunset') collate "C" < $2::text
    and ((deprecation ->> 'sunset') collate "C", entry_id collate "C") > ($3::text, $4::text)
    and ($1::text[] is null or readers && $1::text[])
    and ($5::text is null or owner = $5::text)
order by (deprecation ->> 'sunset') collate "C", entry_id collate "C"
limit $6;
