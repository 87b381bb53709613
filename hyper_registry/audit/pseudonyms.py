"""Erasing a person from the audit log, so that it still verifies and tampering is still found."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from hyper_registry.audit.verification import SealKey
from hyper_registry.domain.audit import PSEUDONYMISE, AuditPosition, Replacement, Seal
from hyper_registry.domain.person import Person
from hyper_registry.storage.audit_store import AuditStore
from hyper_registry.storage.database import Connection
from hyper_registry.storage.journal_store import JournalStore

_VOUCHED_TOGETHER = 500


class AuditPseudonyms:
    """Replaces names in audit rows, notes what each seal covers now, and lets the log vouch for it.

    The caller holds the right to seal (`AuditStore.lead`) and has verified the log since: what was
    tampered with before must not be covered up.
    """

    def __init__(self, store: AuditStore, journal: JournalStore, key: SealKey) -> None:
        self._store = store
        self._journal = journal
        self._key = key

    async def erase(
        self,
        connection: Connection,
        person: Person,
        kept_ids: Sequence[str],
        checksums: Mapping[bytes, bytes],
        *,
        actor: str,
        erasure_id: str,
    ) -> tuple[int, int]:
        """Erase a person in the caller's transaction; return how many rows and seals changed.

        Parameters
        ----------
        kept_ids, checksums
            See `AuditStore.erase_names`.
        actor
            Who erases, for the rows that vouch.
        """
        changed = await self._store.erase_names(connection, person, kept_ids, checksums)
        seals = [seal async for seal in self._store.stream_seals(connection)]
        ends = [seal.last for seal in seals]
        # Beyond the last seal lie rows that will be sealed as they are now.
        places = {bisect_left(ends, position) for position in changed} - {len(seals)}
        checkpoint = await self._store.fetch_checkpoint(connection)
        beginning = AuditPosition() if checkpoint is None else checkpoint.head.last
        vouched: dict[str, str] = {}
        for place in sorted(places):
            seal = seals[place]
            after = seals[place - 1].last if place else beginning
            replacement = await self._replace(connection, seal, after)
            vouched[str(seal.seal_no)] = replacement.digest.hex()
            if len(vouched) == _VOUCHED_TOGETHER:
                await self._vouch(connection, vouched, actor, erasure_id)
                vouched = {}
        if vouched:
            await self._vouch(connection, vouched, actor, erasure_id)
        return len(changed), len(places)

    async def _replace(
        self, connection: Connection, seal: Seal, after: AuditPosition
    ) -> Replacement:
        rows = await self._store.fetch_rows_between(connection, after, seal.last)
        replacement = Replacement.of(seal, rows, self._key.secret)
        await self._store.put_replacement(connection, replacement)
        return replacement

    async def _vouch(
        self, connection: Connection, vouched: Mapping[str, str], actor: str, erasure_id: str
    ) -> None:
        await self._journal.append_audit(
            connection,
            actor=actor,
            action=PSEUDONYMISE,
            target=erasure_id,
            detail={"seals": dict(vouched)},
        )
