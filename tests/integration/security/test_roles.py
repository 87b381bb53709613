import pytest

from hyper_registry.domain.errors.access import (
    BindingNotFoundError,
    PermissionDeniedError,
    RoleExistsError,
    RoleInUseError,
    RoleNotFoundError,
)
from hyper_registry.domain.namespace import NamespaceDraft
from hyper_registry.domain.principal import NamespaceRole, Principal, Role
from hyper_registry.domain.role import BindingDraft, RoleContent, RoleDraft, SubjectKind
from hyper_registry.domain.scope import Scope
from hyper_registry.security.roles import RoleService
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.role_store import RoleStore
from tests.support.services import ADMIN, build_services

READS = RoleDraft(name="reads", scopes=frozenset({Scope.ENTRIES_READ}))


@pytest.fixture
async def roles(database: Database) -> RoleService:
    namespaces = build_services(database).namespaces
    for name in ("team", "other", "third"):
        await namespaces.create(ADMIN, NamespaceDraft(name=name))
    return RoleService(database, RoleStore(), JournalStore())


async def test_a_role_s_holders_may_do_what_it_says_now(roles: RoleService, database: Database):
    await roles.create(ADMIN, READS)
    keys = build_services(database).keys
    _, token = await keys.create(ADMIN, "eve", "reads")
    assert (await keys.authenticate(token)).allowed == {Scope.ENTRIES_READ}
    await roles.replace(ADMIN, "reads", RoleContent(scopes=frozenset({Scope.SEARCH})))
    assert (await keys.authenticate(token)).allowed == {Scope.SEARCH}


async def test_a_role_is_deleted_only_when_no_key_has_it(roles: RoleService, database: Database):
    await roles.create(ADMIN, READS)
    keys = build_services(database).keys
    key, _ = await keys.create(ADMIN, "eve", "reads")
    with pytest.raises(RoleInUseError):
        await roles.delete(ADMIN, "reads")
    assert (await roles.get(ADMIN, "reads")).scopes == READS.scopes
    await keys.revoke(ADMIN, key.key_id)
    await roles.delete(ADMIN, "reads")
    with pytest.raises(RoleNotFoundError):
        await roles.get(ADMIN, "reads")


async def test_names_are_taken_once_and_listed_page_by_page(roles: RoleService):
    for name in ("a", "b", "c"):
        await roles.create(ADMIN, RoleDraft(name=name, scopes=READS.scopes))
    with pytest.raises(RoleExistsError):
        await roles.create(ADMIN, RoleDraft(name="b", scopes=READS.scopes))
    assert [role.name for role in await roles.list_page(ADMIN, after="a", limit=1)] == ["b"]
    with pytest.raises(ValueError, match="built-in"):
        RoleDraft(name="admin", scopes=READS.scopes)


async def test_only_administrators_handle_roles(roles: RoleService):
    manager = Principal.of_custom_role("mona", frozenset(Scope))
    binding = BindingDraft(
        namespace="team",
        subject_kind=SubjectKind.GROUP,
        subject="data",
        role=NamespaceRole.EDITOR,
    )
    for work in (
        roles.create(manager, READS),
        roles.list_page(manager),
        roles.get(manager, "reads"),
        roles.replace(manager, "reads", READS),
        roles.delete(manager, "reads"),
        roles.bind(manager, binding),
        roles.list_bindings(manager),
        roles.unbind(manager, 1),
    ):
        with pytest.raises(PermissionDeniedError):
            await work


async def test_a_key_s_holder_has_the_namespace_roles_of_its_name_and_groups(
    roles: RoleService, database: Database
):
    for namespace, kind, subject, role in (
        ("team", SubjectKind.PRINCIPAL, "eve", NamespaceRole.VIEWER),
        ("team", SubjectKind.GROUP, "data", NamespaceRole.OWNER),
        ("other", SubjectKind.GROUP, "money", NamespaceRole.OWNER),
        ("third", SubjectKind.GROUP, "eve", NamespaceRole.OWNER),
    ):
        await roles.bind(
            ADMIN,
            BindingDraft(namespace=namespace, subject_kind=kind, subject=subject, role=role),
        )
    keys = build_services(database).keys
    _, token = await keys.create(ADMIN, "eve", Role.VIEWER, frozenset({"data"}))
    eve = await keys.authenticate(token)
    held = [eve.role_in(namespace) for namespace in ("team", "other", "third")]
    assert held == [NamespaceRole.OWNER, None, None]
    (_, group_binding) = await roles.list_bindings(ADMIN, namespace="team")
    await roles.unbind(ADMIN, group_binding.binding_id)
    assert (await keys.authenticate(token)).role_in("team") is NamespaceRole.VIEWER
    with pytest.raises(BindingNotFoundError):
        await roles.unbind(ADMIN, group_binding.binding_id)
