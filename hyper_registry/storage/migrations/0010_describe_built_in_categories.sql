-- The first schemas of built-in categories: what is known has a type, anything else is allowed.
insert into category_schema (category, version, document, created_by) values
    ('agent', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"capabilities": {"type": ["array", "string", "null"], "items": {"type": "string"}}, "model": {"type": ["string", "null"]}, "tools": {"type": ["array", "string", "null"], "items": {"type": "string"}}, "instructions": {"type": ["string", "null"]}, "endpoint": {"type": ["string", "null"], "description": "Where it is found."}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}}}$json$, 'registry'),
    ('service', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"endpoint": {"type": ["string", "null"], "description": "Where it is found."}, "endpoints": {"type": ["array", "null"]}, "protocol": {"type": ["string", "null"]}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}, "homepage": {"type": ["string", "null"], "description": "Where it is found."}, "repository": {"type": ["string", "null"], "description": "Where it is found."}, "capabilities": {"type": ["array", "string", "null"], "items": {"type": "string"}}}}$json$, 'registry'),
    ('engine', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}, "runtime": {"type": ["string", "null"]}, "capabilities": {"type": ["array", "string", "null"], "items": {"type": "string"}}, "homepage": {"type": ["string", "null"], "description": "Where it is found."}}}$json$, 'registry'),
    ('model', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"framework": {"type": ["string", "null"]}, "architecture": {"type": ["string", "null"]}, "task": {"type": ["string", "null"]}, "parameters": {"type": ["number", "string", "object", "null"]}, "license": {"type": ["string", "null"]}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}, "metrics": {"type": ["object", "array", "null"]}, "datasets": {"type": ["array", "string", "null"], "items": {"type": "string"}}}}$json$, 'registry'),
    ('skill', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"inputs": {"type": ["object", "array", "null"]}, "outputs": {"type": ["object", "array", "null"]}, "capabilities": {"type": ["array", "string", "null"], "items": {"type": "string"}}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}}}$json$, 'registry'),
    ('plugin', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}, "host": {"type": ["string", "null"]}, "entry_point": {"type": ["string", "null"]}, "homepage": {"type": ["string", "null"], "description": "Where it is found."}, "license": {"type": ["string", "null"]}}}$json$, 'registry'),
    ('prompt', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"template": {"type": ["string", "object", "array", "null"]}, "variables": {"type": ["array", "object", "null"]}, "model": {"type": ["string", "null"]}, "language": {"type": ["string", "null"]}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}}}$json$, 'registry'),
    ('embedding', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"model": {"type": ["string", "null"]}, "dimensions": {"type": ["integer", "null"], "minimum": 1}, "metric": {"type": ["string", "null"]}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}}}$json$, 'registry'),
    ('memory', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"store": {"type": ["string", "null"]}, "scope": {"type": ["string", "null"]}, "retention": {"type": ["string", "number", "null"]}}}$json$, 'registry'),
    ('api', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"base_url": {"type": ["string", "null"], "description": "Where it is found."}, "specification": {"type": ["string", "object", "null"]}, "protocol": {"type": ["string", "null"]}, "authentication": {"type": ["string", "object", "null"]}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}, "endpoints": {"type": ["array", "object", "null"]}}}$json$, 'registry'),
    ('integration', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"provider": {"type": ["string", "null"]}, "endpoint": {"type": ["string", "null"], "description": "Where it is found."}, "authentication": {"type": ["string", "object", "null"]}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}}}$json$, 'registry'),
    ('component', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}, "licence": {"type": ["string", "array", "null"]}, "license": {"type": ["string", "array", "null"]}, "homepage": {"type": ["string", "null"], "description": "Where it is found."}, "requires_python": {"type": ["string", "null"]}, "architecture": {"type": ["string", "null"]}, "section": {"type": ["string", "null"]}, "priority": {"type": ["string", "null"]}}}$json$, 'registry'),
    ('pipeline', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"schedule": {"type": ["string", "null"]}, "steps": {"type": ["array", "object", "null"]}, "inputs": {"type": ["array", "object", "null"]}, "outputs": {"type": ["array", "object", "null"]}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}}}$json$, 'registry'),
    ('webhook', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"url": {"type": ["string", "null"], "description": "Where it is found."}, "events": {"type": ["array", "string", "null"], "items": {"type": "string"}}, "method": {"type": ["string", "null"]}, "secret": {"type": ["string", "null"]}}}$json$, 'registry'),
    ('dataset', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"format": {"type": ["string", "null"]}, "location": {"type": ["string", "null"], "description": "Where it is found."}, "license": {"type": ["string", "null"]}, "rows": {"type": ["integer", "null"], "minimum": 0}, "size_bytes": {"type": ["integer", "null"], "minimum": 0}, "columns": {"type": ["array", "object", "null"]}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}}}$json$, 'registry'),
    ('event_schema', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"schema": {"type": ["object", "null"], "description": "JSON Schema of the event, draft 2020-12."}, "compatibility": {"enum": ["none", "backward", "forward", "full", null], "description": "What a new version of the schema owes to the one before it."}}}$json$, 'registry'),
    ('task_schema', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"schema": {"type": ["object", "null"], "description": "JSON Schema of the task, draft 2020-12."}, "compatibility": {"enum": ["none", "backward", "forward", "full", null], "description": "What a new version of the schema owes to the one before it."}}}$json$, 'registry'),
    ('workflow', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"steps": {"type": ["array", "object", "null"]}, "trigger": {"type": ["string", "object", "array", "null"]}, "schedule": {"type": ["string", "null"]}, "version": {"type": ["string", "number", "null"], "description": "Version of the thing itself."}}}$json$, 'registry'),
    ('organization', 1, $json${"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"homepage": {"type": ["string", "null"], "description": "Where it is found."}, "contact": {"type": ["string", "object", "null"]}, "country": {"type": ["string", "null"]}}}$json$, 'registry');

update category set schema_version = 1 where exists (
    select from category_schema s where s.category = category.name
);

update category c set description = d.description
from (values
    ('agent', 'Software that acts on its own towards a goal.'),
    ('service', 'A running thing that answers requests.'),
    ('engine', 'What executes, such as a query or inference engine.'),
    ('model', 'A trained model.'),
    ('skill', 'Something an agent can do.'),
    ('plugin', 'An extension of a host application.'),
    ('prompt', 'A text that instructs a model.'),
    ('embedding', 'A way to turn things into vectors.'),
    ('memory', 'What an agent remembers, and where.'),
    ('api', 'An interface that others program against.'),
    ('integration', 'A connection between two systems.'),
    ('component', 'A part that others are built from, such as a library.'),
    ('resource', 'A thing that is allotted and used.'),
    ('infrastructure', 'What everything else runs on.'),
    ('pipeline', 'Steps that data passes through.'),
    ('webhook', 'A call to an address when something happens.'),
    ('dataset', 'Data that is kept and described.'),
    ('knowledge', 'Written knowledge.'),
    ('search', 'A way to search.'),
    ('event_schema', 'The shape of an event.'),
    ('task_schema', 'The shape of a task.'),
    ('workflow', 'Steps of work, done in order.'),
    ('organization', 'People who work together.'),
    ('template', 'A pattern to start from.'),
    ('widget', 'A part of a user interface.'),
    ('notification', 'A message that tells of something.')
) as d(name, description)
where c.name = d.name;
