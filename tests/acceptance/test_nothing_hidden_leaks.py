"""A registry answers as if what the caller may not see had never been: every route, byte for byte.

Of each random world there are two registries: one with everything, and one that never held what
the caller may not see. Both get the same requests, made up from the OpenAPI document, so a new
route is tried without anybody adding it here. docs/security.md states what is promised.
"""

import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from configs.settings import DatabaseSettings, EventSettings, Settings, WebhookSettings
from hyper_registry.ai.prototype_classifier import PrototypeClassifier
from hyper_registry.domain.approval import ApprovalPolicy
from hyper_registry.domain.compliance import AssessmentDraft, FrameworkDraft
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.namespace import NamespaceContent, NamespaceDraft
from hyper_registry.domain.principal import LOCAL_ADMIN, NamespaceRole, Principal, Role
from hyper_registry.domain.review import ReviewDraft
from hyper_registry.domain.role import BindingDraft, RoleDraft, SubjectKind
from hyper_registry.domain.scope import Scope
from hyper_registry.domain.type_definitions import RelationshipTypeChange
from hyper_registry.factory import Models, open_registry
from hyper_registry.registry import Registry
from hyper_registry.storage.embedded import EmbeddedPostgres
from serve_app.api import build_api
from serve_app.route_policies import policy_of
from tests.support.comparable_answers import Sight
from tests.support.openapi_requests import (
    JSON,
    Document,
    Filled,
    Operation,
    Shown,
    ShownField,
    Supply,
    Vocabulary,
)
from tests.support.permission_worlds import (
    ABSENT,
    CATEGORIES,
    OWNERS,
    REL_TYPES,
    TAGS,
    WORDS,
    PermissionWorld,
    embed_all,
    forget_index,
    permission_worlds,
)
from tests.support.postgres_server import cloned_database
from tests.support.receiver import Receiver, receiving
from tests.support.search_world import HashEmbedder

API = "/v1/registry"
CLAIMING = (f"POST {API}/entries", f"POST {API}/bulk/register", f"POST {API}/bulk/import")
"""Operations whose body takes an id for a new entry: the one exception, see `_claim_hidden_ids`."""

MERGING = f"POST {API}/entries/{{entry_id}}/merge"
"""Merges an entry that was made for it, and hidden ones: of others nothing would be left to ask."""

PROPOSING = f"POST {API}/entries/{{entry_id}}/reviews"
"""Proposes changes of an entry that was made for it, and of hidden ones."""

VIEWER = Principal("vic", Role.VIEWER, frozenset({"blue"}))
EDITOR = Principal("eve", Role.EDITOR, frozenset({"blue"}))
ADMIN = Principal("root", Role.ADMIN, frozenset({"blue"}))


@dataclass
class Side:
    """One of the two registries, and what its answers have shown."""

    registry: Registry
    client: httpx.AsyncClient
    receiver: Receiver
    sight: Sight = field(default_factory=Sight)

    async def send(self, operation: Operation, filled: Filled, accept: str) -> httpx.Response:
        places: dict[str, dict[str, Any]] = defaultdict(dict)
        for slot, value in filled.items():
            places[slot.place][slot.name] = self._resolved(value)
        headers = {"Accept": accept, **{k: str(v) for k, v in places["header"].items()}}
        if operation.sends:
            headers["Content-Type"] = operation.sends
        return await self.client.request(
            operation.method.upper(),
            operation.path.format_map(places["path"]),
            params=places["query"],
            headers=headers,
            content=next(iter(places["file"].values()), None)
            or (json.dumps(places["body"]) if operation.sends else None),
        )

    def _resolved(self, value: Any) -> Any:
        match value:
            case Shown():
                return self.sight.collected[value.name][value.place]
            case ShownField():
                return self.sight.objects[value.id_name][value.place][value.field]
            case dict():
                return {name: self._resolved(item) for name, item in value.items()}
            case list():
                return [self._resolved(item) for item in value]
            case _:
                return value


