"""Entries that may be one thing: proposed with evidence, and remembered where they are not."""

from hyper_registry.domain.duplicate import (
    DuplicateCandidate,
    DuplicateCandidates,
    DuplicateEvidence,
    DuplicatePage,
    DuplicatePair,
    DuplicateRejection,
    LikeEntry,
    neighbour_similarity,
    title_similarity,
)
from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.identifiers import EntryId, EntryKey
from hyper_registry.domain.ports import AlikeTexts
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.search import SearchFilters
from hyper_registry.storage.database import Database
from hyper_registry.storage.duplicate_store import DuplicateStore, Subject
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.search_store import SearchStore

# Of each kind of evidence so many are looked at in full, and what is read for them is bounded too;
# only the search for near vectors grows with the registry, until the index is built.
_CANDIDATES = 25
_ENTRIES_PER_WORD = 300
_NEIGHBOURS = 50
_COMPARED_NEIGHBOURS = 200


class DuplicateService:
    """Proposes duplicates on behalf of a principal.

    What the caller may not see is neither proposed nor counted: the evidence is what it would be
    if nothing else were there.
    """

    def __init__(
        self,
        database: Database,
        store: DuplicateStore,
        search: SearchStore,
        alike: AlikeTexts,
        journal: JournalStore,
    ) -> None:
        self._database = database
        self._store = store
        self._search = search
        self._alike = alike
        self._journal = journal

    async def of_entry(
        self, principal: Principal, entry_id: str, *, min_score: float = 0.5, limit: int = 10
    ) -> DuplicateCandidates:
        """Return the likeliest duplicates of an entry.

        Candidates come from the words of the title, the nearest embeddings and the entries that
        are related to the same ones. Rejected pairs are left out until one of the two is reworded.

        Raises
        ------
        EntryNotFoundError
            If there is none that the caller may see.
        """
        async with self._database.reading(principal.grants) as connection:
            subject = await self._store.fetch_subject(connection, entry_id, principal.grants)
        if subject is None:
            raise EntryNotFoundError(entry_id)
        found = await self._candidates(principal, subject)
        likely = [candidate for _, candidate in found if candidate.score >= min_score]
        return DuplicateCandidates(items=likely[:limit])

    async def page(
        self,
        principal: Principal,
        *,
        after: str | None = None,
        min_score: float = 0.7,
        entries: int = 20,
    ) -> DuplicatePage:
        """Return the pairs at some entries, the latest registered first.

        A pair is told at the entry that was registered later, if the other one is among its
        candidates.

        Parameters
        ----------
        after
            Id of the last entry looked at; None for the first page.
        entries
            How many are looked at; each costs a few searches.

        Raises
        ------
        InvalidFieldError
            If `after` is no entry that the caller may see.
        """
        grants = principal.grants
        async with self._database.reading(grants) as connection:
            below = None
            if after is not None:
                below = await self._store.fetch_position(connection, after, grants)
                if below is None:
                    remedy = "Send the next_after of the page before, or begin anew."
                    raise InvalidFieldError("after", f"{after!r} is no entry", remedy)
            subjects = await self._store.list_subjects(connection, below, grants, entries)
        pairs = [
            DuplicatePair(entry=subject.entry, duplicate=candidate)
            for subject in subjects
            for key, candidate in await self._candidates(principal, subject)
            if candidate.score >= min_score and key < subject.key
        ]
        pairs.sort(key=lambda pair: -pair.duplicate.score)
        last = subjects[-1].entry.entry_id if len(subjects) == entries else None
        return DuplicatePage(items=pairs, next_after=last)

    async def reject(
        self, principal: Principal, entry_id: str, other_id: str, *, request_id: str | None = None
    ) -> DuplicateRejection:
        """Note that two entries are two things: they are not proposed to anybody.

        They are again once the title, the description or the tags of one of them change.

        Raises
        ------
        PermissionDeniedError
            If the caller may write neither of the two.
        EntryNotFoundError
            If one of them is none that the caller may see.
        InvalidFieldError
            If both are the same.
        """
        action = "reject duplicates"
        principal.require_some_writing(action)
        if entry_id == other_id:
            raise InvalidFieldError("other_id", "is the entry itself", "Name another entry.")
        async with self._database.transaction() as connection:
            held = await self._store.lock_rejected(
                connection, [entry_id, other_id], principal.grants
            )
            for each in (entry_id, other_id):
                if each not in held:
                    raise EntryNotFoundError(each)
            if not principal.may_write_in(held[other_id].namespace):
                principal.require_writing_in(held[entry_id].namespace, action)
            rejected_at = await self._store.put_rejection(
                connection, held[entry_id], held[other_id], principal.name
            )
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="entry.reject_duplicate",
                target=entry_id,
                request_id=request_id,
                detail={"other": other_id},
            )
        return DuplicateRejection(
            entry_id=EntryId(entry_id),
            other_id=EntryId(other_id),
            rejected_at=rejected_at,
            rejected_by=principal.name,
        )

    async def _candidates(
        self, principal: Principal, subject: Subject
    ) -> list[tuple[EntryKey, DuplicateCandidate]]:
        """Return the candidates of an entry with their evidence, the likeliest first."""
        grants = principal.grants
        near = await self._alike.find(subject.key, grants, _CANDIDATES)
        async with self._database.connection() as connection:
            all_words = await self._store.same_words(
                connection, subject, grants, _CANDIDATES, _ENTRIES_PER_WORD
            )
            some_words = await self._search.any_word_candidates(
                connection,
                subject.entry.title,
                grants,
                SearchFilters(),
                _CANDIDATES,
                listed=[subject.key, *near, *all_words],
                entries_per_word=_ENTRIES_PER_WORD,
            )
        async with self._database.reading(grants) as connection:
            related = await self._store.same_neighbours(
                connection, subject.key, grants, _CANDIDATES, _NEIGHBOURS
            )
            keys = {*near, *all_words, *some_words.scores, *related} - {subject.key}
            entries = await self._store.fetch_entries(connection, [*keys], grants)
            neighbours = await self._store.fetch_neighbours(
                connection, [subject.key, *entries], grants, _COMPARED_NEIGHBOURS + 1
            )
        async with self._database.connection() as connection:
            cosines = await self._store.compare(
                connection, subject.key, [*entries], self._alike.model_id
            )
        judged = [
            (
                key,
                _judged(subject.entry, entries[key], cosine, _shared(neighbours, subject.key, key)),
            )
            for key, cosine in cosines.items()
        ]
        return sorted(judged, key=lambda each: (-each[1].score, each[0]))


def _judged(
    entry: LikeEntry, other: LikeEntry, cosine: float | None, neighbours: float | None
) -> DuplicateCandidate:
    evidence = DuplicateEvidence(
        title=title_similarity(entry.title, other.title),
        embedding=None if cosine is None else round(min(max(cosine, 0.0), 1.0), 4),
        neighbours=neighbours,
        same_category=other.category == entry.category,
    )
    return DuplicateCandidate(**dict(other), score=evidence.score, evidence=evidence)


def _shared(neighbours: dict[EntryKey, list[int]], one: EntryKey, other: EntryKey) -> float | None:
    """Return what two entries share of their neighbours; that they are related does not count."""
    first, second = (
        [key for key in neighbours[entry] if key not in {one, other}][:_COMPARED_NEIGHBOURS]
        for entry in (one, other)
    )
    return neighbour_similarity(first, second, _COMPARED_NEIGHBOURS)
