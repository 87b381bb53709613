"""Cursors that tell their bearer nothing, not even whether anything happened."""

import base64
import hashlib
import hmac
import os
import struct
from dataclasses import astuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from hyper_registry.domain.change import FeedPosition
from hyper_registry.domain.errors.input import InvalidQueryError

_POSITION = struct.Struct(">4Q")
_NONCE_BYTES = 16


class FeedCursors:
    """Positions as opaque text, and changes as opaque ids.

    Positions count transactions and changes, those included that the caller may not see, so they
    are encrypted (AES-SIV). A random nonce makes two cursors of one position differ: equal ones
    would tell that nothing hidden happened in between.

    Parameters
    ----------
    secret
        64 random bytes, the same in every process.
    """

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESSIV(secret)
        self._event_key = hashlib.sha256(b"event ids\0" + secret).digest()

    def seal(self, position: FeedPosition) -> str:
        """Return a cursor of a position."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(_POSITION.pack(*astuple(position)), [nonce])
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, cursor: str) -> FeedPosition:
        """Return the position of a cursor.

        Raises
        ------
        InvalidQueryError
            If it is none of this installation.
        """
        try:
            sealed = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
            plain = self._cipher.decrypt(sealed[_NONCE_BYTES:], [sealed[:_NONCE_BYTES]])
            return FeedPosition(*_POSITION.unpack(plain))
        except (ValueError, InvalidTag, struct.error) as error:
            raise InvalidQueryError(
                "after",
                "it is no cursor of this registry",
                "Send a cursor of an earlier answer, 'now', or none to read from the beginning.",
            ) from error

    def event_id(self, change_no: int) -> str:
        """Return the stable id of a change, which does not tell its number."""
        digest = hmac.new(self._event_key, str(change_no).encode(), hashlib.sha256).hexdigest()
        return f"evt_{digest[:32]}"
