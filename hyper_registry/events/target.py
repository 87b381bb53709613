"""Sending to addresses that strangers name: only to public ones, and to those that were checked."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

import httpx

from hyper_registry.domain.errors.webhook import TargetRefusedError
from hyper_registry.domain.webhook import is_public

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

_REMEDY = "Name a public host, or allow its network in 'webhooks.allowed_networks'."


async def resolve(host: str, port: int) -> Sequence[Address]:
    """Return the addresses of a host.

    Raises
    ------
    OSError
        If it has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]


class Targets:
    """Posts bodies to URLs whose hosts may be sent to.

    A host is resolved once, all of its addresses are checked, and the connection is made to the
    address that was checked: a name that changes its address in between gains nothing. Redirects
    are not followed, proxies of the environment not used, answers not read.

    Parameters
    ----------
    allowed_networks
        Networks that may be sent to although they are not public.
    allow_http
        Whether URLs without TLS are allowed.
    timeout_s
        Longest time for resolving, connecting, sending and the answer's head together.
    """

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network] = (),
        allow_http: bool = False,
        timeout_s: float = 10.0,
        resolve: Resolve = resolve,
    ) -> None:
        self._allowed_networks = tuple(allowed_networks)
        self._allow_http = allow_http
        self._timeout_s = timeout_s
        self._resolve = resolve
        # Kept connections would be found by the address alone, whatever name they were made for.
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=timeout_s,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def aclose(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    def check(self, url: str) -> None:
        """Refuse a URL that can be told to be wrong without asking for its addresses.

        Raises
        ------
        TargetRefusedError
            If its scheme or its literal address is not allowed.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "https" and not self._allow_http:
            remedy = "Use https, or set 'webhooks.allow_http'."
            raise TargetRefusedError(host, "it is not reached by https", remedy)
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return
        self._check_address(host, address)

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Post a body and return the status of the answer.

        Raises
        ------
        TargetRefusedError
            If the target may not be sent to.
        OSError, httpx.HTTPError, TimeoutError
            If it cannot be reached or does not answer in time.
        """
        self.check(url)
        target = httpx.URL(url)
        port = target.port or (443 if target.scheme == "https" else 80)
        async with asyncio.timeout(self._timeout_s):
            addresses = await self._resolve(target.host, port)
            for address in addresses:
                self._check_address(target.host, address)
            request = self._client.build_request(
                "POST",
                target.copy_with(host=str(addresses[0])),
                content=body,
                headers={**headers, "Host": target.netloc.decode("ascii")},
                # The certificate must be of the name, not of the address.
                extensions={"sni_hostname": target.raw_host.decode("ascii")},
            )
            answer = await self._client.send(request, stream=True)
            await answer.aclose()
            return answer.status_code

    def _check_address(self, host: str, address: Address) -> None:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        reached = mapped or address
        allowed = any(
            reached in network
            for network in self._allowed_networks
            if network.version == reached.version
        )
        if not allowed and not is_public(address):
            raise TargetRefusedError(host, "its address is not public", _REMEDY)
