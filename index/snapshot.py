"""One published version of the index: all its shards, searched as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from index.attributes import AttributeFilter
from index.candidates import Candidates, merge_candidates
from index.errors import IndexFormatError
from index.kernels import compile_kernels
from index.manifest import SHARD_MANIFEST, SNAPSHOT_MANIFEST, ShardReference, SnapshotManifest
from index.query import checked_hit_count, unit_query
from index.query_terms import weighted_clauses
from index.shard import Shard
from index.staging import sha256_of
from index.text_clauses import TextQuery
from index.text_hits import TextMatches, merge_text_matches
from index.text_kernels import compile_text_kernels


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """An opened version: read-only and safe for concurrent searches.

    Its files stay mapped until the object is collected; replacing a version is opening the new
    one and letting go of this one. A search runs on its calling thread alone, shard by shard.

    Attributes
    ----------
    directory
        Where it lies.
    manifest
        What it holds.
    shards
        The shards by number.
    """

    directory: Path
    manifest: SnapshotManifest
    shards: tuple[Shard, ...]

    @classmethod
    def open(
        cls, version_directory: Path, *, model_id: str | None = None, verify: bool = False
    ) -> Self:
        """Map a version's files; milliseconds, unless verified.

        Parameters
        ----------
        version_directory
            Directory that ``write_snapshot_manifest`` published.
        model_id
            Name and revision of the model that will embed the queries; None accepts any.
        verify
            Compare the checksum of every file, about a second per GB. Sizes and the manifests'
            checksums are always compared.

        Raises
        ------
        IndexFormatError
            The version is not published, is of another format version or model, or a file is
            missing, cut short or changed; names the file.
        """
        path = version_directory / SNAPSHOT_MANIFEST
        manifest = SnapshotManifest.read(path)
        if model_id is not None and manifest.model_id != model_id:
            reason = f"vectors are of model {manifest.model_id!r}, queries of {model_id!r}"
            raise IndexFormatError(str(path), f"{reason}: they cannot be compared")
        shards = tuple(
            _open_listed(version_directory, reference, verify=verify)
            for reference in manifest.shards
        )
        return cls(version_directory, manifest, shards)

    @property
    def version(self) -> str:
        """Name of the version."""
        return self.manifest.version

    @property
    def uri(self) -> str:
        """Where the version lies, as a ``file:`` URI."""
        return self.directory.absolute().as_uri()

    @property
    def snapshot_xid(self) -> int:
        """Change number as of which the rows were read."""
        return self.manifest.snapshot_xid

    @property
    def model_id(self) -> str:
        """Name and revision of the model that made the vectors."""
        return self.manifest.model_id

    @property
    def dimension(self) -> int:
        """Components of each vector."""
        return self.manifest.dimension

    @property
    def row_count(self) -> int:
        """Entries in all shards."""
        return self.manifest.row_count

    @property
    def size_bytes(self) -> int:
        """Bytes of all shards' files."""
        return self.manifest.size_bytes

    def search(self, query: npt.NDArray[np.floating], k: int, where: AttributeFilter) -> Candidates:
        """Find the entries with the highest cosine among those that satisfy a filter.

        Parameters
        ----------
        query
            (dimension,) of any floating type; need not be normalised.
        k
            Hits asked for, 1 to ``index.query.MOST_HITS``.
        where
            Which rows may be returned. ``AttributeFilter()`` permits every row.

        Returns
        -------
        Candidates
            Exactly ``k`` hits, or all rows that satisfy the filter where there are fewer.

        Raises
        ------
        IndexQueryError
            The query or ``k`` cannot be answered.
        """
        unit_query(query, self.dimension)
        k = checked_hit_count(k)
        return merge_candidates([shard.search(query, k, where) for shard in self.shards], k)

    @property
    def has_text(self) -> bool:
        """Whether every shard was built with texts."""
        return all(shard.text is not None for shard in self.shards)

    def search_text(
        self,
        query: TextQuery,
        k: int,
        where: AttributeFilter,
        *,
        facets: Sequence[str] = (),
        without: npt.NDArray[np.int64] | None = None,
    ) -> TextMatches:
        """Find the entries whose texts match best among those that satisfy a filter.

        Parameters
        ----------
        query
            Of ``index.query_syntax.parse_query``. Its phrases are not verified.
        k
            Hits asked for with all words, and with some, 1 to ``index.query.MOST_HITS``.
        where
            Which rows may be returned. ``AttributeFilter()`` permits every row.
        facets
            Columns whose values are counted, of ``index.attributes.FACET_COLUMNS``.
        without
            (m,) keys of entries that changed since the build: not found.

        Raises
        ------
        IndexFormatError
            The version was built without texts.
        IndexQueryError
            ``k`` or the facets cannot be answered.
        """
        vocabularies = [shard.searchable_text.vocabulary for shard in self.shards]
        clauses = weighted_clauses(query, vocabularies, self.row_count)
        relaxed = query.relaxable
        return merge_text_matches(
            [
                shard.search_text(
                    clauses, k, where, relaxed=relaxed, facets=facets, without=without
                )
                for shard in self.shards
            ],
            k,
        )

    def warm_up(self) -> None:
        """Compile, or load from the cache, the search's inner loops before the first query.

        A few seconds on a machine's very first call, about half a second in later processes.
        """
        compile_kernels()
        if self.has_text:
            compile_text_kernels()


def _open_listed(version_directory: Path, reference: ShardReference, *, verify: bool) -> Shard:
    directory = version_directory / reference.directory
    shard = Shard.open(directory, verify=verify)
    path = directory / SHARD_MANIFEST
    if sha256_of(path) != reference.manifest_sha256:
        raise IndexFormatError(str(path), "is not the manifest that the version was published with")
    return shard
