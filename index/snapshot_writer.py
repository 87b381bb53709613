"""Completing a version: its shards are checked against each other, then its manifest is written."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from index.errors import IndexFormatError
from index.manifest import SHARD_MANIFEST, SNAPSHOT_MANIFEST, ShardReference, SnapshotManifest
from index.shard import Shard
from index.shard_writer import shard_directory
from index.staging import remove_abandoned, sha256_of, write_whole
from index.text_scoring import TextScoring


def write_snapshot_manifest(
    version_directory: Path, *, version: str | None = None
) -> SnapshotManifest:
    """Publish a version directory once all its shards are built; repeating it changes nothing.

    Opens every shard, so a version that cannot be read is not published. O(n log n) in entries.
    No build may be running in the directory: what killed builds left there is removed.

    Parameters
    ----------
    version_directory
        Directory with the shards in ``shard_directory`` of each number.
    version
        Name of the version; by default the directory's name.

    Returns
    -------
    SnapshotManifest
        What the version holds.

    Raises
    ------
    IndexFormatError
        A shard is missing or unreadable, shards differ in model, dimension, change number or
        count, two shards hold the same key, or the version is published under another name.
    OSError
        The disk is full or not writable; the version is not published.
    """
    path = version_directory / SNAPSHOT_MANIFEST
    name = version or version_directory.name
    if path.exists():
        published = SnapshotManifest.read(path)
        if published.version != name:
            raise IndexFormatError(
                str(path), f"is published as {published.version!r}, not {name!r}"
            )
        return published
    shards = _matching_shards(version_directory)
    _refuse_shared_keys(shards)
    first = shards[0].manifest
    manifest = SnapshotManifest(
        version=name,
        dimension=first.dimension,
        model_id=first.model_id,
        snapshot_xid=first.snapshot_xid,
        shards=tuple(
            ShardReference(
                directory=shard.directory.name,
                row_count=shard.manifest.row_count,
                size_bytes=shard.manifest.size_bytes,
                manifest_sha256=sha256_of(shard.directory / SHARD_MANIFEST),
            )
            for shard in shards
        ),
        built_at=datetime.now(UTC),
    )
    remove_abandoned(version_directory)
    write_whole(path, manifest.to_json())
    return manifest


def _matching_shards(version_directory: Path) -> list[Shard]:
    first = Shard.open(shard_directory(version_directory, 0))
    shards = [
        first,
        *(
            Shard.open(shard_directory(version_directory, number))
            for number in range(1, first.manifest.shard_count)
        ),
    ]
    for number, shard in enumerate(shards):
        if shard.manifest.shard_number != number:
            reason = f"says it is shard {shard.manifest.shard_number}, expected {number}"
            raise IndexFormatError(str(shard.directory / SHARD_MANIFEST), reason)
        for field in ("shard_count", "dimension", "model_id", "snapshot_xid"):
            found, expected = getattr(shard.manifest, field), getattr(first.manifest, field)
            if found != expected:
                reason = f"{field} is {found!r}, shard 0 has {expected!r}"
                raise IndexFormatError(str(shard.directory / SHARD_MANIFEST), reason)
        if _scoring(shard) != _scoring(first):
            reason = f"text is scored by {_scoring(shard)}, that of shard 0 by {_scoring(first)}"
            raise IndexFormatError(str(shard.directory / SHARD_MANIFEST), reason)
    return shards


def _scoring(shard: Shard) -> TextScoring | None:
    """Weights of a shard's texts, which must be the same for scores to be comparable."""
    return None if shard.manifest.text is None else shard.manifest.text.scoring


def _refuse_shared_keys(shards: list[Shard]) -> None:
    keys = np.sort(np.concatenate([shard.entry_keys for shard in shards]))
    shared = keys[1:][keys[1:] == keys[:-1]]
    if len(shared):
        holders = [shard.directory for shard in shards if shared[0] in shard.entry_keys]
        reason = f"key {shared[0]} is also in {holders[0].name}"
        raise IndexFormatError(str(holders[-1]), reason)
