"""The command ``hyper-registry``."""

import sys

import typer
from pydantic import ValidationError

from cli import (
    audit,
    catalogue,
    changes,
    compliance,
    demo,
    history,
    index,
    instance,
    jobs,
    keys,
    naming,
    reviews,
    search,
    webhooks,
)
from configs.loader import SettingsFileError
from hyper_registry.catalog.bulk import validation_faults
from hyper_registry.domain.errors.base import RegistryError

app = typer.Typer(no_args_is_help=True, help="One registry for all that an organisation runs.")
app.command()(instance.up)
app.command()(instance.down)
app.command()(instance.status)
app.command()(instance.migrate)
app.command("import")(catalogue.import_entries)
app.command()(catalogue.get)
app.command()(catalogue.relate)
app.command()(changes.changes)
app.command()(history.history)
app.command()(history.restore)
app.command()(history.delete)
app.command()(history.undelete)
app.command()(naming.rename)
app.command()(naming.transfer)
app.command()(naming.merge)
app.command()(naming.unmerge)
app.command()(compliance.erase)
app.command()(demo.demo)
app.add_typer(search.app, name="search")
app.add_typer(jobs.app, name="job")
app.add_typer(index.app, name="index")
app.add_typer(keys.app, name="keys")
app.add_typer(naming.namespaces, name="namespaces")
app.add_typer(naming.duplicates, name="duplicates")
app.add_typer(audit.app, name="audit")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(compliance.app, name="compliance")
app.add_typer(reviews.app, name="reviews")


def main() -> None:
    """Run the command; a failure ends with one line and exit status 1."""
    try:
        app()
    except RegistryError as error:
        sys.exit(" ".join(f"hyper-registry: {error}. {error.remedy}".split()))
    except ValidationError as error:
        sys.exit(f"hyper-registry: {validation_faults(error)}")
    except SettingsFileError as error:
        sys.exit(f"hyper-registry: {error}")
