"""``hyper-registry webhooks``: where changes are sent, and what became of it."""

from typing import Annotated

import typer
from rich.table import Table

from cli.output import AsJson, call_registry, console, print_json
from hyper_registry.client.checking import checked
from hyper_registry.domain.change import ChangeSubject
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.domain.webhook import DeliveryState, WebhookDraft

app = typer.Typer(no_args_is_help=True, help="Webhooks.")


@app.command()
def create(
    url: str,
    subject: Annotated[list[ChangeSubject] | None, typer.Option(help="Repeatable.")] = None,
    operation: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    entry_id: Annotated[
        str | None, typer.Option(help="The entry and the relationships at it.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Create a webhook for what happens from now on, and print its secret, once."""
    wanted = {
        "subjects": subject or None,
        "operations": operation or None,
        "categories": category or None,
        "entry_id": entry_id,
    }
    draft = checked(WebhookDraft, {"url": url, "filter": wanted})
    created = call_registry(lambda registry: registry.webhooks.create(LOCAL_ADMIN, draft))
    if as_json:
        print_json(created.model_dump(mode="json"))
        return
    console.print(f"{created.webhook_id}; the secret is shown only now:")
    console.print(created.secret, soft_wrap=True, highlight=False)


@app.command("list")
def list_webhooks(
    after: Annotated[str, typer.Option(help="Id after which to go on.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """List up to 1,000 webhooks by id."""
    page = call_registry(lambda registry: registry.webhooks.page(LOCAL_ADMIN, after, 1_000))
    if as_json:
        print_json(page.model_dump(mode="json"))
        return
    table = Table("id", "owner", "state", "url")
    for item in page.items:
        state = "active" if item.active else (item.inactive_reason or "stopped")
        table.add_row(item.webhook_id, item.owner, state, item.url)
    console.print(table)


@app.command()
def delete(webhook_id: str) -> None:
    """Delete a webhook with its deliveries."""
    call_registry(lambda registry: registry.webhooks.delete(LOCAL_ADMIN, webhook_id))
    console.print(f"{webhook_id} is deleted")


@app.command()
def deliveries(
    webhook_id: str,
    state: DeliveryState | None = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 100,
    *,
    as_json: AsJson = False,
) -> None:
    """List the latest deliveries of a webhook, newest first."""
    page = call_registry(
        lambda registry: registry.webhooks.deliveries(
            LOCAL_ADMIN, webhook_id, state=state, limit=limit
        )
    )
    if as_json:
        print_json(page.model_dump(mode="json"))
        return
    table = Table("id", "event", "state", "attempts", "outcome", "created")
    for item in page.items:
        outcome = item.reason or (str(item.response_status) if item.response_status else "")
        table.add_row(
            item.delivery_id,
            item.event_id,
            item.state.value,
            str(item.attempts),
            outcome,
            f"{item.created_at:%Y-%m-%d %H:%M}",
        )
    console.print(table)


@app.command()
def redeliver(webhook_id: str, delivery_id: str) -> None:
    """Send a delivery again, as the same event."""
    call_registry(
        lambda registry: registry.webhooks.redeliver(LOCAL_ADMIN, webhook_id, delivery_id)
    )
    console.print(f"{delivery_id} is sent again")
