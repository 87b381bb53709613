"""One method of the public face for each of the built-in categories."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, cast

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.identifiers import EntryId

_WRITTEN = frozenset(EntryDraft.model_fields)


def draft_fields(category: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a draft; those that no draft has become part of its metadata.

    >>> draft_fields("agent", {"title": "A", "capabilities": ["plan"], "metadata": {"team": 1}})
    {'title': 'A', 'category': 'agent', 'metadata': {'team': 1, 'capabilities': ['plan']}}
    """
    known = {name: value for name, value in fields.items() if name in _WRITTEN}
    further = {name: value for name, value in fields.items() if name not in _WRITTEN}
    metadata: Any = known.pop("metadata", {})
    if further and isinstance(metadata, Mapping):
        metadata = {**cast("Mapping[str, Any]", metadata), **further}
    return {**known, "category": category, "metadata": metadata}


class CategoryMethods(ABC):
    """``register_<category>`` for each built-in category.

    Each takes the fields of an `EntryDraft` but for the category, returns the entry's id and
    raises what `register_entry` raises. Fields that no draft has, such as an agent's
    ``capabilities``, are kept in the entry's metadata.
    """

    @abstractmethod
    async def register_entry(
        self, entry: Mapping[str, Any] | EntryDraft, *, wait_embedded: bool = False
    ) -> EntryId:
        """Register an entry of any category and return its id."""
        ...

    async def _register_as(
        self, category: str, fields: Mapping[str, Any], *, wait_embedded: bool
    ) -> EntryId:
        return await self.register_entry(
            draft_fields(category, fields), wait_embedded=wait_embedded
        )

    async def register_agent(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register an agent."""
        return await self._register_as("agent", fields, wait_embedded=wait_embedded)

    async def register_service(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a service."""
        return await self._register_as("service", fields, wait_embedded=wait_embedded)

    async def register_engine(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register an engine."""
        return await self._register_as("engine", fields, wait_embedded=wait_embedded)

    async def register_model(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a model."""
        return await self._register_as("model", fields, wait_embedded=wait_embedded)

    async def register_skill(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a skill."""
        return await self._register_as("skill", fields, wait_embedded=wait_embedded)

    async def register_plugin(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a plugin."""
        return await self._register_as("plugin", fields, wait_embedded=wait_embedded)

    async def register_prompt(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a prompt."""
        return await self._register_as("prompt", fields, wait_embedded=wait_embedded)

    async def register_embedding(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register an embedding."""
        return await self._register_as("embedding", fields, wait_embedded=wait_embedded)

    async def register_memory(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a memory."""
        return await self._register_as("memory", fields, wait_embedded=wait_embedded)

    async def register_api(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register an api."""
        return await self._register_as("api", fields, wait_embedded=wait_embedded)

    async def register_integration(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register an integration."""
        return await self._register_as("integration", fields, wait_embedded=wait_embedded)

    async def register_component(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a component."""
        return await self._register_as("component", fields, wait_embedded=wait_embedded)

    async def register_resource(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a resource."""
        return await self._register_as("resource", fields, wait_embedded=wait_embedded)

    async def register_infrastructure(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register an infrastructure."""
        return await self._register_as("infrastructure", fields, wait_embedded=wait_embedded)

    async def register_pipeline(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a pipeline."""
        return await self._register_as("pipeline", fields, wait_embedded=wait_embedded)

    async def register_webhook(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a webhook."""
        return await self._register_as("webhook", fields, wait_embedded=wait_embedded)

    async def register_dataset(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a dataset."""
        return await self._register_as("dataset", fields, wait_embedded=wait_embedded)

    async def register_knowledge(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a knowledge."""
        return await self._register_as("knowledge", fields, wait_embedded=wait_embedded)

    async def register_search(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a search."""
        return await self._register_as("search", fields, wait_embedded=wait_embedded)

    async def register_event_schema(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register an event schema."""
        return await self._register_as("event_schema", fields, wait_embedded=wait_embedded)

    async def register_task_schema(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a task schema."""
        return await self._register_as("task_schema", fields, wait_embedded=wait_embedded)

    async def register_workflow(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a workflow."""
        return await self._register_as("workflow", fields, wait_embedded=wait_embedded)

    async def register_organization(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register an organization."""
        return await self._register_as("organization", fields, wait_embedded=wait_embedded)

    async def register_template(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a template."""
        return await self._register_as("template", fields, wait_embedded=wait_embedded)

    async def register_widget(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a widget."""
        return await self._register_as("widget", fields, wait_embedded=wait_embedded)

    async def register_notification(
        self, fields: Mapping[str, Any], *, wait_embedded: bool = False
    ) -> EntryId:
        """Register a notification."""
        return await self._register_as("notification", fields, wait_embedded=wait_embedded)
