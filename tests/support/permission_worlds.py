"""Random registries that one caller may see a part of, and that part as a registry of its own."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.principal import LOCAL_ADMIN, Principal
from hyper_registry.domain.relationship import Relationship, RelationshipDraft
from hyper_registry.registry import Registry
from tests.support.search_world import SearchWorld

CATEGORIES = ("agent", "service", "model", "dataset", "workflow")
REL_TYPES = ("calls", "uses", "depends_on", "feeds")
WORDS = ("weather", "forecast", "billing", "invoice", "ranking", "stream", "archive", "ledger")
OWNERS = ("ops", "data", "ada")
TAGS = ("red", "green", "blue")
ABSENT = ("absent", "never-was")
_PAST_SUNSET = {
    "status": "deprecated",
    "deprecation": {"since": "2019-01-01T00:00:00Z", "sunset": "2020-01-01T00:00:00Z"},
}
# More changes in a row than a page of the feed looks at together.
_LONG_STRETCH = 110


@dataclass(frozen=True)
class Step:
    """One write.

    Attributes
    ----------
    entry_ids
        The entry that is written, or both ends of a new relationship.
    draft
        None deletes the entry.
    times
        How often the entry is replaced, with another description each time.
    """

    entry_ids: tuple[str, ...]
    draft: EntryDraft | RelationshipDraft | None
    times: int = 1


@dataclass(frozen=True)
class PermissionWorld:
    """Writes, in order; the index is built after the first `indexed` of them."""

    steps: tuple[Step, ...]
    indexed: int

    def last_drafts(self) -> dict[str, EntryDraft]:
        """By entry, what was last written of it, in the order of registration."""
        return {
            step.entry_ids[0]: step.draft
            for step in self.steps
            if isinstance(step.draft, EntryDraft)
        }

    def living(self) -> set[str]:
        """Return the entries that are not deleted at the end."""
        last = {step.entry_ids[0]: step for step in self.steps if len(step.entry_ids) == 1}
        return {entry_id for entry_id, step in last.items() if step.draft is not None}

    def seen_by(self, caller: Principal) -> "PermissionWorld":
        """Only what the caller may see at the end, as if there had never been anything else.

        A deleted entry counts with its last state, a relationship with both of its ends.
        """
        seen = {
            entry_id
            for entry_id, draft in self.last_drafts().items()
            if caller.may_read(frozenset(draft.readers))
        }
        kept = [seen.issuperset(step.entry_ids) for step in self.steps]
        return PermissionWorld(
            tuple(step for step, is_kept in zip(self.steps, kept, strict=True) if is_kept),
            sum(kept[: self.indexed]),
        )

    async def write_to(self, registry: Registry, directory: Path) -> "Written":
        """Perform all writes on an empty registry.

        Parameters
        ----------
        directory
            Where the version of the index is written.
        """
        related: list[Relationship] = []
        halfway = datetime.now(UTC)
        for number, step in enumerate(self.steps):
            if number == self.indexed:
                await _build_index(registry, directory)
                halfway = datetime.now(UTC)
            match step.draft:
                case RelationshipDraft():
                    related.append(await registry.relationships.create(LOCAL_ADMIN, step.draft))
                case None:
                    await registry.entries.delete(LOCAL_ADMIN, step.entry_ids[0])
                case EntryDraft() if step.draft.entry_id is None:
                    for time in range(step.times):
                        changed = step.draft.model_copy(update={"description": f"Take {time}"})
                        await registry.entries.replace(LOCAL_ADMIN, step.entry_ids[0], changed)
                case EntryDraft():
                    await registry.entries.register(LOCAL_ADMIN, step.draft)
        await embed_all(registry)
        return Written(related, halfway)


@dataclass(frozen=True)
class Written:
    """What became of a world's writes in one registry.

    Attributes
    ----------
    halfway
        A time before entries change sides.
    """

    relationships: list[Relationship]
    halfway: datetime


@dataclass
class _Writing:
    """Draws entries that look alike whoever may see them, each with a tag of its own."""

    draw: st.DrawFn
    steps: list[Step] = field(default_factory=list)

    def entry(
        self, entry_id: str, access: dict[str, object], *, is_new: bool = True, times: int = 1
    ) -> None:
        words = self.draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=4))
        draft = EntryDraft.model_validate(
            {
                "entry_id": entry_id if is_new else None,
                "category": self.draw(st.sampled_from(CATEGORIES)),
                "title": " ".join(words),
                "description": f"{words[0]} of the {entry_id} team {len(self.steps)}",
                "owner": self.draw(st.sampled_from(OWNERS)),
                "tags": [self.draw(st.sampled_from(TAGS)), f"only-{entry_id}"],
            }
            | access
        )
        self.steps.append(Step((entry_id,), draft, times))

    def delete(self, entry_id: str) -> None:
        self.steps.append(Step((entry_id,), None))

    def relate(self, entry_ids: list[str], least: int, most: int) -> None:
        link = st.tuples(
            st.sampled_from(entry_ids), st.sampled_from(entry_ids), st.sampled_from(REL_TYPES)
        ).filter(lambda drawn: drawn[0] != drawn[1])
        for source, target, rel_type in self.draw(
            st.lists(link, min_size=least, max_size=most, unique=True)
        ):
            self.relate_two(source, target, rel_type)

    def relate_two(self, source: str, target: str, rel_type: str = REL_TYPES[0]) -> None:
        draft = RelationshipDraft(
            source_id=source,  # pyright: ignore[reportArgumentType]  # plain text in tests
            target_id=target,  # pyright: ignore[reportArgumentType]
            rel_type=rel_type,
            weight=self.draw(st.sampled_from([0.5, 1.0, 2.0])),
            bidirectional=self.draw(st.booleans()),
        )
        self.steps.append(Step((source, target), draft))


@st.composite
def permission_worlds(draw: st.DrawFn, caller: Principal) -> PermissionWorld:
    """Draw a world in which the caller sees some entries and others not, by every kind of grant.

    Some entries change sides: an update hides them or lets them be seen. Some are deleted, some
    change often. The names say nothing about who may see an entry.
    """
    group = min(caller.groups)
    shown: list[dict[str, object]] = [
        {"security": {"visibility": "public"}},
        {"security": {"visibility": "internal"}},
        {"security": {"visibility": "private", "readers": [f"group:{group}"]}},
        {"security": {"visibility": "private", "readers": [f"user:{caller.name}", "user:zoe"]}},
        {"security": {"visibility": "private"}, "owner": caller.name},
    ]
    hidden: list[dict[str, object]] = [
        {"security": {"visibility": "private"}},
        {"security": {"visibility": "private", "readers": ["group:elsewhere"]}},
        {"security": {"visibility": "private", "readers": ["user:zoe"]}, "owner": "only-theirs"},
    ]
    # At least so many of either side, in an order that is drawn; the others are anything.
    accesses = draw(st.permutations([*shown, *shown[:2], *hidden, *draw(_some(shown, hidden))]))
    ids = [f"e{number}" for number in range(len(accesses))]
    writing = _Writing(draw)
    for entry_id, access in zip(ids, accesses, strict=True):
        writing.entry(entry_id, access)
    writing.relate(ids, 16, 28)
    busy = next(e for e, access in zip(ids, accesses, strict=True) if access in hidden)
    writing.entry(busy, accesses[ids.index(busy)], is_new=False, times=_LONG_STRETCH)
    indexed = len(writing.steps)
    changing = draw(st.permutations([entry_id for entry_id in ids if entry_id != busy]))
    for entry_id, access in zip(changing[:4], [*hidden[:2], *shown[:2]], strict=True):
        writing.entry(entry_id, access, is_new=False)
    for entry_id in changing[3:6]:
        writing.delete(entry_id)
    left = [entry_id for entry_id in ids if entry_id not in changing[3:6]]
    writing.entry("late-1", shown[0] | _PAST_SUNSET)
    writing.entry("late-2", hidden[0] | _PAST_SUNSET)
    # One relationship at least stays in sight, and one out of sight.
    writing.relate_two("late-1", changing[2])
    writing.relate_two("late-2", changing[2])
    if draw(st.booleans()):
        writing.entry(changing[0], shown[1], is_new=False)
    return PermissionWorld(tuple(_related_anew(writing, left)), indexed)


async def embed_all(registry: Registry) -> None:
    """Embed what has no vector, and wait until everything committed can be read in the feed."""
    async for _ in registry.backlog.work_off():
        pass
    async with registry.database.connection() as connection:
        while not await connection.fetchval(
            "select pg_snapshot_xmin(s) = pg_snapshot_xmax(s) from pg_current_snapshot() s"
        ):
            pass


def _some(
    shown: list[dict[str, object]], hidden: list[dict[str, object]]
) -> st.SearchStrategy[list[dict[str, object]]]:
    return st.lists(st.sampled_from([*shown, *hidden]), max_size=3)


def _related_anew(writing: _Writing, left: list[str]) -> list[Step]:
    """Add relationships at entries that live to the end, none of them a second time."""
    known = {
        (step.entry_ids, step.draft.rel_type)
        for step in writing.steps
        if isinstance(step.draft, RelationshipDraft)
    }
    before = len(writing.steps)
    writing.relate([*left, "late-1", "late-2"], 2, 8)
    return writing.steps[:before] + [
        step
        for step in writing.steps[before:]
        if isinstance(step.draft, RelationshipDraft)
        and (step.entry_ids, step.draft.rel_type) not in known
    ]


async def forget_index(registry: Registry) -> None:
    """Let the registry search without a version of the index."""
    async with registry.database.connection() as connection:
        await connection.execute("delete from index_pointer")
    await registry.index.refresh()
    assert await registry.index.current() is None


async def _build_index(registry: Registry, directory: Path) -> None:
    await embed_all(registry)
    await SearchWorld(registry.database, directory).build(shard_count=2)
    await registry.index.refresh()
