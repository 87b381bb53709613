"""Where an entry stands in its life."""

from enum import StrEnum


class EntryStatus(StrEnum):
    """Where an entry stands in its life."""

    DRAFT = "draft"
    ACTIVE = "active"
    INACTIVE = "inactive"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"
