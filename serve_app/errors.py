"""Errors as RFC 9457 problems, each registry error with its HTTP status."""

from typing import cast

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from hyper_registry.domain import errors as domain

STATUS: dict[type[domain.RegistryError], int] = {
    domain.InvalidFieldError: 422,
    domain.UnknownCategoryError: 422,
    domain.EntryNotFoundError: 404,
    domain.EntryExistsError: 409,
    domain.VersionConflictError: 412,
    domain.SelfRelationshipError: 422,
    domain.DanglingRelationshipError: 422,
    domain.RelationshipExistsError: 409,
    domain.UnauthenticatedError: 401,
    domain.PermissionDeniedError: 403,
    domain.KeyNotFoundError: 404,
    domain.InvalidQueryError: 422,
    domain.BulkRejectedError: 422,
    domain.RequestTooLargeError: 413,
    domain.DatabaseUnavailableError: 503,
    domain.EmbeddedPostgresError: 503,
    domain.MigrationError: 503,
    domain.ModelUnavailableError: 503,
    domain.IndexVersionUnavailableError: 409,
    domain.SourceUnavailableError: 422,
    domain.ClusterError: 503,
    domain.SettingsError: 500,
    domain.JobNotFoundError: 404,
    domain.JobNotRunnableError: 409,
    domain.NotStartedError: 503,
    domain.ServerUnavailableError: 503,
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
    """Answer a registry error."""
    if not isinstance(error, domain.RegistryError):
        raise error
    rejected: list[dict[str, object]] | None = None
    if isinstance(error, domain.BulkRejectedError):
        rejected = [
            {"row": row, "code": code, "detail": message} for row, code, message in error.rejected
        ]
    return problem(
        STATUS[type(error)],
        error.code,
        str(error),
        error.remedy,
        field=error.field,
        errors=rejected,
    )


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
