"""One person's traces of every kind in a registry, and the search for them in every column."""

import orjson

from hyper_registry.audit.gathered import Operation
from hyper_registry.domain.approval import ApprovalPolicy
from hyper_registry.domain.audit import Outcome
from hyper_registry.domain.compliance import AssessmentDraft, FrameworkDraft
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.erasure import ErasureRequest
from hyper_registry.domain.job import JobKind
from hyper_registry.domain.merge import MergedPermissions
from hyper_registry.domain.namespace import NamespaceDraft
from hyper_registry.domain.principal import NamespaceRole, Principal, Role
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.domain.review import Decision, DecisionDraft, ReviewDraft
from hyper_registry.domain.role import BindingDraft, RoleDraft
from hyper_registry.domain.scope import Scope
from hyper_registry.domain.type_definitions import CategoryDraft, RelationshipTypeChange
from hyper_registry.domain.webhook import WebhookDraft
from hyper_registry.registry import Registry
from hyper_registry.storage.database import Database

NAME, EMAIL, FULL_NAME = "mallow.q", "m.quist@corp.example", 'Mallow "Mal" Quist'
NAMES = (NAME, EMAIL, FULL_NAME)
PERSON = Principal(NAME, Role.ADMIN)
OTHER = Principal("otto", Role.ADMIN)


def erasure(**fields: object) -> ErasureRequest:
    """Ask for the person's erasure."""
    return ErasureRequest.model_validate({"names": NAMES, "reason": f"asked by {EMAIL}"} | fields)


def _draft(entry_id: str, **fields: object) -> EntryDraft:
    return EntryDraft.model_validate(
        {"entry_id": entry_id, "category": "agent", "title": "Plain"} | fields
    )


async def leave_traces(registry: Registry) -> None:
    """Write as the person, for it and about it, wherever that can be done."""
    await _write_entries(registry)
    await registry.audit.seal()
    await _write_relationships(registry)
    await _write_identities(registry)
    await _write_definitions(registry)
    await registry.audit.seal()
    await _write_access(registry)
    await _write_compliance(registry)
    await _write_reviews(registry)
    await registry.audit.seal()
    await _write_events(registry)
    async for _ in registry.backlog.work_off():
        pass


async def _write_entries(registry: Registry) -> None:
    entries = registry.entries
    about = {
        "title": f"Agent of {FULL_NAME}",
        "description": f"Ask\n{NAME.upper()} or <{EMAIL}>.",
        "tags": [NAME, "team"],
        "metadata": {EMAIL: [1, {"maintainer": FULL_NAME}], "port": 1.50},
        "status": "deprecated",
        "deprecation": {"note": f"{NAME} retires it"},
        "owner": NAME,
    }
    await entries.register(PERSON, _draft("about", **about), request_id=f"of-{NAME}")
    await entries.patch(PERSON, "about", {"metadata": {"port": 2}})
    await entries.patch(OTHER, "about", {"owner": "ops"})
    private = {"visibility": "private", "readers": [f"user:{NAME}", "group:blue"]}
    await entries.register(PERSON, _draft("private", owner=NAME, security=private))
    await entries.patch(OTHER, "private", {"owner": EMAIL})
    await entries.register(OTHER, _draft("readable", security=private, owner="ops"))
    sealed = {"metadata": {"k": {NAME: f"call {FULL_NAME}"}, "v": 1}, "sensitive": ["/k"]}
    await entries.register(PERSON, _draft("sealed", **sealed))
    await entries.patch(OTHER, "sealed", {"title": "Renamed"})
    await entries.register(OTHER, _draft("plain", description="as mallowish, no name"))
    await entries.register(OTHER, _draft("removed", owner=EMAIL, description=EMAIL))
    await entries.delete(PERSON, "removed")
    drafts = {row: _draft(f"batch{row}", owner=NAME, description=EMAIL) for row in range(1, 4)}
    await entries.register_many(PERSON, drafts)
    await entries.register(OTHER, _draft("other", owner="otto"))


