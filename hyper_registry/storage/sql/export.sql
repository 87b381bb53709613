-- name: stream_entries
-- All living entries that the caller may see, in the order of their registration. Metadata and
-- links come as JSON text: whoever writes JSON need not read it first. Sealed values stay behind.
-- $1 grants (null: sees everything), $2 model_id, $3 categories or null, $4 whether to give links:
-- the relationships that start at the entry and end where the caller may see
select
    e.entry_id, e.handle, e.category, e.title, e.description, e.status, e.owner, e.tags,
    (e.metadata - '$sealed')::text as metadata, e.deprecation::text as deprecation,
    e.compliance_status, e.visibility, e.granted,
    encode(e.checksum, 'hex') as checksum, e.version, e.created_at, e.updated_at, e.created_by,
    e.updated_by, a.accessed_at,
    m.entry_key is not null as embedded,
    case when $4::boolean then (
        select coalesce(
            json_agg(
                json_build_object(
                    'rel_type', t.name, 'target_id', o.entry_id, 'weight', r.weight,
                    'bidirectional', r.bidirectional, 'metadata', r.metadata
                )
                order by r.relationship_id
            ),
            '[]'
        )::text
        from relationship r
        join relationship_type t on t.type_id = r.type_id
        join entry o on o.entry_key = r.target_key
        where r.source_key = e.entry_key and o.deleted_at is null
            and ($1::text[] is null or o.readers && $1::text[])
    ) end as relationships
from entry e
left join entry_access a on a.entry_key = e.entry_key
left join entry_embedding m on m.entry_key = e.entry_key and m.model_id = $2
    and m.input_hash = e.embedding_input_hash
where e.deleted_at is null
    and ($1::text[] is null or e.readers && $1::text[])
    and ($3::text[] is null or e.category = any($3::text[]))
order by e.entry_key;
