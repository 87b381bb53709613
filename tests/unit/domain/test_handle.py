"""Handles: what may be in one, and which ways to write one are the same name."""

import json
import unicodedata

import pytest
from pydantic import ValidationError

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.handle import (
    checked_handle,
    name_form,
    namespace_name,
    namespace_of,
)
from tests.support.evaluation_data import evaluation_folder


@pytest.mark.parametrize(
    "ways",
    [
        ("team/agent", "Team/Agent", "TEAM/AGENT"),
        ("team/Straße", "TEAM/STRASSE", "team/stra\u1e9ee"),
        ("café/é", "cafe\u0301/e\u0301", "CAFÉ/É"),
        ("team/a1", "\uff34\uff45\uff41\uff4d/\uff41\uff11"),
        ("team/ﬁle", "team/file"),
        ("team/ΣΊΣΥΦΟΣ", "team/σίσυφος", "team/σίσυφοσ"),
        ("equipo/ñandú", "equipo/n\u0303andu\u0301"),
        ("팀/이름", unicodedata.normalize("NFD", "팀/이름")),
    ],
)
def test_case_and_ways_of_writing_make_no_difference(ways: tuple[str, ...]):
    assert len({name_form(checked_handle(way)) for way in ways}) == 1


def test_different_names_have_different_forms():
    names = ["team/a", "team/á", "team/b", "tea/ma", "team/a-", "team/a_", "team/ä", "team/\u0430"]
    assert len({name_form(checked_handle(name)) for name in names}) == len(names)


def test_what_is_written_keeps_its_case_in_one_form_of_unicode():
    assert checked_handle("\uff34eam/Cafe\u0301") == "Team/Café"
    assert namespace_of("Team/Café") == "team"
    assert namespace_of(None) is None


@pytest.mark.parametrize(
    "refused",
    [
        "",
        "team",
        "/",
        "team/",
        "/agent",
        "a/b/c",
        "team /agent",
        "team/ag ent",
        "team/agent\u00a0",
        "team/agent\u3000",
        "team/a\u200bgent",
        "team/a\u200dgent",
        "team/\u202eagent",
        "team/a\u00adgent",
        "team/a\ufe0fgent",
        "team/a\u034fgent",
        "team/\u3164",
        "team/\u1160",
        "team/a\x00",
        "team/a\n",
        "team/\ud800",
        "team/.agent",
        "team/-agent",
        "team/\u0301agent",
        "team/a:b",
        "team/a@b",
        "team/a%2fb",
        "team/\u2215agent",
        "team/p\u0430ypal",  # a Cyrillic letter among Latin ones
        "team/\u03bfmega-o",  # a Greek one
        "team/" + "a" * 101,
        "team/" + "\ufdfa" * 6,  # six characters that NFKC makes 108
    ],
)
def test_what_cannot_be_told_apart_or_seen_is_refused(refused: str):
    with pytest.raises(ValidationError):
        EntryDraft(category="agent", title="A", handle=refused)


def test_every_row_of_the_normalization_test_is_one_name():
    rows = [
        json.loads(line)
        for line in (evaluation_folder("torture_text") / "unicode_normalization.jsonl")
        .read_text()
        .splitlines()
    ]
    tried = 0
    for row in rows:
        # Characters that this Python does not know yet have no normal form in it.
        if unicodedata.normalize("NFC", row["source"]) != row["nfc"]:
            continue
        forms: set[str] = set()
        refusals: set[str] = set()
        for way in row.values():
            try:
                forms.add(name_form(namespace_name("x" + way)))
            except ValueError:
                refusals.add(way)
        assert len(forms) <= 1, row
        assert not forms or not refusals, row
        tried += len(forms)
    assert tried > 10_000


def test_the_form_of_a_form_is_itself():
    for code in range(0x11000):
        character = chr(code)
        try:
            form = name_form(namespace_name(f"a{character}"))
        except ValueError:
            continue
        assert name_form(form) == form, hex(code)


def test_no_naughty_string_makes_a_handle_that_cannot_be_stored():
    strings = json.loads((evaluation_folder("torture_text") / "blns.json").read_text())
    kept = 0
    for text in strings:
        try:
            written = namespace_name(text)
        except ValueError:
            continue
        assert name_form(written).encode()
        assert not any(character.isspace() for character in written)
        kept += 1
    assert kept > 0


def test_a_handle_is_part_of_the_content_and_lets_the_members_of_its_namespace_read():
    plain = EntryDraft(category="agent", title="A")
    named = EntryDraft(category="agent", title="A", handle="Team/a")
    assert plain.checksum != named.checksum
    assert b"handle" not in plain.canonical_content
    private = EntryDraft.model_validate(
        {
            "category": "agent",
            "title": "A",
            "handle": "Team/a",
            "security": {"visibility": "private"},
            "owner": "eve",
        }
    )
    assert private.readers == ["namespace:team", "user:eve"]
    assert named.readers == ["*"]
