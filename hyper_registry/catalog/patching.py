"""Patches of what people write: merged, then validated as a whole."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.errors.identity import HandleFixedError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.merge_patch import merge_patch

D = TypeVar("D", bound=BaseModel)


def patched(model: type[D], present: D, patch: Mapping[str, JsonValue]) -> D:
    """Return the draft of class `model` that `present` becomes by an RFC 7386 merge patch.

    Parameters
    ----------
    present
        A draft, or what was stored of one.

    Raises
    ------
    InvalidFieldError
        Naming the first field that the result may not have so.
    """
    written = present.model_dump(mode="json", include=set(model.model_fields))
    try:
        return model.model_validate(merge_patch(written, dict(patch)))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, fault["loc"])) or "patch"
        reason = fault["msg"].removeprefix("Value error, ")
        raise InvalidFieldError(field, reason, "Correct the field in the patch.") from error


def patched_entry(present: Entry, patch: Mapping[str, JsonValue]) -> EntryDraft:
    """Return the draft that an entry becomes by a merge patch, which is still the same entry.

    Raises
    ------
    InvalidFieldError
        Naming the first field that the result may not have so.
    HandleFixedError
        If the patch takes the handle away.
    """
    draft = patched(EntryDraft, present, patch)
    if draft.entry_id != present.entry_id:
        reason = "names another entry"
        raise InvalidFieldError("entry_id", reason, "Leave it out of the patch.")
    if draft.handle is None and present.handle is not None:
        reason = "is not taken away from an entry"
        raise HandleFixedError("handle", reason, "Leave it out of the patch.")
    return draft
