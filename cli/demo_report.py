"""What the demo asks the API, and how it prints the answers."""

from typing import Any

import httpx
from rich.table import Table

from cli.catalogue import highlighted
from cli.output import console
from hyper_registry.domain.errors.service import ClusterError

QUERIES = (
    "read and write parquet files",
    "compress data",
    "talk to a web server over HTTP",
    "encrypt and sign messages",
    "draw charts and figures",
)
HITS = 3


def ask(api: httpx.Client, path: str, **parameters: Any) -> dict[str, Any]:
    """Ask the API for a path and return its JSON answer.

    Raises
    ------
    ClusterError
        If it does not answer well.
    """
    try:
        answer = api.get(path, params=parameters)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise ClusterError(
            f"ask the API for {path}", str(error), "See 'hyper-registry status'."
        ) from error
    return answer.json()


class Report:
    """What the demo asked the API, and what it answered.

    Attributes
    ----------
    summary
        Of the whole registry.
    searches
        Answer by query.
    path
        From the best hit of the first search to the entry most depended on.
    """

    def __init__(
        self,
        summary: dict[str, Any],
        searches: dict[str, dict[str, Any]],
        path: dict[str, Any] | None,
    ) -> None:
        self.summary = summary
        self.searches = searches
        self.path = path

    @classmethod
    def ask(cls, api: httpx.Client) -> "Report":
        """Ask the running API."""
        summary = ask(api, "analytics")
        searches = {query: ask(api, "search", q=query, limit=HITS) for query in QUERIES}
        starts = [hit["entry_id"] for answer in searches.values() for hit in answer["hits"]]
        goals = [item["entry_id"] for item in summary["most_depended_on"]]
        path = _longest_path(api, starts, goals)
        return cls(summary, searches, path)

    def show(self) -> None:
        """Print it."""
        self._show_counts()
        for query, answer in self.searches.items():
            table = Table("score", "entry", "category", "highlight", title=f"“{query}”")
            for hit in answer["hits"]:
                table.add_row(
                    f"{hit['relevance_score']:.3f}",
                    hit["entry_id"],
                    hit["category"],
                    highlighted(hit["highlight"]),
                )
            console.print(table)
            console.print(f"  found by {answer['strategy']}", style="dim", highlight=False)
        table = Table("dependents", "entry", title="Most depended on")
        for item in self.summary["most_depended_on"]:
            table.add_row(f"{item['dependents']:,}", item["entry_id"])
        console.print(table)
        self._show_path()

    def _show_counts(self) -> None:
        summary = self.summary
        table = Table("what", "count", title="The registry")
        table.add_row("entries", f"{summary['entries']:,}")
        for category, count in summary["by_category"].items():
            table.add_row(f"  {category}", f"{count:,}")
        table.add_row("embedded", f"{summary['embedded']:,}")
        table.add_row("relationships", f"{summary['relationships']:,}")
        for rel_type, count in summary["by_rel_type"].items():
            table.add_row(f"  {rel_type}", f"{count:,}")
        console.print(table)

    def _show_path(self) -> None:
        if self.path is None:
            console.print("No two of these entries are connected.")
            return
        entries, links = self.path["entries"], self.path["links"]
        console.print(
            f"Shortest path from {entries[0]['entry_id']} to {entries[-1]['entry_id']} "
            f"({self.path['hops']} hops)",
            highlight=False,
        )
        for entry, link in zip(entries, [None, *links], strict=True):
            arrow = ""
            if link is not None:
                arrow = f"── {link['rel_type']} ─▶ "
                if link["direction"] == "in":
                    arrow = f"◀─ {link['rel_type']} ── "
            console.print(f"  {arrow}{entry['entry_id']}", highlight=False)


def _longest_path(api: httpx.Client, starts: list[str], goals: list[str]) -> dict[str, Any] | None:
    """Return the longest of the shortest paths between the first starts and goals."""
    longest: dict[str, Any] | None = None
    for start_id in starts[:HITS]:
        for goal_id in goals[:HITS]:
            if start_id == goal_id:
                continue
            path = ask(api, "graph/path", source=start_id, target=goal_id)
            if path["found"] and (longest is None or path["hops"] > longest["hops"]):
                longest = path
    return longest
