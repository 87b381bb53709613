"""Errors of compliance and of erasures."""

from typing_extensions import override

from hyper_registry.domain.errors.base import RegistryError


class FrameworkNotFoundError(RegistryError):
    """No framework of this name exists."""

    code = "framework_not_found"
    field = "framework"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @override
    def __str__(self) -> str:
        return f"no framework {self.name!r}"

    @property
    @override
    def remedy(self) -> str:
        return "List the frameworks with GET /v1/registry/compliance/frameworks."


class FrameworkExistsError(RegistryError):
    """A framework of this name exists already."""

    code = "framework_exists"
    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @override
    def __str__(self) -> str:
        return f"a framework {self.name!r} exists already"

    @property
    @override
    def remedy(self) -> str:
        return "Choose another name, or replace the framework with PUT."


class ControlNotFoundError(RegistryError):
    """The framework has no control of this code."""

    code = "control_not_found"
    field = "control"

    def __init__(self, framework: str, control: str) -> None:
        super().__init__(framework, control)
        self.framework = framework
        self.control = control

    @override
    def __str__(self) -> str:
        return f"the framework {self.framework!r} has no control {self.control!r}"

    @property
    @override
    def remedy(self) -> str:
        return "Read the framework to see the codes of its controls."


class ControlInUseError(RegistryError):
    """A control cannot go while entries are assessed by it."""

    code = "control_in_use"
    field = "controls"

    def __init__(self, framework: str, control: str, assessments: int) -> None:
        super().__init__(framework, control, assessments)
        self.framework = framework
        self.control = control
        self.assessments = assessments

    @override
    def __str__(self) -> str:
        return (
            f"{self.assessments} entries are assessed by the control {self.control!r} of the "
            f"framework {self.framework!r}"
        )

    @property
    @override
    def remedy(self) -> str:
        return "Delete those assessments first; their history stays."


class AssessmentNotFoundError(RegistryError):
    """The entry has no assessment by this control."""

    code = "assessment_not_found"

    def __init__(self, entry_id: str, framework: str, control: str) -> None:
        super().__init__(entry_id, framework, control)
        self.entry_id = entry_id
        self.framework = framework
        self.control = control

    @override
    def __str__(self) -> str:
        return (
            f"the entry {self.entry_id!r} is not assessed by the control {self.control!r} of the "
            f"framework {self.framework!r}"
        )

    @property
    @override
    def remedy(self) -> str:
        return "Assess it with PUT."


class ErasureNotFoundError(RegistryError):
    """No erasure of this id was done."""

    code = "erasure_not_found"

    def __init__(self, erasure_id: str) -> None:
        super().__init__(erasure_id)
        self.erasure_id = erasure_id

    @override
    def __str__(self) -> str:
        return f"no erasure {self.erasure_id!r}"

    @property
    @override
    def remedy(self) -> str:
        return "List the erasures with GET /v1/registry/erasures."
