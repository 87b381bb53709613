"""Roles, grants and the one visibility rule."""

import itertools
import pickle

import pytest

from hyper_registry.domain.entry import EntryDraft, SecurityContext, Visibility
from hyper_registry.domain.principal import EVERYONE, LOCAL_ADMIN, Principal, Role

VIEWER = Principal("ann", Role.VIEWER, frozenset({"money", "data"}))


@pytest.mark.parametrize(("held", "asked"), list(itertools.product(Role, Role)))
def test_each_role_includes_those_before_it(held: Role, asked: Role) -> None:
    order = list(Role)
    assert Principal("a", held).holds(asked) is (order.index(held) >= order.index(asked))


def test_the_roles_are_these_and_in_this_order() -> None:
    assert [role.value for role in Role] == ["viewer", "editor", "admin"]


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
