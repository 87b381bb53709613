"""What each built-in category means, in phrases like those that describe its entries.

The phrases are what the zero-label classifier compares texts with: several for each category,
each another facet of it, in the words that owners use and not in those of a taxonomy.
"""

from collections.abc import Mapping
from types import MappingProxyType

from hyper_registry.domain.category import Category

CATEGORY_PROTOTYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        Category.AGENT: (
            "autonomous AI agent that plans steps and uses tools to reach a goal",
            "conversational assistant that answers users and acts on their behalf",
            "LLM agent handling customer support requests on its own",
            "multi-agent system whose agents delegate tasks to each other",
            "bot that takes decisions and carries out actions by itself",
        ),
        Category.SERVICE: (
            "backend microservice that runs all the time and serves requests",
            "long-running server process deployed in production",
            "daemon that provides a function to other systems over the network",
            "payment service with an on-call team and an availability target",
            "authentication service for user logins",
        ),
        Category.ENGINE: (
            "rules engine that evaluates business rules",
            "execution engine that runs queries or computations",
            "recommendation engine that ranks items for users",
            "rendering engine, game engine or template processing core",
            "inference engine for fast execution of computations",
        ),
        Category.MODEL: (
            "trained machine learning model that predicts a value",
            "neural network with weights for image classification",
            "fine-tuned large language model checkpoint",
            "regression or classification model with accuracy and training data",
            "fraud detection model scoring transactions",
        ),
        Category.SKILL: (
            "a skill that teaches an assistant how to do one thing",
            "reusable capability that an AI agent can invoke",
            "ability to translate, summarise or book appointments on request",
            "voice assistant skill triggered by an utterance",
        ),
        Category.PLUGIN: (
            "plugin that adds a feature to an existing application",
            "browser extension or editor add-on",
            "pytest plugin, WordPress plugin or IDE extension",
            "loadable module that extends a host program through hooks",
        ),
        Category.PROMPT: (
            "prompt text for a large language model",
            "system prompt that instructs the model how to answer",
            "few-shot prompt with examples and placeholders",
            "You are a helpful assistant. Answer the question using the context.",
        ),
        Category.EMBEDDING: (
            "text embedding vectors for semantic similarity",
            "embedding model that maps sentences to dense vectors",
            "vector representations of documents in a latent space",
            "word vectors and sentence embeddings of 384 dimensions",
        ),
        Category.MEMORY: (
            "long-term memory of an agent across conversations",
            "store of past interactions that the assistant remembers",
            "conversation history and session state recalled later",
            "episodic memory of facts learned about the user",
        ),
        Category.API: (
            "REST API with endpoints and an OpenAPI specification",
            "HTTP interface that developers call with JSON requests",
            "GraphQL or gRPC API for programmatic access",
            "public web API with versioned endpoints and API keys",
            "client bindings to a remote API",
        ),
        Category.INTEGRATION: (
            "integration that connects two third-party systems",
            "connector that synchronises Salesforce records with Slack",
            "bridge or adapter between products of different vendors",
            "sync of contacts between a CRM and a mailing tool",
        ),
        Category.COMPONENT: (
            "software library that is used as part of a larger program",
            "reusable code module, package or shared library",
            "building block of an application with a defined interface",
            "shared library and development headers",
            "Python package with helper functions",
        ),
        Category.RESOURCE: (
            "resource such as a file, document, image or font collection",
            "static assets and files that others use",
            "quota of storage or compute allotted to a team",
            "icons, fonts, translations and other data files",
        ),
        Category.INFRASTRUCTURE: (
            "Kubernetes cluster, virtual machines and networks",
            "cloud infrastructure provisioned with Terraform",
            "database server, load balancer or message broker in a data center",
            "operating system kernel, drivers and system daemons",
            "storage volumes, DNS and firewalls",
        ),
        Category.PIPELINE: (
            "data pipeline that extracts, transforms and loads records every night",
            "ETL job that ingests events into the warehouse",
            "CI/CD pipeline that builds, tests and deploys code",
            "machine learning training pipeline with stages",
            "stream processing from source to sink",
        ),
        Category.WEBHOOK: (
            "webhook that posts a JSON payload to a URL when an event happens",
            "HTTP callback endpoint receiving GitHub push events",
            "outgoing event delivery to a subscriber's endpoint with a signature",
            "incoming webhook called by Stripe after a payment",
        ),
        Category.DATASET: (
            "dataset of labelled examples for training and evaluation",
            "table of historical records in CSV or Parquet files",
            "collection of images, texts or measurements for research",
            "customer transactions data with columns and rows",
            "benchmark corpus with train and test splits",
        ),
        Category.KNOWLEDGE: (
            "knowledge base of articles and how-to guides",
            "documentation, manuals and frequently asked questions",
            "ontology or knowledge graph of concepts and facts",
            "internal wiki pages with policies and procedures",
            "runbook explaining how to handle an incident",
        ),
        Category.SEARCH: (
            "full-text search over documents with ranking",
            "search index with facets and autocomplete",
            "saved search query with filters",
            "semantic retrieval that finds relevant results for a query",
        ),
        Category.EVENT_SCHEMA: (
            "schema of an event message with its fields and types",
            "Avro or protobuf definition of messages on a Kafka topic",
            "JSON Schema for the order.created event payload",
            "structure of published domain events with a version",
        ),
        Category.TASK_SCHEMA: (
            "schema that defines the inputs and outputs of a task",
            "JSON Schema for the parameters of a job or work item",
            "definition of a task type with required arguments and result fields",
            "specification of the fields that a ticket or assignment must have",
        ),
        Category.WORKFLOW: (
            "business process with approval steps carried out in order",
            "workflow for employee onboarding across departments",
            "orchestrated sequence of tasks with conditions and hand-overs",
            "purchase order approval by manager and finance",
        ),
        Category.ORGANIZATION: (
            "a team, department or company",
            "group of people that own products",
            "business unit with members and a manager",
            "vendor, partner or customer company",
            "non-profit foundation or open source community",
        ),
        Category.TEMPLATE: (
            "template to be copied and filled in",
            "project scaffold or boilerplate to start a new application",
            "document layout with placeholders for letters and invoices",
            "cookiecutter starter kit for new repositories",
        ),
        Category.WIDGET: (
            "user interface widget shown on a dashboard",
            "chart, button or date picker for a web page",
            "embeddable visual element such as a weather box",
            "interactive GUI control in a desktop or web front end",
        ),
        Category.NOTIFICATION: (
            "email, SMS or push notification sent to users",
            "alert message to the on-call engineer when an error rate rises",
            "reminder sent before an appointment",
            "notification channel and message to subscribers",
        ),
    }
)
"""Phrases for each of the 26 built-in categories."""
