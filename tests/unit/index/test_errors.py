import pickle

import pytest

from index.errors import (
    IndexBuildRefusedError,
    IndexFormatError,
    IndexInputError,
    IndexQueryError,
    VectorIndexError,
)

ERRORS = [
    IndexFormatError("/v/manifest.json", "is not JSON"),
    IndexInputError("vector", 7, "length is 2"),
    IndexInputError("tags", None, "is missing"),
    IndexBuildRefusedError("/v/shard-00000", "is published"),
    IndexQueryError("k", "is 0"),
]


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_pickling_keeps_type_fields_and_message(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert copy.args == error.args
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


def test_every_error_is_covered():
    assert {type(error) for error in ERRORS} == set(VectorIndexError.__subclasses__())


def test_messages_name_place_and_reason():
    assert str(ERRORS[0]) == "/v/manifest.json: is not JSON"
    assert str(ERRORS[1]) == "vector, row 7: length is 2"
    assert str(ERRORS[2]) == "tags: is missing"
    assert str(ERRORS[4]) == "k: is 0"
