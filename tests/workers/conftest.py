"""A broker with nothing in it, effects to be counted, and processes that do not outlive their test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.engine.database import Database
from tests.wallet.apple.service import Standing, standing
from tests.workers.acting import Holder
from tests.workers.mailing import MailServer, serving
from tests.workers.outside import Outside
from tests.workers.processes import Processes
from tests.workers.pushing import Cards, Pushing
from workers.broker import Broker
from workers.embedded import EmbeddedValkey


@pytest.fixture
def messages(redis_url: str) -> Iterator[Broker]:
    """An empty broker."""
    made = Broker(redis_url)
    yield made
    made.close()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A broker that a test starts and stops as it likes; it does not run yet."""
    server = EmbeddedValkey(tmp_path / "broker")
    yield server
    server.stop()


@pytest.fixture
def holder(database_url: str) -> Iterator[Holder]:
    """Counts the effects of this test's actors, and holds those that wait."""
    made = Holder(database_url)
    yield made
    made.close()


@pytest.fixture
def outside(holder: Holder) -> Outside:
    """Where nothing is done yet."""
    return Outside()


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server of this host's own."""
    with serving() as made:
        yield made


@pytest.fixture
def processes(database: Database, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Processes]:
    """Starts workers and clocks on this test's database and broker."""
    started = Processes(database_url, redis_url, tmp_path)
    yield started
    started.kill_all()


@pytest.fixture
def cards(database: Database) -> Cards:
    """Cards, in no phone yet."""
    return Cards(database)


@pytest.fixture
def apple(tmp_path: Path) -> Iterator[Standing]:
    """A stand-in of Apple's push service, and an account that it knows."""
    with standing(tmp_path) as made:
        yield made


@pytest.fixture
def pushing(database: Database, apple: Standing) -> Pushing:
    """A worker that pushes to it."""
    return Pushing(database, apple)
