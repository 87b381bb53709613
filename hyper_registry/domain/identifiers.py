"""Identifiers, kept apart by type so that one cannot stand in for another."""

from typing import NewType
from uuid import UUID

ENTRY_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:@+~-]{0,199}$"

EntryId = NewType("EntryId", str)
"""Public, stable id of an entry; never re-used for another thing."""

EntryKey = NewType("EntryKey", int)
"""Internal key of an entry: what indexes and relationships store; never leaves the server."""

RelationshipId = NewType("RelationshipId", UUID)
"""Public, stable id of a relationship; it does not tell how many there are."""

JobId = NewType("JobId", str)
"""Id of a batch job, also its Ray submission id."""

KeyId = NewType("KeyId", str)
"""Public part of an API key."""

WebhookId = NewType("WebhookId", str)
"""Id of a webhook."""

DeliveryId = NewType("DeliveryId", str)
"""Id of one event's delivery to one webhook."""
