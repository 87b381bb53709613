import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from configs.loader import load_settings
from configs.settings import DatabaseSettings, EncryptionKey, EncryptionSettings, Settings
from hyper_registry.domain.errors.service import SettingsError
from hyper_registry.security.key_file import FILE_NAME, key_ring, new_key_material


def test_an_embedded_registry_keeps_a_key_that_only_it_may_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with ThreadPoolExecutor(8) as threads:
        rings = list(threads.map(lambda _: key_ring(settings), range(8)))
    path = tmp_path / "home" / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in path.parent.iterdir()] == [FILE_NAME]
    sealed = rings[0].seal("e", "/a", 1) if rings[0] else {}
    assert all(ring and ring.open("e", "/a", sealed) == 1 for ring in rings)


def test_on_another_postgres_there_is_no_key_but_those_configured(tmp_path: Path) -> None:
    database = DatabaseSettings(url=SecretStr("postgresql://x"))
    assert key_ring(Settings(home=tmp_path, database=database)) is None
    keys = (
        EncryptionKey(id="new", material=SecretStr(new_key_material())),
        EncryptionKey(id="old", material=SecretStr(new_key_material())),
    )
    ring = key_ring(
        Settings(home=tmp_path, database=database, encryption=EncryptionSettings(keys=keys))
    )
    assert ring is not None
    assert ring.active == "new"
    assert not list(tmp_path.iterdir())


def test_keys_come_from_a_variable() -> None:
    text = json.dumps([{"id": "k", "material": new_key_material()}])
    settings = load_settings("local", {"HYPER_REGISTRY_ENCRYPTION__KEYS": text})
    ring = key_ring(settings)
    assert ring is not None
    assert ring.active == "k"
    assert text not in repr(settings)


@pytest.mark.parametrize("material", ["s3cret", "c2hvcnQ="])
def test_bad_material_is_refused_without_repeating_it(material: str, tmp_path: Path) -> None:
    keys = (EncryptionKey(id="k", material=SecretStr(material)),)
    with pytest.raises(SettingsError) as caught:
        key_ring(Settings(home=tmp_path, encryption=EncryptionSettings(keys=keys)))
    assert material not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        ('{"keys": []}', 0o644, "may be read by others"),
        ("{", 0o600, "cannot be used"),
        ('{"keys": [{"id": "k"}]}', 0o600, "cannot be used"),
        ('{"keys": []}', 0o600, "each key needs"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(
    content: str, mode: int, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(SettingsError, match=reason):
        key_ring(Settings(home=tmp_path))
