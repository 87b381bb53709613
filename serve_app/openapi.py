"""The OpenAPI document: what each route answers, and the problems that any route may answer."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

_MEDIA_TYPE = "application/problem+json"

# What the middlewares and the framework answer before a route is asked, or in its place.
_ANY_ROUTE = (400, 404, 405, 500, 503)
_ADMITTED = (401, 403, 422, 429)
_WITH_BODY = (408, 409, 413)
_WRITING = (409, 412)


class FieldFault(BaseModel):
    """One fault of a field or a row."""

    model_config = ConfigDict(extra="allow")

    detail: str


class Problem(BaseModel):
    """A problem as RFC 9457 describes it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None
    remedy: str
    errors: list[FieldFault] | None = None


def document_problems(app: FastAPI) -> None:
    """Let the application's document name the problems of each route, future ones included."""
    generate = app.openapi
    app.openapi = _with_problems(generate)


def _with_problems(generate: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    def document() -> dict[str, Any]:
        described = generate()
        components = described.setdefault("components", {}).setdefault("schemas", {})
        if Problem.__name__ in components:
            return described  # FastAPI keeps the document, and so do we
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components.update(schema.pop("$defs", {}))
        components[Problem.__name__] = schema
        for unused in ("HTTPValidationError", "ValidationError"):
            components.pop(unused, None)
        for operations in described["paths"].values():
            for method, operation in operations.items():
                for status in _statuses(method, operation):
                    operation["responses"][str(status)] = _problem_answer(status)
        return described

    return document


def _statuses(method: str, operation: dict[str, Any]) -> set[int]:
    found = {*_ANY_ROUTE}
    if operation.get("security"):
        found.update(_ADMITTED)
    if method in {"post", "put", "patch", "delete"}:
        found.update(_WITH_BODY)
    if method in {"put", "patch", "delete"}:
        found.update(_WRITING)
    return found


def _problem_answer(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {_MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}},
    }
    if status in {409, 429, 503}:
        answer["headers"] = {
            "Retry-After": {
                "description": "Seconds after which to try again, where that may help.",
                "schema": {"type": "integer"},
            }
        }
    return answer
