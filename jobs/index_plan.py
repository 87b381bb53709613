"""Planning of an index build: how many shards, which keys each holds, which versions go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyper_registry.domain.index_version import IndexVersion, IndexVersionState


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """One shard: its number, and the first and last entry key of its range."""

    number: int
    first_key: int
    last_key: int


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """A version to build.

    Attributes
    ----------
    version
        Its number in Postgres.
    directory
        Absolute path that every worker can write and every replica can read.
    snapshot_xid
        Its position: writes by this transaction and later ones are not in it.
    rows
        Entries with a valid vector when it was planned.
    """

    version: int
    directory: Path
    snapshot_xid: int
    model_id: str
    rows: int
    shards: tuple[ShardPlan, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as a checkpoint."""
        return {
            "version": self.version,
            "directory": str(self.directory),
            "snapshot_xid": self.snapshot_xid,
            "model_id": self.model_id,
            "rows": self.rows,
            "shards": [[shard.number, shard.first_key, shard.last_key] for shard in self.shards],
        }

    @classmethod
    def of(cls, checkpoint: Mapping[str, Any]) -> "IndexPlan":
        """Return the plan of a checkpoint."""
        return cls(
            checkpoint["version"],
            Path(checkpoint["directory"]),
            checkpoint["snapshot_xid"],
            checkpoint["model_id"],
            checkpoint["rows"],
            tuple(ShardPlan(*shard) for shard in checkpoint["shards"]),
        )


def plan_shard_count(rows: int, shard_rows: int) -> int:
    """Return how many shards hold `rows` with at most about `shard_rows` each; at least one.

    >>> plan_shard_count(0, 500_000), plan_shard_count(1_000_001, 500_000)
    (1, 3)
    """
    return max(1, -(-rows // shard_rows))


def superseded(
    versions: Sequence[IndexVersion], keep: int, erased_xid: int | None = None
) -> list[IndexVersion]:
    """Return the versions whose files may go: the failed ones, and all but `keep` that were used.

    Of those that were used, the latest and the active one among them are kept; the latest only if
    they hold nobody who was erased since.

    Parameters
    ----------
    erased_xid
        Last transaction that erased a person.
    """
    newest_first = sorted(versions, key=lambda item: -item.version)
    used = {IndexVersionState.ACTIVE, IndexVersionState.RETIRED}
    outdated = [version for version in newest_first if version.state in used][keep:]
    if erased_xid is not None:
        outdated += [
            version
            for version in newest_first
            if version.snapshot_xid <= erased_xid and version not in outdated
        ]
    failed = [version for version in newest_first if version.state is IndexVersionState.FAILED]
    return failed + [item for item in outdated if item.state is IndexVersionState.RETIRED]
