"""Seal with the active key what other keys have sealed: ``python -m jobs.rotate_keys``."""

from typing import Any

from hyper_registry.catalog.sensitive import KeyRotation
from hyper_registry.domain.errors.service import SettingsError
from hyper_registry.domain.job import JobKind
from hyper_registry.events.secret_sealing import SecretRotation
from hyper_registry.security.key_file import key_ring
from hyper_registry.storage.sensitive_store import SensitiveStore
from hyper_registry.storage.webhook_store import WebhookStore
from jobs.command_line import run_command
from jobs.driver import JobRun

STEP_ROWS = 500


async def rotate_keys(run: JobRun) -> dict[str, Any]:
    """Rotate all entries, then all versions, then the secrets of webhooks, step by step.

    The checkpoint names the pass and its position. When the job has succeeded, keys that stand
    behind the first one can be taken out of the settings.

    Raises
    ------
    SettingsError
        If no key is configured.
    SealedFieldError
        If a value does not open; what was rotated before stays so.
    """
    ring = key_ring(run.settings)
    if ring is None:
        where = "encryption.keys"
        raise SettingsError(where, "holds no key to rotate to")
    rotation = KeyRotation(run.database, SensitiveStore(), ring)
    await run.report(total=max(await rotation.count(), run.done))
    resealed = int(run.checkpoint.get("resealed", 0))
    begun = run.checkpoint.get("pass", "entries")
    for name in ("entries", "versions"):
        if (begun, name) == ("versions", "entries"):
            continue
        first, second = run.checkpoint.get("after", (0, 0)) if begun == name else (0, 0)
        after = (int(first), int(second))
        while True:
            step = await (
                rotation.entries(after[0], STEP_ROWS)
                if name == "entries"
                else rotation.versions(after, STEP_ROWS)
            )
            if not step.seen:
                break
            after = step.after
            resealed += step.resealed
            checkpoint = {"pass": name, "after": list(after), "resealed": resealed}
            await run.report(done=run.done + step.seen, checkpoint=checkpoint)
    secrets = SecretRotation(run.database, WebhookStore(), ring)
    while step_rows := await secrets.rotate(STEP_ROWS):
        resealed += step_rows
    return {"resealed": resealed, "active_key": ring.active}


if __name__ == "__main__":
    run_command(JobKind.ROTATE_KEYS, rotate_keys)
