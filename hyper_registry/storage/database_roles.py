"""The roles that the application works as: they own nothing, and row security binds them.

Whoever migrates owns the tables and may do anything. The pools take on one of these roles when a
connection begins, so that no query of theirs can switch the second wall off.
"""

from contextlib import suppress
from typing import Final, LiteralString

import asyncpg

from hyper_registry.domain.errors.service import MigrationError

WRITER: Final = "hyper_registry_writer"
"""Sees and writes every row; adds to the audit log and never changes it."""

READER: Final = "hyper_registry_reader"
"""Sees the rows that its session's grants meet, and writes nothing."""

_ROLES: tuple[LiteralString, ...] = (WRITER, READER)


async def ensure_roles(connection: asyncpg.Connection) -> None:
    """Create the roles where they are missing, and let the connection's user take them on.

    Roles belong to the server: a database that is restored elsewhere comes without them.

    Raises
    ------
    MigrationError
        If the user may not create them.
    """
    try:
        for role in _ROLES:
            if not await connection.fetchval(
                "select count(*) from pg_roles where rolname = $1", role
            ):
                await _create(connection, role)
            if not await connection.fetchval("select pg_has_role($1, 'member')", role):
                await connection.execute(f"grant {role} to current_user")
    except asyncpg.InsufficientPrivilegeError as error:
        names = ", ".join(_ROLES)
        raise MigrationError(
            "roles",
            str(error),
            f"As a superuser create the roles {names} (nologin) and grant them to this user.",
        ) from error


async def _create(connection: asyncpg.Connection, role: LiteralString) -> None:
    # Another database of this server may be migrated at the same moment.
    with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        await connection.execute(f"create role {role} nologin")
