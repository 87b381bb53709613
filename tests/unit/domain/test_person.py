import re

import pytest

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.person import Person

PERSON = Person(("ann", "ann.b@corp.example", 'Ann "B"', "c++"), "erased-0")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("ann", "erased-0"),
        ("ANN and Ann's", "erased-0 and erased-0's"),
        ("annual hannah ann_b anna", "annual hannah ann_b anna"),
        ("<ann.b@corp.example>,ann-b", "<erased-0>,erased-0-b"),
        ("annxb@corp.example", "annxb@corp.example"),
        ('says Ann "B".', "says erased-0."),
        ("writes c++, not c+ or c", "writes erased-0, not c+ or c"),
        ("line\nann\tann", "line\nerased-0\terased-0"),
        ("\u00e9ann", "\u00e9ann"),
    ],
)
def test_names_are_met_as_whole_words_in_any_case(text: str, redacted: str):
    assert PERSON.redacted_text(text) == redacted


def test_json_is_redacted_in_keys_and_values_and_keeps_its_form():
    value = {"Ann": [1, 2.5, None, True, {"by": "ann"}], "annual": "x"}
    assert PERSON.redacted_json(value) == {
        "erased-0": [1, 2.5, None, True, {"by": "erased-0"}],
        "annual": "x",
    }


def test_what_may_hold_a_name_is_found_in_printed_json():
    assert re.search(PERSON.sql_mention, r'{"a": "Ann \"B\""}')
    assert re.search(PERSON.sql_mention, "c++")


def test_a_draft_loses_the_owner_and_the_reader_and_nothing_else():
    draft = EntryDraft.model_validate(
        {
            "category": "agent",
            "title": "ann",
            "owner": "ann",
            "security": {"visibility": "private", "readers": ["user:ann", "group:ann", "user:c++"]},
        }
    )
    without = PERSON.without_name(draft)
    assert (without.owner, without.title) == ("erased-0", "ann")
    assert without.security.readers == ("user:erased-0", "group:ann")
    assert without.readers == ["group:ann", "user:erased-0"]
    assert PERSON.texts_with_name(draft) == {"title": "erased-0"}
    other = draft.model_copy(update={"owner": "annual", "security": type(draft.security)()})
    assert PERSON.without_name(other) == other
