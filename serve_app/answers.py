"""Answers written once: a model's JSON is not validated a second time on its way out."""

from collections.abc import Mapping

from fastapi import Response
from pydantic import BaseModel


def json_answer(
    model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a model, which the route names as its `response_model` for the documentation."""
    content = model.__pydantic_serializer__.to_json(model, by_alias=True)
    return Response(content, status, headers, "application/json")
