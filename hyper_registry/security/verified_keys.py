"""The API keys and tokens that were checked a moment ago, so that not every request does it."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.role_store import EVERY_CALLER


@dataclass(frozen=True, slots=True)
class _Verified:
    key_id: KeyId
    principal: Principal
    valid_until: float


class VerifiedKeys:
    """Least-recently-used map from a token's digest to its principal.

    It works only while its owner hears of every revocation, so it begins suspended: `resume` and
    `suspend` say when that is the case. A key that was read before a revocation and comes to be
    remembered after it is not remembered: `revision` tells.

    Parameters
    ----------
    capacity
        Keys held at most.
    ttl_s
        Longest time a key is held, in case a revocation is never heard of.
    clock
        Seconds since any fixed time.
    """

    def __init__(
        self,
        *,
        capacity: int = 10_000,
        ttl_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = capacity
        self._ttl_s = ttl_s
        self._clock = clock
        self._keys: OrderedDict[bytes, _Verified] = OrderedDict()
        # While a rotated key's secrets overlap, it has two.
        self._digests: dict[KeyId, set[bytes]] = {}
        self._hears_revocations = False
        self._revision = 0

    @property
    def revision(self) -> int:
        """Number that each revocation, `resume` and `suspend` raises."""
        return self._revision

    def get(self, digest: bytes) -> Principal | None:
        """Return whose token has this digest, if it was verified lately and has not expired."""
        found = self._keys.get(digest)
        if found is None:
            return None
        if found.valid_until <= self._clock():
            self.forget(found.key_id)
            return None
        self._keys.move_to_end(digest)
        return found.principal

    def remember(
        self,
        digest: bytes,
        key_id: KeyId,
        principal: Principal,
        *,
        expires_in_s: float | None,
        revision: int,
    ) -> None:
        """Hold a key that was just verified.

        Parameters
        ----------
        digest
            SHA-256 of the whole token.
        expires_in_s
            When the key expires; None if never.
        revision
            What `revision` was before the key was read.
        """
        if not self._hears_revocations or revision != self._revision or self._capacity == 0:
            return
        held_s = self._ttl_s if expires_in_s is None else min(self._ttl_s, expires_in_s)
        self._keys[digest] = _Verified(key_id, principal, self._clock() + held_s)
        self._digests.setdefault(key_id, set()).add(digest)
        if len(self._keys) > self._capacity:
            dropped, verified = self._keys.popitem(last=False)
            held = self._digests[verified.key_id]
            held.remove(dropped)
            if not held:
                del self._digests[verified.key_id]

    def forget(self, key_id: str) -> None:
        """Drop a key: it was revoked or changed, or has expired. `EVERY_CALLER` drops all."""
        self._revision += 1
        if key_id == EVERY_CALLER:
            self._keys.clear()
            self._digests.clear()
            return
        for digest in self._digests.pop(KeyId(key_id), ()):
            del self._keys[digest]

    def forget_all(self) -> None:
        """Drop all keys: what any caller may do has changed."""
        self.forget(EVERY_CALLER)

    def resume(self) -> None:
        """Hold keys from now on."""
        self._begin(hears_revocations=True)

    def suspend(self) -> None:
        """Drop all keys and hold none until `resume`."""
        self._begin(hears_revocations=False)

    def _begin(self, *, hears_revocations: bool) -> None:
        self._revision += 1
        self._keys.clear()
        self._digests.clear()
        self._hears_revocations = hears_revocations
