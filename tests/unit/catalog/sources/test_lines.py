"""Reading lines with a bound."""

import gzip
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper_registry.catalog.sources.lines import bounded_lines, estimate_lines, open_file
from hyper_registry.domain.errors.input import SourceUnavailableError


def _lines(data: bytes, limit_bytes: int = 5) -> list[tuple[int, bytes | None]]:
    return list(bounded_lines(BytesIO(data), limit_bytes))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"12345", [(1, b"12345")]),
        (b"12345\n", [(1, b"12345\n")]),
        (b"12345\r\nx", [(1, b"12345\r\n"), (2, b"x")]),
        (b"123456", [(1, None)]),
        (b"123456\nx\n", [(1, None), (2, b"x\n")]),
        (b"1234567\nx", [(1, None), (2, b"x")]),
        (b"x\n1234567", [(1, b"x\n"), (2, None)]),
        (b"\n\n", [(1, b"\n"), (2, b"\n")]),
        (b"\xef\xbb\xbf12345\nx", [(1, b"12345\n"), (2, b"x")]),
        (b"\xef\xbb\xbf123456\nx", [(1, None), (2, b"x")]),
        (b"x\n\xef\xbb\xbf", [(1, b"x\n"), (2, b"\xef\xbb\xbf")]),
    ],
)
def test_lines_up_to_the_limit_are_kept_and_longer_ones_skipped(
    data: bytes, expected: list[tuple[int, bytes | None]]
) -> None:
    assert _lines(data) == expected


def test_a_line_far_above_the_limit_is_skipped_in_pieces() -> None:
    assert _lines(b"a" * 1_000_000 + b"\nend") == [(1, None), (2, b"end")]


@given(st.binary(max_size=40).filter(lambda data: not data.startswith(b"\xef\xbb\xbf")))
def test_every_line_is_numbered_once(data: bytes) -> None:
    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    lines = _lines(data)
    assert [row for row, _ in lines] == list(range(1, len(expected) + 1))
    for (_, line), whole in zip(lines, expected, strict=True):
        assert line is None or line.rstrip(b"\r\n") == whole.rstrip(b"\r")
        assert (line is None) == (len(whole.rstrip(b"\r")) > 5 or len(whole) > 7) or (
            # Stray carriage returns may take a line to the edge of what is read at once.
            whole.endswith(b"\r\r")
        )


def test_a_compressed_file_is_decompressed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    with open_file(path) as stream:
        assert stream.read() == b"one\ntwo\n"
    assert estimate_lines(path) is None


@pytest.mark.parametrize("damage", ["not gzip", "cut", "bits"])
def test_a_damaged_compressed_file_is_named(tmp_path: Path, damage: str) -> None:
    whole = gzip.compress(bytes(range(256)) * 100)
    path = tmp_path / "a.gz"
    path.write_bytes(
        {"not gzip": b"plain", "cut": whole[:-9], "bits": whole[:40] + b"\xff" * 40 + whole[80:]}[
            damage
        ]
    )
    with (
        pytest.raises(SourceUnavailableError, match="not a whole gzip file"),
        open_file(path) as stream,
    ):
        stream.read()


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="does not exist"), open_file(tmp_path / "x"):
        pass
    with pytest.raises(SourceUnavailableError, match="Is a directory"), open_file(tmp_path):
        pass
    assert estimate_lines(tmp_path / "x") is None
    assert estimate_lines(tmp_path) is None


@pytest.mark.parametrize(("data", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2)])
def test_the_estimate_of_a_small_file_is_exact(tmp_path: Path, data: bytes, lines: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    assert estimate_lines(path) == lines


def test_the_estimate_of_a_large_file_is_drawn_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"0123456789abcde\n" * 200_000)
    assert estimate_lines(path) == 200_000
