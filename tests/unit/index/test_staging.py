import pytest

from index.staging import remove_abandoned, sha256_of, staged_directory, write_whole


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_directory_appears_only_when_the_block_ends_well(tmp_path):
    target = tmp_path / "deep" / "target"
    with staged_directory(target) as staging:
        (staging / "file").write_text("content")
        assert not target.exists()
    assert (target / "file").read_text() == "content"
    assert names(target.parent) == ["target"]


def test_failing_block_leaves_the_old_directory_and_nothing_else(tmp_path):
    target = tmp_path / "target"
    with staged_directory(target) as staging:
        (staging / "old").touch()

    def fail_midway():
        with staged_directory(target) as staging:
            (staging / "new").touch()
            raise KeyError("midway")

    with pytest.raises(KeyError, match="midway"):
        fail_midway()
    assert names(tmp_path) == ["target"]
    assert names(target) == ["old"]


def test_replacing_keeps_what_readers_have_open(tmp_path):
    target = tmp_path / "target"
    with staged_directory(target) as staging:
        (staging / "file").write_text("first")
    with (target / "file").open() as reader:
        with staged_directory(target) as staging:
            (staging / "file").write_text("second")
        assert reader.read() == "first"
    assert (target / "file").read_text() == "second"
    assert names(tmp_path) == ["target"]


def test_overlapping_builds_end_with_one_whole_directory(tmp_path):
    target = tmp_path / "target"
    with staged_directory(target) as outer:
        (outer / "file").write_text("outer")
        with staged_directory(target) as inner:
            (inner / "file").write_text("inner")
    assert (target / "file").read_text() == "outer"
    assert names(tmp_path) == ["target"]


def test_whole_file_is_replaced_and_a_failed_write_keeps_the_old(tmp_path):
    path = tmp_path / "file"
    write_whole(path, "one")
    write_whole(path, "two")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    assert path.read_text() == "two"
    assert names(tmp_path) == ["file"]


def test_only_what_killed_builds_left_is_removed(tmp_path):
    for name in (".shard-00000.building-1a", ".shard-00001.replaced-2b", "shard-00000", ".keep"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / ".snapshot.json.building-3c").touch()
    remove_abandoned(tmp_path)
    assert names(tmp_path) == [".keep", "shard-00000"]


def test_checksum_is_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "file") == expected
