"""Errors as RFC 9457 problems, each registry error with its HTTP status."""

import math
from typing import cast

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from hyper_registry.domain.errors.access import (
    BindingNotFoundError,
    IssuerUnavailableError,
    KeyNotFoundError,
    PermissionDeniedError,
    RoleExistsError,
    RoleInUseError,
    RoleNotFoundError,
    UnauthenticatedError,
)
from hyper_registry.domain.errors.audit import AuditSealingError, AuditTamperedError
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.compliance import (
    AssessmentNotFoundError,
    ControlInUseError,
    ControlNotFoundError,
    ErasureNotFoundError,
    FrameworkExistsError,
    FrameworkNotFoundError,
)
from hyper_registry.domain.errors.entry import (
    EntryExistsError,
    EntryNotFoundError,
    VersionConflictError,
    VersionNotFoundError,
)
from hyper_registry.domain.errors.identity import (
    HandleFixedError,
    HandleNotFoundError,
    HandlesContendedError,
    HandleTakenError,
    MergeNotFoundError,
    MergeSelfError,
    MergeUndoConflictError,
    MergeWidensReadersError,
    NamespaceExistsError,
    NamespaceInUseError,
    NamespaceNotFoundError,
    UnknownNamespaceError,
)
from hyper_registry.domain.errors.input import (
    BulkRejectedError,
    InvalidFieldError,
    InvalidQueryError,
    RepeatedRowError,
    RequestTooLargeError,
    SourceUnavailableError,
    UnknownCategoryError,
)
from hyper_registry.domain.errors.job import JobNotFoundError, JobNotRunnableError
from hyper_registry.domain.errors.relationship import (
    DanglingRelationshipError,
    RelationshipEndsError,
    RelationshipExistsError,
    RelationshipNotFoundError,
    SelfRelationshipError,
)
from hyper_registry.domain.errors.request import (
    DeadlineExceededError,
    IdempotencyKeyReusedError,
    RateLimitedError,
    RequestInProgressError,
    RequestTakenOverError,
    SlowBodyError,
    UnkeptAnswerError,
)
from hyper_registry.domain.errors.review import (
    ApprovalRequiredError,
    ReviewClosedError,
    ReviewDecidedError,
    ReviewNotFoundError,
    ReviewOutdatedError,
)
from hyper_registry.domain.errors.service import (
    ClusterError,
    DatabaseUnavailableError,
    EmbeddedPostgresError,
    IndexVersionUnavailableError,
    MigrationError,
    ModelUnavailableError,
    NotStartedError,
    ServerUnavailableError,
    SettingsError,
)
from hyper_registry.domain.errors.types import (
    CategoryExistsError,
    CategoryNotFoundError,
    InvalidSchemaError,
    MetadataInvalidError,
    RelationshipRefusedError,
    RelationshipTypeNotFoundError,
    SchemaIncompatibleError,
    SealedFieldError,
    StatusTransitionError,
    TypeInUseError,
)
from hyper_registry.domain.errors.webhook import (
    DeliveryNotFoundError,
    TargetRefusedError,
    WebhookNotFoundError,
)
from serve_app.entity_tags import entity_tag

STATUS: dict[type[RegistryError], int] = {
    InvalidFieldError: 422,
    UnknownCategoryError: 422,
    EntryNotFoundError: 404,
    EntryExistsError: 409,
    VersionConflictError: 412,
    VersionNotFoundError: 404,
    SelfRelationshipError: 422,
    DanglingRelationshipError: 422,
    RelationshipExistsError: 409,
    RelationshipNotFoundError: 404,
    RelationshipEndsError: 422,
    UnauthenticatedError: 401,
    PermissionDeniedError: 403,
    KeyNotFoundError: 404,
    RoleNotFoundError: 404,
    RoleExistsError: 409,
    RoleInUseError: 409,
    BindingNotFoundError: 404,
    IssuerUnavailableError: 503,
    InvalidQueryError: 422,
    BulkRejectedError: 422,
    RepeatedRowError: 422,
    RequestTooLargeError: 413,
    IdempotencyKeyReusedError: 422,
    RequestInProgressError: 409,
    UnkeptAnswerError: 409,
    RequestTakenOverError: 409,
    RateLimitedError: 429,
    DeadlineExceededError: 503,
    SlowBodyError: 408,
    DatabaseUnavailableError: 503,
    EmbeddedPostgresError: 503,
    MigrationError: 503,
    ModelUnavailableError: 503,
    IndexVersionUnavailableError: 409,
    SourceUnavailableError: 422,
    ClusterError: 503,
    SettingsError: 500,
    JobNotFoundError: 404,
    JobNotRunnableError: 409,
    AuditSealingError: 503,
    AuditTamperedError: 409,
    FrameworkNotFoundError: 404,
    FrameworkExistsError: 409,
    ControlNotFoundError: 404,
    ControlInUseError: 409,
    AssessmentNotFoundError: 404,
    ErasureNotFoundError: 404,
    DeliveryNotFoundError: 404,
    TargetRefusedError: 422,
    WebhookNotFoundError: 404,
    NotStartedError: 503,
    ServerUnavailableError: 503,
    InvalidSchemaError: 422,
    SchemaIncompatibleError: 409,
    MetadataInvalidError: 422,
    CategoryNotFoundError: 404,
    CategoryExistsError: 409,
    RelationshipTypeNotFoundError: 404,
    TypeInUseError: 409,
    StatusTransitionError: 409,
    RelationshipRefusedError: 409,
    SealedFieldError: 422,
    HandleNotFoundError: 404,
    HandleTakenError: 409,
    HandlesContendedError: 409,
    HandleFixedError: 409,
    UnknownNamespaceError: 422,
    NamespaceNotFoundError: 404,
    NamespaceExistsError: 409,
    NamespaceInUseError: 409,
    MergeSelfError: 422,
    MergeWidensReadersError: 409,
    MergeNotFoundError: 404,
    MergeUndoConflictError: 409,
    ApprovalRequiredError: 409,
    ReviewNotFoundError: 404,
    ReviewClosedError: 409,
    ReviewOutdatedError: 409,
    ReviewDecidedError: 409,
}


