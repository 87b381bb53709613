-- name: count_entries
-- Living entries that the caller may see, and those of them with a valid vector: in all, by
-- category, status and compliance status, and by the most frequent owners.
-- $1 grants (null: sees everything), $2 model_id, $3 how many owners
with counted as (
    select grouping(e.category, e.status, e.compliance_status, e.owner) as aggregated,
        coalesce(e.category, e.status, e.compliance_status, e.owner) as value,
        count(*) as entries, count(m.entry_key) as embedded
    from entry e
    left join entry_embedding m on m.entry_key = e.entry_key and m.model_id = $2
        and m.input_hash = e.embedding_input_hash
    where e.deleted_at is null and ($1::text[] is null or e.readers && $1::text[])
    group by grouping sets ((), (e.category), (e.status), (e.compliance_status), (e.owner))
), ranked as (
    select case aggregated
            when 7 then 'category'
            when 11 then 'status'
            when 13 then 'compliance_status'
            when 14 then 'owner'
            else 'all'
        end as field,
        value, entries, embedded,
        row_number() over (partition by aggregated order by entries desc, value) as place
    from counted
    where aggregated = 15 or value is not null
)
select field, value, entries, embedded from ranked
where field <> 'owner' or place <= $3
order by field, place;

-- name: count_tags
-- The most frequent tags of the entries that the caller may see.
-- $1 grants (null: sees everything), $2 how many
select tag, count(*) as entries
from entry, unnest(tags) tag
where deleted_at is null and ($1::text[] is null or readers && $1::text[])
group by tag
order by entries desc, tag
limit $2;

-- name: fetch_recently_changed
-- Living entries that the caller may see, the latest change first. Transactions are numbered as
-- they begin to write, so their index gives this order without a look at all entries.
-- $1 grants (null: sees everything), $2 limit
select entry_id, title, category, version, updated_at, updated_by
from entry
where deleted_at is null and ($1::text[] is null or readers && $1::text[])
order by change_xid desc, updated_at desc, entry_key desc
limit $2;

-- name: count_registrations
-- How many of the entries that the caller may see were registered on each day until today, in UTC.
-- $1 grants (null: sees everything), $2 days
with today as (
    select (now() at time zone 'utc')::date as day
), registered as (
    select (created_at at time zone 'utc')::date as day, count(*) as entries
    from entry
    where created_at >= (select (day - $2::integer + 1)::timestamp at time zone 'utc' from today)
        and deleted_at is null and ($1::text[] is null or readers && $1::text[])
    group by 1
)
select (t.day - ago) as day, coalesce(r.entries, 0) as entries
from today t
cross join generate_series($2::integer - 1, 0, -1) ago
left join registered r on r.day = t.day - ago
order by day;
