from collections.abc import Generator
from pathlib import Path

import pytest

from hyper_registry.storage.database import Database
from tests.support.search_world import SearchWorld


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Generator[SearchWorld]:
    opened = SearchWorld(database, tmp_path)
    yield opened
    opened.reader.close()
