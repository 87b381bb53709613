"""Values that callers give, checked as the API checks them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hyper_registry.domain.errors.input import InvalidFieldError

M = TypeVar("M", bound=BaseModel)


def checked(model: type[M], values: Mapping[str, Any]) -> M:
    """Validate values as the API does, so that both faces refuse the same.

    Raises
    ------
    InvalidFieldError
        If a value is missing, unknown or wrong.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in fault["loc"]) or model.__name__
        reason = fault["msg"].removeprefix("Value error, ")
        raise InvalidFieldError(field, reason, "Correct the field.") from error
