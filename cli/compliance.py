"""``hyper-registry compliance`` and ``erase``: where entries stand, and persons erased."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from cli.output import AsJson, call_registry, console, print_json
from hyper_registry.catalog.compliance_reports import report_table
from hyper_registry.client.checking import checked
from hyper_registry.domain.compliance import (
    AssessmentDraft,
    AssessmentStatus,
    Framework,
    FrameworkContent,
    FrameworkDraft,
)
from hyper_registry.domain.erasure import Erasure, ErasureRequest
from hyper_registry.domain.errors.compliance import FrameworkExistsError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.registry import Registry

app = typer.Typer(no_args_is_help=True, help="Compliance of entries.")

Within = Annotated[int, typer.Option("--within-days", min=0, max=3_650)]


@app.command()
def framework(
    path: Annotated[Path, typer.Argument(help="JSON file of a framework with its controls.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Add a framework, or replace the one of its name."""
    try:
        draft = checked(FrameworkDraft, orjson.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise InvalidFieldError("path", str(error), "Name a file of JSON.") from error

    async def put(registry: Registry) -> Framework:
        try:
            return await registry.frameworks.create(LOCAL_ADMIN, draft)
        except FrameworkExistsError:
            content = FrameworkContent(
                title=draft.title, description=draft.description, controls=draft.controls
            )
            return await registry.frameworks.replace(LOCAL_ADMIN, draft.name, content)

    written = call_registry(put)
    if as_json:
        print_json(written.model_dump(mode="json"))
        return
    controls = len(written.controls)
    console.print(f"{written.name} is at version {written.version}: {controls} controls")


@app.command()
def assess(
    entry_id: str,
    framework: str,
    control: str,
    status: AssessmentStatus,
    note: str = "",
    assessor: str | None = None,
    due: Annotated[str | None, typer.Option(help="Last day, as YYYY-MM-DD.")] = None,
    evidence: Annotated[
        list[str] | None, typer.Option(help="JSON of an evidence, repeatable; see the docs.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Assess an entry by a control, in place of what was assessed before."""
    try:
        proof = [orjson.loads(item) for item in evidence or ()]
    except ValueError as error:
        raise InvalidFieldError("evidence", str(error), "Give one JSON object.") from error
    fields = {
        "status": status,
        "note": note,
        "assessor": assessor,
        "due_date": due,
        "evidence": proof,
    }
    draft = checked(AssessmentDraft, fields)
    written = call_registry(
        lambda registry: registry.assessments.put(LOCAL_ADMIN, entry_id, framework, control, draft)
    )
    if as_json:
        print_json(written.model_dump(mode="json"))
        return
    told = f"{entry_id} by {framework} {control}: {written.effective_status.value}"
    console.print(told, highlight=False, markup=False)


@app.command()
def show(entry_id: str, *, as_json: AsJson = False) -> None:
    """Tell where an entry stands by every control that applies to it."""
    stand = call_registry(lambda registry: registry.assessments.of_entry(LOCAL_ADMIN, entry_id))
    if as_json:
        print_json(stand.model_dump(mode="json"))
        return
    table = Table("framework", "control", "status", "due", "assessor", title=stand.entry_id)
    for item in stand.assessments:
        due = "" if item.due_date is None else str(item.due_date)
        table.add_row(
            item.framework,
            item.control,
            item.effective_status.value,
            f"{due} overdue" if item.overdue else due,
            item.assessor or "",
        )
    console.print(table)
    console.print(f"The entry is {stand.compliance_status.value}.")


@app.command()
def report(
    framework: str,
    within_days: Within = 30,
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Count how a framework stands."""
    found = call_registry(
        lambda registry: registry.compliance.report(LOCAL_ADMIN, framework, within_days=within_days)
    )
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    if as_csv:
        sys.stdout.write(report_table(found))
        return
    table = Table("control", "pairs", "coverage", "not compliant", "overdue", "expiring")
    for row in [*found.by_control, found.total]:
        table.add_row(
            row.key or "",
            str(row.pairs),
            f"{row.coverage:.0%}",
            str(row.by_status["non_compliant"] + row.by_status["expired"]),  # pyright: ignore[reportArgumentType]  # a StrEnum equals its value
            str(row.overdue),
            str(row.expiring),
        )
    console.print(table)


@app.command()
def expiring(
    within_days: Within = 30, framework: str | None = None, *, as_json: AsJson = False
) -> None:
    """List up to 1,000 assessments whose evidence expires within some days, or has expired."""
    page = call_registry(
        lambda registry: registry.compliance.expiring(
            LOCAL_ADMIN, within_days=within_days, framework=framework, limit=1_000
        )
    )
    if as_json:
        print_json(page.model_dump(mode="json"))
        return
    table = Table("entry", "framework", "control", "valid until", "evidence")
    for item in page.items:
        until = f"{item.valid_until:%Y-%m-%d %H:%M}"
        table.add_row(item.entry_id, item.framework, item.control, until, ", ".join(item.titles))
    console.print(table)


@app.command()
def overdue(framework: str | None = None, *, as_json: AsJson = False) -> None:
    """List up to 1,000 assessments past their due date."""
    page = call_registry(
        lambda registry: registry.compliance.overdue(LOCAL_ADMIN, framework=framework, limit=1_000)
    )
    if as_json:
        print_json(page.model_dump(mode="json"))
        return
    table = Table("entry", "framework", "control", "due", "status", "assessor")
    for item in page.items:
        table.add_row(
            item.entry_id,
            item.framework,
            item.control,
            str(item.due_date),
            item.effective_status.value,
            item.assessor or "",
        )
    console.print(table)


def erase(
    names: Annotated[list[str], typer.Argument(help="All that the person is called by.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the erasure.")],
    pseudonym: Annotated[
        str | None, typer.Option(help="Of an earlier erasure of the same person.")
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option(help="Tell what it would touch.")] = False,
    redact_text: Annotated[bool, typer.Option(help="Replace names in texts too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a person from all tables, history and the audit log, which stays verifiable."""
    asked = {
        "names": names,
        "reason": reason,
        "pseudonym": pseudonym,
        "dry_run": dry_run,
        "redact_text": redact_text,
    }
    request = checked(ErasureRequest, asked)
    erasure = call_registry(lambda registry: registry.erasures.erase(LOCAL_ADMIN, request))
    if as_json:
        print_json(erasure.model_dump(mode="json"))
        return
    _print_erasure(erasure)


def _print_erasure(erasure: Erasure) -> None:
    told = erasure.report
    table = Table("table", "rows changed", "texts with a name")
    for name in sorted({*told.changed, *told.found}):
        table.add_row(name, str(told.changed.get(name, 0)), str(told.found.get(name, 0)))
    console.print(table)
    if erasure.pseudonym is None:
        console.print("Nothing was changed: this was a trial.")
    else:
        console.print(f"The person is {erasure.pseudonym} from now on.", soft_wrap=True)
    for entry_id in told.kept_ids:
        console.print(f"The id {entry_id} holds a name and stays.", markup=False)
    for handle in told.kept_handles:
        console.print(f"The name {handle} holds a name and stays.", markup=False)
    if told.stale_index_versions and not told.dry_run:
        console.print("Run 'hyper-registry index build': the files of older versions go then.")
