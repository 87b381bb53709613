-- The schema after all migrations; written by hyper_registry.storage.schema_snapshot.

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

COMMENT ON EXTENSION unaccent IS 'text search dictionary that removes accents';

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;

COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';

CREATE FUNCTION public.erase_from_audit(names text[], pseudonym text, pattern text, mention text, kept_ids text[], former bytea[], present bytea[]) RETURNS TABLE(changed_xid bigint, changed_no bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
begin
    perform set_config('hyper_registry.audit_erasing', 'on', true);
    return query
    with hashes as materialized (
        select m.former_hash, m.present_hash
        from unnest(former, present) as m(former_hash, present_hash)
    ),
    erased as materialized (
        select a.audit_no, case when a.actor = any(names) then pseudonym else a.actor end as actor,
            case
                when split_part(a.target, '/', 1) = any(kept_ids) then a.target
                else redacted_text(a.target, pattern, pseudonym)
            end as target,
            redacted_text(a.request_id, pattern, pseudonym) as request_id,
            case
                when a.action = 'audit.pseudonymise' then a.detail
                else redacted_json(a.detail, pattern, pseudonym)
            end as detail,
            coalesce(b.present_hash, a.before_hash) as before_hash,
            coalesce(f.present_hash, a.after_hash) as after_hash
        from audit a
        left join hashes b on b.former_hash = a.before_hash
        left join hashes f on f.former_hash = a.after_hash
        where a.actor = any(names) or a.target ~* mention or a.request_id ~* mention
            or a.detail::text ~* mention or b.former_hash is not null or f.former_hash is not null
    )
    update audit a set
        actor = e.actor, target = e.target, request_id = e.request_id, detail = e.detail,
        before_hash = e.before_hash, after_hash = e.after_hash,
        salt = uuid_send(gen_random_uuid())
    from erased e
    where a.audit_no = e.audit_no
        and (a.actor, a.target, a.request_id, a.detail, a.before_hash, a.after_hash)
            is distinct from
            (e.actor, e.target, e.request_id, e.detail, e.before_hash, e.after_hash)
    returning a.xid, a.audit_no;
    perform set_config('hyper_registry.audit_erasing', 'off', true);
end $$;

COMMENT ON FUNCTION public.erase_from_audit(names text[], pseudonym text, pattern text, mention text, kept_ids text[], former bytea[], present bytea[]) IS 'Replaces a person in all audit rows, and hashes of what the person was erased from; what names an entry by its id stays, and so does what vouches for seals.';

CREATE FUNCTION public.keep_entry_name() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'UPDATE' then
        update entry_name set until = now()
        where entry_key = old.entry_key and until is null
            and form is distinct from new.handle_form;
    end if;
    if new.handle_form is null then
        return null;
    end if;
    insert into entry_name (form, handle, namespace, entry_key, created_by)
    values (
        new.handle_form, new.handle, split_part(new.handle_form, '/', 1), new.entry_key,
        new.updated_by
    )
    -- An entry may return to a name that it had, or write the present one another way.
    on conflict (form) do update set
        handle = excluded.handle, until = null,
        since = case when entry_name.until is null then entry_name.since else excluded.since end,
        created_by = excluded.created_by
    where entry_name.entry_key = excluded.entry_key;
    if not found then
        raise unique_violation using
            message = format('the handle %s is, or was, another entry''s', new.handle),
            constraint = 'entry_name_pkey', detail = new.handle;
    end if;
    return null;
end
$$;

CREATE FUNCTION public.notify_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if pg_try_advisory_xact_lock(7134902512) then
        perform pg_notify('change', '');
    end if;
    return null;
end $$;

CREATE FUNCTION public.prune_audit(up_to bigint, checkpoint_mac bytea) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
    boundary audit_seal;
    pruned bigint;
begin
    select * into strict boundary from audit_seal where seal_no = up_to;
    perform set_config('hyper_registry.audit_pruning', 'on', true);
    delete from audit where (xid, audit_no) <= (boundary.last_xid, boundary.last_no);
    get diagnostics pruned = row_count;
    delete from audit_seal where seal_no <= up_to;
    delete from audit_replacement where seal_no <= up_to;
    insert into audit_checkpoint as c (seal_no, seal, last_xid, last_no, mac, pruned_rows)
    values (
        boundary.seal_no, boundary.seal, boundary.last_xid, boundary.last_no, checkpoint_mac, pruned
    )
    on conflict (single) do update set
        seal_no = excluded.seal_no, seal = excluded.seal, last_xid = excluded.last_xid,
        last_no = excluded.last_no, mac = excluded.mac,
        pruned_rows = c.pruned_rows + excluded.pruned_rows, pruned_at = now();
    perform set_config('hyper_registry.audit_pruning', 'off', true);
    return pruned;
end $$;

CREATE FUNCTION public.record_deleted_assessments() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into compliance_assessment_history (
        entry_key, framework, control, version, status, assessor, due_date, note, evidence, actor,
        valid_from, superseded_at
    )
    select s.entry_key, c.framework, c.code, s.version, s.status, s.assessor, s.due_date, s.note,
        s.evidence, s.updated_by, s.updated_at, greatest(now(), s.updated_at)
    from superseded s
    join entry e using (entry_key)
    join compliance_control c using (control_key);
    insert into change (subject, subject_key, subject_id, operation, version, actor)
    select 'assessment', s.entry_key, e.entry_id || '/' || c.framework || '/' || c.code, 'delete',
        s.version + 1, registry_actor(s.updated_by)
    from superseded s
    join entry e using (entry_key)
    join compliance_control c using (control_key)
    order by s.entry_key, s.control_key;
    return null;
end
$$;

CREATE FUNCTION public.record_deleted_relationships() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into relationship_history (
        relationship_key, relationship_id, version, source_key, target_key, type_id, bidirectional, weight, metadata,
        created_at, created_by, actor, valid_from, superseded_at
    )
    select relationship_key, relationship_id, version, source_key, target_key, type_id,
        bidirectional, weight, metadata, created_at, created_by, coalesce(updated_by, created_by),
        coalesce(updated_at, created_at),
        greatest(now(), coalesce(updated_at, created_at))
    from superseded;
    insert into change (subject, subject_key, subject_id, operation, version, actor)
    select 'relationship', relationship_key, relationship_id::text, 'delete', version + 1,
        registry_actor(coalesce(updated_by, created_by))
    from superseded
    order by relationship_key;
    return null;
end
$$;

CREATE FUNCTION public.record_inserted_assessments() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into change (subject, subject_key, subject_id, operation, version, actor)
    select 'assessment', w.entry_key, e.entry_id || '/' || c.framework || '/' || c.code, 'create',
        w.version, w.updated_by
    from written w
    join entry e using (entry_key)
    join compliance_control c using (control_key)
    order by w.entry_key, w.control_key;
    return null;
end
$$;

CREATE FUNCTION public.record_inserted_entries() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into change (subject, subject_key, subject_id, operation, version, actor, checksum)
    select 'entry', entry_key, entry_id, 'create', version, updated_by, checksum
    from written
    order by entry_key;
    return null;
end
$$;

CREATE FUNCTION public.record_inserted_relationships() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into change (subject, subject_key, subject_id, operation, version, actor, checksum)
    select 'relationship', relationship_key, relationship_id::text, 'create', version,
        coalesce(updated_by, created_by),
        relationship_checksum(source_key, target_key, type_id, bidirectional, weight, metadata)
    from written
    order by relationship_key;
    return null;
end
$$;

CREATE FUNCTION public.record_purged_entries() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into change (subject, subject_key, subject_id, operation, version, actor)
    select 'entry', entry_key, entry_id, 'purge', version + 1, registry_actor(updated_by)
    from superseded
    order by entry_key;
    return null;
end
$$;

CREATE FUNCTION public.record_updated_assessments() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_nestloop TO 'off'
    AS $$
begin
    insert into compliance_assessment_history (
        entry_key, framework, control, version, status, assessor, due_date, note, evidence, actor,
        valid_from, superseded_at
    )
    select s.entry_key, c.framework, c.code, s.version, s.status, s.assessor, s.due_date, s.note,
        s.evidence, s.updated_by, s.updated_at, w.updated_at
    from superseded s
    join written w using (entry_key, control_key)
    join compliance_control c using (control_key)
    where w.version <> s.version;
    insert into change (subject, subject_key, subject_id, operation, version, actor)
    select 'assessment', w.entry_key, e.entry_id || '/' || c.framework || '/' || c.code, 'update',
        w.version, w.updated_by
    from superseded s
    join written w using (entry_key, control_key)
    join entry e using (entry_key)
    join compliance_control c using (control_key)
    where w.version <> s.version
    order by w.entry_key, w.control_key;
    return null;
end
$$;

CREATE FUNCTION public.record_updated_entries() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_nestloop TO 'off'
    AS $_$
begin
    -- An insert that may come to a conflict ends here too, mostly with no row.
    if not exists (select from written) then
        return null;
    end if;
    if exists (
        select from written w join superseded s using (entry_key)
        where w.version = s.version and w.checksum <> s.checksum
            -- The same content under another key has another checksum.
            and not (s.metadata ? '$sealed' and w.metadata ? '$sealed')
    ) then
        raise exception 'the content of an entry changed without a new version';
    end if;
    insert into entry_version (
        entry_key, version, category, title, description, status, owner, tags, metadata, deprecation,
        compliance_status, visibility, granted, readers, checksum, actor, valid_from,
        superseded_at, deleted, restored_from, handle
    )
    select s.entry_key, s.version, s.category, s.title, s.description, s.status, s.owner, s.tags,
        s.metadata, s.deprecation, s.compliance_status, s.visibility, s.granted, s.readers, s.checksum,
        s.updated_by, s.updated_at, w.updated_at, s.deleted_at is not null, s.restored_from, s.handle
    from superseded s join written w using (entry_key)
    where w.version <> s.version;
    insert into change (subject, subject_key, subject_id, operation, version, actor, checksum)
    select 'entry', w.entry_key, w.entry_id,
        case
            when w.deleted_at is not null then 'delete'
            when s.deleted_at is not null then 'undelete'
            when w.restored_from is not null then 'restore'
            else 'update'
        end,
        w.version, w.updated_by, case when w.deleted_at is null then w.checksum end
    from superseded s join written w using (entry_key)
    where w.version <> s.version
    order by w.entry_key;
    return null;
end
$_$;

CREATE FUNCTION public.record_updated_relationships() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_nestloop TO 'off'
    AS $$
begin
    insert into relationship_history (
        relationship_key, relationship_id, version, source_key, target_key, type_id, bidirectional, weight, metadata,
        created_at, created_by, actor, valid_from, superseded_at
    )
    select s.relationship_key, s.relationship_id, s.version, s.source_key, s.target_key, s.type_id, s.bidirectional,
        s.weight, s.metadata, s.created_at, s.created_by, coalesce(s.updated_by, s.created_by),
        coalesce(s.updated_at, s.created_at), coalesce(w.updated_at, now())
    from superseded s join written w using (relationship_key)
    where w.version <> s.version;
    insert into change (subject, subject_key, subject_id, operation, version, actor, checksum)
    select 'relationship', w.relationship_key, w.relationship_id::text, 'update', w.version,
        coalesce(w.updated_by, w.created_by),
        relationship_checksum(
            w.source_key, w.target_key, w.type_id, w.bidirectional, w.weight, w.metadata
        )
    from superseded s join written w using (relationship_key)
    where w.version <> s.version
    order by w.relationship_key;
    return null;
end
$$;

CREATE FUNCTION public.redacted_json(value jsonb, pattern text, replacement text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
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

COMMENT ON FUNCTION public.redacted_json(value jsonb, pattern text, replacement text) IS 'JSON with the names and texts in it redacted, numbers and the form kept.';

CREATE FUNCTION public.redacted_text(value text, pattern text, replacement text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN regexp_replace(value, pattern, replacement, 'gi'::text);

CREATE FUNCTION public.refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if coalesce(current_setting('hyper_registry.audit_pruning', true), 'off') <> 'on'
        and not (
            tg_table_name = 'audit' and tg_op = 'UPDATE'
            and coalesce(current_setting('hyper_registry.audit_erasing', true), 'off') = 'on'
        )
    then
        raise exception '% is append-only', tg_table_name
            using hint = 'Old rows go by prune_audit(), which keeps the chain of seals whole.';
    end if;
    return null;
end $$;

CREATE FUNCTION public.registry_actor(last_writer text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE(NULLIF(current_setting('hyper_registry.actor'::text, true), ''::text), last_writer);

COMMENT ON FUNCTION public.registry_actor(last_writer text) IS 'Who deletes rows: they are gone before they could tell, so the statement says it in a setting of its transaction.';

CREATE FUNCTION public.registry_text_vector(title text, description text, tags text[]) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((setweight(to_tsvector('english'::regconfig, public.unaccent('public.unaccent'::regdictionary, title)), 'A'::"char") || setweight(to_tsvector('english'::regconfig, public.unaccent('public.unaccent'::regdictionary, array_to_string(tags, ' '::text))), 'B'::"char")) || setweight(to_tsvector('english'::regconfig, public.unaccent('public.unaccent'::regdictionary, "left"(description, 100000))), 'C'::"char"));

CREATE FUNCTION public.relationship_checksum(source_key bigint, target_key bigint, type_id smallint, bidirectional boolean, weight real, metadata jsonb) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(convert_to((((((((((((source_key)::text || ' '::text) || (target_key)::text) || ' '::text) || (type_id)::text) || ' '::text) || (bidirectional)::text) || ' '::text) || (weight)::text) || ' '::text) || (metadata)::text), 'UTF8'::name));

CREATE FUNCTION public.time_ordered_uuid() RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    RETURN (SELECT (encode((int8send(((((moment.us / 1000) << 16) | (28672)::bigint) | (((moment.us % (1000)::bigint) * 4096) / 1000))) || SUBSTRING(uuid_send(gen_random_uuid()) FROM 9)), 'hex'::text))::uuid AS encode FROM (SELECT ((EXTRACT(epoch FROM clock_timestamp()) * (1000000)::numeric))::bigint AS us) moment);

CREATE TABLE public.api_key (
    key_id text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    groups text[] NOT NULL,
    secret_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    scopes text[],
    previous_hash bytea,
    previous_until timestamp with time zone,
    rotated_at timestamp with time zone,
    last_used_at timestamp with time zone
);

COMMENT ON COLUMN public.api_key.scopes IS 'What the key is narrowed to; null for all scopes of its role.';

COMMENT ON COLUMN public.api_key.previous_hash IS 'The secret before the last rotation, valid until previous_until.';

CREATE TABLE public.audit (
    audit_no bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT now() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text,
    outcome text NOT NULL,
    request_id text,
    before_hash bytea,
    after_hash bytea,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    xid bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    salt bytea DEFAULT uuid_send(gen_random_uuid())
);

COMMENT ON COLUMN public.audit.salt IS 'Random: sealed with what may tell of a person, and replaced with it.';

ALTER TABLE public.audit ALTER COLUMN audit_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_audit_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_checkpoint (
    single boolean DEFAULT true NOT NULL,
    seal_no bigint NOT NULL,
    seal bytea NOT NULL,
    last_xid bigint NOT NULL,
    last_no bigint NOT NULL,
    mac bytea,
    pruned_rows bigint NOT NULL,
    pruned_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT audit_checkpoint_single_check CHECK (single)
);

COMMENT ON TABLE public.audit_checkpoint IS 'Where the chain begins after its oldest seals and their rows were pruned.';

CREATE TABLE public.audit_replacement (
    seal_no bigint NOT NULL,
    digest bytea NOT NULL,
    keyed boolean NOT NULL
);

COMMENT ON TABLE public.audit_replacement IS 'What the rows of a seal are since a person was erased from them; a row of the log itself vouches for each digest.';

CREATE TABLE public.audit_seal (
    seal_no bigint NOT NULL,
    previous bytea NOT NULL,
    seal bytea NOT NULL,
    keyed boolean NOT NULL,
    last_xid bigint NOT NULL,
    last_no bigint NOT NULL,
    row_count bigint NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    personal bytea
);

COMMENT ON TABLE public.audit_seal IS 'A hash chain over the audit rows: each seal covers those after the one before it, up to (last_xid, last_no).';

COMMENT ON COLUMN public.audit_seal.personal IS 'SHA-256 over what of its rows may tell of a person, as it was sealed; null where the seal covers whole rows.';

CREATE TABLE public.category (
    name text NOT NULL,
    built_in boolean DEFAULT false NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    compatibility text DEFAULT 'none'::text NOT NULL,
    lifecycle jsonb,
    schema_version integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text DEFAULT 'registry'::text NOT NULL
);

CREATE TABLE public.category_schema (
    category text NOT NULL,
    version integer NOT NULL,
    document jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE public.change (
    change_no bigint NOT NULL,
    xid bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    subject text NOT NULL,
    subject_key bigint NOT NULL,
    subject_id text NOT NULL,
    operation text NOT NULL,
    version bigint NOT NULL,
    actor text NOT NULL,
    occurred_at timestamp with time zone DEFAULT now() NOT NULL,
    checksum bytea
);

COMMENT ON TABLE public.change IS 'Read in the order (xid, change_no) and only where xid < pg_snapshot_xmin: then no transaction that commits late is skipped.';

COMMENT ON COLUMN public.change.checksum IS 'Hash of the content after the change; null where none is left.';

ALTER TABLE public.change ALTER COLUMN change_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.change_change_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.compliance_assessment (
    entry_key bigint NOT NULL,
    control_key bigint NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    assessor text,
    due_date date,
    note text NOT NULL,
    evidence jsonb NOT NULL,
    valid_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by text NOT NULL
);

COMMENT ON COLUMN public.compliance_assessment.valid_until IS 'When the first of the evidence expires; null where none does.';

CREATE TABLE public.compliance_assessment_history (
    entry_key bigint NOT NULL,
    framework text NOT NULL,
    control text NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    assessor text,
    due_date date,
    note text NOT NULL,
    evidence jsonb NOT NULL,
    actor text NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone NOT NULL
);

CREATE TABLE public.compliance_control (
    control_key bigint NOT NULL,
    framework text NOT NULL,
    code text NOT NULL,
    "position" integer NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    categories text[]
);

COMMENT ON COLUMN public.compliance_control.categories IS 'Categories whose entries the control applies to; null for all.';

ALTER TABLE public.compliance_control ALTER COLUMN control_key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.compliance_control_control_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.compliance_framework (
    name text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by text NOT NULL
);

CREATE TABLE public.duplicate_rejection (
    lower_key bigint NOT NULL,
    higher_key bigint NOT NULL,
    lower_text bytea NOT NULL,
    higher_text bytea NOT NULL,
    rejected_at timestamp with time zone DEFAULT now() NOT NULL,
    rejected_by text NOT NULL,
    CONSTRAINT duplicate_rejection_order CHECK ((lower_key < higher_key))
);

COMMENT ON COLUMN public.duplicate_rejection.lower_text IS 'embedding_input_hash of the entry with the lower key when the pair was rejected.';

CREATE TABLE public.entry (
    entry_key bigint NOT NULL,
    entry_id text NOT NULL,
    category text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    owner text,
    tags text[] NOT NULL,
    metadata jsonb NOT NULL,
    compliance_status text NOT NULL,
    visibility text NOT NULL,
    granted text[] NOT NULL,
    readers text[] NOT NULL,
    checksum bytea NOT NULL,
    embedding_input_hash bytea NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    updated_by text NOT NULL,
    deleted_at timestamp with time zone,
    change_xid bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    text_vector tsvector GENERATED ALWAYS AS (public.registry_text_vector(title, description, tags)) STORED,
    deprecation jsonb,
    restored_from bigint,
    handle text,
    handle_form text COLLATE pg_catalog."C",
    merged_into bigint,
    CONSTRAINT entry_handle_form CHECK (((handle IS NULL) = (handle_form IS NULL))),
    CONSTRAINT entry_merged_is_deleted CHECK (((merged_into IS NULL) OR (deleted_at IS NOT NULL)))
);

COMMENT ON COLUMN public.entry.readers IS 'Grants that may see the entry; compared with a principal''s grants.';

COMMENT ON COLUMN public.entry.change_xid IS 'Transaction of the last write: a snapshot taken when all transactions below X had ended holds every row whose change_xid is below X.';

COMMENT ON COLUMN public.entry.restored_from IS 'The version whose content this one brought back.';

CREATE TABLE public.entry_access (
    entry_key bigint NOT NULL,
    accessed_at timestamp with time zone NOT NULL,
    access_count bigint NOT NULL
)
WITH (fillfactor='70');

CREATE TABLE public.entry_embedding (
    entry_key bigint NOT NULL,
    model_id text NOT NULL,
    input_hash bytea CONSTRAINT entry_embedding_input_hash_not_null1 NOT NULL,
    vector public.halfvec(384) NOT NULL,
    change_xid bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL
);

ALTER TABLE public.entry ALTER COLUMN entry_key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.entry_entry_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.entry_merge (
    merge_id uuid DEFAULT public.time_ordered_uuid() NOT NULL,
    survivor_key bigint NOT NULL,
    duplicate_key bigint NOT NULL,
    permissions text NOT NULL,
    security_before jsonb,
    security_after jsonb,
    merged_at timestamp with time zone DEFAULT now() NOT NULL,
    merged_by text NOT NULL,
    undone_at timestamp with time zone,
    undone_by text
);

COMMENT ON COLUMN public.entry_merge.security_before IS 'Security of the survivor, where the merge changed it.';

CREATE TABLE public.entry_merge_relationship (
    merge_id uuid NOT NULL,
    relationship_id uuid NOT NULL,
    dropped_for text,
    source_key bigint NOT NULL,
    target_key bigint NOT NULL,
    type_id smallint NOT NULL,
    bidirectional boolean NOT NULL,
    weight real NOT NULL,
    metadata jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    version integer NOT NULL
);

COMMENT ON TABLE public.entry_merge_relationship IS 'Relationships as they were before a merge moved them, or, with a reason in dropped_for, left them out.';

CREATE TABLE public.entry_name (
    form text NOT NULL COLLATE pg_catalog."C",
    handle text NOT NULL,
    namespace text NOT NULL COLLATE pg_catalog."C",
    entry_key bigint NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    until timestamp with time zone,
    created_by text NOT NULL
);

COMMENT ON TABLE public.entry_name IS 'Every handle that an entry has (until is null) or had; a form never passes to another entry.';

CREATE TABLE public.entry_review (
    review_id uuid DEFAULT public.time_ordered_uuid() NOT NULL,
    entry_key bigint NOT NULL,
    version integer NOT NULL,
    namespace text NOT NULL COLLATE pg_catalog."C",
    patch jsonb NOT NULL,
    note text NOT NULL,
    readers text[] NOT NULL,
    readers_after text[] NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamp with time zone DEFAULT now() NOT NULL,
    closed_at timestamp with time zone,
    applied_version integer
);

COMMENT ON COLUMN public.entry_review.version IS 'Of the entry when the change was proposed: at another one the review is outdated.';

COMMENT ON COLUMN public.entry_review.namespace IS 'Whose owners decide: where the entry is once the patch is applied.';

COMMENT ON COLUMN public.entry_review.readers IS 'Readers of the entry when the change was proposed; who sees the review is one of them, of readers_after and of the present ones.';

CREATE TABLE public.entry_review_decision (
    decision_id bigint NOT NULL,
    review_id uuid NOT NULL,
    decision text NOT NULL,
    note text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.entry_review_decision ALTER COLUMN decision_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.entry_review_decision_decision_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.entry_version (
    entry_key bigint CONSTRAINT entry_version_entry_key_not_null1 NOT NULL,
    version bigint CONSTRAINT entry_version_version_not_null1 NOT NULL,
    category text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    owner text,
    tags text[] NOT NULL,
    metadata jsonb NOT NULL,
    deprecation jsonb,
    compliance_status text NOT NULL,
    visibility text NOT NULL,
    granted text[] NOT NULL,
    readers text[] NOT NULL,
    checksum bytea NOT NULL,
    actor text CONSTRAINT entry_version_actor_not_null1 NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone NOT NULL,
    deleted boolean NOT NULL,
    restored_from bigint,
    handle text
);

CREATE VIEW public.entry_state WITH (security_invoker='true') AS
 SELECT entry.entry_key,
    entry.version,
    entry.category,
    entry.title,
    entry.description,
    entry.status,
    entry.owner,
    entry.tags,
    entry.metadata,
    entry.deprecation,
    entry.compliance_status,
    entry.visibility,
    entry.granted,
    entry.readers,
    entry.checksum,
    entry.updated_by AS actor,
    entry.updated_at AS valid_from,
    NULL::timestamp with time zone AS superseded_at,
    (entry.deleted_at IS NOT NULL) AS deleted,
    entry.restored_from,
    entry.handle
   FROM public.entry
UNION ALL
 SELECT entry_version.entry_key,
    entry_version.version,
    entry_version.category,
    entry_version.title,
    entry_version.description,
    entry_version.status,
    entry_version.owner,
    entry_version.tags,
    entry_version.metadata,
    entry_version.deprecation,
    entry_version.compliance_status,
    entry_version.visibility,
    entry_version.granted,
    entry_version.readers,
    entry_version.checksum,
    entry_version.actor,
    entry_version.valid_from,
    entry_version.superseded_at,
    entry_version.deleted,
    entry_version.restored_from,
    entry_version.handle
   FROM public.entry_version;

COMMENT ON VIEW public.entry_state IS 'Every version of every entry, the present one included.';

CREATE TABLE public.erasure (
    erasure_id text NOT NULL,
    pseudonym text NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    report jsonb NOT NULL,
    xid bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    erased_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN public.erasure.xid IS 'Versions of the index as of this transaction or before hold names that were erased.';

CREATE TABLE public.idempotency (
    digest bytea NOT NULL,
    body_hash bytea NOT NULL,
    holder uuid NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    written boolean DEFAULT false NOT NULL,
    status smallint,
    headers jsonb,
    body bytea
);

COMMENT ON COLUMN public.idempotency.digest IS 'SHA-256 of the caller''s credential, the route and the key.';

COMMENT ON COLUMN public.idempotency.written IS 'Set in the transaction of the request''s own write.';

COMMENT ON COLUMN public.idempotency.body IS 'Null where there is no answer yet, or it may not be kept.';

CREATE TABLE public.index_pointer (
    name text NOT NULL,
    version bigint NOT NULL,
    previous_version bigint
);

CREATE TABLE public.index_version (
    version bigint NOT NULL,
    state text NOT NULL,
    uri text NOT NULL,
    snapshot_xid bigint NOT NULL,
    model_id text NOT NULL,
    row_count bigint,
    shard_count integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    activated_at timestamp with time zone
);

ALTER TABLE public.index_version ALTER COLUMN version ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.index_version_version_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.installation_secret (
    name text NOT NULL,
    secret bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.installation_secret IS 'Random keys that all processes of this installation share; made when first needed.';

CREATE TABLE public.job (
    job_id text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    parameters jsonb NOT NULL,
    estimate jsonb DEFAULT '{}'::jsonb NOT NULL,
    checkpoint jsonb DEFAULT '{}'::jsonb NOT NULL,
    result jsonb DEFAULT '{}'::jsonb NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    total bigint,
    attempt integer DEFAULT 0 NOT NULL,
    submission_id text,
    error text,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    heartbeat_at timestamp with time zone,
    finished_at timestamp with time zone
);

CREATE TABLE public.namespace (
    form text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    approval jsonb,
    approval_since timestamp with time zone
);

COMMENT ON COLUMN public.namespace.form IS 'NFKC_Casefold of the name: all ways to write it are one.';

COMMENT ON COLUMN public.namespace.approval IS 'Which statuses of entries need approval, and by how many owners; null asks for none.';

CREATE UNLOGGED TABLE public.rate_limit (
    subject bytea NOT NULL,
    full_at timestamp with time zone NOT NULL,
    granted integer NOT NULL
);

COMMENT ON TABLE public.rate_limit IS 'Unlogged: a crash of Postgres gives everybody a full share, and nothing else.';

COMMENT ON COLUMN public.rate_limit.full_at IS 'When the share would be full again if nothing more were taken.';

CREATE TABLE public.relationship (
    relationship_key bigint NOT NULL,
    source_key bigint NOT NULL,
    target_key bigint NOT NULL,
    type_id smallint NOT NULL,
    bidirectional boolean NOT NULL,
    weight real NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    metadata jsonb NOT NULL,
    change_xid bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    relationship_id uuid DEFAULT public.time_ordered_uuid() NOT NULL,
    updated_at timestamp with time zone,
    updated_by text,
    CONSTRAINT relationship_check CHECK ((source_key <> target_key))
);

COMMENT ON COLUMN public.relationship.updated_at IS 'Null, as updated_by, while it is as it was created.';

CREATE TABLE public.relationship_history (
    relationship_key bigint NOT NULL,
    relationship_id uuid NOT NULL,
    version integer NOT NULL,
    source_key bigint NOT NULL,
    target_key bigint NOT NULL,
    type_id smallint NOT NULL,
    bidirectional boolean NOT NULL,
    weight real NOT NULL,
    metadata jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    actor text NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone NOT NULL
);

ALTER TABLE public.relationship ALTER COLUMN relationship_key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.relationship_relationship_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW public.relationship_state WITH (security_invoker='true') AS
 SELECT relationship.relationship_id,
    relationship.version,
    relationship.source_key,
    relationship.target_key,
    relationship.type_id,
    relationship.bidirectional,
    relationship.weight,
    relationship.metadata,
    relationship.created_at,
    relationship.created_by,
    COALESCE(relationship.updated_by, relationship.created_by) AS actor,
    COALESCE(relationship.updated_at, relationship.created_at) AS valid_from,
    NULL::timestamp with time zone AS superseded_at
   FROM public.relationship
UNION ALL
 SELECT relationship_history.relationship_id,
    relationship_history.version,
    relationship_history.source_key,
    relationship_history.target_key,
    relationship_history.type_id,
    relationship_history.bidirectional,
    relationship_history.weight,
    relationship_history.metadata,
    relationship_history.created_at,
    relationship_history.created_by,
    relationship_history.actor,
    relationship_history.valid_from,
    relationship_history.superseded_at
   FROM public.relationship_history;

COMMENT ON VIEW public.relationship_state IS 'Every version of every relationship, the present ones included.';

CREATE TABLE public.relationship_type (
    type_id smallint NOT NULL,
    name text NOT NULL,
    described boolean DEFAULT false NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    source_categories text[],
    target_categories text[],
    cardinality text DEFAULT 'many_to_many'::text NOT NULL,
    inverse text,
    is_symmetric boolean DEFAULT false NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by text
);

COMMENT ON COLUMN public.relationship_type.source_categories IS 'Categories an entry may have to be a source; null allows all.';

ALTER TABLE public.relationship_type ALTER COLUMN type_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.relationship_type_type_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW public.review_state WITH (security_invoker='true') AS
 SELECT r.review_id,
    e.entry_id,
    r.version,
    r.namespace,
    r.patch,
    r.note,
        CASE
            WHEN ((r.state = 'open'::text) AND (r.version <> e.version)) THEN 'outdated'::text
            ELSE r.state
        END AS state,
    r.proposed_by,
    r.proposed_at,
    r.closed_at,
    r.applied_version,
    COALESCE(( SELECT jsonb_agg(jsonb_build_object('decided_by', d.decided_by, 'decision', d.decision, 'note', d.note, 'decided_at', d.decided_at) ORDER BY d.decision_id) AS jsonb_agg
           FROM public.entry_review_decision d
          WHERE (d.review_id = r.review_id)), '[]'::jsonb) AS decisions,
    e.readers,
    r.readers AS readers_before,
    r.readers_after
   FROM (public.entry_review r
     JOIN public.entry e ON (((e.entry_key = r.entry_key) AND (e.deleted_at IS NULL))));

CREATE TABLE public.role (
    name text NOT NULL,
    description text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.role IS 'Custom roles; the built-in ones are part of the code and have no row.';

CREATE TABLE public.role_binding (
    binding_id bigint NOT NULL,
    namespace text NOT NULL COLLATE pg_catalog."C",
    subject_kind text NOT NULL,
    subject text NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT role_binding_subject_kind_check CHECK ((subject_kind = ANY (ARRAY['principal'::text, 'group'::text])))
);

ALTER TABLE public.role_binding ALTER COLUMN binding_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.role_binding_binding_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.schema_migration (
    name text NOT NULL,
    checksum bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.type_revision (
    only_row boolean DEFAULT true NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT type_revision_only_row_check CHECK (only_row)
);

CREATE TABLE public.webhook (
    webhook_id text NOT NULL,
    url text NOT NULL,
    secret bytea,
    filter jsonb NOT NULL,
    active boolean NOT NULL,
    inactive_reason text,
    owner text NOT NULL,
    owner_role text NOT NULL,
    owner_groups text[] NOT NULL,
    owner_is_local boolean NOT NULL,
    low_xid bigint NOT NULL,
    high_xid bigint NOT NULL,
    change_no bigint NOT NULL,
    last_no bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    sealed_secret jsonb,
    CONSTRAINT webhook_one_secret CHECK ((num_nonnulls(secret, sealed_secret) = 1))
);

COMMENT ON COLUMN public.webhook.change_no IS 'With low_xid, high_xid and last_no: how far its changes became deliveries.';

COMMENT ON COLUMN public.webhook.sealed_secret IS 'Envelope of the key ring: {key, nonce, value}; authenticated with the webhook''s id.';

CREATE TABLE public.webhook_delivery (
    delivery_id text NOT NULL,
    webhook_id text NOT NULL,
    event_id text NOT NULL,
    body text NOT NULL,
    state text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT now() NOT NULL,
    response_status integer,
    reason text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT webhook_delivery_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'dead'::text])))
);

COMMENT ON COLUMN public.webhook_delivery.next_attempt_at IS 'Whoever sends puts it off first: if it dies, the delivery is due again then.';

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY public.audit_checkpoint
    ADD CONSTRAINT audit_checkpoint_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (audit_no);

ALTER TABLE ONLY public.audit_replacement
    ADD CONSTRAINT audit_replacement_pkey PRIMARY KEY (seal_no);

ALTER TABLE ONLY public.audit_seal
    ADD CONSTRAINT audit_seal_pkey PRIMARY KEY (seal_no);

ALTER TABLE ONLY public.category
    ADD CONSTRAINT category_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.category_schema
    ADD CONSTRAINT category_schema_pkey PRIMARY KEY (category, version);

ALTER TABLE ONLY public.change
    ADD CONSTRAINT change_pkey PRIMARY KEY (change_no);

ALTER TABLE ONLY public.compliance_assessment_history
    ADD CONSTRAINT compliance_assessment_history_pkey PRIMARY KEY (entry_key, framework, control, version);

ALTER TABLE ONLY public.compliance_assessment
    ADD CONSTRAINT compliance_assessment_pkey PRIMARY KEY (entry_key, control_key);

ALTER TABLE ONLY public.compliance_control
    ADD CONSTRAINT compliance_control_framework_code_key UNIQUE (framework, code);

ALTER TABLE ONLY public.compliance_control
    ADD CONSTRAINT compliance_control_pkey PRIMARY KEY (control_key);

ALTER TABLE ONLY public.compliance_framework
    ADD CONSTRAINT compliance_framework_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.duplicate_rejection
    ADD CONSTRAINT duplicate_rejection_pkey PRIMARY KEY (lower_key, higher_key);

ALTER TABLE ONLY public.entry_access
    ADD CONSTRAINT entry_access_pkey PRIMARY KEY (entry_key);

ALTER TABLE ONLY public.entry_embedding
    ADD CONSTRAINT entry_embedding_pkey PRIMARY KEY (entry_key, model_id);

ALTER TABLE ONLY public.entry
    ADD CONSTRAINT entry_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY public.entry_merge
    ADD CONSTRAINT entry_merge_pkey PRIMARY KEY (merge_id);

ALTER TABLE ONLY public.entry_merge_relationship
    ADD CONSTRAINT entry_merge_relationship_pkey PRIMARY KEY (merge_id, relationship_id);

ALTER TABLE ONLY public.entry_name
    ADD CONSTRAINT entry_name_pkey PRIMARY KEY (form);

ALTER TABLE ONLY public.entry
    ADD CONSTRAINT entry_pkey PRIMARY KEY (entry_key);

ALTER TABLE ONLY public.entry_review_decision
    ADD CONSTRAINT entry_review_decision_pkey PRIMARY KEY (decision_id);

ALTER TABLE ONLY public.entry_review
    ADD CONSTRAINT entry_review_pkey PRIMARY KEY (review_id);

ALTER TABLE ONLY public.entry_version
    ADD CONSTRAINT entry_version_pkey PRIMARY KEY (entry_key, version);

ALTER TABLE ONLY public.erasure
    ADD CONSTRAINT erasure_pkey PRIMARY KEY (erasure_id);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.index_pointer
    ADD CONSTRAINT index_pointer_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.index_version
    ADD CONSTRAINT index_version_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.installation_secret
    ADD CONSTRAINT installation_secret_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (job_id);

ALTER TABLE ONLY public.namespace
    ADD CONSTRAINT namespace_pkey PRIMARY KEY (form);

ALTER TABLE ONLY public.rate_limit
    ADD CONSTRAINT rate_limit_pkey PRIMARY KEY (subject);

ALTER TABLE ONLY public.relationship_history
    ADD CONSTRAINT relationship_history_pkey PRIMARY KEY (relationship_key, version);

ALTER TABLE ONLY public.relationship
    ADD CONSTRAINT relationship_pkey PRIMARY KEY (relationship_key);

ALTER TABLE ONLY public.relationship_type
    ADD CONSTRAINT relationship_type_name_key UNIQUE (name);

ALTER TABLE ONLY public.relationship_type
    ADD CONSTRAINT relationship_type_pkey PRIMARY KEY (type_id);

ALTER TABLE ONLY public.role_binding
    ADD CONSTRAINT role_binding_pkey PRIMARY KEY (binding_id);

ALTER TABLE ONLY public.role_binding
    ADD CONSTRAINT role_binding_subject_kind_subject_namespace_key UNIQUE (subject_kind, subject, namespace);

ALTER TABLE ONLY public.role
    ADD CONSTRAINT role_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.type_revision
    ADD CONSTRAINT type_revision_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.webhook_delivery
    ADD CONSTRAINT webhook_delivery_pkey PRIMARY KEY (delivery_id);

ALTER TABLE ONLY public.webhook_delivery
    ADD CONSTRAINT webhook_delivery_webhook_id_event_id_key UNIQUE (webhook_id, event_id);

ALTER TABLE ONLY public.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (webhook_id);

CREATE INDEX api_key_newest ON public.api_key USING btree (created_at DESC, key_id DESC);

CREATE INDEX audit_actor ON public.audit USING btree (actor, audit_no);

CREATE INDEX audit_position ON public.audit USING btree (xid, audit_no);

CREATE INDEX audit_target ON public.audit USING btree (target, audit_no);

CREATE INDEX change_position ON public.change USING btree (xid, change_no);

CREATE INDEX compliance_assessment_control ON public.compliance_assessment USING btree (control_key, entry_key);

CREATE INDEX compliance_assessment_due_date ON public.compliance_assessment USING btree (due_date) WHERE (due_date IS NOT NULL);

CREATE INDEX compliance_assessment_valid_until ON public.compliance_assessment USING btree (valid_until) WHERE (valid_until IS NOT NULL);

CREATE INDEX duplicate_rejection_higher ON public.duplicate_rejection USING btree (higher_key);

CREATE INDEX entry_category ON public.entry USING btree (category, entry_key) WHERE (deleted_at IS NULL);

CREATE INDEX entry_change_xid ON public.entry USING btree (change_xid);

CREATE INDEX entry_deleted ON public.entry USING btree (deleted_at, entry_id) WHERE (deleted_at IS NOT NULL);

CREATE INDEX entry_embedding_change_xid ON public.entry_embedding USING btree (change_xid);

CREATE INDEX entry_merge_duplicate ON public.entry_merge USING btree (duplicate_key);

CREATE INDEX entry_merge_relationship_source ON public.entry_merge_relationship USING btree (source_key);

CREATE INDEX entry_merge_relationship_target ON public.entry_merge_relationship USING btree (target_key);

CREATE INDEX entry_merge_survivor ON public.entry_merge USING btree (survivor_key);

CREATE INDEX entry_merged_into ON public.entry USING btree (merged_into) WHERE (merged_into IS NOT NULL);

CREATE UNIQUE INDEX entry_name_current ON public.entry_name USING btree (entry_key) WHERE (until IS NULL);

CREATE INDEX entry_name_entry ON public.entry_name USING btree (entry_key, since);

CREATE INDEX entry_name_namespace ON public.entry_name USING btree (namespace);

CREATE INDEX entry_namespace ON public.entry USING btree (split_part(handle_form, '/'::text, 1), entry_key) WHERE (handle_form IS NOT NULL);

CREATE INDEX entry_owner ON public.entry USING btree (owner, entry_key) WHERE (deleted_at IS NULL);

CREATE INDEX entry_review_decision_review ON public.entry_review_decision USING btree (review_id, decision_id);

CREATE INDEX entry_review_entry ON public.entry_review USING btree (entry_key, review_id);

CREATE INDEX entry_review_namespace ON public.entry_review USING btree (namespace);

CREATE INDEX entry_review_open ON public.entry_review USING btree (review_id) WHERE (state = 'open'::text);

CREATE INDEX entry_sealed ON public.entry USING btree (entry_key) WHERE (metadata ? '$sealed'::text);

CREATE INDEX entry_sunset ON public.entry USING btree (((deprecation ->> 'sunset'::text)) COLLATE "C", entry_id COLLATE "C") WHERE ((deleted_at IS NULL) AND ((deprecation ->> 'sunset'::text) IS NOT NULL));

CREATE INDEX entry_tags ON public.entry USING gin (tags);

CREATE INDEX entry_text_vector ON public.entry USING gin (text_vector);

CREATE INDEX entry_version_sealed ON public.entry_version USING btree (entry_key, version) WHERE (metadata ? '$sealed'::text);

CREATE INDEX idempotency_expires_at ON public.idempotency USING btree (expires_at);

CREATE INDEX job_created ON public.job USING btree (created_at DESC);

CREATE UNIQUE INDEX job_one_active ON public.job USING btree (kind) WHERE (state = ANY (ARRAY['pending'::text, 'running'::text]));

CREATE INDEX relationship_change_xid ON public.relationship USING btree (change_xid);

CREATE UNIQUE INDEX relationship_history_public_id ON public.relationship_history USING btree (relationship_id, version);

CREATE INDEX relationship_history_source ON public.relationship_history USING btree (source_key, superseded_at);

CREATE INDEX relationship_history_target ON public.relationship_history USING btree (target_key, superseded_at);

CREATE UNIQUE INDEX relationship_public_id ON public.relationship USING btree (relationship_id);

CREATE UNIQUE INDEX relationship_source ON public.relationship USING btree (source_key, target_key, type_id);

CREATE INDEX relationship_target ON public.relationship USING btree (target_key, relationship_id);

CREATE INDEX role_binding_namespace ON public.role_binding USING btree (namespace, binding_id);

CREATE INDEX webhook_delivery_due ON public.webhook_delivery USING btree (webhook_id, next_attempt_at) WHERE (state = 'pending'::text);

CREATE INDEX webhook_delivery_log ON public.webhook_delivery USING btree (webhook_id, delivery_id);

CREATE TRIGGER assessment_deleted AFTER DELETE ON public.compliance_assessment REFERENCING OLD TABLE AS superseded FOR EACH STATEMENT EXECUTE FUNCTION public.record_deleted_assessments();

CREATE TRIGGER assessment_inserted AFTER INSERT ON public.compliance_assessment REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.record_inserted_assessments();

CREATE TRIGGER assessment_updated AFTER UPDATE ON public.compliance_assessment REFERENCING OLD TABLE AS superseded NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.record_updated_assessments();

CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_seal_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_seal FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER change_notifies AFTER INSERT ON public.change FOR EACH STATEMENT EXECUTE FUNCTION public.notify_change();

CREATE TRIGGER entry_inserted AFTER INSERT ON public.entry REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.record_inserted_entries();

CREATE TRIGGER entry_named AFTER INSERT ON public.entry FOR EACH ROW WHEN ((new.handle_form IS NOT NULL)) EXECUTE FUNCTION public.keep_entry_name();

CREATE TRIGGER entry_purged AFTER DELETE ON public.entry REFERENCING OLD TABLE AS superseded FOR EACH STATEMENT EXECUTE FUNCTION public.record_purged_entries();

CREATE TRIGGER entry_renamed AFTER UPDATE ON public.entry FOR EACH ROW WHEN ((old.handle IS DISTINCT FROM new.handle)) EXECUTE FUNCTION public.keep_entry_name();

CREATE TRIGGER entry_updated AFTER UPDATE ON public.entry REFERENCING OLD TABLE AS superseded NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.record_updated_entries();

CREATE TRIGGER relationship_deleted AFTER DELETE ON public.relationship REFERENCING OLD TABLE AS superseded FOR EACH STATEMENT EXECUTE FUNCTION public.record_deleted_relationships();

CREATE TRIGGER relationship_inserted AFTER INSERT ON public.relationship REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.record_inserted_relationships();

CREATE TRIGGER relationship_updated AFTER UPDATE ON public.relationship REFERENCING OLD TABLE AS superseded NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION public.record_updated_relationships();

ALTER TABLE ONLY public.category_schema
    ADD CONSTRAINT category_schema_category_fkey FOREIGN KEY (category) REFERENCES public.category(name) ON DELETE CASCADE;

ALTER TABLE ONLY public.compliance_assessment
    ADD CONSTRAINT compliance_assessment_control_key_fkey FOREIGN KEY (control_key) REFERENCES public.compliance_control(control_key);

ALTER TABLE ONLY public.compliance_assessment
    ADD CONSTRAINT compliance_assessment_entry_key_fkey FOREIGN KEY (entry_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.compliance_assessment_history
    ADD CONSTRAINT compliance_assessment_history_entry_key_fkey FOREIGN KEY (entry_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.compliance_control
    ADD CONSTRAINT compliance_control_framework_fkey FOREIGN KEY (framework) REFERENCES public.compliance_framework(name) ON DELETE CASCADE;

ALTER TABLE ONLY public.duplicate_rejection
    ADD CONSTRAINT duplicate_rejection_higher_key_fkey FOREIGN KEY (higher_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.duplicate_rejection
    ADD CONSTRAINT duplicate_rejection_lower_key_fkey FOREIGN KEY (lower_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry_access
    ADD CONSTRAINT entry_access_entry_key_fkey FOREIGN KEY (entry_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry
    ADD CONSTRAINT entry_category_fkey FOREIGN KEY (category) REFERENCES public.category(name);

ALTER TABLE ONLY public.entry_embedding
    ADD CONSTRAINT entry_embedding_entry_key_fkey FOREIGN KEY (entry_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry_merge
    ADD CONSTRAINT entry_merge_duplicate_key_fkey FOREIGN KEY (duplicate_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry_merge_relationship
    ADD CONSTRAINT entry_merge_relationship_merge_id_fkey FOREIGN KEY (merge_id) REFERENCES public.entry_merge(merge_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry_merge_relationship
    ADD CONSTRAINT entry_merge_relationship_type_id_fkey FOREIGN KEY (type_id) REFERENCES public.relationship_type(type_id);

ALTER TABLE ONLY public.entry_merge
    ADD CONSTRAINT entry_merge_survivor_key_fkey FOREIGN KEY (survivor_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry
    ADD CONSTRAINT entry_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry_name
    ADD CONSTRAINT entry_name_entry_key_fkey FOREIGN KEY (entry_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry_name
    ADD CONSTRAINT entry_name_namespace_fkey FOREIGN KEY (namespace) REFERENCES public.namespace(form);

ALTER TABLE ONLY public.entry_review_decision
    ADD CONSTRAINT entry_review_decision_review_id_fkey FOREIGN KEY (review_id) REFERENCES public.entry_review(review_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry_review
    ADD CONSTRAINT entry_review_entry_key_fkey FOREIGN KEY (entry_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry_review
    ADD CONSTRAINT entry_review_namespace_fkey FOREIGN KEY (namespace) REFERENCES public.namespace(form) ON DELETE CASCADE;

ALTER TABLE ONLY public.entry_version
    ADD CONSTRAINT entry_version_entry_key_fkey1 FOREIGN KEY (entry_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.index_pointer
    ADD CONSTRAINT index_pointer_previous_version_fkey FOREIGN KEY (previous_version) REFERENCES public.index_version(version);

ALTER TABLE ONLY public.index_pointer
    ADD CONSTRAINT index_pointer_version_fkey FOREIGN KEY (version) REFERENCES public.index_version(version);

ALTER TABLE ONLY public.relationship_history
    ADD CONSTRAINT relationship_history_type_id_fkey FOREIGN KEY (type_id) REFERENCES public.relationship_type(type_id) NOT VALID;

ALTER TABLE ONLY public.relationship
    ADD CONSTRAINT relationship_source_key_fkey FOREIGN KEY (source_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.relationship
    ADD CONSTRAINT relationship_target_key_fkey FOREIGN KEY (target_key) REFERENCES public.entry(entry_key) ON DELETE CASCADE;

ALTER TABLE ONLY public.relationship
    ADD CONSTRAINT relationship_type_id_fkey FOREIGN KEY (type_id) REFERENCES public.relationship_type(type_id);

ALTER TABLE ONLY public.role_binding
    ADD CONSTRAINT role_binding_namespace_fkey FOREIGN KEY (namespace) REFERENCES public.namespace(form) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhook_delivery
    ADD CONSTRAINT webhook_delivery_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.webhook(webhook_id) ON DELETE CASCADE;

ALTER TABLE public.compliance_assessment ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.compliance_assessment_history ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.entry ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.entry_review ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.entry_review_decision ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.entry_version ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.relationship ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.relationship_history ENABLE ROW LEVEL SECURITY;

CREATE POLICY visible ON public.compliance_assessment FOR SELECT TO hyper_registry_reader USING ((EXISTS ( SELECT
   FROM public.entry e
  WHERE (e.entry_key = compliance_assessment.entry_key))));

CREATE POLICY visible ON public.compliance_assessment_history FOR SELECT TO hyper_registry_reader USING ((EXISTS ( SELECT
   FROM public.entry e
  WHERE (e.entry_key = compliance_assessment_history.entry_key))));

CREATE POLICY visible ON public.entry FOR SELECT TO hyper_registry_reader USING ((readers && ( SELECT (NULLIF(current_setting('hyper_registry.grants'::text, true), ''::text))::text[] AS "nullif")));

CREATE POLICY visible ON public.entry_review FOR SELECT TO hyper_registry_reader USING (((readers && ( SELECT (NULLIF(current_setting('hyper_registry.grants'::text, true), ''::text))::text[] AS "nullif")) AND (readers_after && ( SELECT (NULLIF(current_setting('hyper_registry.grants'::text, true), ''::text))::text[] AS "nullif")) AND (EXISTS ( SELECT
   FROM public.entry e
  WHERE (e.entry_key = entry_review.entry_key)))));

CREATE POLICY visible ON public.entry_review_decision FOR SELECT TO hyper_registry_reader USING ((EXISTS ( SELECT
   FROM public.entry_review r
  WHERE (r.review_id = entry_review_decision.review_id))));

CREATE POLICY visible ON public.entry_version FOR SELECT TO hyper_registry_reader USING ((readers && ( SELECT (NULLIF(current_setting('hyper_registry.grants'::text, true), ''::text))::text[] AS "nullif")));

CREATE POLICY visible ON public.relationship FOR SELECT TO hyper_registry_reader USING (((EXISTS ( SELECT
   FROM public.entry s
  WHERE (s.entry_key = relationship.source_key))) AND (EXISTS ( SELECT
   FROM public.entry t
  WHERE (t.entry_key = relationship.target_key)))));

CREATE POLICY visible ON public.relationship_history FOR SELECT TO hyper_registry_reader USING (((EXISTS ( SELECT
   FROM public.entry s
  WHERE (s.entry_key = relationship_history.source_key))) AND (EXISTS ( SELECT
   FROM public.entry t
  WHERE (t.entry_key = relationship_history.target_key)))));

CREATE POLICY written ON public.compliance_assessment TO hyper_registry_writer USING (true) WITH CHECK (true);

CREATE POLICY written ON public.compliance_assessment_history TO hyper_registry_writer USING (true) WITH CHECK (true);

CREATE POLICY written ON public.entry TO hyper_registry_writer USING (true) WITH CHECK (true);

CREATE POLICY written ON public.entry_review TO hyper_registry_writer USING (true) WITH CHECK (true);

CREATE POLICY written ON public.entry_review_decision TO hyper_registry_writer USING (true) WITH CHECK (true);

CREATE POLICY written ON public.entry_version TO hyper_registry_writer USING (true) WITH CHECK (true);

CREATE POLICY written ON public.relationship TO hyper_registry_writer USING (true) WITH CHECK (true);

CREATE POLICY written ON public.relationship_history TO hyper_registry_writer USING (true) WITH CHECK (true);
