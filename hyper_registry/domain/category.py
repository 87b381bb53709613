"""The categories every registry knows; a deployment can add its own."""

from enum import StrEnum


class Category(StrEnum):
    """The 26 built-in categories."""

    AGENT = "agent"
    SERVICE = "service"
    ENGINE = "engine"
    MODEL = "model"
    SKILL = "skill"
    PLUGIN = "plugin"
    PROMPT = "prompt"
    EMBEDDING = "embedding"
    MEMORY = "memory"
    API = "api"
    INTEGRATION = "integration"
    COMPONENT = "component"
    RESOURCE = "resource"
    INFRASTRUCTURE = "infrastructure"
    PIPELINE = "pipeline"
    WEBHOOK = "webhook"
    DATASET = "dataset"
    KNOWLEDGE = "knowledge"
    SEARCH = "search"
    EVENT_SCHEMA = "event_schema"
    TASK_SCHEMA = "task_schema"
    WORKFLOW = "workflow"
    ORGANIZATION = "organization"
    TEMPLATE = "template"
    WIDGET = "widget"
    NOTIFICATION = "notification"
