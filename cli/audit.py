"""``hyper-registry audit``: verify, export and prune the audit log."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import orjson
import typer

from cli.output import AsJson, console, print_json
from configs.loader import load_settings
from hyper_registry.audit.log import AuditLog
from hyper_registry.domain.audit import AuditFilter, Outcome, parse_seal
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.factory import audit_log, open_database

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="The audit log.")


@app.command()
def verify(
    expect: Annotated[
        str | None, typer.Option(help="A seal noted earlier, which must be in the log.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Verify the audit log against its seals; any tampering ends with exit status 1."""
    expected = parse_seal(expect)
    report = _with_log(lambda log: log.verify(LOCAL_ADMIN, expected))
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        for fault in report.faults:
            console.print(f"Seal {fault.seal_no}: {fault.reason}", style="red")
        verdict = "is as it was sealed" if report.valid else "WAS TAMPERED WITH"
        console.print(
            f"The audit log {verdict}: {report.rows:,} rows under {report.seals:,} seals, "
            f"{report.unsealed_rows:,} not sealed yet, {report.pruned_rows:,} pruned."
        )
        console.print(f"Note the last seal elsewhere: {report.head}", soft_wrap=True)
    if not report.valid:
        raise typer.Exit(1)


@app.command()
def export(
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    outcome: Outcome | None = None,
    since: Annotated[datetime | None, typer.Option(help="First time included, in UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="First time not included, in UTC.")] = None,
) -> None:
    """Write the audit log to standard output, one JSON document a line."""
    wanted = AuditFilter(
        actor=actor,
        action=action,
        target=target,
        outcome=outcome,
        since=None if since is None else since.replace(tzinfo=UTC),
        until=None if until is None else until.replace(tzinfo=UTC),
    )

    async def write(log: AuditLog) -> None:
        async for page in log.export(LOCAL_ADMIN, wanted):
            for record in page:
                sys.stdout.buffer.write(orjson.dumps(record.model_dump(mode="json")) + b"\n")
        sys.stdout.flush()

    _with_log(write)


@app.command()
def prune(
    days: Annotated[float, typer.Option(min=0, help="Age in days from which rows go.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Remove old rows after verifying them; the rest stays verifiable."""
    before = datetime.now(UTC) - timedelta(days=days)
    pruned = _with_log(lambda log: log.prune(LOCAL_ADMIN, before))
    if as_json:
        print_json({"pruned_rows": pruned})
    else:
        console.print(f"Pruned {pruned:,} rows")


def _with_log(work: Callable[[AuditLog], Awaitable[T]]) -> T:
    async def run() -> T:
        settings = load_settings()
        async with open_database(settings) as database:
            return await work(audit_log(settings, database))

    return asyncio.run(run())
