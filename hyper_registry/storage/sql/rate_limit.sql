-- name: take
-- Take some of a share, as many as are left of those asked for (GCRA: the share is kept as the time
-- at which it is full again).
-- $1 subject, $2 how many are asked for, $3 how many the share holds, $4 seconds in which it fills
insert into rate_limit as r (subject, full_at, granted)
values (
    $1, now() + make_interval(secs => least($2::int, $3::int) * $4::float8 / $3),
    least($2::int, $3::int)
)
on conflict (subject) do update set
    granted = least($2::int, greatest(0, floor(
        ($4 - extract(epoch from greatest(r.full_at, now()) - now())::float8) * $3 / $4 + 1e-6
    )::int)),
    full_at = greatest(r.full_at, now()) + make_interval(secs =>
        least($2::int, greatest(0, floor(
            ($4 - extract(epoch from greatest(r.full_at, now()) - now())::float8) * $3 / $4 + 1e-6
        )::int)) * $4 / $3
    )
returning granted, extract(epoch from full_at - now())::float8 as full_in_s;

-- name: delete_full
-- Delete shares that have been full for a while: without a row they are full, too.
delete from rate_limit where full_at < now() - interval '1 hour';