async def _write_relationships(registry: Registry) -> None:
    relationships = registry.relationships
    for target in ("private", "sealed"):
        draft = RelationshipDraft.model_validate(
            {
                "source_id": "about",
                "target_id": target,
                "rel_type": "calls",
                "metadata": {"by": [FULL_NAME]},
            }
        )
        related = await relationships.create(PERSON, draft)
        await relationships.patch(PERSON, related.relationship_id, {"metadata": {"n": NAME}})
    await relationships.delete(PERSON, related.relationship_id)


async def _write_identities(registry: Registry) -> None:
    """Write handles and two merges, one of them undone."""
    home = NamespaceDraft(name="home", description=f"of {FULL_NAME}")
    await registry.namespaces.create(PERSON, home)
    await registry.naming.transfer(PERSON, "about", "home", name="first")
    await registry.naming.rename(PERSON, "about", "second")
    readers = {"visibility": "private", "readers": [f"user:{EMAIL}", f"user:{NAME}", "group:blue"]}
    for entry_id, security in (("twin1", {}), ("twin2", {}), ("survivor", readers)):
        fields = {"owner": "ops", "security": security} if security else {"owner": "ops"}
        await registry.entries.register(OTHER, _draft(entry_id, **fields))
    for source_id in ("twin1", "survivor"):
        draft = {
            "source_id": source_id,
            "target_id": "about",
            "rel_type": "calls",
            "metadata": {"by": [FULL_NAME]},
        }
        await registry.relationships.create(PERSON, RelationshipDraft.model_validate(draft))
    await registry.duplicates.reject(PERSON, "twin1", "twin2")
    union = MergedPermissions.UNION
    merge = await registry.merges.merge(PERSON, "twin2", "survivor", union)
    await registry.merges.undo(PERSON, merge.merge_id)
    await registry.merges.merge(PERSON, "twin1", "survivor", union)


async def _write_definitions(registry: Registry) -> None:
    await registry.categories.create(
        PERSON, CategoryDraft(name="gizmo", description=f"Invented by {FULL_NAME}")
    )
    await registry.categories.put_schema(
        PERSON, "gizmo", {"type": "object", "description": f"by {EMAIL}"}
    )
    await registry.relationship_types.put(
        PERSON, "feeds", RelationshipTypeChange(description=f"as {NAME} says")
    )
    role = RoleDraft(name="reader", description=f"for {NAME}", scopes=frozenset({Scope.SEARCH}))
    await registry.roles.create(PERSON, role)


async def _write_access(registry: Registry) -> None:
    await registry.keys.create(OTHER, NAME, Role.EDITOR)
    await registry.keys.create(PERSON, NAME, Role.ADMIN, frozenset({"blue"}))
    await registry.keys.create(PERSON, "otto", Role.VIEWER)
    for subject_kind, subject in (("principal", NAME), ("principal", EMAIL), ("group", "blue")):
        draft = BindingDraft.model_validate(
            {
                "namespace": "home",
                "subject_kind": subject_kind,
                "subject": subject,
                "role": NamespaceRole.EDITOR,
            }
        )
        await registry.roles.bind(PERSON, draft)
    await registry.jobs.request(PERSON, JobKind.PURGE, {"for": EMAIL})
    registry.refusals.record(
        Operation(NAME, "GET /keys", f"principal:{NAME}", Outcome.DENIED, "permission_denied"),
        f"{EMAIL}-7",
    )
    await registry.refusals.flush()
    answer = orjson.dumps({"created_by": NAME, "title": FULL_NAME})
    async with registry.database.connection() as connection:
        await connection.execute(
            "insert into idempotency (digest, body_hash, holder, lease_until, expires_at, written,"
            " status, headers, body) values ('d', 'b', gen_random_uuid(), now(),"
            " now() + interval '1 day', true, 201, $1, $2)",
            {"Location": f"/entries/{NAME}"},
            answer,
        )


