import pytest

from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.security.verified_keys import VerifiedKeys

EVE = Principal("eve", Role.EDITOR)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> VerifiedKeys:
    opened = VerifiedKeys(capacity=2, ttl_s=30, clock=clock)
    opened.resume()
    return opened


def _remember(keys: VerifiedKeys, name: str, expires_in_s: float | None = None) -> None:
    keys.remember(
        name.encode(), KeyId(name), EVE, expires_in_s=expires_in_s, revision=keys.revision
    )


def test_a_remembered_key_is_known_until_it_is_forgotten(keys: VerifiedKeys):
    _remember(keys, "a")
    _remember(keys, "b")
    assert keys.get(b"a") == EVE
    keys.forget("a")
    assert keys.get(b"a") is None
    assert keys.get(b"b") == EVE


@pytest.mark.parametrize(("expires_in_s", "held_s"), [(None, 30), (1.5, 1.5), (1000, 30)])
def test_a_key_is_held_until_it_expires_and_never_beyond_the_ttl(
    keys: VerifiedKeys, clock: Clock, expires_in_s: float | None, held_s: float
):
    _remember(keys, "a", expires_in_s)
    clock.now += held_s - 0.001
    assert keys.get(b"a") == EVE
    clock.now += 0.001
    assert keys.get(b"a") is None


def test_the_key_unused_for_longest_makes_room(keys: VerifiedKeys):
    _remember(keys, "a")
    _remember(keys, "b")
    keys.get(b"a")
    _remember(keys, "c")
    assert [keys.get(name) for name in (b"a", b"b", b"c")] == [EVE, None, EVE]
    keys.forget("b")
    assert keys.get(b"a") == EVE


def test_both_secrets_of_a_rotated_key_are_forgotten_with_it(keys: VerifiedKeys):
    for digest in (b"before", b"after"):
        keys.remember(digest, KeyId("a"), EVE, expires_in_s=None, revision=keys.revision)
    keys.forget("a")
    assert [keys.get(digest) for digest in (b"before", b"after")] == [None, None]


def test_a_change_that_may_concern_anybody_forgets_all(keys: VerifiedKeys):
    _remember(keys, "a")
    _remember(keys, "b")
    keys.forget("*")
    assert [keys.get(name) for name in (b"a", b"b")] == [None, None]
    _remember(keys, "a")
    assert keys.get(b"a") == EVE


def test_a_key_read_before_a_revocation_is_not_remembered_after_it(keys: VerifiedKeys):
    revision = keys.revision
    keys.forget("a")
    keys.remember(b"a", KeyId("a"), EVE, expires_in_s=None, revision=revision)
    assert keys.get(b"a") is None


def test_nothing_is_held_while_revocations_are_not_heard(keys: VerifiedKeys):
    _remember(keys, "a")
    keys.suspend()
    assert keys.get(b"a") is None
    _remember(keys, "a")
    assert keys.get(b"a") is None
    keys.resume()
    assert keys.get(b"a") is None
    _remember(keys, "a")
    assert keys.get(b"a") == EVE


def test_before_anyone_listens_nothing_is_held():
    keys = VerifiedKeys()
    _remember(keys, "a")
    assert keys.get(b"a") is None
