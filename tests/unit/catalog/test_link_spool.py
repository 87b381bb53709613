import pytest

from hyper_registry.catalog.link_spool import LinkSpool
from hyper_registry.catalog.sources.source import Link
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.relationship import RelationshipDraft


def test_links_come_back_equal_and_in_order() -> None:
    links = [
        Link(rel_type="uses", target_id=EntryId("b"), weight=0.1, bidirectional=True),
        Link(
            rel_type="calls",
            target_id=EntryId("c"),
            metadata={"é\n\u2028": [None, True, 2**63 - 1, -1e-300, {"x": "\x07"}]},
        ),
    ]
    with LinkSpool() as spool:
        spool.add(EntryId("a"), links)
        spool.add(EntryId("z"), links[:1])
        drafts = list(spool.drafts())
        assert len(spool) == 3
    assert drafts == [
        RelationshipDraft(source_id=EntryId(source), **dict(link))
        for source, link in (("a", links[0]), ("a", links[1]), ("z", links[0]))
    ]


def test_links_beyond_the_memory_go_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyper_registry.catalog.link_spool._MEMORY_BYTES", 100)
    with LinkSpool() as spool:
        for number in range(50):
            link = Link(rel_type="uses", target_id=EntryId(f"t{number}"))
            spool.add(EntryId(f"s{number}"), [link])
        assert [draft.target_id for draft in spool.drafts()] == [f"t{n}" for n in range(50)]


def test_an_empty_spool_yields_nothing() -> None:
    with LinkSpool() as spool:
        assert list(spool.drafts()) == []
        assert len(spool) == 0
