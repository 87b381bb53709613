"""Errors about the names of entries and their namespaces."""

from typing_extensions import override

from hyper_registry.domain.errors.base import FieldFaultError, RegistryError


class HandleNotFoundError(RegistryError):
    """No entry that the caller may see has, or had, this handle."""

    code = "handle_not_found"
    field = "handle"

    def __init__(self, handle: str) -> None:
        super().__init__(handle)
        self.handle = handle

    @override
    def __str__(self) -> str:
        return f"no entry is called {self.handle!r}"

    @property
    @override
    def remedy(self) -> str:
        return "Check the handle, or search for the entry by its title."


class HandleTakenError(RegistryError):
    """Another entry has this handle, or had it: a name never passes to another thing."""

    code = "handle_taken"
    field = "handle"

    def __init__(self, handle: str) -> None:
        super().__init__(handle)
        self.handle = handle

    @override
    def __str__(self) -> str:
        return f"the handle {self.handle!r} is, or was, another entry's"

    @property
    @override
    def remedy(self) -> str:
        return "Choose another name; case and ways of writing a character make no difference."


class HandlesContendedError(RegistryError):
    """Others take or let go names of a batch while it is written."""

    code = "handles_contended"
    field = "handle"
    retry_after_s = 1

    def __init__(self, entries: int) -> None:
        super().__init__(entries)
        self.entries = entries

    @override
    def __str__(self) -> str:
        return f"others changed names while a batch of {self.entries} entries took them"

    @property
    @override
    def remedy(self) -> str:
        return "Send the batch again: nothing of it was written."


class HandleFixedError(FieldFaultError):
    """The handle of an entry is not changed by writing the entry."""

    code = "handle_fixed"

    @override
    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class _NamespaceAbsentError(RegistryError):
    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self.namespace = namespace

    @override
    def __str__(self) -> str:
        return f"no namespace {self.namespace!r}"


class UnknownNamespaceError(_NamespaceAbsentError):
    """A handle names a namespace that does not exist."""

    code = "unknown_namespace"
    field = "handle"

    @property
    @override
    def remedy(self) -> str:
        return "Create it with POST /v1/registry/namespaces, or use another."


class NamespaceNotFoundError(_NamespaceAbsentError):
    """No namespace of this name exists."""

    code = "namespace_not_found"
    field = "namespace"

    @property
    @override
    def remedy(self) -> str:
        return "List the namespaces with GET /v1/registry/namespaces."


class NamespaceExistsError(RegistryError):
    """A namespace of this name, or of another way to write it, exists already."""

    code = "namespace_exists"
    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @override
    def __str__(self) -> str:
        return f"a namespace {self.name!r} exists already"

    @property
    @override
    def remedy(self) -> str:
        return "Choose another name; case and ways of writing a character make no difference."


class NamespaceInUseError(RegistryError):
    """A namespace cannot be deleted while entries have, or had, names in it."""

    code = "namespace_in_use"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @override
    def __str__(self) -> str:
        return f"entries have, or had, names in the namespace {self.name!r}"

    @property
    @override
    def remedy(self) -> str:
        return "Keep it: old names lead to their entries for ever."


class MergeSelfError(RegistryError):
    """An entry cannot be merged into itself."""

    code = "merge_self"
    field = "into"

    def __init__(self, entry_id: str) -> None:
        super().__init__(entry_id)
        self.entry_id = entry_id

    @override
    def __str__(self) -> str:
        return f"{self.entry_id!r} cannot be merged into itself"

    @property
    @override
    def remedy(self) -> str:
        return "Name the entry that is to go on for both."


class MergeWidensReadersError(RegistryError):
    """Some who see the survivor do not see the duplicate, and would see what it is related to."""

    code = "merge_widens_readers"
    field = "permissions"

    def __init__(self, duplicate_id: str, survivor_id: str) -> None:
        super().__init__(duplicate_id, survivor_id)
        self.duplicate_id = duplicate_id
        self.survivor_id = survivor_id

    @override
    def __str__(self) -> str:
        return f"not all who see {self.survivor_id!r} may see {self.duplicate_id!r}"

    @property
    @override
    def remedy(self) -> str:
        return (
            "Merge the other way, narrow the readers of the survivor first, or send 'permissions' "
            "as 'union' to let all who see one of the two see what comes of them."
        )


class MergeNotFoundError(RegistryError):
    """No merge of this id, of entries that the caller may see."""

    code = "merge_not_found"

    def __init__(self, merge_id: str) -> None:
        super().__init__(merge_id)
        self.merge_id = merge_id

    @override
    def __str__(self) -> str:
        return f"no merge {self.merge_id}"

    @property
    @override
    def remedy(self) -> str:
        return "Take the id from the answer to the merge, or from the aliases of the survivor."


class MergeUndoConflictError(RegistryError):
    """What a merge did was changed since, so that undoing it would lose the change."""

    code = "merge_undo_conflict"

    def __init__(self, merge_id: str, conflicts: tuple[str, ...]) -> None:
        super().__init__(merge_id, conflicts)
        self.merge_id = merge_id
        self.conflicts = conflicts

    @override
    def __str__(self) -> str:
        return f"merge {self.merge_id} cannot be undone: changed since: {'; '.join(self.conflicts)}"

    @property
    @override
    def remedy(self) -> str:
        return "Undo those changes first, later merges before earlier ones, or keep the merge."
