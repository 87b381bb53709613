from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.registry.packages import GROUPS, package_list, write_source
from hyper_registry.catalog.sources.parquet import ParquetSource
from hyper_registry.catalog.sources.source import SourceItem


def test_made_up_packages_are_entries_of_which_a_tenth_is_private(tmp_path: Path) -> None:
    file = tmp_path / "source.parquet"
    assert write_source(file, 120, None) == 120
    items = list(ParquetSource(file).read())
    assert len(items) == 120
    readers = [item.draft.security.readers for item in items if isinstance(item, SourceItem)]
    assert len(readers) == 120
    private = [granted for granted in readers if granted]
    assert len(private) == 12
    assert len({granted for (granted,) in private}) == min(12, GROUPS // 10)


def test_a_list_of_packages_is_taken_up_to_the_number_wanted(tmp_path: Path) -> None:
    listed = tmp_path / "entries.parquet"
    names = {"registry": "r", "name": "näme", "version": "2", "summary": "does things"}
    pq.write_table(_table([names] * 7), listed)
    assert write_source(tmp_path / "some.parquet", 5, listed) == 5
    assert write_source(tmp_path / "all.parquet", 50, listed) == 7
    first = next(iter(ParquetSource(tmp_path / "some.parquet").read()))
    assert isinstance(first, SourceItem)
    assert (first.draft.title, first.draft.description) == ("näme", "does things")


def test_the_list_is_found_in_the_evaluation_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPER_REGISTRY_EVAL_DATA", str(tmp_path))
    assert package_list() is None
    (tmp_path / "registry_1m").mkdir()
    (tmp_path / "registry_1m" / "entries.parquet").touch()
    assert package_list() == tmp_path / "registry_1m" / "entries.parquet"


def _table(rows: list[dict[str, str]]):
    import pyarrow as pa

    return pa.Table.from_pylist(rows)