def problem(
    status: int,
    code: str,
    detail: str,
    remedy: str,
    *,
    field: str | None = None,
    errors: list[dict[str, object]] | None = None,
) -> Response:
    """Return an RFC 9457 problem with the code, the field and the remedy as extensions."""
    body: dict[str, object] = {
        "type": f"urn:hyper-registry:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": detail,
        "code": code,
        "field": field,
        "remedy": remedy,
    }
    if errors is not None:
        body["errors"] = errors
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    # Error texts repeat input, which may hold what UTF-8 cannot encode.
    printable = {key: _encodable(value) for key, value in body.items()}
    return Response(orjson.dumps(printable), status, headers, "application/problem+json")


def registry_problem(_request: Request, error: Exception) -> Response:
    """Answer a registry error that a route raised."""
    if not isinstance(error, RegistryError):
        raise error
    return error_problem(error)


def error_problem(error: RegistryError) -> Response:
    """Return the problem that tells of a registry error."""
    rejected: list[dict[str, object]] | None = None
    if isinstance(error, BulkRejectedError):
        rejected = [
            {"row": row, "code": code, "detail": message} for row, code, message in error.rejected
        ]
    elif isinstance(error, MetadataInvalidError | SchemaIncompatibleError):
        places = error.faults if isinstance(error, MetadataInvalidError) else error.breaks
        rejected = [{"pointer": pointer, "detail": detail} for pointer, detail in places]
    answer = problem(
        STATUS[type(error)],
        error.code,
        str(error),
        error.remedy,
        field=error.field,
        errors=rejected,
    )
    if error.retry_after_s is not None:
        answer.headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if isinstance(error, VersionConflictError):
        answer.headers["ETag"] = entity_tag(error.current)
    return answer


def validation_problem(_request: Request, error: Exception) -> Response:
    """Answer input that does not fit the route's model, naming every field at fault."""
    if not isinstance(error, RequestValidationError):
        raise error
    faults: list[dict[str, object]] = [
        {
            "field": ".".join(str(part) for part in fault["loc"][1:]) or str(fault["loc"][0]),
            "detail": str(fault["msg"]).removeprefix("Value error, "),
        }
        for fault in error.errors()
    ]
    malformed = any(fault["type"] == "json_invalid" for fault in error.errors())
    if malformed:
        return problem(
            400, "malformed_json", "the body is not valid JSON", "Send one JSON document in UTF-8."
        )
    first = faults[0]
    return problem(
        422,
        "invalid_field",
        "; ".join(f"{fault['field']}: {fault['detail']}" for fault in faults[:5]),
        "Correct the fields named in 'errors'.",
        field=str(first["field"]),
        errors=faults,
    )


def http_problem(_request: Request, error: Exception) -> Response:
    """Answer what the framework itself refuses, such as an unknown path."""
    if not isinstance(error, HTTPException):
        raise error
    codes = {400: "malformed_request", 404: "no_such_path", 405: "method_not_allowed"}
    return problem(
        error.status_code,
        codes.get(error.status_code, "http_error"),
        str(error.detail),
        "See the paths and methods in /v1/registry/openapi.json.",
    )


def unexpected_problem(_request: Request, _error: Exception) -> Response:
    """Answer a fault of the registry's own; what happened is in the log, not in the answer."""
    return problem(
        500,
        "internal_error",
        "the registry failed to answer",
        "Try again; if it persists, give the operator the answer's X-Request-Id.",
    )


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, list):
        return [_encodable(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {str(key): _encodable(item) for key, item in items}
    return value
