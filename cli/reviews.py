"""``hyper-registry reviews``: changes that wait for approval, and the policies that ask for it."""

from typing import Annotated
from uuid import UUID

import orjson
import typer
from rich.table import Table

from cli.output import AsJson, call_registry, console, print_json
from hyper_registry.client.checking import checked
from hyper_registry.domain.approval import ApprovalPolicy
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.namespace import NamespaceContent
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.domain.review import Decision, DecisionDraft, Review, ReviewDraft

app = typer.Typer(no_args_is_help=True, help="Changes that wait for approval.")


@app.command()
def policy(
    namespace: str,
    approvals: Annotated[int, typer.Option(min=0, max=10, help="0 asks for none.")] = 1,
    status: Annotated[
        list[EntryStatus] | None, typer.Option(help="Governed status, repeatable.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say in which statuses the entries of a namespace need the approval of its owners."""
    governed = tuple(status or (EntryStatus.ACTIVE,))
    wanted = ApprovalPolicy(statuses=governed, approvals=approvals) if approvals else None
    content = NamespaceContent(approval=wanted)
    changed = call_registry(
        lambda registry: registry.namespaces.update(LOCAL_ADMIN, namespace, content)
    )
    if as_json:
        print_json(changed.model_dump(mode="json"))
        return
    if wanted is None:
        told = "asks for no approval"
    else:
        told = f"asks for {approvals} approvals of what is {', '.join(wanted.statuses)}"
    console.print(f"{changed.name} {told}", highlight=False, markup=False)


@app.command("list")
def list_reviews(
    entry_id: Annotated[str | None, typer.Argument(help="Of this entry, also closed ones.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List up to 1,000 open reviews, or all of one entry."""
    page = call_registry(
        lambda registry: (
            registry.reviews.list_open(LOCAL_ADMIN, limit=1_000)
            if entry_id is None
            else registry.reviews.list_of_entry(LOCAL_ADMIN, entry_id, limit=1_000)
        )
    )
    if as_json:
        print_json(page.model_dump(mode="json"))
        return
    table = Table("review", "entry", "version", "state", "proposed by", "approved by", "patch")
    for item in page.items:
        table.add_row(
            str(item.review_id),
            item.entry_id,
            str(item.version),
            item.state.value,
            item.proposed_by,
            ", ".join(item.approvers),
            orjson.dumps(item.patch).decode(),
        )
    console.print(table)


@app.command()
def propose(
    entry_id: str,
    patch: Annotated[str, typer.Argument(help='Merge patch, such as \'{"status": "active"}\'.')],
    note: str = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Propose a change of an entry to the owners of its namespace."""
    try:
        document = orjson.loads(patch)
    except ValueError as error:
        raise InvalidFieldError("patch", str(error), "Give one JSON object.") from error
    draft = checked(ReviewDraft, {"patch": document, "note": note})
    _print(
        call_registry(lambda registry: registry.reviews.propose(LOCAL_ADMIN, entry_id, draft)),
        as_json=as_json,
    )


@app.command()
def decide(review_id: UUID, decision: Decision, note: str = "", *, as_json: AsJson = False) -> None:
    """Approve or reject a change that somebody else proposed."""
    draft = checked(DecisionDraft, {"decision": decision, "note": note})
    _print(
        call_registry(lambda registry: registry.reviews.decide(LOCAL_ADMIN, review_id, draft)),
        as_json=as_json,
    )


@app.command()
def withdraw(review_id: UUID, *, as_json: AsJson = False) -> None:
    """Withdraw a change that you proposed."""
    _print(
        call_registry(lambda registry: registry.reviews.withdraw(LOCAL_ADMIN, review_id)),
        as_json=as_json,
    )


def _print(review: Review, *, as_json: bool) -> None:
    if as_json:
        print_json(review.model_dump(mode="json"))
        return
    told = f"{review.review_id} of {review.entry_id}: {review.state.value}"
    console.print(told, highlight=False, markup=False, soft_wrap=True)
