-- Who was erased is not kept: only the pseudonym that stands in the place of the names since then.
create table erasure (
    erasure_id text primary key,
    pseudonym text not null,
    reason text not null,
    requested_by text not null,
    report jsonb not null,
    xid bigint not null default pg_current_xact_id()::text::bigint,
    erased_at timestamptz not null default now()
);
comment on column erasure.xid is 'Versions of the index as of this transaction or before hold names that were erased.';

create function redacted_text(value text, pattern text, replacement text) returns text
    language sql immutable parallel safe
    return regexp_replace(value, pattern, replacement, 'gi');

create function redacted_json(value jsonb, pattern text, replacement text) returns jsonb
    language plpgsql immutable parallel safe as $$
begin
    case jsonb_typeof(value)
        when 'string' then
            return to_jsonb(redacted_text(value #>> '{}', pattern, replacement));
        when 'array' then
            return coalesce(
                (
                    select jsonb_agg(redacted_json(item, pattern, replacement) order by place)
                    from jsonb_array_elements(value) with ordinality as e(item, place)
                ),
                '[]'
            );
        when 'object' then
            return coalesce(
                (
                    select jsonb_object_agg(
                        redacted_text(name, pattern, replacement),
                        redacted_json(item, pattern, replacement)
                    )
                    from jsonb_each(value) as e(name, item)
                ),
                '{}'
            );
        else
            return value;
    end case;
end $$;
comment on function redacted_json is 'JSON with the names and texts in it redacted, numbers and the form kept.';
