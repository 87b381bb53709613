"""What a draft may say about the handle of the entry that it is written to."""

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors.identity import HandleFixedError
from hyper_registry.domain.handle import name_form


def with_kept_handle(draft: EntryDraft, held: str | None) -> EntryDraft:
    """Return a draft with the handle that the entry has, or else gets by it.

    Parameters
    ----------
    held
        The handle of the entry before.

    Raises
    ------
    HandleFixedError
        If the draft has another one: a writer that has not heard of a renaming would undo it.
    """
    if held is None or draft.handle == held:
        return draft
    if draft.handle_form not in {None, name_form(held)}:
        raise HandleFixedError(
            "handle",
            f"{draft.handle!r} is not {held!r}, the handle of the entry",
            "Rename or transfer the entry, or leave the handle out.",
        )
    return draft.model_copy(update={"handle": held})
