-- name: revoke_keys
-- Revoke the keys of a person. All processes drop what they know of callers.
-- $1 names, $2 channel, $3 payload
with revoked as (
    update api_key set revoked_at = now() where name = any($1::text[]) and revoked_at is null
    returning key_id
)
select count(*) as revoked, pg_notify($2, $3) from revoked;

-- name: stop_webhooks
-- Stop the webhooks of a person, whose addresses are the person's own.
-- $1 names, $2 pattern, $3 pseudonym
update webhook set
    active = false, inactive_reason = 'its owner was erased', owner_is_local = false,
    url = redacted_text(url, $2, $3)
where owner = any($1::text[]);

-- name: remove_bindings
-- Remove the namespace roles of a person.
-- $1 names
delete from role_binding where subject_kind = 'principal' and subject = any($1::text[]);

-- name: name_api_key
-- Names of keys. The name of a revoked key is the pseudonym from now on.
-- $1 names, $2 pseudonym
update api_key set
    name = case when name = any($1::text[]) then $2::text else name end,
    created_by = case when created_by = any($1) then $2 else created_by end
where name = any($1) or created_by = any($1);

-- name: name_category
-- Who added categories.
-- $1 names, $2 pseudonym
update category set created_by = $2 where created_by = any($1::text[]);

-- name: name_category_schema
-- Who added schemas.
-- $1 names, $2 pseudonym
update category_schema set created_by = $2 where created_by = any($1::text[]);

-- name: name_change
-- Actors of changes, and ids of what was purged since; those of `kept` entries stay.
-- $1 names, $2 pseudonym, $3 pattern, $4 kept ids
update change set
    actor = case when actor = any($1::text[]) then $2::text else actor end,
    subject_id = case
        when split_part(subject_id, '/', 1) = any($4::text[]) then subject_id
        else redacted_text(subject_id, $3::text, $2)
    end
where actor = any($1)
    or (subject_id ~* $3 and split_part(subject_id, '/', 1) <> all($4));

-- name: name_compliance_assessment
-- Assessors are part of what was written, so it is a new version.
-- $1 names, $2 pseudonym, $3 actor
update compliance_assessment set
    assessor = $2::text, version = version + 1, updated_by = $3,
    updated_at = greatest(now(), updated_at + interval '1 microsecond')
where assessor = any($1::text[]);

-- name: sign_compliance_assessment
-- Who wrote assessments; their content stays.
-- $1 names, $2 pseudonym
update compliance_assessment set
    created_by = case when created_by = any($1::text[]) then $2::text else created_by end,
    updated_by = case when updated_by = any($1) then $2 else updated_by end
where created_by = any($1) or updated_by = any($1);

-- name: name_compliance_assessment_history
-- Assessors and writers of superseded assessments.
-- $1 names, $2 pseudonym
update compliance_assessment_history set
    assessor = case when assessor = any($1::text[]) then $2::text else assessor end,
    actor = case when actor = any($1) then $2 else actor end
where assessor = any($1) or actor = any($1);

-- name: name_compliance_framework
-- Who wrote frameworks.
-- $1 names, $2 pseudonym
update compliance_framework set
    created_by = case when created_by = any($1::text[]) then $2::text else created_by end,
    updated_by = case when updated_by = any($1) then $2 else updated_by end
where created_by = any($1) or updated_by = any($1);

-- name: name_duplicate_rejection
-- Who rejected duplicates.
-- $1 names, $2 pseudonym
update duplicate_rejection set rejected_by = $2 where rejected_by = any($1::text[]);

-- name: name_entry
-- Who registered and last wrote entries; owners and readers are part of their content.
-- $1 names, $2 pseudonym
update entry set
    created_by = case when created_by = any($1::text[]) then $2::text else created_by end,
    updated_by = case when updated_by = any($1) then $2 else updated_by end
where created_by = any($1) or updated_by = any($1);

