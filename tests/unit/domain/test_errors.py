"""Every registry error crosses process borders unchanged and says what to do."""

import inspect
import pickle

import pytest

from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.every import every_error

_SAMPLES = {
    int: 7,
    float: 2.5,
    str: "näme-{}",
    tuple[str, ...]: ("first", "second"),
    tuple[tuple[str, str], ...]: (("/port", "is missing"),),
    tuple[int, ...]: (3, 5),
    tuple[tuple[int, str, str], ...]: ((3, "title", "is empty"),),
}


FAMILY = every_error()


def _sample(error: type[RegistryError]) -> RegistryError:
    parameters = inspect.signature(error.__init__, eval_str=True).parameters.values()
    given = [
        _SAMPLES[parameter.annotation].format(position)
        if parameter.annotation is str
        else _SAMPLES[parameter.annotation]
        for position, parameter in enumerate(parameters)
        if parameter.annotation is not inspect.Parameter.empty
    ]
    return error(*given)


def test_every_module_of_errors_is_covered() -> None:
    topics = {error.__module__.rpartition(".")[2] for error in FAMILY}
    assert {"access", "base", "entry", "input", "job", "relationship", "service"} <= topics
    assert len(FAMILY) > 20


@pytest.mark.parametrize("error", FAMILY, ids=lambda error: error.__name__)
def test_an_error_survives_pickling(error: type[RegistryError]) -> None:
    original = _sample(error)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(original, protocol))
        assert type(copy) is error
        assert (str(copy), copy.args) == (str(original), original.args)
        assert (copy.remedy, copy.code, copy.field) == (
            original.remedy,
            original.code,
            original.field,
        )
        assert vars(copy) == vars(original)


@pytest.mark.parametrize("error", FAMILY, ids=lambda error: error.__name__)
def test_an_error_survives_being_raised_and_pickled_twice(error: type[RegistryError]) -> None:
    with pytest.raises(error) as caught:
        raise _sample(error) from ValueError("cause")
    twice = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(caught.value))))
    assert str(twice) == str(caught.value)


@pytest.mark.parametrize("error", FAMILY, ids=lambda error: error.__name__)
def test_an_error_names_a_remedy_and_every_value_but_the_remedy(
    error: type[RegistryError],
) -> None:
    original = _sample(error)
    assert original.remedy.strip()
    assert original.remedy.endswith(".") or original.remedy in original.args
    shown = f"{original} {original.remedy} {original.field}"
    for value in original.args:
        if isinstance(value, str):
            assert value in shown


@pytest.mark.parametrize("error", FAMILY, ids=lambda error: error.__name__)
def test_an_error_documents_itself(error: type[RegistryError]) -> None:
    assert error.__name__.endswith("Error")
    assert inspect.getdoc(error)


def test_codes_are_unique_and_stable_names() -> None:
    bases = {base for error in FAMILY for base in error.__mro__[1:]}
    raised = [error for error in FAMILY if error not in bases]
    codes = [error.code for error in raised]
    assert len(set(codes)) == len(codes)
    assert all(code.isidentifier() and code == code.lower() for code in codes)
    assert all("code" in vars(error) for error in raised)