@dataclass
class Walk:
    """Registries that are asked the same, and which operations they have answered.

    With one of them nothing is compared.
    """

    sides: list[Side]
    outcomes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def first(self) -> Side:
        return self.sides[0]

    async def ask(self, operation: Operation, filled: Filled, accept: str) -> httpx.Response:
        """Send one request to all, and compare all that they answer."""
        answers = [await side.send(operation, filled, accept) for side in self.sides]
        if operation.method != "get" and answers[0].is_success:
            await self.settle()
        values = {slot.name: value for slot, value in filled.items()}
        assert answers[0].status_code < 500, (
            f"{operation} with {values} fails, and compares nothing"
        )
        expected, *others = [
            side.sight.comparable(answer) for side, answer in zip(self.sides, answers, strict=True)
        ]
        for other in others:
            assert expected == other, f"{operation} with {values} tells of what is hidden"
        for side, answer in zip(self.sides, answers, strict=True):
            side.sight.collect(str(operation), answer)
        self.outcomes[str(operation)].add(
            "answered" if answers[0].is_success else _code(answers[0])
        )
        return answers[0]

    async def settle(self) -> None:
        """Let the work in the background be done at this point, rather than at any."""
        for side in self.sides:
            await embed_all(side.registry)

    def idle(self, operations: list[Operation]) -> list[Operation]:
        """Return those that never answered."""
        return [each for each in operations if "answered" not in self.outcomes[str(each)]]

    def require_all_exercised(self, operations: list[Operation], caller: Principal) -> None:
        """Fail for a route that never answered, unless the caller has no business with it."""
        refused = {str(each) for each in operations if not _is_open_to(caller, each)}
        idle = {str(each) for each in self.idle(operations)} - refused
        assert idle == set(), "give the vocabulary words that these operations accept"
        for route in refused:
            assert self.outcomes[route] == {"permission_denied"}, route


def _is_open_to(caller: Principal, operation: Operation) -> bool:
    policy = policy_of(operation.method.upper(), operation.path)
    return policy is None or policy.scope in caller.allowed


@asynccontextmanager
async def _side(dsn: str, caller: Principal) -> AsyncGenerator[Side]:
    configured = Settings(
        database=DatabaseSettings(url=SecretStr(dsn), pool_min=1, pool_max=6),
        # A stream of server-sent events ends after its first block.
        events=EventSettings(stream_s=1e-9, heartbeat_s=1e-9),
        webhooks=WebhookSettings.model_validate(
            {"allowed_networks": ["127.0.0.0/8"], "allow_http": True, "parallel": 1}
        ),
    )
    embedder = HashEmbedder()
    models = Models(embedder, embedder, PrototypeClassifier(embedder))
    app: FastAPI = build_api(configured)
    # Without its lifespan, nothing happens in the background at a time of its own.
    async with open_registry(configured, models) as registry, receiving() as receiver:
        app.state.registry, app.state.settings = registry, configured
        _, token = await registry.keys.create(LOCAL_ADMIN, caller.name, caller.role, caller.groups)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://registry",
            headers={"Authorization": f"Bearer {token}"},
        ) as client:
            yield Side(registry, client, receiver)


async def _deliver(side: Side) -> None:
    """Send all deliveries, one after the other."""
    await side.registry.dispatcher.fan_out()
    while await side.registry.dispatcher.send_due():
        await side.registry.dispatcher.drain()


def _vocabulary(
    world: PermissionWorld,
    seen: PermissionWorld,
    relationship_ids: list[str],
    review_ids: list[str],
    key_id: str,
) -> Vocabulary:
    # Two who may be seen and two who are hidden lead, so that all pairs of them are asked about.
    living = [entry_id for entry_id in seen.last_drafts() if entry_id in seen.living()]
    hidden = sorted(world.living() - seen.living())
    leading = [*living[:2], *hidden[:2], *living[2:]]
    ids = [*leading, *sorted(world.last_drafts().keys() - set(leading)), *ABSENT]
    tags = [*TAGS, *(f"only-{entry_id}" for entry_id in ids)]
    owners = [*OWNERS, "only-theirs", VIEWER.name, EDITOR.name]
    by_name: dict[str, list[Any]] = {
        "category": [*CATEGORIES, "no_such_category"],
        "categories": list(CATEGORIES),
        "rel_type": [*REL_TYPES, "no_such_type"],
        "owner": owners,
        "tag": tags,
        "tags": tags,
        "readers": ["user:vic", "group:blue", "group:elsewhere"],
        "operation": ["create", "update", "delete"],
        "operations": ["create", "update", "delete"],
        "url": ["https://receiver.example/hook"],
        "if-match": ['"1"', '"2"', '"99"', "nonsense"],
        "q": [*WORDS, "", "team", *(f'"{entry_id} team"' for entry_id in ids)],
        "text": list(WORDS),
        "name": [*CATEGORIES, *REL_TYPES, "spare", "fresh"],
        "key_id": [key_id],
        "namespace": ["squad", "elsewhere", "fresh", "nowhere"],
        "relationship_id": relationship_ids,
        "review_id": review_ids,
        "patch": [{"status": "active"}],
        "framework": ["soc2", "spare", "no_such_framework"],
        "control": ["c1", "c2", "no_such_control"],
        "uri": ["https://evidence.example/1"],
        "due_date": ["2001-01-01", "2101-01-01"],
    }
    entries = ("entry_id", "source", "target", "source_id", "target_id", "into", "other_id")
    by_name |= dict.fromkeys(entries, ids)
    # A file changes an entry that may be seen, and relates it and a new one to all others.
    links = [{"target_id": entry_id, "rel_type": "feeds"} for entry_id in ids]
    rows = [
        {"entry_id": entry_id, "category": "agent", "title": "From a file", "relationships": links}
        for entry_id in ("from-a-file", living[0])
    ]
    by_name["application/x-ndjson"] = ["\n".join(json.dumps(row) for row in rows)]
    subjects = frozenset({*entries, "name", "key_id", "framework", "namespace"})
    return Vocabulary(by_name, subjects, [*WORDS[:3], *ids[:3], "absent", *TAGS[:1]])