-- name: name_entry_merge
-- Who merged entries, and readers that a merge gave or took: as those of entries are replaced.
-- $1 names, $2 pseudonym, $3 grants
update entry_merge m set
    merged_by = case when merged_by = any($1::text[]) then $2::text else merged_by end,
    undone_by = case when undone_by = any($1) then $2 else undone_by end,
    security_before = case when m.security_before -> 'readers' ?| $3 then (
        select m.security_before || jsonb_build_object('readers', jsonb_agg(reader order by place))
        from (
            select case when r = any($3) then 'user:' || $2 else r end as reader,
                min(place) as place
            from jsonb_array_elements_text(m.security_before -> 'readers') with ordinality x (r, place)
            group by 1
        ) as readers
    ) else m.security_before end,
    security_after = case when m.security_after -> 'readers' ?| $3 then (
        select m.security_after || jsonb_build_object('readers', jsonb_agg(reader order by place))
        from (
            select case when r = any($3) then 'user:' || $2 else r end as reader,
                min(place) as place
            from jsonb_array_elements_text(m.security_after -> 'readers') with ordinality x (r, place)
            group by 1
        ) as readers
    ) else m.security_after end
where merged_by = any($1) or undone_by = any($1)
    or security_before -> 'readers' ?| $3::text[] or security_after -> 'readers' ?| $3;

-- name: name_entry_merge_relationship
-- Who wrote what a merge touched.
-- $1 names, $2 pseudonym
update entry_merge_relationship set created_by = $2 where created_by = any($1::text[]);

-- name: name_entry_name
-- Who gave handles.
-- $1 names, $2 pseudonym
update entry_name set created_by = $2 where created_by = any($1::text[]);

-- name: name_entry_review
-- Who proposed changes, and who read the entries then. A patch may bring a name back once it is
-- approved, so names in it are replaced in any case.
-- $1 names, $2 pseudonym, $3 grants of the names, $4 pattern, $5 pattern of what may hold a name
update entry_review set
    patch = redacted_json(patch, $4::text, $2::text),
    proposed_by = case when proposed_by = any($1::text[]) then $2 else proposed_by end,
    readers = array(
        select case when grantee = any($3::text[]) then 'user:' || $2 else grantee end
        from unnest(readers) as r(grantee)
    ),
    readers_after = array(
        select case when grantee = any($3) then 'user:' || $2 else grantee end
        from unnest(readers_after) as r(grantee)
    )
where proposed_by = any($1) or readers && $3 or readers_after && $3 or patch::text ~* $5::text;

-- name: name_entry_review_decision
-- Who decided about changes.
-- $1 names, $2 pseudonym
update entry_review_decision set decided_by = $2 where decided_by = any($1::text[]);

-- name: name_entry_version
-- Who wrote superseded versions.
-- $1 names, $2 pseudonym
update entry_version set actor = $2 where actor = any($1::text[]);

-- name: name_erasure
-- Earlier erasures that the person asked for.
-- $1 names, $2 pseudonym, $3 pattern
update erasure set
    requested_by = case when requested_by = any($1::text[]) then $2::text else requested_by end,
    reason = redacted_text(reason, $3::text, $2)
where requested_by = any($1) or reason ~* $3;

-- name: name_idempotency
-- Kept answers that hold a name are not given again.
-- $1 names, $2 pseudonym, $3 pattern of what may hold a name
update idempotency set body = null, headers = redacted_json(headers, $3, $2)
where headers::text ~* $3 or exists (
    select from unnest($1::text[]) as held(name)
    where position(convert_to(held.name, 'UTF8') in body) > 0
        or position(convert_to(btrim(to_json(held.name)::text, '"'), 'UTF8') in body) > 0
);

-- name: name_job
-- Who asked for jobs, and what these noted down.
-- $1 names, $2 pseudonym, $3 pattern, $4 pattern of what may hold a name
update job set
    created_by = case when created_by = any($1::text[]) then $2::text else created_by end,
    parameters = redacted_json(parameters, $3::text, $2),
    checkpoint = redacted_json(checkpoint, $3, $2),
    result = redacted_json(result, $3, $2),
    error = redacted_text(error, $3, $2)
where created_by = any($1)
    or concat(parameters::text, checkpoint::text, result::text, error) ~* $4::text;

-- name: name_namespace
-- Who created namespaces.
-- $1 names, $2 pseudonym
update namespace set created_by = $2 where created_by = any($1::text[]);

