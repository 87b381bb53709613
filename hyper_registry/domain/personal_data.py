"""Where persons can occur in the database: every column that holds text is listed here.

A test compares this list with the database, so whoever adds a column decides here what an erasure
does with it; another one looks for the statement that does so.
"""

from collections.abc import Mapping
from enum import StrEnum


class Holding(StrEnum):
    """What a column can hold of a person, and so what an erasure does with it."""

    NAME = "name"
    """A name, alone or as ``user:NAME``: the pseudonym takes its place."""

    RECORD = "record"
    """What the registry wrote down: names in it are replaced as words."""

    TEXT = "text"
    """What people wrote: names in it are reported, and replaced as words if that was asked for."""

    IDENTIFIER = "identifier"
    """Ids that callers chose and others refer to: reported, and left."""

    DERIVED = "derived"
    """Follows from other columns, and is made anew or removed with them."""

    NONE = "none"
    """Words of the registry itself, random ids, hashes of random secrets, vocabulary of the
    deployment."""


_N, _R, _T, _I, _D, _0 = (
    Holding.NAME,
    Holding.RECORD,
    Holding.TEXT,
    Holding.IDENTIFIER,
    Holding.DERIVED,
    Holding.NONE,
)

COLUMNS: Mapping[str, Mapping[str, Holding]] = {
    "api_key": {
        "key_id": _0,
        "name": _N,
        "role": _0,
        "groups": _0,
        "secret_hash": _0,
        "created_by": _N,
        "scopes": _0,
        "previous_hash": _0,
    },
    "audit": {
        "actor": _N,
        "action": _0,
        "target": _R,
        "outcome": _0,
        "request_id": _R,
        "before_hash": _D,
        "after_hash": _D,
        "detail": _R,
        "salt": _0,
    },
    "audit_checkpoint": {"seal": _0, "mac": _0},
    "audit_replacement": {"digest": _0},
    "audit_seal": {"previous": _0, "seal": _0, "personal": _0},
    "category": {
        "name": _0,
        "description": _T,
        "compatibility": _0,
        "lifecycle": _0,
        "created_by": _N,
    },
    "category_schema": {"category": _0, "document": _T, "created_by": _N},
    "change": {
        "subject": _0,
        "subject_id": _I,
        "operation": _0,
        "actor": _N,
        "checksum": _D,
    },
    "compliance_assessment": {
        "status": _0,
        "assessor": _N,
        "note": _T,
        "evidence": _T,
        "created_by": _N,
        "updated_by": _N,
    },
    "compliance_assessment_history": {
        "framework": _0,
        "control": _0,
        "status": _0,
        "assessor": _N,
        "note": _T,
        "evidence": _T,
        "actor": _N,
    },
    "compliance_control": {
        "framework": _0,
        "code": _0,
        "title": _T,
        "description": _T,
        "categories": _0,
    },
    "compliance_framework": {
        "name": _0,
        "title": _T,
        "description": _T,
        "created_by": _N,
        "updated_by": _N,
    },
    "duplicate_rejection": {"lower_text": _D, "higher_text": _D, "rejected_by": _N},
    "entry": {
        "entry_id": _I,
        "category": _0,
        "title": _T,
        "description": _T,
        "status": _0,
        "owner": _N,
        "tags": _T,
        "metadata": _T,
        "compliance_status": _0,
        "visibility": _0,
        "granted": _N,
        "readers": _N,
        "checksum": _D,
        "embedding_input_hash": _D,
        "created_by": _N,
        "updated_by": _N,
        "text_vector": _D,
        "deprecation": _T,
        "handle": _I,
        "handle_form": _I,
    },
    "entry_embedding": {"model_id": _0, "input_hash": _D, "vector": _D},
    "entry_merge": {
        "permissions": _0,
        "security_before": _N,
        "security_after": _N,
        "merged_by": _N,
        "undone_by": _N,
    },
    "entry_merge_relationship": {"dropped_for": _0, "metadata": _T, "created_by": _N},
    "entry_name": {"form": _I, "handle": _I, "namespace": _I, "created_by": _N},
    "entry_version": {
        "category": _0,
        "title": _T,
        "description": _T,
        "status": _0,
        "owner": _N,
        "tags": _T,
        "metadata": _T,
        "deprecation": _T,
        "compliance_status": _0,
        "visibility": _0,
        "granted": _N,
        "readers": _N,
        "checksum": _D,
        "actor": _N,
        "handle": _I,
    },
    "entry_review": {
        "namespace": _I,
        "patch": _R,
        "note": _T,
        "readers": _N,
        "readers_after": _N,
        "state": _0,
        "proposed_by": _N,
    },
    "entry_review_decision": {"decision": _0, "note": _T, "decided_by": _N},
    "erasure": {
        "erasure_id": _0,
        "pseudonym": _0,
        "reason": _R,
        "requested_by": _N,
        "report": _0,
    },
    "idempotency": {
        "digest": _0,
        "body_hash": _0,
        "headers": _R,
        "body": _R,
    },
    "index_pointer": {"name": _0},
    "index_version": {"state": _0, "uri": _0, "model_id": _0},
    "installation_secret": {"name": _0, "secret": _0},
    "job": {
        "job_id": _0,
        "kind": _0,
        "state": _0,
        "parameters": _R,
        "estimate": _0,
        "checkpoint": _R,
        "result": _R,
        "submission_id": _0,
        "error": _R,
        "created_by": _N,
    },
    "namespace": {
        "form": _I,
        "name": _I,
        "description": _T,
        "created_by": _N,
        "approval": _0,
    },
    "rate_limit": {"subject": _0},
    "relationship": {"created_by": _N, "updated_by": _N, "metadata": _T},
    "relationship_history": {"metadata": _T, "created_by": _N, "actor": _N},
    "relationship_type": {
        "name": _0,
        "description": _T,
        "source_categories": _0,
        "target_categories": _0,
        "cardinality": _0,
        "inverse": _0,
        "updated_by": _N,
    },
    "role": {"name": _0, "description": _T, "scopes": _0, "created_by": _N},
    "role_binding": {
        "namespace": _I,
        "subject_kind": _0,
        "subject": _N,
        "role": _0,
        "created_by": _N,
    },
    "schema_migration": {"name": _0, "checksum": _0},
    "webhook": {
        "webhook_id": _0,
        "url": _T,
        "secret": _0,
        "sealed_secret": _0,
        "filter": _I,
        "inactive_reason": _R,
        "owner": _N,
        "owner_role": _0,
        "owner_groups": _0,
    },
    "webhook_delivery": {
        "delivery_id": _0,
        "webhook_id": _0,
        "event_id": _0,
        "body": _R,
        "state": _0,
        "reason": _R,
    },
}
"""What each column that holds text, JSON, bytes or vectors can hold of a person, by table."""
