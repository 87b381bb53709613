"""Reviews: changes that are proposed, decided about by owners, and applied once approved."""

from collections.abc import Collection, Mapping
from uuid import UUID

from pydantic import JsonValue

from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.entry_rules import EntryRules
from hyper_registry.domain.approval import governing
from hyper_registry.domain.entry import Entry
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.errors.review import (
    ReviewClosedError,
    ReviewDecidedError,
    ReviewNotFoundError,
    ReviewOutdatedError,
)
from hyper_registry.domain.errors.types import SealedFieldError
from hyper_registry.domain.principal import NamespaceRole, Principal, Role
from hyper_registry.domain.review import (
    Decision,
    DecisionDraft,
    Review,
    ReviewDraft,
    ReviewPage,
    ReviewState,
)
from hyper_registry.domain.sealing import mentions_sealed
from hyper_registry.domain.type_definitions import TypeDefinitions
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.review_store import ReviewStore


class _TakenBackError(Exception):
    """Ends a part of a transaction that is to leave nothing."""


class ReviewService:
    """Keeps reviews on behalf of a principal, who sees those of the entries that it sees.

    A review holds the entry's row, then its own, so that of an approval and whatever else happens
    to the entry one comes first.
    """

    def __init__(
        self,
        database: Database,
        entries: EntryService,
        entry_store: EntryStore,
        reviews: ReviewStore,
        journal: JournalStore,
        rules: EntryRules,
    ) -> None:
        self._database = database
        self._entries = entries
        self._entry_store = entry_store
        self._reviews = reviews
        self._journal = journal
        self._rules = rules

    async def propose(
        self,
        principal: Principal,
        entry_id: str,
        draft: ReviewDraft,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Review:
        """Propose a change of an entry, after trying it.

        Raises
        ------
        PermissionDeniedError
            If the caller may not write the entry, before or after the change.
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is at none of the `expected_versions`.
        SealedFieldError
            If the change may hold sensitive values: a review keeps it in clear.
        InvalidFieldError
            If the patch changes nothing, or nothing that needs approval; and as all that an update
            of the entry raises.
        """
        principal.require_some_writing("propose changes")
        async with self._database.transaction() as connection:
            before = await self._entries.hold(connection, principal, entry_id, expected_versions)
            definitions = await self._rules.current(connection)
            _refuse_sensitive(definitions, before, draft.patch)
            after = await self._tried(connection, principal, entry_id, draft.patch)
            if after.version == before.version:
                raise InvalidFieldError("patch", "changes nothing", "Name what is to change.")
            if governing(definitions.approvals, after.namespace, after.status) is None:
                raise InvalidFieldError(
                    "patch", "leads to what needs no approval", "Change the entry itself."
                )
            review_id = await self._reviews.insert(connection, before, after, draft, principal.name)
            detail: dict[str, JsonValue] = {"version": before.version}
            await self._record(
                connection, principal, "create", entry_id, review_id, request_id, detail
            )
            # Whoever proposed it is told of it, also if the change hides the entry from them.
            found = await self._reviews.fetch(connection, review_id, None)
        assert found is not None
        return found

    async def get(self, principal: Principal, review_id: UUID) -> Review:
        """Read a review.

        Raises
        ------
        ReviewNotFoundError
            If there is none that the caller may see.
        """
        async with self._database.reading(principal.grants) as connection:
            return await self._found(connection, principal, review_id)

    async def list_of_entry(
        self, principal: Principal, entry_id: str, *, after: UUID | None = None, limit: int = 100
    ) -> ReviewPage:
        """Read the reviews of an entry in the order in which they were proposed.

        Raises
        ------
        EntryNotFoundError
            If there is none that the caller may see.
        """
        grants = principal.grants
        async with self._database.reading(grants) as connection:
            if not await self._entry_store.fetch_keys(connection, [entry_id], grants):
                raise EntryNotFoundError(entry_id)
            items = await self._reviews.list_of_entry(connection, entry_id, grants, after, limit)
        return _page(items, limit)

    async def list_open(
        self,
        principal: Principal,
        *,
        decidable: bool = False,
        after: UUID | None = None,
        limit: int = 100,
    ) -> ReviewPage:
        """Read open reviews in the order in which they were proposed.

        Parameters
        ----------
        decidable
            Only those that the caller can decide about.
        """
        owned = None
        if decidable and principal.role is not Role.ADMIN:
            owned = sorted(
                each.namespace for each in principal.bindings if each.role is NamespaceRole.OWNER
            )
        async with self._database.reading(principal.grants) as connection:
            items = await self._reviews.list_open(
                connection,
                principal.grants,
                after,
                limit,
                undecided_by=principal.name if decidable else None,
                namespaces=owned,
            )
        return _page(items, limit)

    async def decide(
        self,
        principal: Principal,
        review_id: UUID,
        draft: DecisionDraft,
        *,
        request_id: str | None = None,
    ) -> Review:
        """Approve or reject a change; the last approval that is needed applies it at once.

        As many approvals are needed as the namespace asks for now.

        Raises
        ------
        ReviewNotFoundError
            If there is none that the caller may see.
        PermissionDeniedError
            If the caller does not own the namespace, or proposed the change.
        ReviewClosedError, ReviewOutdatedError
            If it was decided or withdrawn, or the entry moved on.
        ReviewDecidedError
            If the caller has decided before.
        RegistryError
            What an update of the entry raises, if the change is not allowed any more. The decision
            is not kept then.
        """
        async with self._database.transaction() as connection:
            review = await self._found(connection, principal, review_id)
            _require_decider(principal, review)
            # The owners answer for the change from here on; its proposer could write the entry.
            proposer = Principal(review.proposed_by, Role.ADMIN)
            try:
                await self._entries.hold(connection, proposer, review.entry_id)
            except EntryNotFoundError as error:
                raise ReviewNotFoundError(str(review_id)) from error
            review = await self._held_open(connection, principal, review_id)
            if any(each.decided_by == principal.name for each in review.decisions):
                raise ReviewDecidedError(str(review_id), principal.name)
            await self._reviews.decide(connection, review_id, draft, principal.name)
            state, applied = ReviewState.OPEN, None
            approvers = [*review.approvers, principal.name]
            if draft.decision is Decision.REJECT:
                state = ReviewState.REJECTED
            elif len(approvers) >= await self._needed(connection, review.namespace):
                state = ReviewState.APPROVED
                detail: dict[str, JsonValue] = {
                    "review_id": str(review_id),
                    "approved_by": list[JsonValue](approvers),
                }
                entry = await self._entries.patch_approved(
                    connection,
                    proposer,
                    review.entry_id,
                    review.patch,
                    detail,
                    expected_versions={review.version},
                    request_id=request_id,
                )
                applied = entry.version
            if state is not ReviewState.OPEN:
                await self._reviews.close(connection, review_id, state, applied)
            told: dict[str, JsonValue] = {"decision": draft.decision.value, "state": state.value}
            await self._record(
                connection, principal, "decide", review.entry_id, review_id, request_id, told
            )
            decided = await self._reviews.fetch(connection, review_id, None)
        assert decided is not None
        return decided

    async def withdraw(
        self, principal: Principal, review_id: UUID, *, request_id: str | None = None
    ) -> Review:
        """Withdraw a change that the caller proposed.

        Raises
        ------
        ReviewNotFoundError
            If there is none that the caller may see.
        PermissionDeniedError
            If somebody else proposed it.
        ReviewClosedError, ReviewOutdatedError
            As `decide`.
        """
        async with self._database.transaction() as connection:
            review = await self._found(connection, principal, review_id)
            if review.proposed_by != principal.name:
                raise PermissionDeniedError(
                    principal.name, principal.role.value, "withdraw what another one proposed"
                )
            review = await self._held_open(connection, principal, review_id)
            await self._reviews.close(connection, review_id, ReviewState.WITHDRAWN)
            await self._record(
                connection, principal, "withdraw", review.entry_id, review_id, request_id
            )
            return await self._found(connection, principal, review_id)

    async def _tried(
        self,
        connection: Connection,
        principal: Principal,
        entry_id: str,
        patch: Mapping[str, JsonValue],
    ) -> Entry:
        """Return what becomes of an entry by a patch, which is taken back."""
        after: Entry | None = None
        try:
            async with connection.transaction():
                after = await self._entries.patch_approved(
                    connection, principal, entry_id, patch, {}
                )
                raise _TakenBackError
        except _TakenBackError:
            assert after is not None
        return after

    async def _found(self, connection: Connection, principal: Principal, review_id: UUID) -> Review:
        found = await self._reviews.fetch(connection, review_id, principal.grants)
        if found is None:
            raise ReviewNotFoundError(str(review_id))
        return found

    async def _held_open(
        self, connection: Connection, principal: Principal, review_id: UUID
    ) -> Review:
        await self._reviews.lock(connection, review_id)
        # Read by a later statement, which sees what was committed while this one waited.
        review = await self._found(connection, principal, review_id)
        if review.state is ReviewState.OUTDATED:
            raise ReviewOutdatedError(str(review_id), review.version)
        if review.state is not ReviewState.OPEN:
            raise ReviewClosedError(str(review_id), review.state.value)
        return review

    async def _needed(self, connection: Connection, namespace: str) -> int:
        held = (await self._rules.current(connection)).approvals.get(namespace)
        return 1 if held is None else held.policy.approvals

    async def _record(
        self,
        connection: Connection,
        principal: Principal,
        operation: str,
        entry_id: str,
        review_id: UUID,
        request_id: str | None,
        detail: Mapping[str, JsonValue] | None = None,
    ) -> None:
        await self._journal.append_audit(
            connection,
            actor=principal.name,
            action=f"review.{operation}",
            target=entry_id,
            request_id=request_id,
            detail={"review_id": str(review_id), **(detail or {})},
        )


def _require_decider(principal: Principal, review: Review) -> None:
    action = f"decide about changes in {review.namespace!r}"
    if principal.role_in(review.namespace) is not NamespaceRole.OWNER:
        raise PermissionDeniedError(principal.name, principal.role.value, action)
    if review.proposed_by == principal.name:
        raise PermissionDeniedError(
            principal.name, principal.role.value, "decide about its own proposal"
        )


def _refuse_sensitive(
    definitions: TypeDefinitions, before: Entry, patch: Mapping[str, JsonValue]
) -> None:
    """Refuse a patch that may hold values which are sealed where entries are stored.

    Raises
    ------
    SealedFieldError
        If it names sensitive fields, or touches metadata that has sealed values or would have.
    """
    remedy = "Change sensitive fields while the entry is in a status that needs no approval."
    if "sensitive" in patch:
        raise SealedFieldError("sensitive", "is kept in clear by a review", remedy)
    if "metadata" not in patch:
        return
    categories = (before.category, patch.get("category"))
    schemas = [rules.schema for name, rules in definitions.categories.items() if name in categories]
    marked = any(schema is not None and schema.marks_sensitive for schema in schemas)
    if marked or mentions_sealed(before.metadata):
        reason = "has sensitive fields, and a review keeps the patch in clear"
        raise SealedFieldError("metadata", reason, remedy)


def _page(items: list[Review], limit: int) -> ReviewPage:
    return ReviewPage(items=items, next_after=items[-1].review_id if len(items) == limit else None)
