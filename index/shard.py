"""One immutable shard, opened for searching."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from index.array_files import mapped_array
from index.attributes import AttributeColumns, AttributeFilter
from index.candidates import Candidates
from index.errors import IndexFormatError
from index.manifest import SHARD_MANIFEST, ShardManifest, VectorKind
from index.nearest import Vectors
from index.query import check_facets, checked_hit_count, unit_query
from index.ranking import ranked
from index.staging import sha256_of
from index.text_clauses import WeightedClause
from index.text_hits import TextMatches
from index.text_search import ShardText
from index.text_writer import TEXT_FILES
from index.vector_files import open_vectors
from index.vector_writer import HALF_FILE, INT8_FILE, SCALES_FILE, SCAN_FILE

KEYS_FILE = "entry_keys.npy"
ATTRIBUTES_FILE = "attributes.arrow"

_EVERY_SHARD = frozenset({KEYS_FILE, ATTRIBUTES_FILE, HALF_FILE})
_FILES_OF_KIND = {
    VectorKind.FLAT: _EVERY_SHARD,
    VectorKind.FAST_SCAN: _EVERY_SHARD | {INT8_FILE, SCALES_FILE, SCAN_FILE},
}


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """An opened shard: read-only, safe for concurrent searches, files mapped until collected.

    Attributes
    ----------
    directory
        Where it lies.
    manifest
        What it holds.
    entry_keys
        (n,) int64, rising: key of each row.
    attributes
        Attributes of each row.
    vectors
        Vector of each row.
    text
        Text of each row; None if the shard was built without.
    """

    directory: Path
    manifest: ShardManifest
    entry_keys: npt.NDArray[np.int64]
    attributes: AttributeColumns
    vectors: Vectors
    text: ShardText | None = None

    @classmethod
    def open(cls, directory: Path, *, verify: bool = False) -> Self:
        """Map a shard's files; milliseconds, unless verified.

        Parameters
        ----------
        directory
            The shard's directory.
        verify
            Compare the checksum of every file, about a second per GB. Sizes are always compared.

        Raises
        ------
        IndexFormatError
            There is no manifest, it has another format version, or a file is missing, cut short,
            changed or not what the manifest says, or its text was cut into words by another version
            of the analysis.
        """
        manifest = ShardManifest.read(directory / SHARD_MANIFEST)
        _check_files(directory, manifest, verify=verify)
        row_count = manifest.row_count
        entry_keys = mapped_array(directory / KEYS_FILE, (row_count,), np.int64)
        attributes = AttributeColumns(directory / ATTRIBUTES_FILE, row_count)
        text = manifest.text
        return cls(
            directory=directory,
            manifest=manifest,
            entry_keys=entry_keys,
            attributes=attributes,
            vectors=open_vectors(directory, manifest),
            text=None if text is None else ShardText(directory, text, entry_keys, attributes),
        )

    def search(self, query: npt.NDArray[np.floating], k: int, where: AttributeFilter) -> Candidates:
        """Find the entries with the highest cosine among those that satisfy a filter.

        Parameters
        ----------
        query
            (dimension,) of any floating type; need not be normalised.
        k
            Hits asked for, 1 to ``index.query.MOST_HITS``.
        where
            Which rows may be returned.

        Returns
        -------
        Candidates
            Exactly ``k`` hits, or all rows that satisfy the filter where there are fewer.

        Raises
        ------
        IndexQueryError
            The query or ``k`` cannot be answered.
        """
        vector = unit_query(query, self.manifest.dimension)
        k = checked_hit_count(k)
        permitted = None if where.passes_all else self.attributes.mask(where)
        count = len(self.entry_keys) if permitted is None else int(np.count_nonzero(permitted))
        if not count:
            return Candidates(np.empty(0, np.int64), np.empty(0, np.float32), 0, "none")
        nearest = self.vectors.nearest(vector, permitted, k)
        keys = self.entry_keys[nearest.row_ids]
        order = ranked(nearest.scores, keys, k)
        return Candidates(keys[order], nearest.scores[order], count, nearest.strategy)

    def search_text(
        self,
        clauses: Sequence[WeightedClause],
        k: int,
        where: AttributeFilter,
        *,
        relaxed: bool = True,
        facets: Sequence[str] = (),
        without: npt.NDArray[np.int64] | None = None,
    ) -> TextMatches:
        """Find the entries whose texts match best among those that satisfy a filter.

        Parameters
        ----------
        clauses
            Of ``index.query_terms.weighted_clauses``, the same for all shards.
        k
            Hits asked for with all words, and with some, 1 to ``index.query.MOST_HITS``.
        where
            Which rows may be returned.
        relaxed
            Whether rows with some words are looked for.
        facets
            Columns whose values are counted, of ``index.attributes.FACET_COLUMNS``.
        without
            (m,) keys of entries that changed since the build, of this shard or others: not found.

        Raises
        ------
        IndexFormatError
            The shard was built without texts.
        IndexQueryError
            ``k`` or the facets cannot be answered.
        """
        k = checked_hit_count(k)
        check_facets(facets)
        permitted = None if where.passes_all else self.attributes.mask(where)
        if without is not None and len(without):
            permitted = np.ones(len(self.entry_keys), np.bool_) if permitted is None else permitted
            # Keys that the shard does not have come out at a place of another key.
            places = np.searchsorted(self.entry_keys, without)
            held = places < len(self.entry_keys)
            held[held] = self.entry_keys[places[held]] == without[held]
            permitted[places[held]] = False
        return self.searchable_text.search(clauses, k, permitted, relaxed=relaxed, facets=facets)

    @property
    def searchable_text(self) -> ShardText:
        """Text of each row.

        Raises
        ------
        IndexFormatError
            The shard was built without.
        """
        if self.text is None:
            reason = "holds no text: build the index anew from rows with title and description"
            raise IndexFormatError(str(self.directory), reason)
        return self.text


def _check_files(directory: Path, manifest: ShardManifest, *, verify: bool) -> None:
    text_files = frozenset() if manifest.text is None else TEXT_FILES
    if missing := sorted(text_files - manifest.files.keys()):
        reason = f"lists no {missing[0]}, which a shard with text needs"
        raise IndexFormatError(str(directory / SHARD_MANIFEST), reason)
    if missing := sorted(_FILES_OF_KIND[manifest.vector_kind] - manifest.files.keys()):
        reason = f"lists no {missing[0]}, which kind {manifest.vector_kind.value} needs"
        raise IndexFormatError(str(directory / SHARD_MANIFEST), reason)
    for name, record in manifest.files.items():
        path = directory / name
        try:
            size_bytes = path.stat().st_size
            if size_bytes != record.size_bytes:
                reason = f"has {size_bytes} bytes, the manifest says {record.size_bytes}"
                raise IndexFormatError(str(path), reason)
            if verify and sha256_of(path) != record.sha256:
                raise IndexFormatError(str(path), "its checksum is not that of the manifest")
        except OSError as error:
            raise IndexFormatError(str(path), f"cannot be read: {error.strerror}") from error