-- name: name_relationship
-- Who wrote relationships.
-- $1 names, $2 pseudonym
update relationship set
    created_by = case when created_by = any($1::text[]) then $2::text else created_by end,
    updated_by = case when updated_by = any($1) then $2 else updated_by end
where created_by = any($1) or updated_by = any($1);

-- name: name_relationship_history
-- Who wrote superseded versions of relationships.
-- $1 names, $2 pseudonym
update relationship_history set
    created_by = case when created_by = any($1::text[]) then $2::text else created_by end,
    actor = case when actor = any($1) then $2 else actor end
where created_by = any($1) or actor = any($1);

-- name: name_relationship_type
-- Who described relationship types.
-- $1 names, $2 pseudonym
update relationship_type set updated_by = $2 where updated_by = any($1::text[]);

-- name: name_role
-- Who added roles.
-- $1 names, $2 pseudonym
update role set created_by = $2 where created_by = any($1::text[]);

-- name: name_role_binding
-- Who bound roles.
-- $1 names, $2 pseudonym
update role_binding set created_by = $2 where created_by = any($1::text[]);

-- name: name_webhook
-- Owners of webhooks.
-- $1 names, $2 pseudonym, $3 pattern
update webhook set
    owner = case when owner = any($1::text[]) then $2::text else owner end,
    inactive_reason = redacted_text(inactive_reason, $3::text, $2)
where owner = any($1) or inactive_reason ~* $3;

-- name: name_webhook_delivery
-- Events that were told, or are to be: their actor is in their body.
-- $1 pseudonym, $2 pattern, $3 pattern of what may hold a name
update webhook_delivery set
    body = redacted_json(body::jsonb, $2::text, $1::text)::text,
    reason = redacted_text(reason, $2, $1)
where body ~* $3::text or reason ~* $3;

-- name: text_category
-- What categories are described by.
-- $1 pseudonym, $2 pattern
update category set description = redacted_text(description, $2, $1) where description ~* $2;

-- name: text_category_schema
-- Schemas, which may describe or exemplify by a name.
-- $1 pseudonym, $2 pattern, $3 pattern of what may hold a name
update category_schema set document = redacted_json(document, $2::text, $1::text)
where document::text ~* $3 and document <> redacted_json(document, $2, $1);

-- name: text_compliance_assessment
-- Notes and evidence of assessments, as a new version.
-- $1 pseudonym, $2 pattern, $3 pattern of what may hold a name, $4 actor
update compliance_assessment set
    note = redacted_text(note, $2::text, $1::text), evidence = redacted_json(evidence, $2, $1),
    version = version + 1, updated_by = $4,
    updated_at = greatest(now(), updated_at + interval '1 microsecond')
where concat(note, evidence::text) ~* $3 and (
    note <> redacted_text(note, $2, $1) or evidence <> redacted_json(evidence, $2, $1)
);

-- name: text_compliance_assessment_history
-- Notes and evidence of superseded assessments.
-- $1 pseudonym, $2 pattern, $3 pattern of what may hold a name
update compliance_assessment_history set
    note = redacted_text(note, $2::text, $1::text), evidence = redacted_json(evidence, $2, $1)
where concat(note, evidence::text) ~* $3 and (
    note <> redacted_text(note, $2, $1) or evidence <> redacted_json(evidence, $2, $1)
);

-- name: text_compliance_control
-- What controls ask for.
-- $1 pseudonym, $2 pattern
update compliance_control set
    title = redacted_text(title, $2::text, $1::text),
    description = redacted_text(description, $2, $1)
where title ~* $2 or description ~* $2;

-- name: text_compliance_framework
-- What frameworks are described by.
-- $1 pseudonym, $2 pattern
update compliance_framework set
    title = redacted_text(title, $2::text, $1::text),
    description = redacted_text(description, $2, $1), version = version + 1
where title ~* $2 or description ~* $2;

-- name: text_entry_merge_relationship
-- Relationships as merges found them, as the present ones are: undoing a merge compares the two.
-- $1 pseudonym, $2 pattern, $3 pattern of what may hold a name
update entry_merge_relationship set metadata = redacted_json(metadata, $2::text, $1::text)
where metadata::text ~* $3 and metadata <> redacted_json(metadata, $2, $1);

