"""Roles, grants and the one visibility rule."""

import itertools
import pickle

import pytest

from hyper_registry.domain.entry import EntryDraft, SecurityContext, Visibility
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.principal import (
    EVERYONE,
    LOCAL_ADMIN,
    NamespaceBinding,
    NamespaceRole,
    Principal,
    Role,
)
from hyper_registry.domain.scope import Scope

VIEWER = Principal("ann", Role.VIEWER, frozenset({"money", "data"}))


@pytest.mark.parametrize(("held", "asked"), list(itertools.product(Role, Role)))
def test_a_role_includes_those_whose_scopes_it_has(held: Role, asked: Role) -> None:
    includes = {
        Role.VIEWER: {Role.VIEWER},
        Role.AUDITOR: {Role.VIEWER, Role.AUDITOR},
        Role.EDITOR: {Role.VIEWER, Role.EDITOR},
        Role.ADMIN: set(Role),
    }
    assert Principal("a", held).holds(asked) is (asked in includes[held])


def test_a_narrowed_caller_is_refused_what_its_role_would_allow() -> None:
    narrowed = Principal("a", Role.EDITOR, scopes=frozenset({Scope.ENTRIES_READ}))
    narrowed.require(Scope.ENTRIES_READ, "read")
    with pytest.raises(PermissionDeniedError, match="entries:write"):
        narrowed.require(Scope.ENTRIES_WRITE, "write")


def test_a_custom_role_that_writes_is_an_editor_and_never_more() -> None:
    reader = Principal.of_custom_role("a", frozenset({Scope.SEARCH, Scope.AUDIT_READ}))
    manager = Principal.of_custom_role("a", frozenset(Scope))
    assert (reader.role, manager.role) == (Role.VIEWER, Role.EDITOR)
    assert manager.grants is not None


@pytest.mark.parametrize(
    ("other", "covered"),
    [
        (Principal("ann", Role.EDITOR), True),
        (Principal("ann", Role.VIEWER, frozenset({"money"})), True),
        (Principal("ann", Role.VIEWER, frozenset({"other"})), False),
        (Principal("bob", Role.VIEWER), False),
        (Principal("ann", Role.AUDITOR), False),
        (Principal("ann", Role.ADMIN, scopes=frozenset({Scope.SEARCH})), False),
    ],
)
def test_a_caller_covers_what_may_do_and_read_no_more(other: Principal, *, covered: bool) -> None:
    caller = Principal("ann", Role.EDITOR, frozenset({"money"}))
    assert caller.covers(other) is covered
    assert LOCAL_ADMIN.covers(other)


def test_the_strongest_role_in_a_namespace_counts() -> None:
    bindings = {
        NamespaceBinding("team", NamespaceRole.VIEWER),
        NamespaceBinding("team", NamespaceRole.OWNER),
        NamespaceBinding("other", NamespaceRole.EDITOR),
    }
    caller = Principal("ann", Role.VIEWER, bindings=frozenset(bindings))
    held = [caller.role_in(namespace) for namespace in ("team", "other", "none")]
    assert held == [NamespaceRole.OWNER, NamespaceRole.EDITOR, None]
    assert LOCAL_ADMIN.role_in("none") is NamespaceRole.OWNER


def test_grants_are_sorted_and_hold_everyone_the_name_and_the_groups() -> None:
    assert VIEWER.grants == [EVERYONE, "group:data", "group:money", "user:ann"]
    assert Principal("bob", Role.EDITOR).grants == [EVERYONE, "user:bob"]


def test_an_administrator_needs_no_grant() -> None:
    assert LOCAL_ADMIN.grants is None
    assert LOCAL_ADMIN.may_read(frozenset())


@pytest.mark.parametrize(
    ("readers", "visible"),
    [
        (set[str](), False),
        ({EVERYONE}, True),
        ({"user:ann"}, True),
        ({"user:Ann"}, False),
        ({"group:money"}, True),
        ({"group:ann"}, False),
        ({"user:money"}, False),
        ({"user:bob", "group:data"}, True),
        ({"ann"}, False),
    ],
)
def test_an_entry_is_visible_where_readers_and_grants_meet(
    readers: set[str], *, visible: bool
) -> None:
    assert VIEWER.may_read(frozenset(readers)) is visible


@pytest.mark.parametrize("name", ["*", "ann:*", "group:money", "", " ann"])
def test_a_name_cannot_pass_for_another_grant(name: str) -> None:
    stranger = Principal(name, Role.VIEWER)
    assert not stranger.may_read(frozenset({"user:ann", "group:money"}))


@pytest.mark.parametrize(
    ("visibility", "owner", "readers", "visible_to"),
    [
        (Visibility.PUBLIC, None, (), {"ann", "bob", "eve"}),
        (Visibility.INTERNAL, "ann", ("user:bob",), {"ann", "bob", "eve"}),
        (Visibility.PRIVATE, "ann", (), {"ann"}),
        (Visibility.PRIVATE, "ann", ("user:bob",), {"ann", "bob"}),
        (Visibility.PRIVATE, None, ("group:money",), {"eve"}),
        (Visibility.PRIVATE, None, (), set[str]()),
    ],
)
def test_an_entry_s_security_decides_who_sees_it(
    visibility: Visibility, owner: str | None, readers: tuple[str, ...], visible_to: set[str]
) -> None:
    draft = EntryDraft(
        category="model",
        title="A",
        owner=owner,
        security=SecurityContext(visibility=visibility, readers=readers),
    )
    people = [
        Principal("ann", Role.VIEWER),
        Principal("bob", Role.EDITOR),
        Principal("eve", Role.VIEWER, frozenset({"money"})),
    ]
    seen = {person.name for person in people if person.may_read(frozenset(draft.readers))}
    assert seen == visible_to


def test_a_principal_is_a_value() -> None:
    assert pickle.loads(pickle.dumps(VIEWER)) == VIEWER
    assert len({VIEWER, Principal("ann", Role.VIEWER, frozenset({"data", "money"}))}) == 1
