import doctest
import importlib
import pkgutil

import pytest

PACKAGES = ["cluster", "hyper_registry", "index", "configs"]
MODULES = [
    found.name
    for package in PACKAGES
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    if not found.ispkg
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0
