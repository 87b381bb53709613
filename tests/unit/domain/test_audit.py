from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hyper_registry.domain.audit import (
    AuditPosition,
    AuditRow,
    Replacement,
    Seal,
    SealHead,
    parse_seal,
)
from hyper_registry.domain.errors.input import InvalidQueryError

ROW = AuditRow(
    AuditPosition(7, 9),
    datetime(2030, 1, 2, 3, 4, 5, 678901, UTC),
    "eve",
    "entry.create",
    "a",
    "ok",
    None,
    None,
    b"\x01",
    '{"a": 1, "b": [true, null, "x"]}',
)


def test_the_canonical_bytes_are_fixed_forever():
    salted = replace(ROW, salt=bytes(range(16)))
    sealed = Seal.of([salted], SealHead(), datetime(2030, 1, 1, tzinfo=UTC), None)
    assert sealed.seal.hex() == "d3d7bda2bacf17f77ca9ad52371ac2596f54fbd6fa08bd815a58d012195d1a13"
    keyed = Seal.of([salted], SealHead(), datetime(2030, 1, 1, tzinfo=UTC), b"key")
    assert keyed.seal.hex() == "a2add489aee96ac1640a798091eeb927876ad6890a67ca1b05f9bb7e1b01449c"


WHOLE = Seal(
    1,
    bytes(32),
    bytes.fromhex("7dee432bdd3f96c4ce83320bffee75079b712b799534f76f2c097815a6551dda"),
    keyed=False,
    last=ROW.position,
    row_count=1,
    sealed_at=datetime(2030, 1, 1, tzinfo=UTC),
)


def test_seals_of_whole_rows_hold_forever():
    assert WHOLE.matches([ROW], None)
    keyed = replace(
        WHOLE,
        seal=bytes.fromhex("083167ac59a1d058d558ed22e93148182e6ab1bc10f09b46954460b5186e6c29"),
        keyed=True,
    )
    assert keyed.matches([ROW], b"key")
    assert not keyed.matches([ROW], b"another")
    assert not WHOLE.matches([replace(ROW, actor="mallory")], None)


@pytest.mark.parametrize("sealed", [WHOLE, Seal.of([ROW], SealHead(), WHOLE.sealed_at, None)])
def test_replaced_rows_match_by_their_replacement_alone(sealed: Seal):
    erased = replace(ROW, actor="erased-1", salt=b"another")
    replacement = Replacement.of(sealed, [erased], b"key")
    assert not sealed.matches([erased], b"key")
    assert sealed.matches([erased], b"key", replacement)
    assert not sealed.matches([ROW], b"key", replacement)
    assert not sealed.matches([replace(erased, actor="erased-2")], b"key", replacement)
    assert not sealed.matches([erased], b"another", replacement)
    assert not replace(sealed, seal=bytes(32)).matches([erased], b"key", replacement)


def test_what_tells_of_nobody_stays_under_the_seal_where_rows_were_replaced():
    sealed = Seal.of([ROW], SealHead(), WHOLE.sealed_at, None)
    later = replace(ROW, actor="erased-1", occurred_at=ROW.occurred_at + timedelta(seconds=1))
    assert not sealed.matches([later], None, Replacement.of(sealed, [later], None))


@pytest.mark.parametrize(
    "same",
    [
        '{"b":[true,null,"x"],"a":1}',
        '{"a": 1.0, "b": [true, null, "\\u0078"]}',
        '{"a": 10e-1, "b": [true, null, "x"]}',
    ],
)
def test_the_way_json_is_printed_does_not_matter(same: str):
    assert replace(ROW, detail=same).canonical == ROW.canonical


def test_the_time_zone_does_not_matter():
    elsewhere = ROW.occurred_at.astimezone(timezone(timedelta(hours=5)))
    assert replace(ROW, occurred_at=elsewhere).canonical == ROW.canonical


@pytest.mark.parametrize(
    "changes",
    [
        {"position": AuditPosition(7, 10)},
        {"actor": "ev", "action": "eentry.create"},
        {"target": None},
        {"target": ""},
        {"request_id": ""},
        {"before_hash": b"\x01", "after_hash": None},
        {"detail": '{"a": 1.0000000000000000000000000000000000001, "b": [true, null, "x"]}'},
        {"detail": '{"a": "1", "b": [true, null, "x"]}'},
        {"detail": '{"a": 1, "b": [true, "x", null]}'},
        {"detail": '{"a": 1, "b": [true, null], "x": "x"}'},
        {"detail": '{"a": 0, "b": [true, null, "x"]}'},
        {"detail": '{"a": -1, "b": [true, null, "x"]}'},
        {"detail": '{"a": 10, "b": [true, null, "x"]}'},
    ],
)
def test_every_other_content_has_other_bytes(changes: dict[str, object]):
    assert replace(ROW, **changes).canonical != ROW.canonical


def test_numbers_of_many_digits_are_exact():
    large = replace(ROW, detail=f'{{"a": {10**60 + 1}}}')
    assert large.canonical != replace(ROW, detail=f'{{"a": {10**60}}}').canonical
    assert large.canonical == replace(ROW, detail=f'{{"a": {10**60 + 1}.000}}').canonical


def test_a_seal_is_read_as_it_is_shown():
    assert parse_seal("0f" * 32) == b"\x0f" * 32
    assert parse_seal(None) is None
    for wrong in ("", "0f", "zz" * 32, "0f" * 33):
        with pytest.raises(InvalidQueryError):
            parse_seal(wrong)
