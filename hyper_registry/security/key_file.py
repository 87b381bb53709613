"""The keys that seal sensitive metadata: from the settings, or a file of this installation."""

import base64
import binascii
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

import orjson

from configs.settings import Settings
from hyper_registry.domain.errors.service import SettingsError
from hyper_registry.domain.sealing import KEY_BYTES, KeyRing

FILE_NAME = "encryption-keys.json"


def key_ring(settings: Settings) -> KeyRing | None:
    """Return the ring of the configured keys, or of the file beside the embedded Postgres.

    Without keys, a registry on a Postgres of its own has none: a file of one machine would seal
    what the others cannot open.

    Raises
    ------
    SettingsError
        If a key is malformed, or the file cannot be used or may be read by others.
    """
    configured = [(key.id, key.material.get_secret_value()) for key in settings.encryption.keys]
    where = "encryption.keys"
    if not configured:
        if settings.database.url is not None:
            return None
        path = settings.home / FILE_NAME
        where = str(path)
        configured = _read_or_create(path)
    try:
        return KeyRing(
            [(key_id, base64.b64decode(text, validate=True)) for key_id, text in configured]
        )
    except (binascii.Error, ValueError) as error:
        # The error could repeat what it could not read.
        reason = f"each key needs an id of its own and {KEY_BYTES} bytes of material in base64"
        raise SettingsError(where, reason) from error


def new_key_material() -> str:
    """Return fresh key material as the settings want it."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _read_or_create(path: Path) -> list[tuple[str, str]]:
    try:
        if not path.exists():
            _create(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SettingsError(str(path), "may be read by others; run 'chmod 600' on it")
        document = orjson.loads(path.read_bytes())
        return [(str(key["id"]), str(key["material"])) for key in document["keys"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(str(path), f"cannot be used ({type(error).__name__})") from error


def _create(path: Path) -> None:
    """Write a file with a fresh key, unless another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    document = {"keys": [{"id": "local-1", "material": new_key_material()}]}
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never takes the place of a file that is there.
        with suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink(missing_ok=True)