async def _walk(
    walk: Walk, document: Document, operations: list[Operation], words: Vocabulary, hidden: set[str]
) -> None:
    sight = walk.first.sight
    pending = list(operations)
    while pending:
        supply = Supply(words, sight.collected, sight.objects)
        # What is not known yet another operation of the same kind may show.
        alike = [each for each in pending if each.method == pending[0].method]
        operation = next(filter(supply.knows, alike), pending[0])
        pending.remove(operation)
        if str(operation) in CLAIMING:
            supply = replace(supply, words=words.without("entry_id", hidden))
        if str(operation) == MERGING:
            duplicates = {"entry_id": ["spare-twin", *sorted(hidden)[:2]]}
            kept = replace(words, by_name={**words.by_name, **duplicates})
            supply = replace(supply, words=kept)
        if str(operation) == PROPOSING:
            proposed = {"entry_id": ["gated", *sorted(hidden)[:2], *words.by_name["entry_id"]]}
            kept = replace(words, by_name={**words.by_name, **proposed})
            supply = replace(supply, words=kept)
        await _walk_one(walk, document, operation, supply)


async def _walk_one(walk: Walk, document: Document, operation: Operation, supply: Supply) -> None:
    accept = operation.accepts[0] if operation.accepts else JSON
    best: tuple[int, Filled] = (-2, {})
    for filled in document.subjects(operation, supply):
        answer = await walk.ask(operation, filled, accept)
        size = len(answer.content) if answer.is_success else -1
        best = max(best, (size, filled), key=lambda item: item[0])
    for kind in operation.accepts[1:]:
        await walk.ask(operation, best[1], kind)
    for filled in document.variants(operation, best[1], supply):
        await walk.ask(operation, filled, accept)


async def _claim_hidden_ids(walk: Walk, hidden: set[str]) -> None:
    """Check the one thing that tells: an id that a hidden entry holds is taken, and no more."""
    first, second, third, fourth = sorted(hidden)[:4]

    async def answers(path: str, body: Mapping[str, Any]) -> tuple[httpx.Response, httpx.Response]:
        whole, part = [await side.client.post(f"{API}/{path}", json=body) for side in walk.sides]
        return whole, part

    def draft(entry_id: str) -> dict[str, Any]:
        return {"entry_id": entry_id, "category": "agent", "title": "T"}

    refused, free = await answers("entries", draft(first))
    assert free.status_code == 201
    assert refused.status_code == 409
    assert refused.json() == {
        "type": "urn:hyper-registry:problem:entry_exists",
        "title": "entry exists",
        "status": 409,
        "detail": f"an entry '{first}' exists already",
        "code": "entry_exists",
        "field": "entry_id",
        "remedy": "Choose another entry_id, or update the existing entry with PUT.",
    }
    path = f"{API}/handles/elsewhere/veiled"
    whole, part = [await side.client.get(path) for side in walk.sides]
    assert (whole.status_code, whole.content) == (404, part.content)
    for atomic, entry_id in ((False, second), (True, third)):
        body = {"entries": [draft(entry_id)], "atomic": atomic}
        refused, free = await answers("bulk/register", body)
        assert free.json()["registered"] == {"1": entry_id}
        row = {"row": 1, "code": "entry_exists", "detail": f"an entry '{entry_id}' exists already"}
        assert refused.json()["errors" if atomic else "rejected"] == [row]
    refused, free = [
        (await side.client.post(f"{API}/bulk/import", json=draft(fourth))).json()
        for side in walk.sides
    ]
    assert (free["created"], refused["created"]) == (1, 0)
    assert refused["bad_rows"] == [{"row": 1, "reason": f"an entry '{fourth}' exists already"}]


