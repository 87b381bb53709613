import pytest

from hyper_registry.domain.errors.types import InvalidSchemaError
from hyper_registry.domain.metadata_schema import (
    MAX_PATTERN_CHARACTERS,
    MAX_SCHEMA_BYTES,
    MetadataFault,
    MetadataSchema,
)


def test_faults_name_the_place_and_never_the_value() -> None:
    schema = MetadataSchema(
        {
            "properties": {
                "a/b": {"items": {"type": "integer"}},
                "at": {"format": "date-time"},
            },
            "required": ["port"],
        }
    )
    faults = schema.faults({"a/b": [1, "s3cret"], "at": "s3cret"})
    assert set(faults) == {
        MetadataFault("/a~1b/1", 'the value is not of type "integer"'),
        MetadataFault("/at", 'the value is not a "date-time"'),
        MetadataFault("", '"port" is a required property'),
    }
    assert schema.faults({"a/b": [], "port": 1}) == ()


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"type": "nonsense"}, "not valid"),
        ({"$ref": "https://example.com/s.json"}, "leads out of the document"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "leads out of the document"),
        ({"$ref": "#/$defs/none"}, "names nothing"),
        ({"$ref": "#"}, "leads back to itself"),
        ({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}, "leads back to itself"),
        ({"$id": "https://example.com/"}, "not supported"),
        ({"properties": {"a": {"$dynamicRef": "#b"}}}, "not supported"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "only https://json-schema.org"),
        ({"pattern": "(?=a)b"}, "regex"),
        ({"pattern": r"(a)\1"}, "regex"),
        ({"pattern": "(a{1000}){1000}"}, "regex"),
        ({"pattern": "a" * (MAX_PATTERN_CHARACTERS + 1)}, "longer than"),
        ({"description": "x" * MAX_SCHEMA_BYTES}, "above the limit"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(document: dict, reason: str) -> None:
    with pytest.raises(InvalidSchemaError, match=reason):
        MetadataSchema(document)


def test_a_schema_nested_too_deeply_is_refused() -> None:
    document: dict = {}
    for _ in range(40):
        document = {"items": document}
    with pytest.raises(InvalidSchemaError, match="nested deeper"):
        MetadataSchema(document)


def test_a_recursive_schema_that_goes_down_is_accepted() -> None:
    tree = MetadataSchema(
        {"properties": {"left": {"$ref": "#"}, "value": {"type": "integer"}}, "required": ["value"]}
    )
    assert tree.faults({"value": 1, "left": {"value": 2}}) == ()
    assert [fault.pointer for fault in tree.faults({"value": 1, "left": {}})] == ["/left"]


def test_patterns_of_exponential_kind_answer() -> None:
    schema = MetadataSchema({"properties": {"a": {"pattern": "^(a+)+$"}}})
    assert schema.faults({"a": "a" * 50_000 + "!"})


def test_sensitive_places_are_found_wherever_the_schema_marks_them() -> None:
    mark = {"x-sensitive": True}
    schema = MetadataSchema(
        {
            "$defs": {"login": {"properties": {"password": mark}}},
            "properties": {
                "token": mark,
                "logins": {"items": {"$ref": "#/$defs/login"}},
                "pair": {"prefixItems": [{}, mark]},
                "either": {"anyOf": [{"properties": {"key": mark}}, {"type": "string"}]},
            },
            "patternProperties": {"^secret_": mark},
        }
    )
    assert schema.marks_sensitive
    document = {
        "token": "t",
        "logins": [{"user": "u", "password": "p"}, {"user": "v"}],
        "pair": [1, 2],
        "either": {"key": 1, "other": 2},
        "secret_a/b": 1,
        "plain": 1,
    }
    assert schema.sensitive_pointers(document) == {
        "/token",
        "/logins/0/password",
        "/pair/1",
        "/either/key",
        "/secret_a~1b",
    }
