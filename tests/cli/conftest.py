"""Terminals: one with nothing but a place for data, one on a migrated database and a broker that run already."""

from collections.abc import Iterator

import pytest

from tests.cli.terminal import Terminal
from tests.conftest import open_folder
from tests.personal import key_file


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A fresh machine."""
    with open_folder() as folder:
        made = Terminal(folder)
        yield made
        made.kill_all()


@pytest.fixture
def connected(database_url: str, owner_url: str, redis_url: str) -> Iterator[Terminal]:
    """A machine whose PostgreSQL and Redis are servers that somebody else runs."""
    with open_folder() as folder:
        urls = {"FEALTY_DATABASE_URL": database_url, "FEALTY_OWNER_DATABASE_URL": owner_url}
        made = Terminal(folder, **urls, FEALTY_REDIS_URL=redis_url, FEALTY_PERSONAL_KEY_FILE=str(key_file()))
        yield made
        made.kill_all()
