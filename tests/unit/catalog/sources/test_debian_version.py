"""The order of Debian versions, against the rules and against dpkg itself."""

import itertools
import random
import shutil
import subprocess

import pytest

from hyper_registry.catalog.sources.debian_version import version_key

ASCENDING = [
    "~~",
    "~~a",
    "~",
    "0~rc1",
    "0",
    "0a",
    "0+b",
    "0.1",
    "1.0~~",
    "1.0~~a",
    "1.0~",
    "1.0~rc1-1",
    "1.0-0.1",
    "1.0-1~bpo1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1.1",
    "1.0-2",
    "1.0-10",
    "1.0a-1",
    "1.0+dfsg-1",
    "1.0.1",
    "1.1",
    "1.9",
    "1.10",
    "2-1-1",
    "2-1-2",
    "20240101",
    "1:0",
    "1:1.0-1",
    "10:0",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_neighbours_are_ordered(lower: str, higher: str) -> None:
    assert version_key(lower) < version_key(higher)


def test_the_order_is_total() -> None:
    shuffled = random.Random(7).sample(ASCENDING, len(ASCENDING))
    assert sorted(shuffled, key=version_key) == ASCENDING


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "0:1.0"), ("1.0", "1.0-0"), ("1.0", "1.00"), ("1a", "1a0")]
)
def test_different_spellings_of_one_version_are_equal(one: str, other: str) -> None:
    assert version_key(one) == version_key(other)


def test_an_epoch_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        version_key("a:1")


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not installed on this machine")
def test_dpkg_agrees() -> None:
    draw = random.Random(11)
    for _ in range(60):
        one, other = (
            str(draw.randrange(3)) + "".join(draw.choices("019ab.+~-", k=draw.randrange(6))) + "0"
            for _ in range(2)
        )
        operator = "lt" if version_key(one) < version_key(other) else "ge"
        asked = ["dpkg", "--compare-versions", one, operator, other]
        assert subprocess.run(asked, check=False).returncode == 0, asked
