"""Manifests: what a shard and a version consist of, as JSON beside the data.

A manifest is written after everything it describes, so a directory without one is an interrupted
build and not a shard. Readers refuse another ``format_version``; within one version they ignore
keys they do not know, and files they do not know are checked like all others but not read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from index.errors import IndexFormatError
from index.manifest_fields import ManifestFields
from index.manifest_text import TextRecord

FORMAT_VERSION = 1
"""Changes whenever older code could misread what newer code wrote."""

SHARD_MANIFEST = "manifest.json"
SNAPSHOT_MANIFEST = "snapshot.json"


class VectorKind(StrEnum):
    """How the vectors of one shard are searched."""

    FLAT = "flat"
    """Exact pass over the permitted rows."""
    FAST_SCAN = "pq4fs"
    """Scan of 4-bit codes over all rows, mask, int8 and full-precision re-ranking."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Size and checksum of one file of a shard.

    Attributes
    ----------
    size_bytes
        Length of the file.
    sha256
        Checksum in lower-case hexadecimal.
    """

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ShardManifest:
    """What one shard directory holds.

    Attributes
    ----------
    shard_number
        Position among the shards of the version, from 0.
    shard_count
        Shards of the version.
    row_count
        Entries in this shard.
    dimension
        Components of each vector.
    model_id
        Name and revision of the model that made the vectors.
    snapshot_xid
        Change number as of which the rows were read.
    vector_kind
        How the vectors are searched.
    files
        File name within the directory to size and checksum.
    built_at
        When the build ended, with time zone.
    text
        What is said about its text; None if it holds none.
    format_version
        Layout of the directory.
    """

    shard_number: int
    shard_count: int
    row_count: int
    dimension: int
    model_id: str
    snapshot_xid: int
    vector_kind: VectorKind
    files: Mapping[str, FileRecord]
    built_at: datetime
    text: TextRecord | None = None
    format_version: int = FORMAT_VERSION

    @property
    def size_bytes(self) -> int:
        """Bytes of all files but the manifest."""
        return sum(record.size_bytes for record in self.files.values())

    def to_json(self) -> str:
        """Write as JSON text, ending in a line feed."""
        payload: dict[str, Any] = {
            "format_version": self.format_version,
            "shard_number": self.shard_number,
            "shard_count": self.shard_count,
            "row_count": self.row_count,
            "dimension": self.dimension,
            "model_id": self.model_id,
            "snapshot_xid": self.snapshot_xid,
            "vector_kind": self.vector_kind.value,
            "files": {
                name: {"size_bytes": record.size_bytes, "sha256": record.sha256}
                for name, record in sorted(self.files.items())
            },
            "built_at": self.built_at.isoformat(),
        }
        if self.text is not None:
            payload["text"] = self.text.to_json()
        return json.dumps(payload, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read from a manifest file.

        Raises
        ------
        IndexFormatError
            The file is missing, is not such a manifest, or has another format version.
        """
        fields = ManifestFields.read(path, format_version=FORMAT_VERSION)
        text = fields.record("text")
        kind = fields.text("vector_kind")
        if kind not in set(VectorKind):
            raise IndexFormatError(str(path), f"vector_kind {kind!r} is not known to this version")
        files = {
            name: FileRecord(record.integer("size_bytes"), record.text("sha256"))
            for name, record in fields.named_records("files")
        }
        return cls(
            shard_number=fields.integer("shard_number"),
            shard_count=fields.integer("shard_count", minimum=1),
            row_count=fields.integer("row_count"),
            dimension=fields.integer("dimension", minimum=1),
            model_id=fields.text("model_id"),
            snapshot_xid=fields.integer("snapshot_xid"),
            vector_kind=VectorKind(kind),
            files=files,
            built_at=fields.time("built_at"),
            text=None if text is None else TextRecord.read(text),
        )


@dataclass(frozen=True, slots=True)
class ShardReference:
    """One shard as its version's manifest lists it.

    Attributes
    ----------
    directory
        Name of the shard's directory within the version's.
    row_count
        Entries in the shard.
    size_bytes
        Bytes of its files, without its manifest.
    manifest_sha256
        Checksum of the shard's manifest, which in turn holds those of its files.
    """

    directory: str
    row_count: int
    size_bytes: int
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class SnapshotManifest:
    """What one version directory holds.

    Attributes
    ----------
    version
        Name of the version.
    dimension
        Components of each vector.
    model_id
        Name and revision of the model that made the vectors.
    snapshot_xid
        Change number as of which the rows of all shards were read.
    shards
        The shards by number.
    built_at
        When the version was completed, with time zone.
    format_version
        Layout of the directory.
    """

    version: str
    dimension: int
    model_id: str
    snapshot_xid: int
    shards: tuple[ShardReference, ...]
    built_at: datetime
    format_version: int = FORMAT_VERSION

    @property
    def row_count(self) -> int:
        """Entries in all shards."""
        return sum(shard.row_count for shard in self.shards)

    @property
    def size_bytes(self) -> int:
        """Bytes of all shards' files, without the manifests."""
        return sum(shard.size_bytes for shard in self.shards)

    def to_json(self) -> str:
        """Write as JSON text, ending in a line feed."""
        payload: dict[str, Any] = {
            "format_version": self.format_version,
            "version": self.version,
            "dimension": self.dimension,
            "model_id": self.model_id,
            "snapshot_xid": self.snapshot_xid,
            "shards": {
                shard.directory: {
                    "row_count": shard.row_count,
                    "size_bytes": shard.size_bytes,
                    "manifest_sha256": shard.manifest_sha256,
                }
                for shard in self.shards
            },
            "built_at": self.built_at.isoformat(),
        }
        return json.dumps(payload, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read from a manifest file.

        Raises
        ------
        IndexFormatError
            The file is missing, is not such a manifest, or has another format version.
        """
        fields = ManifestFields.read(path, format_version=FORMAT_VERSION)
        shards = tuple(
            ShardReference(
                directory=name,
                row_count=record.integer("row_count"),
                size_bytes=record.integer("size_bytes"),
                manifest_sha256=record.text("manifest_sha256"),
            )
            for name, record in fields.named_records("shards")
        )
        return cls(
            version=fields.text("version"),
            dimension=fields.integer("dimension", minimum=1),
            model_id=fields.text("model_id"),
            snapshot_xid=fields.integer("snapshot_xid"),
            shards=shards,
            built_at=fields.time("built_at"),
        )
