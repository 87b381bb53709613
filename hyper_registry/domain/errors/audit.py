"""Errors of the audit log."""

from typing_extensions import override

from hyper_registry.domain.errors.base import RegistryError


class AuditTamperedError(RegistryError):
    """The audit log is not as it was sealed, so no part of it is pruned."""

    code = "audit_tampered"

    def __init__(self, seal_no: int, reason: str) -> None:
        super().__init__(seal_no, reason)
        self.seal_no = seal_no
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"the audit log fails verification at seal {self.seal_no}: {self.reason}"

    @property
    @override
    def remedy(self) -> str:
        return "Export the log, run 'hyper-registry audit verify' and find out who changed it."


class AuditSealingError(RegistryError):
    """Rows cannot be sealed: their transactions come before those that are sealed already."""

    code = "audit_not_sealable"

    def __init__(self, seal_no: int, sealed_xid: int, horizon: int) -> None:
        super().__init__(seal_no, sealed_xid, horizon)
        self.seal_no = seal_no
        self.sealed_xid = sealed_xid
        self.horizon = horizon

    @override
    def __str__(self) -> str:
        return (
            f"seal {self.seal_no} covers transaction {self.sealed_xid}, but this server is only at "
            f"{self.horizon}: the database was restored into another server"
        )

    @property
    @override
    def remedy(self) -> str:
        return "Advance the server's transaction ids with 'pg_resetwal --next-transaction-id'."
