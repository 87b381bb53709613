-- name: fetch_stored
-- Stored metadata of one living entry that the caller may see, sealed values included.
-- $1 entry_id, $2 grants (null: sees everything)
select metadata from entry
where entry_id = $1 and deleted_at is null and ($2::text[] is null or readers && $2::text[]);

-- name: lock_sealed
-- Entries with sealed values, deleted ones too, by rising key; held until the transaction ends.
-- $1 last entry_key seen, $2 limit
select entry_key, entry_id, handle, category, title, description, status, owner, tags, metadata,
    deprecation, compliance_status, visibility, granted
from entry
where metadata ? '$sealed' and entry_key > $1
order by entry_key
limit $2
for no key update;

-- name: reseal_entry
-- Store the same content of a locked entry under another key: neither its version nor its place
-- in the change log moves.
-- $1 entry_key, $2 metadata, $3 checksum
update entry set metadata = $2, checksum = $3 where entry_key = $1;

-- name: lock_sealed_versions
-- Versions of entries with sealed values, by rising key and version; held.
-- $1 last entry_key and $2 last version seen, $3 limit
select v.entry_key, v.version, e.entry_id, v.handle, v.category, v.title, v.description, v.status,
    v.owner, v.tags, v.metadata, v.deprecation, v.compliance_status, v.visibility, v.granted
from entry_version v join entry e on e.entry_key = v.entry_key
where v.metadata ? '$sealed' and (v.entry_key, v.version) > ($1, $2)
order by v.entry_key, v.version
limit $3
for no key update of v;

-- name: reseal_version
-- Store the same content of a version under another key.
-- $1 entry_key, $2 version, $3 metadata, $4 checksum
update entry_version set metadata = $3, checksum = $4
where entry_key = $1 and version = $2;

-- name: count_sealed
-- Entries and versions with sealed values.
select (select count(*) from entry where metadata ? '$sealed')
    + (select count(*) from entry_version where metadata ? '$sealed');
