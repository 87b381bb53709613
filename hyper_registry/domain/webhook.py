"""Webhooks: where changes are sent, and what became of each sending."""

import base64
import hashlib
import hmac
import ipaddress
import os
import re
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hyper_registry.domain.change import ChangeFilter
from hyper_registry.domain.identifiers import DeliveryId, WebhookId

_SECRET_BYTES = 32
_URL_CHARACTERS = 2_000
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


def _web_address(url: str) -> str:
    fault = None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts, fault = SplitResult("", "", "", "", ""), "is no URL"
    if len(url) > _URL_CHARACTERS or _PRINTABLE.fullmatch(url) is None:
        fault = f"is not of 1 to {_URL_CHARACTERS} printable ASCII characters"
    elif parts.scheme not in {"http", "https"} or not parts.hostname:
        fault = fault or "is no URL of http or https with a host"
    elif parts.username is not None or parts.password is not None or parts.fragment:
        fault = "holds credentials or a fragment"
    if fault is not None:
        msg = f"it {fault}"
        raise ValueError(msg)
    return url


WebAddress = Annotated[str, AfterValidator(_web_address)]


class WebhookDraft(BaseModel):
    """What people write of a webhook."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: WebAddress
    filter: ChangeFilter = ChangeFilter()
    active: bool = True


class WebhookPatch(BaseModel):
    """What to change of a webhook; what is missing or null stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: WebAddress | None = None
    filter: ChangeFilter | None = None
    active: bool | None = None


class Webhook(BaseModel):
    """A webhook as it is shown: never with its secret.

    Attributes
    ----------
    inactive_reason
        Why the registry stopped it; None where people did.
    owner
        Name of the principal whose permissions decide what is sent.
    """

    model_config = ConfigDict(frozen=True)

    webhook_id: WebhookId
    url: str
    filter: ChangeFilter
    active: bool
    inactive_reason: str | None
    owner: str
    created_at: datetime
    updated_at: datetime


class CreatedWebhook(Webhook):
    """A webhook as it is shown once, when it is created."""

    secret: str = Field(description="Verifies signatures; it is never shown again.")


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Delivery(BaseModel):
    """One event on its way to one webhook.

    Attributes
    ----------
    response_status, reason
        What the last attempt came to.
    """

    model_config = ConfigDict(frozen=True)

    delivery_id: DeliveryId
    event_id: str
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime
    response_status: int | None
    reason: str | None
    created_at: datetime
    finished_at: datetime | None


class DeliveryPage(BaseModel):
    """Some deliveries, newest first; `next_before` continues, null ends."""

    items: list[Delivery]
    next_before: str | None


class WebhookPage(BaseModel):
    """Some webhooks; `next_after` continues, null ends."""

    items: list[Webhook]
    next_after: str | None


@dataclass(frozen=True, slots=True, repr=False)
class WebhookSecret:
    """What signs the deliveries of a webhook; its representation does not show it."""

    key: bytes

    @classmethod
    def generate(cls) -> "WebhookSecret":
        """Make a new secret."""
        return cls(os.urandom(_SECRET_BYTES))

    @property
    def token(self) -> str:
        """How it is told to the receiver, as Standard Webhooks writes it."""
        return f"whsec_{base64.b64encode(self.key).decode()}"

    def headers(self, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Return the headers that sign a body, as Standard Webhooks defines them.

        Examples
        --------
        >>> sent = WebhookSecret(b"key").headers("evt_1", 1_700_000_000, b"{}")
        >>> sent["webhook-signature"]
        'v1,qlxS+Rx59BdwbM0DVnBBVM2EZr7V1DuM8yaNlT+iZiY='
        """
        signed = f"{event_id}.{timestamp}.".encode() + body
        digest = hmac.new(self.key, signed, hashlib.sha256).digest()
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }


@dataclass(frozen=True, slots=True, repr=False)
class StoredSecret:
    """A secret as it is stored: in clear, or sealed under a key of the ring."""

    key: bytes | None
    envelope: dict[str, str] | None


def new_webhook_id() -> WebhookId:
    """Return a new id; later ones sort after earlier ones."""
    return WebhookId(f"whk_{time.time_ns() // 1_000:015x}{os.urandom(6).hex()}")


def new_delivery_id() -> DeliveryId:
    """Return a new id; later ones sort after earlier ones."""
    return DeliveryId(f"dlv_{time.time_ns() // 1_000:015x}{os.urandom(6).hex()}")


_EMBEDDING = (
    # The IPv4 address inside: 6to4, NAT64, and the deprecated compatible addresses.
    (ipaddress.IPv6Network("2002::/16"), 80),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("::/96"), 0),
)
_UNROUTABLE = tuple(
    map(ipaddress.ip_network, ("64:ff9b:1::/48", "fec0::/10", "2001::/32", "192.0.0.0/24"))
)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is of a host on the public internet, also where it embeds another one.

    Examples
    --------
    >>> told = ("9.9.9.9", "169.254.169.254", "::ffff:10.0.0.1")
    >>> [is_public(ipaddress.ip_address(address)) for address in told]
    [True, False, False]
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        for network, shift in _EMBEDDING:
            if address in network:
                return is_public(ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF))
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(
            address in network for network in _UNROUTABLE if network.version == address.version
        )
    )