-- name: text_namespace
-- What namespaces are described by.
-- $1 pseudonym, $2 pattern
update namespace set description = redacted_text(description, $2, $1) where description ~* $2;

-- name: text_entry_review
-- What was said of changes that were proposed.
-- $1 pseudonym, $2 pattern
update entry_review set note = redacted_text(note, $2::text, $1::text) where note ~* $2;

-- name: text_entry_review_decision
-- What owners said of changes.
-- $1 pseudonym, $2 pattern
update entry_review_decision set note = redacted_text(note, $2::text, $1::text) where note ~* $2;

-- name: text_relationship
-- A new version, as whoever writes one makes.
-- $1 pseudonym, $2 pattern, $3 pattern of what may hold a name, $4 actor
update relationship set
    metadata = redacted_json(metadata, $2::text, $1::text), version = version + 1,
    updated_by = $4,
    updated_at = greatest(now(), coalesce(updated_at, created_at) + interval '1 microsecond'),
    change_xid = pg_current_xact_id()::text::bigint
where metadata::text ~* $3 and metadata <> redacted_json(metadata, $2, $1);

-- name: text_relationship_history
-- Versions of relationships; their former checksums come back beside those in their place.
-- $1 pseudonym, $2 pattern, $3 pattern of what may hold a name
update relationship_history h set metadata = r.metadata
from (
    select relationship_key, version, redacted_json(metadata, $2::text, $1::text) as metadata,
        relationship_checksum(source_key, target_key, type_id, bidirectional, weight, metadata)
            as former
    from relationship_history where metadata::text ~* $3
) r
where r.relationship_key = h.relationship_key and r.version = h.version
    and h.metadata <> r.metadata
returning r.former, relationship_checksum(
    h.source_key, h.target_key, h.type_id, h.bidirectional, h.weight, h.metadata
) as present;

-- name: text_relationship_type
-- What relationship types are described by.
-- $1 pseudonym, $2 pattern
update relationship_type set description = redacted_text(description, $2, $1)
where description ~* $2;

-- name: text_role
-- What roles are described by.
-- $1 pseudonym, $2 pattern
update role set description = redacted_text(description, $2, $1) where description ~* $2;

-- name: text_webhook
-- An address that changes is none any more.
-- $1 pseudonym, $2 pattern
update webhook set
    url = redacted_text(url, $2, $1), active = false, inactive_reason = 'its url held a name'
where url ~* $2;

-- name: lock_entries
-- Entries that a person owns or may read by name, whose texts may hold a name, or that hold sealed
-- values; deleted ones too, by rising key; held until the transaction ends.
-- $1 names, $2 grants, $3 pattern, $4 pattern of what may hold a name, $5 last entry_key, $6 limit
select entry_key, entry_id, handle, category, title, description, status, owner, tags, metadata,
    deprecation, compliance_status, visibility, granted, checksum
from entry
where entry_key > $5 and (
    owner = any($1::text[]) or granted && $2::text[] or readers && $2 or metadata ? '$sealed'
    or title ~* $3::text or description ~* $3 or array_to_string(tags, E'\n') ~* $3
    or metadata::text ~* $4::text or deprecation::text ~* $4
)
order by entry_key
limit $6
for no key update;

-- name: reword_rejections
-- Let rejections of duplicates hold for what an entry says without a name, and remove those that
-- were for what it said earlier.
-- $1 entry_key, $2 its embedding_input_hash, $3 the one in its place
with outdated as (
    delete from duplicate_rejection
    where (lower_key = $1 and lower_text <> $2) or (higher_key = $1 and higher_text <> $2)
)
update duplicate_rejection set
    lower_text = case when lower_key = $1 then $3 else lower_text end,
    higher_text = case when higher_key = $1 then $3 else higher_text end
where (lower_key = $1 and lower_text = $2) or (higher_key = $1 and higher_text = $2);

