"""Sealed fields of metadata: encrypted with AES-GCM where they are stored.

The stored metadata holds a placeholder in the place of each sealed value, and the sealed values
under one reserved name at its top. So a reader that knows nothing of sealing shows placeholders,
and ordinary input, in which the reserved name is refused, cannot forge a sealed value. The id of
the entry and the place of the field are authenticated with each value: moved to another place it
does not open.
"""

import base64
import hmac
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field
from typing_extensions import override

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors.types import SealedFieldError
from hyper_registry.domain.metadata_schema import escaped, pointer_parts

SEALED = "$sealed"
PLACEHOLDER: dict[str, Any] = {SEALED: True}
"""What is shown in the place of a sealed value; sent back, it keeps the value."""

KEY_BYTES = 32
_NONCE_BYTES = 12
_RESERVED = f'"{SEALED}"'.encode()

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Key:
    seal: AESGCM
    checksum: bytes


class KeyRing:
    """Keys by id; the first one seals, all of them open.

    Each key serves two purposes through two derived keys, so that neither tells of the other.

    Parameters
    ----------
    keys
        Ids and key material of `KEY_BYTES` random bytes, at least one.

    Raises
    ------
    ValueError
        If there is none, an id stands twice, or material is of another length.
    """

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        if not keys or len({key_id for key_id, _ in keys}) != len(keys):
            msg = "a key ring has at least one key, each under an id of its own"
            raise ValueError(msg)
        if any(len(material) != KEY_BYTES for _, material in keys):
            msg = f"key material is {KEY_BYTES} bytes long"
            raise ValueError(msg)
        self._keys = {key_id: _derived(material) for key_id, material in keys}
        self.active = keys[0][0]

    def seal(self, entry_id: str, pointer: str, value: object) -> dict[str, str]:
        """Seal a JSON value for one place of one entry, under the active key."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys[self.active].seal.encrypt(
            nonce, orjson.dumps(value), _place(entry_id, pointer)
        )
        return {"key": self.active, "nonce": _text(nonce), "value": _text(sealed)}

    def open(self, entry_id: str, pointer: str, envelope: Mapping[str, str]) -> Any:
        """Return the value that was sealed for this place of this entry.

        Raises
        ------
        SealedFieldError
            If its key is not in the ring, or it was sealed for another place or changed.
        """
        field = f"metadata{pointer}"
        key = self._keys.get(envelope["key"])
        if key is None:
            raise SealedFieldError(
                field,
                f"is sealed with the key {envelope['key']!r}, which is not configured",
                "Put the key back into 'encryption.keys'.",
            )
        try:
            opened = key.seal.decrypt(
                base64.b64decode(envelope["nonce"]),
                base64.b64decode(envelope["value"]),
                _place(entry_id, pointer),
            )
        except InvalidTag as error:
            raise SealedFieldError(
                field, "does not open: it was changed or moved", "Send the value anew."
            ) from error
        return orjson.loads(opened)

    def checksum(self, content: bytes, key_id: str) -> bytes | None:
        """Return a keyed SHA-256 of clear content; None if the ring lacks the key.

        Equal content has an equal checksum, and without the key no guess can be tried against it.
        """
        key = self._keys.get(key_id)
        return None if key is None else hmac.digest(key.checksum, content, "sha256")


class SealedDraft(EntryDraft):
    """A draft whose metadata is in its stored form, with the checksum of the clear content."""

    content_checksum: bytes = Field(exclude=True)

    @override
    def checksum_with(self, canonical_metadata: bytes) -> bytes:
        """Return the HMAC-SHA-256 of the clear content and of the places that are sealed."""
        return self.content_checksum


def shown(stored: Metadata) -> Metadata:
    """Return stored metadata as everyone sees it: with placeholders, without sealed values."""
    if SEALED not in stored:
        return stored
    return {name: value for name, value in stored.items() if name != SEALED}


def envelopes(stored: Metadata) -> dict[str, dict[str, str]]:
    """Return the sealed values of stored metadata by the places they belong to."""
    return stored.get(SEALED, {})


def mentions_sealed(metadata: Metadata) -> bool:
    """Whether metadata may hold a placeholder, or tries to hold a sealed value."""
    return _RESERVED in orjson.dumps(metadata)


def placeholders(metadata: Metadata) -> list[str]:
    """Return where input holds placeholders.

    Raises
    ------
    SealedFieldError
        If it has the reserved name in any other way.
    """
    return list(_placeholders(metadata, ""))


def opened(ring: KeyRing, entry_id: str, stored: Metadata) -> Metadata:
    """Return the clear metadata of an entry.

    Raises
    ------
    SealedFieldError
        If a sealed value does not open.
    """
    values = {
        pointer: ring.open(entry_id, pointer, envelope)
        for pointer, envelope in envelopes(stored).items()
    }
    return replaced(shown(stored), values)


def sealed(ring: KeyRing, entry_id: str, clear: Metadata, pointers: Iterable[str]) -> Metadata:
    """Return metadata in its stored form, with the values at `pointers` sealed."""
    values = {pointer: value_at(clear, pointer) for pointer in outermost(pointers)}
    stored = replaced(clear, dict.fromkeys(values, PLACEHOLDER))
    stored[SEALED] = {
        pointer: ring.seal(entry_id, pointer, value) for pointer, value in values.items()
    }
    return stored


def replaced(metadata: Metadata, values: Mapping[str, Any]) -> Metadata:
    """Return a copy of metadata with other values at some places, which exist."""
    copy = deepcopy(metadata)
    for pointer, value in values.items():
        *way, last = pointer_parts(pointer)
        node: Any = copy
        for part in way:
            node = node[_index(node, part)]
        node[_index(node, last)] = value
    return copy


def value_at(metadata: Metadata, pointer: str) -> Any:
    """Return the value at a place.

    Raises
    ------
    KeyError
        If there is no such place.
    """
    node: object = metadata
    for part in pointer_parts(pointer):
        if isinstance(node, dict) and part in node:
            node = cast("dict[str, object]", node)[part]
        elif isinstance(node, list) and _is_position(part, len(cast("list[object]", node))):
            node = cast("list[object]", node)[int(part)]
        else:
            raise KeyError(pointer)
    return node


def has(metadata: Metadata, pointer: str) -> bool:
    """Whether metadata has a value at a place."""
    try:
        value_at(metadata, pointer)
    except KeyError:
        return False
    return True


def outermost(pointers: Iterable[str]) -> list[str]:
    """Return the places that lie in no other one, sorted.

    Examples
    --------
    >>> outermost(["/a/b", "/a", "/ab"])
    ['/a', '/ab']
    """
    chosen = set(pointers)
    return sorted(
        pointer
        for pointer in chosen
        if not any(pointer[:end] in chosen for end, sign in enumerate(pointer) if sign == "/")
    )


def _is_position(part: str, length: int) -> bool:
    # One form for each place: '01' is none.
    return part.isascii() and part.isdigit() and part == str(int(part)) and int(part) < length


def _index(node: object, part: str) -> int | str:
    return int(part) if isinstance(node, list) else part


def _placeholders(node: object, pointer: str) -> Iterator[str]:
    if node == PLACEHOLDER and isinstance(node, dict) and node[SEALED] is True and pointer:
        yield pointer
    elif isinstance(node, dict):
        for name, value in cast("Metadata", node).items():
            if name == SEALED:
                raise SealedFieldError(
                    f"metadata{pointer}/{SEALED}",
                    f"the name {SEALED!r} is reserved",
                    f'Use another name; {{"{SEALED}": true}} keeps the value that is sealed there.',
                )
            yield from _placeholders(value, f"{pointer}/{escaped(name)}")
    elif isinstance(node, list):
        for number, value in enumerate(cast("list[object]", node)):
            yield from _placeholders(value, f"{pointer}/{number}")


def _derived(material: bytes) -> _Key:
    seal, checksum = (
        HKDF(SHA256(), KEY_BYTES, salt=None, info=b"hyper-registry " + purpose).derive(material)
        for purpose in (b"seal", b"checksum")
    )
    return _Key(AESGCM(seal), checksum)


def _place(entry_id: str, pointer: str) -> bytes:
    # Ids hold no NUL, so no two places read the same.
    return f"hyper-registry 1\0{entry_id}\0{pointer}".encode()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
