"""Tokens of OpenID Connect issuers, checked against their keys and turned into principals."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jwt

from configs.settings import IssuerSettings
from hyper_registry.domain.errors.access import UnauthenticatedError
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.text import storable_line
from hyper_registry.security.signing_keys import SigningKeys
from hyper_registry.security.verified_keys import VerifiedKeys
from hyper_registry.storage.database import Database
from hyper_registry.storage.role_store import RoleStore

_LONGEST_TOKEN = 16_384
_MOST_GROUPS = 1_000
_LONGEST_NAME = 200


class BearerTokens:
    """Tells whose a signed token is, by the claims that the settings name.

    Parameters
    ----------
    issuers
        The issuers that are trusted, with their keys.
    verified
        Where tokens that were checked are held, together with API keys: for its time to live, and
        never beyond their own end.
    """

    def __init__(
        self,
        database: Database,
        roles: RoleStore,
        issuers: Sequence[tuple[IssuerSettings, SigningKeys]],
        verified: VerifiedKeys,
    ) -> None:
        self._database = database
        self._roles = roles
        self._issuers = {settings.issuer: (settings, keys) for settings, keys in issuers}
        self._verified = verified

    async def authenticate(self, token: str) -> Principal:
        """Return whose token it is.

        Raises
        ------
        UnauthenticatedError
            If it is malformed, of no trusted issuer, not signed by it, for another audience, not
            valid now, or says neither who it is nor a role that is known here.
        IssuerUnavailableError
            If the issuer's keys could not be fetched yet.
        """
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is not None:
            return known
        revision = self._verified.revision
        settings, claims = await self._verify(token)
        name, role, groups = _identity(settings, claims)
        credential = f"token:{settings.issuer}|{claims['sub']}"
        async with self._database.connection() as connection:
            principal = await self._roles.fetch_principal(
                connection, name, role, groups, credential=credential
            )
        if principal is None:
            raise UnauthenticatedError(f"the token's role {role!r} is not defined here")
        self._verified.remember(
            digest,
            KeyId(credential),
            principal,
            expires_in_s=float(claims["exp"]) + settings.leeway_s - time.time(),
            revision=revision,
        )
        return principal

    async def _verify(self, token: str) -> tuple[IssuerSettings, dict[str, Any]]:
        if len(token) > _LONGEST_TOKEN:
            reason = f"the token has more than {_LONGEST_TOKEN:,} characters"
            raise UnauthenticatedError(reason)
        try:
            unverified = jwt.decode_complete(token, options={"verify_signature": False})
            issuer = unverified["payload"].get("iss")
            # Only what is trusted is ever asked for its keys.
            settings, keys = self._issuers[str(issuer)]
            header = unverified["header"]
            if header.get("alg") not in settings.algorithms:
                reason = "the token is signed by an algorithm that is not allowed"
                raise UnauthenticatedError(reason)
            key = await keys.find(header.get("kid"))
            if key is None:
                reason = "the token is signed by a key that its issuer does not have"
                raise UnauthenticatedError(reason)
            claims = jwt.decode(
                token,
                key,
                algorithms=list(settings.algorithms),
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=settings.leeway_s,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except KeyError as error:
            reason = "the token is of no issuer that is trusted here"
            raise UnauthenticatedError(reason) from error
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise UnauthenticatedError(f"the token is not valid: {error}") from error
        return settings, claims


def _identity(
    settings: IssuerSettings, claims: Mapping[str, Any]
) -> tuple[str, str, frozenset[str]]:
    """Return the name, the role and the groups that claims stand for."""
    name = _claim(claims, settings.name_claim)
    if not isinstance(name, str):
        raise UnauthenticatedError(f"the token has no claim {settings.name_claim!r} of a name")
    given = set(_words(_claim(claims, settings.role_claim)))
    role = next(
        (role for value, role in settings.roles.items() if value in given), settings.default_role
    )
    if role is None:
        raise UnauthenticatedError(f"the token's {settings.role_claim!r} gives no role here")
    groups = _words(_claim(claims, settings.groups_claim))
    if len(groups) > _MOST_GROUPS:
        raise UnauthenticatedError(f"the token names more than {_MOST_GROUPS:,} groups")
    try:
        return (
            _line(settings.name_prefix + name),
            role,
            frozenset(_line(settings.group_prefix + group) for group in groups),
        )
    except ValueError as error:
        raise UnauthenticatedError(f"a name in the token {error}") from error


def _claim(claims: Mapping[str, Any], path: str) -> object:
    """Return a claim, by its name or by the dotted path to it."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = cast("Mapping[str, object]", found).get(part)
    return found


def _words(value: object) -> list[str]:
    """Return the texts of a claim, which is a list or, as scopes are, words in one text."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list):
        return [word for word in cast("list[object]", value) if isinstance(word, str)]
    return []


def _line(value: str) -> str:
    line = storable_line(value)
    if len(line) > _LONGEST_NAME:
        msg = f"has more than {_LONGEST_NAME} characters"
        raise ValueError(msg)
    return line