async def _name_entries(
    registry: Registry, caller: Principal, written: PermissionWorld, seen: PermissionWorld
) -> None:
    """Give an entry that may be seen a handle and a duplicate, and one that is hidden a handle."""
    for namespace in ("squad", "elsewhere", "apart"):
        await registry.namespaces.create(LOCAL_ADMIN, NamespaceDraft(name=namespace))
    group = BindingDraft(
        namespace="apart",
        subject_kind=SubjectKind.GROUP,
        subject="green",
        role=NamespaceRole.VIEWER,
    )
    await registry.namespaces.bind(LOCAL_ADMIN, group)
    if caller.holds(Role.EDITOR):
        owner = BindingDraft(
            namespace="squad",
            subject_kind=SubjectKind.PRINCIPAL,
            subject=caller.name,
            role=NamespaceRole.OWNER,
        )
        await registry.namespaces.bind(LOCAL_ADMIN, owner)
    shown = next(id_ for id_ in seen.last_drafts() if id_ in seen.living())
    await registry.naming.transfer(LOCAL_ADMIN, shown, "squad", name="spare")
    for entry_id in ("twin", "spare-twin"):
        twin = EntryDraft(entry_id=EntryId(entry_id), category="agent", title="Twin")
        await registry.entries.register(LOCAL_ADMIN, twin)
    await registry.merges.merge(LOCAL_ADMIN, "twin", shown)
    for hidden in sorted(written.living() - seen.living())[:1]:
        await registry.naming.transfer(LOCAL_ADMIN, hidden, "elsewhere", name="veiled")


async def _propose_changes(
    registry: Registry, caller: Principal, written: PermissionWorld, seen: PermissionWorld
) -> list[str]:
    """Let changes wait for approval; return the ids of those that are hidden."""
    await registry.namespaces.create(LOCAL_ADMIN, NamespaceDraft(name="gated"))
    gated = {"entry_id": "gated", "handle": "gated/entry", "status": "draft"}
    draft = EntryDraft.model_validate(gated | {"category": "agent", "title": "Gated"})
    await registry.entries.register(LOCAL_ADMIN, draft)
    if caller.holds(Role.EDITOR):
        owner = BindingDraft(
            namespace="gated",
            subject_kind=SubjectKind.PRINCIPAL,
            subject=caller.name,
            role=NamespaceRole.OWNER,
        )
        await registry.namespaces.bind(LOCAL_ADMIN, owner)
    for namespace in ("gated", "elsewhere"):
        policy = NamespaceContent(approval=ApprovalPolicy())
        await registry.namespaces.update(LOCAL_ADMIN, namespace, policy)
    change = ReviewDraft(patch={"status": "active", "tags": ["gated"]}, note="Please")
    for _ in range(2):
        await registry.reviews.propose(LOCAL_ADMIN, "gated", change)
    hidden = sorted(written.living() - seen.living())[:1]
    reviews = [await registry.reviews.propose(LOCAL_ADMIN, each, change) for each in hidden]
    return [str(review.review_id) for review in reviews]


def _code(answer: httpx.Response) -> str:
    if answer.headers["content-type"] != "application/problem+json":
        return str(answer.status_code)
    return answer.json()["code"]


def _in_worlds(examples: int) -> settings:
    return settings(
        max_examples=examples,
        # The same worlds every time: what a run shows does not depend on chance.
        derandomize=True,
        deadline=None,
        database=None,
        # An example takes seconds; the first that fails is small enough to read.
        phases=[Phase.generate],
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,  # a directory, whose versions have random names
            HealthCheck.too_slow,
            HealthCheck.large_base_example,
            HealthCheck.data_too_large,
        ],
    )


@pytest.mark.parametrize("caller", [VIEWER, EDITOR], ids=["viewer", "editor"])
@_in_worlds(2)
@given(drawn=st.data())
async def test_no_answer_of_any_route_tells_of_what_is_hidden(
    caller: Principal,
    postgres: EmbeddedPostgres,
    template_database: str,
    tmp_path: Path,
    drawn: st.DataObject,
):
    world = drawn.draw(permission_worlds(caller))
    seen = world.seen_by(caller)
    hidden = set(world.last_drafts().keys() - seen.last_drafts().keys())
    async with (
        cloned_database(postgres, template_database) as whole_dsn,
        cloned_database(postgres, template_database) as part_dsn,
        _side(whole_dsn, caller) as whole,
        _side(part_dsn, caller) as part,
    ):
        words, _ = [
            await _furnish(side, caller, written, seen, tmp_path)
            for side, written in ((whole, world), (part, seen))
        ]
        assert [whole.sight.comparable_text(body) for _, body in whole.receiver.received] == [
            part.sight.comparable_text(body) for _, body in part.receiver.received
        ]
        walk = Walk([whole, part])
        document = await _document(whole)
        await _walk_everything(walk, document, words, caller, hidden)
        walk.require_all_exercised(document.operations, caller)
        for side in walk.sides:
            await forget_index(side.registry)
        searches = [each for each in document.operations if each.path.startswith(f"{API}/search")]
        await _walk(walk, document, searches, words, hidden)
        if caller.holds(Role.EDITOR):
            await _claim_hidden_ids(walk, hidden)


