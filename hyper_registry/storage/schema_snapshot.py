"""The migrated schema as one file, ``schema.sql``: to read, and to see what a migration changes.

``python -m hyper_registry.storage.schema_snapshot`` rewrites it.
"""

import asyncio
import os
import re
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hyper_registry.domain.errors.service import EmbeddedPostgresError
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.migrate import migrate
from hyper_registry.storage.postgres_binaries import find_binaries
from hyper_registry.storage.postgres_settings import EmbeddedPostgresOptions

SNAPSHOT = Path(str(files("hyper_registry.storage") / "schema.sql"))
"""Where the snapshot lies in a checkout."""

_HEADER = "-- The schema after all migrations; written by hyper_registry.storage.schema_snapshot.\n"
_TIMEOUT_S = 60
# Settings of the session that restores, and comments that repeat each statement's own words.
_NOISE = re.compile(
    r"^(?:--.*|SET .*;|SELECT pg_catalog\.set_config.*;|\\(?:un)?restrict .*)\n", re.MULTILINE
)


def read_schema(dsn: str) -> str:
    """Return the schema of the database at `dsn` as SQL, in pg_dump's stable order.

    Raises
    ------
    EmbeddedPostgresError
        If pg_dump is missing, cannot be run or fails.
    """
    binaries = find_binaries(None)
    parts = urlsplit(dsn)
    try:
        dump = subprocess.run(
            [
                binaries.program("pg_dump"),
                "--schema-only",
                "--no-owner",
                "--no-privileges",
                f"--host={parts.hostname}",
                f"--port={parts.port}",
                f"--username={parts.username}",
                f"--dbname={parts.path.removeprefix('/')}",
            ],
            # In the arguments everybody on the machine could read the password.
            env=os.environ | {"PGPASSWORD": unquote(parts.password or "")},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        raise EmbeddedPostgresError(
            "dump its schema", reason, "Install the client programs of the server's version."
        ) from error
    statements = re.sub(r"\n{3,}", "\n\n", _NOISE.sub("", dump.stdout)).strip()
    return f"{_HEADER}\n{statements}\n"


def main() -> None:
    """Migrate an empty server that lives for a moment, and write the snapshot of its schema."""
    with tempfile.TemporaryDirectory(prefix="hyper-registry-schema-") as directory:
        # mkdtemp gives 0700, which the account that root drops to cannot enter.
        Path(directory).chmod(0o755)
        server = EmbeddedPostgres(
            Path(directory) / "postgres", EmbeddedPostgresOptions(fsync=False)
        )
        try:
            dsn = server.start()
            asyncio.run(migrate(dsn))
            SNAPSHOT.write_text(read_schema(dsn))
        finally:
            server.stop(mode="immediate")


if __name__ == "__main__":
    main()
