"""The definitions of types that a process holds, and how it hears that they changed."""

from hyper_registry.domain.type_definitions import TypeDefinitions
from hyper_registry.storage.database import Connection
from hyper_registry.storage.notifications import Subscription
from hyper_registry.storage.type_store import TYPE_CHANGES, TypeStore


class HeldDefinitions:
    """The current definitions: held while changes are heard of, compared at each use otherwise.

    While it listens, a use costs no statement. A write that is under way when a definition changes
    may still follow the one before.
    """

    def __init__(self, types: TypeStore) -> None:
        self._types = types
        self._held: TypeDefinitions | None = None
        self._latest = 0
        self._hears_changes = False
        self._epoch = 0

    @property
    def changes(self) -> Subscription:
        """What a listener must call so that definitions can be held."""
        return Subscription(
            TYPE_CHANGES,
            on_notification=lambda revision: self.supersede(int(revision)),
            on_listening=lambda: self._hear(hears=True),
            on_lost=lambda: self._hear(hears=False),
        )

    async def current(self, connection: Connection) -> TypeDefinitions:
        """Return the definitions, read again if those that are held are not the latest."""
        held = self._held
        if held is not None and held.revision >= self._latest:
            if self._hears_changes:
                return held
            if await self._types.revision(connection) == held.revision:
                return held
        epoch = self._epoch
        definitions = await self._types.definitions(connection)
        if epoch == self._epoch:
            self._held = definitions
        return definitions

    async def advance(self, connection: Connection) -> int:
        """Count a change of a definition; give its number to `supersede` once it is committed."""
        return await self._types.advance(connection)

    def supersede(self, revision: int) -> None:
        """Note that there are definitions of this revision, those that are held or later ones."""
        self._latest = max(self._latest, revision)

    def _hear(self, *, hears: bool) -> None:
        # What changed before listening began was not heard.
        self._held = None
        self._epoch += 1
        self._hears_changes = hears
