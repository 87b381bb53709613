"""What seals a batch in the audit log: one hash over all that it wrote."""

import hashlib
from collections.abc import Iterable


def batch_digest(written: Iterable[tuple[str, int, bytes]]) -> bytes:
    """Return the SHA-256 over what a batch wrote, in the order of ids.

    Parameters
    ----------
    written
        Id, version and checksum of each row; of one that was deleted the checksum is empty, as
        the change log has none.

    Examples
    --------
    >>> forth = [("a", 2, b""), ("b", 1, b"x")]
    >>> batch_digest(forth) == batch_digest(forth[::-1])
    True
    """
    digest = hashlib.sha256()
    for subject_id, version, checksum in sorted(written):
        digest.update(f"{subject_id} {version} {checksum.hex()}\n".encode())
    return digest.digest()
