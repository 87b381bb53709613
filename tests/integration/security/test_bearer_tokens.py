"""Tokens of a real issuer that publishes its keys over HTTP."""

import base64
import json
import time
from collections.abc import Generator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from configs.settings import IssuerSettings
from hyper_registry.domain.errors.access import IssuerUnavailableError, UnauthenticatedError
from hyper_registry.domain.namespace import NamespaceDraft
from hyper_registry.domain.principal import NamespaceRole, Principal, Role
from hyper_registry.domain.role import BindingDraft, SubjectKind
from hyper_registry.security.authentication import Authentication
from hyper_registry.security.bearer_tokens import BearerTokens
from hyper_registry.security.roles import RoleService
from hyper_registry.security.signing_keys import SigningKeys
from hyper_registry.security.verified_keys import VerifiedKeys
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.role_store import RoleStore
from tests.support.services import ADMIN, build_services
from tests.support.token_issuer import TokenIssuer, serving_issuer


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Generator[TokenIssuer]:
    with serving_issuer() as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verified() -> VerifiedKeys:
    held = VerifiedKeys()
    held.resume()
    return held


def _authentication(
    database: Database, issuer: TokenIssuer, clock: Clock, verified: VerifiedKeys, **fields: object
) -> Authentication:
    settings = IssuerSettings.model_validate(
        {
            "issuer": issuer.url,
            "audience": "registry",
            "roles": {"masters": "admin", "writers": "editor"},
        }
        | fields
    )
    signing = SigningKeys(settings, clock=clock)
    tokens = BearerTokens(database, RoleStore(), [(settings, signing)], verified)
    return Authentication(build_services(database).keys, tokens)


@pytest.fixture
def authentication(
    database: Database, issuer: TokenIssuer, clock: Clock, verified: VerifiedKeys
) -> Authentication:
    return _authentication(database, issuer, clock, verified)


async def test_a_token_is_its_subject_with_the_mapped_role(
    authentication: Authentication, issuer: TokenIssuer
):
    token = issuer.sign(groups=["data", "money"])
    principal = await authentication.authenticate(token)
    assert principal == Principal("u1", Role.EDITOR, frozenset({"data", "money"}))


async def test_both_kinds_of_keys_and_api_keys_are_told_apart(
    database: Database, issuer: TokenIssuer, clock: Clock, verified: VerifiedKeys
):
    issuer.add_elliptic_key()
    authentication = _authentication(database, issuer, clock, verified)
    assert (await authentication.authenticate(issuer.sign())).name == "u1"
    _, key = await build_services(database).keys.create(ADMIN, "eve", Role.VIEWER)
    assert (await authentication.authenticate(key)).name == "eve"


async def test_the_keys_are_fetched_once_and_a_token_is_checked_once(
    authentication: Authentication, issuer: TokenIssuer
):
    for subject in ("u1", "u2", "u1"):
        assert (await authentication.authenticate(issuer.sign(sub=subject))).name == subject
    assert issuer.asked == 1


async def test_a_new_key_is_fetched_when_a_token_names_it_but_not_at_every_token(
    authentication: Authentication, issuer: TokenIssuer, clock: Clock
):
    await authentication.authenticate(issuer.sign())
    issuer.rotate()
    with pytest.raises(UnauthenticatedError, match="does not have"):
        await authentication.authenticate(issuer.sign(sub="u2"))
    assert issuer.asked == 1
    clock.now += 31
    assert (await authentication.authenticate(issuer.sign(sub="u2"))).name == "u2"
    assert issuer.asked == 2
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for _ in range(5):
        forged = jwt.encode({"iss": issuer.url}, stranger, "RS256", {"kid": "unknown"})
        with pytest.raises(UnauthenticatedError):
            await authentication.authenticate(forged)
    assert issuer.asked == 2


async def test_an_issuer_that_is_away_leaves_the_keys_known_last(
    database: Database, issuer: TokenIssuer, clock: Clock, verified: VerifiedKeys
):
    issuer.is_away = True
    authentication = _authentication(database, issuer, clock, verified)
    with pytest.raises(IssuerUnavailableError):
        await authentication.authenticate(issuer.sign())
    issuer.is_away = False
    clock.now += 31
    assert (await authentication.authenticate(issuer.sign())).name == "u1"
    issuer.is_away = True
    clock.now += 10_000
    assert (await authentication.authenticate(issuer.sign(sub="u2"))).name == "u2"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp_in": -60},
        {"nbf_in": 600},
        {"aud": "another"},
        {"iss": "https://elsewhere.example"},
        {"sub": ""},
        {"sub": "a\nb"},
        {"sub": 7},
        {"roles": ["nobody"]},
        {"roles": None},
        {"drop": ("exp",)},
        {"drop": ("aud",)},
        {"drop": ("sub",)},
    ],
)
async def test_a_token_that_is_not_for_here_or_not_for_now_is_refused(
    authentication: Authentication, issuer: TokenIssuer, claims: dict
):
    now = int(time.time())
    claims = {
        name.removesuffix("_in"): now + value if name.endswith("_in") else value
        for name, value in claims.items()
    }
    with pytest.raises(UnauthenticatedError):
        await authentication.authenticate(issuer.sign(**claims))


async def test_clocks_may_differ_a_little(authentication: Authentication, issuer: TokenIssuer):
    now = int(time.time())
    assert await authentication.authenticate(issuer.sign(exp=now - 5, nbf=now + 5))


async def test_forged_tokens_are_refused(authentication: Authentication, issuer: TokenIssuer):
    header, payload, signature = issuer.sign().split(".")
    other = issuer.sign(sub="u2").split(".")[1]
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    for token in (
        f"{header}.{other}.{signature}",
        f"{none}.{payload}.",
        f"{none}.{payload}.{signature}",
        f"{header}.{payload}.",
        "..",
        "a.b.c",
        f"{header}.{payload}.{signature}{'x' * 20_000}",
    ):
        with pytest.raises(UnauthenticatedError):
            await authentication.authenticate(token)


async def test_claims_are_mapped_by_settings(
    database: Database, issuer: TokenIssuer, clock: Clock, verified: VerifiedKeys
):
    authentication = _authentication(
        database,
        issuer,
        clock,
        verified,
        name_claim="preferred_username",
        name_prefix="id:",
        group_prefix="id:",
        groups_claim="scope",
        role_claim="realm_access.roles",
        roles={"boss": "auditor"},
        default_role="viewer",
    )
    roles = RoleService(database, RoleStore(), JournalStore())
    await build_services(database).namespaces.create(ADMIN, NamespaceDraft(name="team"))
    await roles.bind(
        ADMIN,
        BindingDraft(
            namespace="team",
            subject_kind=SubjectKind.GROUP,
            subject="id:data",
            role=NamespaceRole.OWNER,
        ),
    )
    named: dict[str, Any] = {"preferred_username": "ann", "scope": "data money"}
    boss = await authentication.authenticate(
        issuer.sign(**named, realm_access={"roles": ["x", "boss"]})
    )
    assert (boss.name, boss.role, boss.groups) == ("id:ann", Role.AUDITOR, {"id:data", "id:money"})
    assert boss.role_in("team") is NamespaceRole.OWNER
    assert (await authentication.authenticate(issuer.sign(**named))).role is Role.VIEWER


@pytest.mark.parametrize("url", ["http://id.example.org", "ftp://x", "id.example.org", ""])
def test_an_issuer_is_reached_by_https_alone(url: str):
    with pytest.raises(ValueError, match="https"):
        IssuerSettings(issuer=url, audience="a")