@_in_worlds(1)
@given(drawn=st.data())
async def test_every_route_answers_an_administrator(
    postgres: EmbeddedPostgres, template_database: str, tmp_path: Path, drawn: st.DataObject
):
    """What nobody can be made to answer would have been compared by refusals only."""
    world = drawn.draw(permission_worlds(ADMIN))
    async with (
        cloned_database(postgres, template_database) as dsn,
        _side(dsn, ADMIN) as side,
    ):
        words = await _furnish(side, ADMIN, world, world, tmp_path)
        walk = Walk([side])
        document = await _document(side)
        await _walk_everything(walk, document, words, ADMIN, set())
        walk.require_all_exercised(document.operations, ADMIN)


async def _document(side: Side) -> Document:
    return Document((await side.client.get(f"{API}/openapi.json")).json())


async def _walk_everything(
    walk: Walk, document: Document, words: Vocabulary, caller: Principal, hidden: set[str]
) -> None:
    operations = document.operations
    await _walk(walk, document, operations, words, hidden)
    # What had nothing to work on may have it now, such as deleted entries.
    idle = [each for each in walk.idle(operations) if _is_open_to(caller, each)]
    await _walk(walk, document, idle, words, hidden)
    if caller.holds(Role.EDITOR):
        reading = [operation for operation in operations if operation.method == "get"]
        await _walk(walk, document, reading, words, hidden)


async def _assess(registry: Registry, written: PermissionWorld) -> None:
    """Assess what lives, with evidence that has expired and a day that has passed for some."""
    controls = [
        {"code": "c1", "title": "First"},
        {"code": "c2", "title": "Second", "categories": list(CATEGORIES[:2])},
    ]
    for name in ("soc2", "spare"):
        framework = {"name": name, "title": name, "controls": controls}
        await registry.frameworks.create(LOCAL_ADMIN, FrameworkDraft.model_validate(framework))
    living = written.living()
    for entry_id in (each for each in written.last_drafts() if each in living):
        number = int("".join(filter(str.isdigit, entry_id)))
        expires_at = f"{2001 + 50 * (number % 3)}-01-01T00:00:00Z"
        assessment = {
            "status": "compliant" if number % 4 else "in_progress",
            "evidence": [{"title": f"Of {entry_id}", "text": "seen", "expires_at": expires_at}],
            "due_date": f"{2001 + 100 * (number % 2)}-01-01",
        }
        draft = AssessmentDraft.model_validate(assessment)
        await registry.assessments.put(LOCAL_ADMIN, entry_id, "soc2", "c1", draft)


async def _furnish(
    side: Side, caller: Principal, written: PermissionWorld, seen: PermissionWorld, directory: Path
) -> Vocabulary:
    """Write a world to a registry with all else that routes are about; return words of it."""
    if caller.holds(Role.EDITOR):
        hook = {"url": f"{side.receiver.url}/hook"}
        created = await side.client.post(f"{API}/webhooks", json=hook)
        assert created.status_code == 201, created.text
    done = await written.write_to(side.registry, directory)
    side.sight.collected["as_of"].append(done.halfway.isoformat())
    await _assess(side.registry, written)
    await embed_all(side.registry)
    await _deliver(side)
    meaning = RelationshipTypeChange(description="One calls the other")
    await side.registry.relationship_types.put(LOCAL_ADMIN, REL_TYPES[0], meaning)
    role = RoleDraft(name="spare", scopes=frozenset({Scope.SEARCH}))
    await side.registry.roles.create(LOCAL_ADMIN, role)
    key, _ = await side.registry.keys.create(LOCAL_ADMIN, "spare", Role.VIEWER)
    await _name_entries(side.registry, caller, written, seen)
    reviews = await _propose_changes(side.registry, caller, written, seen)
    hidden = [
        str(each.relationship_id)
        for each in done.relationships
        if not seen.last_drafts().keys() >= {each.source_id, each.target_id}
    ]
    return _vocabulary(written, seen, hidden[:2], reviews, key.key_id)
