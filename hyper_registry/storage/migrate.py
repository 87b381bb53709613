"""Forward-only schema migrations, checksummed and applied under an advisory lock."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from hyper_registry.domain.errors.service import MigrationError
from hyper_registry.storage.database import connect
from hyper_registry.storage.database_roles import ensure_roles

_LOCK_KEY = 0x48797065725265  # 'HyperRe': one number per application, shared by all its processes
_LOCK_TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file."""

    name: str
    sql: str

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).digest()


def all_migrations() -> list[Migration]:
    """Return the migrations of this package in the order of their numbers."""
    folder = files("hyper_registry.storage") / "migrations"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    return [Migration(name.removesuffix(".sql"), (folder / name).read_text()) for name in names]


async def migrate(dsn: str) -> list[str]:
    """Bring the database at `dsn` to this code's schema and return what was applied.

    Processes that start together wait for each other; each migration commits by itself.

    Raises
    ------
    DatabaseUnavailableError
        If Postgres cannot be reached or refuses us.
    MigrationError
        If an applied migration's text has changed since, the database is newer than this code,
        the application's roles cannot be created, or a migration fails (its transaction is rolled
        back).
    """
    connection = await connect(dsn)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK_KEY)
        await connection.execute(
            "create table if not exists schema_migration ("
            "name text primary key, checksum bytea not null, "
            "applied_at timestamptz not null default now())"
        )
        await ensure_roles(connection)
        rows = await connection.fetch("select name, checksum from schema_migration")
        applied = {str(row["name"]): bytes(row["checksum"]) for row in rows}
        pending = pending_migrations(all_migrations(), applied)
        for migration in pending:
            await _apply(connection, migration)
    finally:
        await connection.close()
    return [migration.name for migration in pending]


def pending_migrations(known: list[Migration], applied: dict[str, bytes]) -> list[Migration]:
    """Decide which of the `known` migrations are still to apply.

    Raises
    ------
    MigrationError
        If `applied` and `known` do not belong to the same history.
    """
    names = {migration.name for migration in known}
    for name in sorted(applied.keys() - names):
        raise MigrationError(
            name, "the database is newer than this code", "Upgrade hyper-registry and start again."
        )
    for migration in known:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(
                migration.name,
                "its text changed after it was applied",
                "Restore the released file; put changes into a new migration.",
            )
    return [migration for migration in known if migration.name not in applied]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(f"set local lock_timeout = {_LOCK_TIMEOUT_MS}")
            await connection.execute(migration.sql)
            await connection.execute(
                "insert into schema_migration (name, checksum) values ($1, $2)",
                migration.name,
                migration.checksum,
            )
    except asyncpg.PostgresError as error:
        raise MigrationError(
            migration.name, str(error), "Mend the cause and run 'hyper-registry migrate' again."
        ) from error
