from pathlib import Path

import pytest

from configs.loader import SettingsFileError, load_settings


@pytest.mark.parametrize("profile", ["local", "cluster"])
def test_every_profile_loads(profile: str):
    settings = load_settings(profile, {})
    assert (settings.search.vector_weight, settings.search.text_weight) == (0.5, 0.3)
    assert settings.search.vector_threshold == 0.5


def test_the_environment_ranks_above_the_files():
    settings = load_settings(
        "local",
        {
            "HYPER_REGISTRY_HOME": "/srv/registry",
            "HYPER_REGISTRY_DATABASE_URL": "postgresql://db/registry",
            "HYPER_REGISTRY_DATABASE__POOL_MAX": "77",
            "OTHER": "ignored",
        },
    )
    assert settings.home == Path("/srv/registry")
    assert settings.database.url is not None
    assert settings.database.url.get_secret_value() == "postgresql://db/registry"
    assert settings.database.pool_max == 77
    assert settings.database.pool_min == 2


def test_a_secret_does_not_show():
    settings = load_settings("local", {"HYPER_REGISTRY_DATABASE_URL": "postgresql://u:pw@db/r"})
    assert "pw" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("HYPER_REGISTRY_DATABASE__POOLMAX", "7", "database.poolmax"),
        ("HYPER_REGISTRY_DATABASE__POOL_MAX", "9000", "database.pool_max"),
        ("HYPER_REGISTRY_NONSENSE", "1", "nonsense"),
    ],
)
def test_a_wrong_setting_is_named(variable: str, value: str, named: str):
    with pytest.raises(SettingsFileError, match=named):
        load_settings("local", {variable: value})


@pytest.mark.parametrize("profile", ["moon", "../local", "base/x"])
def test_an_unknown_profile_names_the_known_ones(profile: str):
    with pytest.raises(SettingsFileError, match="cluster, local"):
        load_settings(profile, {})
