"""The public keys of an issuer of tokens, fetched ahead of need and held."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, NoReturn, cast

import httpx
import jwt
import orjson

from configs.settings import IssuerSettings
from hyper_registry.domain.errors.access import IssuerUnavailableError

_logger = logging.getLogger(__name__)

_DISCOVERY = "/.well-known/openid-configuration"
_MOST_BYTES = 1_000_000
_PAUSE_S = 10.0


class SigningKeys:
    """The signing keys of one issuer, by key id.

    They are fetched at intervals in the background. A request waits for the network only at the
    very first token, and when a token names a key that is not known: then once in `refetch_s` at
    most, whatever strangers send. While the issuer is away, the keys known last stay.

    Parameters
    ----------
    transport
        Carries the requests; None for the network.
    clock
        Seconds since any fixed time.
    """

    def __init__(
        self,
        issuer: IssuerSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._transport = transport
        self._clock = clock
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching = asyncio.Lock()

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """Return the key of an id, None if the issuer has none.

        A token that names no key is checked with the only key, if there is only one.

        Raises
        ------
        IssuerUnavailableError
            If the keys could not be fetched yet.
        """
        found = self._known(key_id)
        if found is None and self._may_try():
            async with self._fetching:
                # Who waited finds what the first one fetched.
                if self._known(key_id) is None and self._may_try():
                    await self._try_to_fetch()
            found = self._known(key_id)
        if found is None and self._fetched_at is None:
            raise IssuerUnavailableError(self._issuer.issuer, "its keys could not be fetched")
        return found

    async def keep_fresh(self) -> NoReturn:
        """Fetch the keys at intervals, until cancelled."""
        while True:
            async with self._fetching:
                fetched = await self._try_to_fetch()
            await asyncio.sleep(self._issuer.refresh_s if fetched else _PAUSE_S)

    def _known(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    def _may_try(self) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= self._issuer.refetch_s

    async def _try_to_fetch(self) -> bool:
        self._tried_at = self._clock()
        try:
            async with httpx.AsyncClient(
                timeout=self._issuer.timeout_s, transport=self._transport
            ) as client:
                url = self._issuer.jwks_url or await self._discover(client)
                document = await _read_json(client, url)
            keys = _signing_keys(document)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, jwt.PyJWTError) as error:
            _logger.warning(
                "The keys of %s could not be fetched: %s",
                self._issuer.issuer,
                str(error) or type(error).__name__,
            )
            return False
        self._keys = keys
        self._fetched_at = self._clock()
        return True

    async def _discover(self, client: httpx.AsyncClient) -> str:
        found = await _read_json(client, self._issuer.issuer.rstrip("/") + _DISCOVERY)
        if found.get("issuer") != self._issuer.issuer:
            msg = f"its discovery document is of another issuer, {found.get('issuer')!r}"
            raise ValueError(msg)
        return str(found.get("jwks_uri"))


async def _read_json(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    async with client.stream("GET", url) as answer:
        answer.raise_for_status()
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > _MOST_BYTES:
                msg = f"{url} answers more than {_MOST_BYTES:,} bytes"
                raise ValueError(msg)
    found = orjson.loads(body)
    if not isinstance(found, dict):
        msg = f"{url} is no JSON object"
        raise ValueError(msg)
    return cast("dict[str, Any]", found)


def _signing_keys(document: dict[str, Any]) -> dict[str | None, jwt.PyJWK]:
    """Return the keys that sign, passing over those that this library cannot use."""
    found: dict[str | None, jwt.PyJWK] = {}
    for fields in document.get("keys", ()):
        if fields.get("use", "sig") != "sig" or fields.get("kty") == "oct":
            continue
        try:
            key = jwt.PyJWK(fields)
        except jwt.PyJWTError:
            continue
        found[key.key_id] = key
    if not found:
        msg = "its key set holds no key that signs"
        raise ValueError(msg)
    return found