-- name: write_entry
-- Write a held entry anew, as the next version; a deleted one stays deleted.
-- $1 entry_key, $2 title, $3 description, $4 owner, $5 tags, $6 metadata, $7 deprecation,
-- $8 granted, $9 readers, $10 checksum, $11 embedding_input_hash, $12 actor
update entry set
    title = $2, description = $3, owner = $4, tags = $5, metadata = $6, deprecation = $7,
    granted = $8, readers = $9, checksum = $10, embedding_input_hash = $11,
    version = version + 1, updated_by = $12, restored_from = null,
    updated_at = greatest(now(), updated_at + interval '1 microsecond'),
    change_xid = pg_current_xact_id()::text::bigint
where entry_key = $1;

-- name: remove_stale_vectors
-- Delete the vectors of texts that are no more.
-- $1 entry_keys
delete from entry_embedding m using entry e
where m.entry_key = any($1::bigint[]) and e.entry_key = m.entry_key
    and m.input_hash <> e.embedding_input_hash;

-- name: lock_versions
-- Versions of entries, under the conditions of lock_entries, by rising key and version; held.
-- $1 names, $2 grants, $3 pattern, $4 pattern of what may hold a name, $5 last entry_key and
-- $6 last version seen, $7 limit
select v.entry_key, v.version, e.entry_id, v.handle, v.category, v.title, v.description, v.status,
    v.owner, v.tags, v.metadata, v.deprecation, v.compliance_status, v.visibility, v.granted, v.checksum
from entry_version v join entry e on e.entry_key = v.entry_key
where (v.entry_key, v.version) > ($5, $6) and (
    v.owner = any($1::text[]) or v.granted && $2::text[] or v.readers && $2
    or v.metadata ? '$sealed' or v.title ~* $3::text or v.description ~* $3
    or array_to_string(v.tags, E'\n') ~* $3 or v.metadata::text ~* $4::text
    or v.deprecation::text ~* $4
)
order by v.entry_key, v.version
limit $7
for no key update of v;

-- name: write_version
-- Write a held version anew.
-- $1 entry_key, $2 version, then as write_entry from title to checksum
update entry_version set
    title = $3, description = $4, owner = $5, tags = $6, metadata = $7, deprecation = $8,
    granted = $9, readers = $10, checksum = $11
where entry_key = $1 and version = $2;

-- name: write_checksums
-- Let the change log tell the checksums that contents have now.
-- $1 former checksums, $2 those in their place
update change c set checksum = m.present
from unnest($1::bytea[], $2::bytea[]) as m(former, present)
where c.checksum = m.former;

-- name: fetch_batches
-- What those transactions wrote, of one kind of subject, that wrote one of these contents.
-- $1 checksums
select c.xid, c.subject, c.subject_id, c.version, c.checksum
from (
    select distinct xid, subject from change where checksum = any($1::bytea[])
) b
join change c on c.xid = b.xid and c.subject = b.subject;

-- name: list_kept_ids
-- Ids of entries that hold a name.
-- $1 pattern
select entry_id from entry where entry_id ~* $1 order by entry_id;

-- name: list_kept_handles
-- Namespaces and handles, old ones too, that hold a name.
-- $1 pattern, $2 limit
select name from namespace where name ~* $1 or form ~* $1
union
select handle from entry_name where handle ~* $1 or form ~* $1
order by 1
limit $2;

-- name: list_stale_indexes
-- Versions of the vector index that were read before this transaction.
select version from index_version
where state <> 'failed' and snapshot_xid <= pg_current_xact_id()::text::bigint
order by version;

-- name: insert_erasure
-- Note an erasure.
-- $1 erasure_id, $2 pseudonym, $3 reason, $4 requested_by, $5 report
insert into erasure (erasure_id, pseudonym, reason, requested_by, report)
values ($1, $2, $3, $4, $5)
returning erased_at;

-- name: fetch_erasure
-- One erasure.
-- $1 erasure_id
select erasure_id, pseudonym, reason, requested_by, report, erased_at
from erasure where erasure_id = $1;

-- name: list_erasures
-- Erasures, newest first, by keyset.
-- $1 erasure_id before which to go on, or null, $2 limit
select e.erasure_id, e.pseudonym, e.reason, e.requested_by, e.report, e.erased_at
from erasure e
where $1::text is null or (e.erased_at, e.erasure_id) < (
    select b.erased_at, b.erasure_id from erasure b where b.erasure_id = $1
)
order by e.erased_at desc, e.erasure_id desc
limit $2;