async def _write_compliance(registry: Registry) -> None:
    control = {"code": "c1", "title": f"Of {NAME}", "description": FULL_NAME}
    framework = {
        "name": "soc2",
        "title": f"SOC 2 of {NAME}",
        "description": EMAIL,
        "controls": [control],
    }
    await registry.frameworks.create(PERSON, FrameworkDraft.model_validate(framework))
    evidence = {"title": f"Mail of {NAME}", "uri": f"mailto:{EMAIL}", "text": FULL_NAME}
    for status in ("in_progress", "compliant"):
        assessment = {"status": status, "evidence": [evidence], "note": f"seen by {NAME}"}
        draft = AssessmentDraft.model_validate(assessment)
        for entry_id in ("about", "other"):
            await registry.assessments.put(PERSON, entry_id, "soc2", "c1", draft)
    await registry.assessments.delete(PERSON, "other", "soc2", "c1")


async def _write_reviews(registry: Registry) -> None:
    policy = ApprovalPolicy(approvals=2)
    await registry.namespaces.create(OTHER, NamespaceDraft(name="gated", approval=policy))
    security = {"visibility": "private", "readers": [f"user:{NAME}"]}
    draft = {"handle": "gated/waits", "status": "draft", "security": security}
    await registry.entries.register(OTHER, _draft("waits", **draft))
    change = {"status": "active", "title": f"Of {FULL_NAME}", "owner": NAME}
    asked = ReviewDraft.model_validate({"patch": change, "note": f"{EMAIL} asks"})
    for proposer, decider in ((PERSON, OTHER), (OTHER, PERSON)):
        review = await registry.reviews.propose(proposer, "waits", asked)
        decision = DecisionDraft(decision=Decision.APPROVE, note=f"for {NAME}")
        await registry.reviews.decide(decider, review.review_id, decision)


async def _write_events(registry: Registry) -> None:
    for owner in (PERSON, OTHER):
        hook = WebhookDraft.model_validate({"url": f"http://127.0.0.1:9/{owner.name}/{NAME}"})
        await registry.webhooks.create(owner, hook)
    await registry.entries.patch(PERSON, "other", {"title": "Changed"})
    async with registry.database.connection() as connection:
        while not await connection.fetchval(
            "select pg_snapshot_xmin(s) = pg_snapshot_xmax(s) from pg_current_snapshot() s"
        ):
            pass
    await registry.dispatcher.fan_out()
    await registry.erasures.erase(
        PERSON, ErasureRequest(names=("zed.nobody",), reason=f"{NAME} asked for it")
    )


_COLUMNS = """
    select c.relname as table_name, a.attname as column_name, a.atttypid = 'bytea'::regtype as bytes
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'm')
        and a.attnum > 0 and not a.attisdropped
"""


async def places_of(database: Database, needles: tuple[str, ...]) -> dict[str, int]:
    """Search every column of every table for texts, in any case, and count the rows."""
    written = {each for name in needles for each in (name, orjson.dumps(name).decode()[1:-1])}
    found: dict[str, int] = {}
    async with database.connection() as connection:
        for column in await connection.fetch(_COLUMNS):
            table, name = column["table_name"], column["column_name"]
            text = f"encode({name}, 'escape')" if column["bytes"] else f"{name}::text"
            rows = await connection.fetchval(
                f"select count(*) from {table} t where exists ("
                f" select from unnest($1::text[]) n where position(lower(n) in lower({text})) > 0)",
                sorted(written),
            )
            if rows:
                found[f"{table}.{name}"] = rows
    return found


async def everything(database: Database) -> dict[str, list[str]]:
    """All rows of all tables as text, by table."""
    async with database.connection() as connection:
        tables = await connection.fetch(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind = 'r'"
        )
        return {
            table["relname"]: sorted(
                row[0] for row in await connection.fetch(f"select t::text from {table[0]} t")
            )
            for table in tables
        }
