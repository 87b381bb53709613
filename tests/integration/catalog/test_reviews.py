"""Reviews: no way of writing brings into a governed status what its owners did not approve."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from pydantic import JsonValue

from hyper_registry.catalog.sources.jsonl import JsonLinesSource
from hyper_registry.domain.approval import ApprovalPolicy
from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.entry import EntryNotFoundError, VersionConflictError
from hyper_registry.domain.errors.identity import HandleTakenError
from hyper_registry.domain.errors.input import BulkRejectedError, InvalidFieldError
from hyper_registry.domain.errors.review import (
    ApprovalRequiredError,
    ReviewClosedError,
    ReviewDecidedError,
    ReviewNotFoundError,
    ReviewOutdatedError,
)
from hyper_registry.domain.errors.types import (
    MetadataInvalidError,
    SealedFieldError,
    StatusTransitionError,
)
from hyper_registry.domain.merge import MergedPermissions
from hyper_registry.domain.namespace import NamespaceContent, NamespaceDraft
from hyper_registry.domain.principal import NamespaceBinding, NamespaceRole, Principal, Role
from hyper_registry.domain.review import (
    Decision,
    DecisionDraft,
    Review,
    ReviewDraft,
    ReviewState,
)
from hyper_registry.domain.sealing import KeyRing
from hyper_registry.domain.type_definitions import CategoryDraft
from hyper_registry.storage.database import Database
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft

ONE = ApprovalPolicy()
TWO = ApprovalPolicy(approvals=2)


def _member(name: str, role: NamespaceRole, role_everywhere: Role = Role.VIEWER) -> Principal:
    binding = NamespaceBinding("team", role)
    return Principal(name, role_everywhere, bindings=frozenset({binding}))


OLGA, OTTO, OVID = (_member(name, NamespaceRole.OWNER) for name in ("olga", "otto", "ovid"))
WRITER = _member("walt", NamespaceRole.EDITOR)


@pytest.fixture
async def services(database: Database) -> Services:
    built = build_services(database, ring=KeyRing([("k", b"k" * 32)]))
    for name in ("team", "free"):
        await built.namespaces.create(ADMIN, NamespaceDraft(name=name))
    return built


async def _govern(
    services: Services, policy: ApprovalPolicy | None = ONE, namespace: str = "team"
) -> None:
    await services.namespaces.update(ADMIN, namespace, NamespaceContent(approval=policy))


async def _draft(services: Services, entry_id: str = "e", **fields: object) -> Entry:
    asked = {"entry_id": entry_id, "handle": f"team/{entry_id}", "status": "draft"} | fields
    return await services.entries.register(EDITOR, draft(**asked))


async def _propose(
    services: Services,
    patch: Mapping[str, object] | None = None,
    entry_id: str = "e",
    by: Principal = WRITER,
) -> Review:
    asked = ReviewDraft.model_validate({"patch": patch or {"status": "active"}, "note": "please"})
    return await services.reviews.propose(by, entry_id, asked)


def _approve(services: Services, review: Review, by: Principal) -> Awaitable[Review]:
    return services.reviews.decide(by, review.review_id, DecisionDraft(decision=Decision.APPROVE))


def _reject(services: Services, review: Review, by: Principal) -> Awaitable[Review]:
    decision = DecisionDraft(decision=Decision.REJECT, note="no")
    return services.reviews.decide(by, review.review_id, decision)


async def _rows(database: Database, query: str) -> list[tuple[object, ...]]:
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(query)]


async def test_an_approved_change_is_applied_with_its_decision(
    services: Services, database: Database
):
    await _draft(services)
    await _govern(services, TWO)
    review = await _propose(services, {"status": "active", "title": "Better"})
    assert (review.state, review.version, review.namespace) == (ReviewState.OPEN, 1, "team")
    assert (review.proposed_by, review.note, review.decisions) == ("walt", "please", ())
    # What was tried has left nothing.
    assert (await services.entries.get(VIEWER, "e")).version == 1
    assert await _rows(database, "select action from audit where target = 'e'") == [
        ("entry.create",),
        ("review.create",),
    ]
    assert len(await _rows(database, "select from change where subject_id = 'e'")) == 1

    half = await _approve(services, review, OLGA)
    assert (half.state, half.approvers, half.applied_version) == (ReviewState.OPEN, ["olga"], None)
    assert (await services.entries.get(VIEWER, "e")).status is EntryStatus.DRAFT
    done = await services.reviews.decide(
        OTTO, review.review_id, DecisionDraft(decision=Decision.APPROVE), request_id="r9"
    )
    assert (done.state, done.approvers) == (ReviewState.APPROVED, ["olga", "otto"])
    assert (done.applied_version, done.closed_at is None) == (2, False)
    entry = await services.entries.get(VIEWER, "e")
    assert (entry.version, entry.status, entry.title) == (2, EntryStatus.ACTIVE, "Better")
    assert entry.updated_by == "walt"
    audit = await _rows(
        database,
        "select actor, action, request_id, detail from audit where target = 'e' order by audit_no",
    )
    known = {"review_id": str(review.review_id)}
    assert audit[1:] == [
        ("walt", "review.create", None, known | {"version": 1}),
        ("olga", "review.decide", None, known | {"decision": "approve", "state": "open"}),
        ("walt", "entry.update", "r9", known | {"approved_by": ["olga", "otto"]}),
        ("otto", "review.decide", "r9", known | {"decision": "approve", "state": "approved"}),
    ]
    assert await _rows(
        database,
        "select operation, version, actor from change where subject_id = 'e' order by version",
    ) == [("create", 1, "eve"), ("update", 2, "walt")]
    versions = await services.history.list_versions(VIEWER, "e")
    assert [version.version for version in versions.items] == [2, 1]


async def _restore(services: Services, _: Path) -> None:
    version = await services.history.get_version(ADMIN, "live", 1)
    await services.entries.restore(ADMIN, version)


async def _bulk(work: Awaitable[object]) -> None:
    """Raise what became of the one row of a batch."""
    outcome = await work
    rejected = outcome.rejected  # pyright: ignore[reportAttributeAccessIssue]
    assert [row.code for row in rejected] == ["approval_required"]
    raise ApprovalRequiredError("team", "active")


async def _import(services: Services, directory: Path) -> None:
    rows = [
        {"entry_id": "new", "handle": "team/new", "category": "agent", "title": "T"},
        {"entry_id": "live", "category": "agent", "title": "Otherwise"},
        {"entry_id": "draft", "category": "agent", "title": "T"},
        {"entry_id": "dead", "category": "agent", "title": "T"},
        {"entry_id": "plain", "handle": "team/plain", "category": "agent", "title": "T"},
    ]
    path = directory / "rows.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    outcome = await services.bulk.import_source(ADMIN, JsonLinesSource(path))
    assert (outcome.created, outcome.updated, len(outcome.bad_rows)) == (0, 0, len(rows))
    assert all("needs the approval" in row.reason for row in outcome.bad_rows)
    raise ApprovalRequiredError("team", "active")


def _new(entry_id: str = "new", **fields: object) -> EntryDraft:
    return draft(**({"entry_id": entry_id, "handle": f"team/{entry_id}"} | fields))


def _row(entry_id: str, **fields: JsonValue) -> dict[str, JsonValue]:
    return {"entry_id": entry_id, "category": "agent", "title": "Otherwise"} | fields


BYPASSES: dict[str, Callable[[Services, Path], Awaitable[object]]] = {
    "register": lambda s, _: s.entries.register(ADMIN, _new()),
    "create": lambda s, _: s.entries.create(ADMIN, "new", _new()),
    "register what was deleted": lambda s, _: s.entries.register(ADMIN, draft(entry_id="dead")),
    "replace": lambda s, _: s.entries.replace(ADMIN, "live", draft(title="Otherwise")),
    "replace a draft": lambda s, _: s.entries.replace(ADMIN, "draft", draft()),
    "patch": lambda s, _: s.entries.patch(ADMIN, "live", {"tags": ["new"]}),
    "patch a status": lambda s, _: s.entries.patch(ADMIN, "draft", {"status": "active"}),
    "patch a handle": lambda s, _: s.entries.patch(ADMIN, "plain", {"handle": "team/plain"}),
    "bulk register": lambda s, _: _bulk(s.bulk.register(ADMIN, [_row("n", handle="TEAM/n")])),
    "bulk register what was deleted": lambda s, _: _bulk(s.bulk.register(ADMIN, [_row("dead")])),
    "bulk update": lambda s, _: _bulk(s.bulk.update(ADMIN, [_row("live")])),
    "bulk update of a draft": lambda s, _: _bulk(s.bulk.update(ADMIN, [_row("draft")])),
    "bulk update with a handle": lambda s, _: _bulk(
        s.bulk.update(ADMIN, [_row("plain", handle="team/plain")])
    ),
    "import": _import,
    "restore": _restore,
    "rename": lambda s, _: s.naming.rename(ADMIN, "live", "other"),
    "transfer": lambda s, _: s.naming.transfer(ADMIN, "free", "team"),
    "give a handle": lambda s, _: s.naming.transfer(ADMIN, "plain", "team", name="plain"),
    "hand over": lambda s, _: s.lifecycle.transfer(ADMIN, "live", "somebody"),
    "undelete": lambda s, _: s.entries.undelete(ADMIN, "dead"),
    "merge": lambda s, _: s.merges.merge(
        ADMIN, "private", "live", permissions=MergedPermissions.UNION
    ),
}


@pytest.fixture
async def governed(services: Services, database: Database) -> AsyncGenerator[Services]:
    """Entries of every kind, then the policy; at the end nothing of them has changed."""
    await services.entries.register(EDITOR, _new("live", title="First"))
    await services.entries.patch(
        EDITOR,
        "live",
        {
            "title": "Second",
            "owner": "ops",
            "security": {"visibility": "private", "readers": ["user:eve"]},
        },
    )
    await services.entries.register(EDITOR, _new("draft", status="draft"))
    await services.entries.register(EDITOR, _new("dead"))
    await services.entries.register(EDITOR, draft(entry_id="free", handle="free/free"))
    await services.entries.register(EDITOR, draft(entry_id="plain"))
    private = {"visibility": "private", "readers": ["user:eve", "user:zoe"]}
    await services.entries.register(EDITOR, draft(entry_id="private", security=private))
    await services.entries.delete(EDITOR, "dead")
    await _govern(services)
    query = "select entry_id, version, status, handle, deleted_at from entry order by entry_id"
    held = await _rows(database, query)
    yield services
    assert await _rows(database, query) == held


@pytest.mark.parametrize("way", BYPASSES)
async def test_no_way_of_writing_gets_around_the_owners(
    governed: Services, way: str, tmp_path: Path
):
    with pytest.raises(ApprovalRequiredError) as refused:
        await BYPASSES[way](governed, tmp_path)
    assert (refused.value.namespace, refused.value.status) == ("team", "active")


async def test_an_atomic_batch_with_one_ungoverned_row_writes_nothing(governed: Services):
    rows = [_row("new", handle="free/new"), _row("other", handle="team/other")]
    with pytest.raises(BulkRejectedError) as refused:
        await governed.bulk.register(ADMIN, rows, atomic=True)
    assert [(row, code) for row, code, _ in refused.value.rejected] == [(2, "approval_required")]


async def test_what_leads_to_no_governed_status_needs_nobody(services: Services):
    await services.entries.register(EDITOR, _new("live"))
    await _draft(services)
    await _govern(services)
    same = await services.entries.replace(EDITOR, "live", draft())
    assert (same.version, same.status) == (1, EntryStatus.ACTIVE)
    unchanged = await services.bulk.update(EDITOR, [_row("live", title="Weather agent")])
    assert (unchanged.written, unchanged.rejected) == ({1: "live"}, [])
    edited = await services.entries.patch(EDITOR, "e", {"title": "Better"})
    assert (edited.version, edited.status) == (2, EntryStatus.DRAFT)
    left = await services.entries.patch(EDITOR, "live", {"status": "deprecated"})
    assert left.status is EntryStatus.DEPRECATED
    with pytest.raises(ApprovalRequiredError):
        await services.entries.patch(EDITOR, "live", {"status": "active"})
    moved = await services.naming.transfer(EDITOR, "live", "free")
    assert moved.handle == "free/live"
    assert (await services.entries.patch(EDITOR, "live", {"status": "active"})).version == 4
    await _govern(services, None)
    assert (await services.entries.patch(EDITOR, "e", {"status": "active"})).version == 3


async def test_what_was_deleted_under_the_policy_comes_back_as_it_was(services: Services):
    await services.entries.register(EDITOR, _new("live"))
    await _govern(services)
    await services.entries.delete(EDITOR, "live")
    back = await services.entries.undelete(EDITOR, "live")
    assert (back.status, back.version) == (EntryStatus.ACTIVE, 3)
    await services.entries.delete(EDITOR, "live")
    # Another policy, which nobody of those who lived then has met.
    await _govern(services, TWO)
    with pytest.raises(ApprovalRequiredError):
        await services.entries.undelete(EDITOR, "live")
    # As a draft it comes back anew, and is proposed.
    again = await services.entries.register(EDITOR, draft(entry_id="live", status="draft"))
    assert (again.handle, again.version) == ("team/live", 5)


async def test_a_merge_is_undone_unless_the_policy_came_between(services: Services):
    for entry_id in ("a", "b", "c"):
        await services.entries.register(EDITOR, _new(entry_id))
    early = await services.merges.merge(EDITOR, "b", "a")
    await _govern(services)
    late = await services.merges.merge(EDITOR, "c", "a")
    with pytest.raises(ApprovalRequiredError):
        await services.merges.undo(EDITOR, early.merge_id)
    with pytest.raises(EntryNotFoundError):
        await services.entries.get(EDITOR, "b")
    await services.merges.undo(EDITOR, late.merge_id)
    assert (await services.entries.get(EDITOR, "c")).status is EntryStatus.ACTIVE


async def test_reviews_rename_and_transfer_what_is_governed(services: Services):
    await _draft(services)
    await services.entries.register(EDITOR, draft(entry_id="f", handle="free/f"))
    await services.entries.register(EDITOR, draft(entry_id="taken", handle="free/taken"))
    await _govern(services)
    await _approve(services, await _propose(services), OLGA)
    renamed = await _propose(services, {"handle": "team/other"})
    await _approve(services, renamed, OLGA)
    assert (await services.naming.get(EDITOR, "team/e")).handle == "team/other"
    with pytest.raises(PermissionDeniedError):
        await _propose(services, {"handle": "team/f"}, "f", by=WRITER)
    review = await _propose(services, {"handle": "team/f"}, "f", by=EDITOR)
    assert review.namespace == "team"
    assert (await _approve(services, review, OTTO)).state is ReviewState.APPROVED
    assert (await services.entries.get(EDITOR, "f")).handle == "team/f"
    for handle, error in (("free/taken", HandleTakenError), (None, RegistryError)):
        with pytest.raises(error):
            await _propose(services, {"handle": handle}, by=EDITOR)


async def test_a_proposal_is_tried_by_the_rules_of_every_write(services: Services):
    await services.categories.create(ADMIN, CategoryDraft(name="gizmo"))
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    await services.categories.put_schema(ADMIN, "gizmo", schema)
    await _draft(services, category="gizmo")
    await _draft(services, "old", status="archived")
    await _govern(services)
    active = {"status": "active"}
    refusals: list[tuple[Mapping[str, object], str, type[RegistryError]]] = [
        (active | {"metadata": {"n": "x"}}, "e", MetadataInvalidError),
        (active, "old", StatusTransitionError),
        (active | {"title": ""}, "e", InvalidFieldError),
        (active | {"entry_id": "f"}, "e", InvalidFieldError),
        ({"title": "Weather agent"}, "e", InvalidFieldError),
        ({"title": "Only a draft"}, "e", InvalidFieldError),
        (active, "nowhere", EntryNotFoundError),
    ]
    for patch, entry_id, error in refusals:
        with pytest.raises(error):
            await _propose(services, patch, entry_id)
    for who in (VIEWER, _member("vera", NamespaceRole.VIEWER)):
        with pytest.raises(PermissionDeniedError):
            await _propose(services, by=who)
    with pytest.raises(VersionConflictError):
        await services.reviews.propose(
            WRITER, "e", ReviewDraft(patch={"status": "active"}), expected_versions={2}
        )
    assert (await services.reviews.list_open(ADMIN)).items == []


async def test_what_was_allowed_when_proposed_and_is_not_when_approved_is_refused(
    services: Services,
):
    await services.categories.create(ADMIN, CategoryDraft(name="gizmo"))
    await _draft(services, category="gizmo")
    await _govern(services)
    review = await _propose(services, {"status": "active", "metadata": {"n": "x"}})
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    await services.categories.put_schema(ADMIN, "gizmo", schema)
    with pytest.raises(MetadataInvalidError):
        await _approve(services, review, OLGA)
    kept = await services.reviews.get(ADMIN, review.review_id)
    assert (kept.state, kept.decisions) == (ReviewState.OPEN, ())


async def test_a_review_keeps_no_sensitive_value(services: Services, database: Database):
    await services.categories.create(ADMIN, CategoryDraft(name="vault"))
    schema = {"type": "object", "properties": {"pin": {"type": "string", "x-sensitive": True}}}
    await services.categories.put_schema(ADMIN, "vault", schema)
    await _draft(services, category="vault")
    await _draft(services, "sealed", metadata={"k": "secret"}, sensitive=["/k"])
    await _draft(services, "clear", metadata={"k": 1})
    await _govern(services)
    active = {"status": "active"}
    for patch, entry_id in (
        (active | {"metadata": {"pin": "0000"}}, "e"),
        (active | {"metadata": {"other": 1}}, "sealed"),
        (active | {"metadata": {"k": "s"}, "sensitive": ["/k"]}, "clear"),
        (active | {"category": "vault", "metadata": {"pin": "0000"}}, "clear"),
    ):
        with pytest.raises(SealedFieldError):
            await _propose(services, patch, entry_id)
    assert await _rows(database, "select from entry_review") == []
    # What is sealed already stays sealed by a change of something else.
    review = await _propose(services, active, "sealed")
    await _approve(services, review, OLGA)
    entry = await services.entries.get(EDITOR, "sealed")
    assert (entry.status, entry.metadata) == (EntryStatus.ACTIVE, {"k": {"$sealed": True}})


async def test_who_may_decide(services: Services):
    await _draft(services)
    await _govern(services, TWO)
    review = await _propose(services, by=replace(OVID))
    for who in (VIEWER, EDITOR, WRITER, OVID):
        for decide in (_approve, _reject):
            with pytest.raises(PermissionDeniedError):
                await decide(services, review, who)
    await _approve(services, review, OLGA)
    for decide in (_approve, _reject):
        with pytest.raises(ReviewDecidedError):
            await decide(services, review, OLGA)
    # An administrator owns every namespace, and approves nothing of its own either.
    own = await _propose(services, {"status": "active", "title": "Mine"}, by=ADMIN)
    with pytest.raises(PermissionDeniedError):
        await _approve(services, own, ADMIN)
    assert (await _approve(services, review, ADMIN)).state is ReviewState.APPROVED


async def test_one_rejection_closes_and_only_the_proposer_withdraws(services: Services):
    await _draft(services)
    await _govern(services, TWO)
    rejected, withdrawn = [await _propose(services) for _ in range(2)]
    await _approve(services, rejected, OLGA)
    closed = await _reject(services, rejected, OTTO)
    assert (closed.state, closed.decisions[1].note) == (ReviewState.REJECTED, "no")
    for who in (OLGA, ADMIN, EDITOR):
        with pytest.raises(PermissionDeniedError):
            await services.reviews.withdraw(who, withdrawn.review_id)
    gone = await services.reviews.withdraw(WRITER, withdrawn.review_id)
    assert (gone.state, gone.closed_at is None) == (ReviewState.WITHDRAWN, False)
    for review in (rejected, withdrawn):
        for work in (
            lambda review=review: _approve(services, review, OVID),
            lambda review=review: services.reviews.withdraw(WRITER, review.review_id),
        ):
            with pytest.raises(ReviewClosedError):
                await work()
    assert (await services.entries.get(VIEWER, "e")).version == 1


async def test_a_review_is_outdated_once_its_entry_moves_on(services: Services):
    await _draft(services)
    await _govern(services)
    first, second = [await _propose(services) for _ in range(2)]
    await _approve(services, first, OLGA)
    stale = await services.reviews.get(VIEWER, second.review_id)
    assert (stale.state, stale.version) == (ReviewState.OUTDATED, 1)
    for work in (_approve(services, second, OLGA), _reject(services, second, OLGA)):
        with pytest.raises(ReviewOutdatedError):
            await work
    with pytest.raises(ReviewOutdatedError):
        await services.reviews.withdraw(WRITER, second.review_id)
    assert (await services.reviews.list_open(VIEWER)).items == []
    states = [item.state for item in (await services.reviews.list_of_entry(VIEWER, "e")).items]
    assert states == [ReviewState.APPROVED, ReviewState.OUTDATED]
    third = await _propose(services, {"title": "Third"})
    await services.entries.delete(EDITOR, "e")
    with pytest.raises(ReviewNotFoundError):
        await _approve(services, third, OLGA)


async def test_as_many_approve_as_the_namespace_asks_for_at_the_decision(services: Services):
    await _draft(services)
    await _govern(services, TWO)
    review = await _propose(services)
    await _approve(services, review, OLGA)
    await _govern(services, ApprovalPolicy(approvals=3))
    assert (await _approve(services, review, OTTO)).state is ReviewState.OPEN
    await _govern(services, None)
    assert (await _approve(services, review, OVID)).state is ReviewState.APPROVED


async def test_open_reviews_are_listed_by_pages_and_by_who_can_decide(services: Services):
    await _govern(services, TWO)
    ids: list[UUID] = []
    for number in range(5):
        await _draft(services, f"e{number}")
        by = OLGA if number == 4 else WRITER
        ids.append((await _propose(services, entry_id=f"e{number}", by=by)).review_id)
    found: list[UUID] = []
    after: UUID | None = None
    while True:
        page = await services.reviews.list_open(VIEWER, after=after, limit=2)
        found += [item.review_id for item in page.items]
        after = page.next_after
        if after is None:
            break
    assert found == ids
    review = await services.reviews.get(OLGA, ids[0])
    await _approve(services, review, OLGA)

    async def decidable(who: Principal) -> list[UUID]:
        page = await services.reviews.list_open(who, decidable=True)
        return [item.review_id for item in page.items]

    assert await decidable(OLGA) == ids[1:4]
    assert await decidable(OTTO) == ids
    assert await decidable(ADMIN) == ids
    assert await decidable(WRITER) == await decidable(EDITOR) == []


async def test_a_review_is_seen_by_who_sees_its_entry_then_now_and_afterwards(
    services: Services, database: Database
):
    private = {"visibility": "private", "readers": ["user:zoe"]}
    zoe = Principal("zoe", Role.VIEWER)
    await _draft(services, "hidden", security=private | {"readers": ["user:zoe", "user:eve"]})
    await _draft(services, "open")
    await _govern(services)
    hidden = await _propose(services, entry_id="hidden")
    closing = await _propose(
        services, {"status": "active", "title": "Secret", "security": private}, "open"
    )

    async def seen(who: Principal) -> list[str]:
        return [item.entry_id for item in (await services.reviews.list_open(who)).items]

    assert await seen(VIEWER) == []
    assert await seen(zoe) == await seen(OLGA) == await seen(ADMIN) == ["hidden", "open"]
    for review in (hidden, closing):
        for work in (
            services.reviews.get(VIEWER, review.review_id),
            _approve(services, review, VIEWER),
            services.reviews.withdraw(VIEWER, review.review_id),
        ):
            with pytest.raises(ReviewNotFoundError):
                await work
    with pytest.raises(EntryNotFoundError):
        await services.reviews.list_of_entry(VIEWER, "hidden")
    assert (await services.reviews.list_of_entry(VIEWER, "open")).items == []
    # Now that all see the entry, what was said while it was private is still not theirs.
    await services.entries.patch(EDITOR, "hidden", {"security": {"visibility": "internal"}})
    assert (await services.reviews.list_of_entry(VIEWER, "hidden")).items == []
    assert len((await services.reviews.list_of_entry(zoe, "hidden")).items) == 1
    # Postgres itself hides them, whatever is asked of it.
    for grants, count in ((VIEWER.grants, 0), (zoe.grants, 2), (None, 2)):
        async with database.reading(grants) as connection:
            assert await connection.fetchval("select count(*) from entry_review") == count
            assert await connection.fetchval("select count(*) from review_state") == count
    await _reject(services, closing, OLGA)
    for grants, count in ((VIEWER.grants, 0), (zoe.grants, 1)):
        async with database.reading(grants) as connection:
            found = await connection.fetchval("select count(*) from entry_review_decision")
            assert found == count


async def test_of_many_approvals_at_once_one_applies_the_change(
    services: Services, database: Database
):
    owners = [_member(f"o{number}", NamespaceRole.OWNER) for number in range(8)]
    await _draft(services)
    await _govern(services, TWO)
    review = await _propose(services)
    outcomes = await asyncio.gather(
        *(_approve(services, review, owner) for owner in owners), return_exceptions=True
    )
    decided = [each for each in outcomes if isinstance(each, Review)]
    assert sorted(each.state.value for each in decided) == ["approved", "open"]
    assert {type(each) for each in outcomes} == {Review, ReviewClosedError}
    assert (await services.entries.get(VIEWER, "e")).version == 2
    assert len(await _rows(database, "select from entry_review_decision")) == 2
    assert len(await _rows(database, "select from entry_version")) == 1


async def test_of_an_approval_and_an_edit_exactly_one_wins(services: Services):
    await _govern(services)
    for number in range(12):
        entry_id = f"e{number}"
        await _draft(services, entry_id)
        review = await _propose(services, entry_id=entry_id)
        edit = services.entries.patch(EDITOR, entry_id, {"title": "Edited"}, expected_versions={1})
        works: list[Awaitable[object]] = [_approve(services, review, OLGA), edit]
        if number % 2:
            works.reverse()
        outcomes = await asyncio.gather(*works, return_exceptions=True)
        errors = [type(each) for each in outcomes if isinstance(each, BaseException)]
        entry = await services.entries.get(EDITOR, entry_id)
        assert entry.version == 2
        if entry.status is EntryStatus.ACTIVE:
            assert (entry.title, errors) == ("Weather agent", [VersionConflictError])
        else:
            assert (entry.title, errors) == ("Edited", [ReviewOutdatedError])


async def test_of_an_approval_a_rejection_and_a_withdrawal_exactly_one_closes(services: Services):
    await _govern(services)
    for number in range(8):
        entry_id = f"e{number}"
        await _draft(services, entry_id)
        review = await _propose(services, entry_id=entry_id)
        works = [
            _approve(services, review, OLGA),
            _reject(services, review, OTTO),
            services.reviews.withdraw(WRITER, review.review_id),
        ]
        works = works[number % 3 :] + works[: number % 3]
        outcomes = await asyncio.gather(*works, return_exceptions=True)
        closed = [each for each in outcomes if isinstance(each, Review)]
        assert len(closed) == 1
        entry = await services.entries.get(EDITOR, entry_id)
        applied = closed[0].state is ReviewState.APPROVED
        assert (entry.status is EntryStatus.ACTIVE) is applied
        assert {type(each) for each in outcomes} - {Review} <= {
            ReviewClosedError,
            ReviewOutdatedError,
        }


async def test_a_policy_holds_at_once_where_definitions_are_held(services: Services):
    services.definitions.changes.on_listening()
    await _draft(services)
    await _govern(services)
    with pytest.raises(ApprovalRequiredError):
        await services.entries.patch(EDITOR, "e", {"status": "active"})
    await _govern(services, None)
    assert (await services.entries.patch(EDITOR, "e", {"status": "active"})).version == 2
    made = NamespaceDraft(name="Strict", approval=TWO)
    assert (await services.namespaces.create(EDITOR, made)).approval == TWO
    with pytest.raises(ApprovalRequiredError):
        await services.entries.register(ADMIN, draft(handle="strict/a"))
    kept = await services.namespaces.update(ADMIN, "strict", NamespaceContent(description="D"))
    assert (kept.description, kept.approval) == ("D", TWO)
    with pytest.raises(PermissionDeniedError):
        await services.namespaces.update(WRITER, "team", NamespaceContent(approval=None))
