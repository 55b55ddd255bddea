"""What tests share: a real PostgreSQL with a fresh, migrated database for each of them, and a real broker."""

import multiprocessing.process
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from storage.embedded import EmbeddedPostgres
from storage.engine.database import Database, connection, open_database
from storage.migrate import migrate
from storage.roles import APPLICATION, role_name
from tests import personal
from tests.databases import SERVER_URL, as_application, as_owner, fresh_database, make_login, with_database
from workers.embedded import EmbeddedValkey

# A broker that tests may empty; each test process takes a database of its own there. Without it, each starts one.
BROKER_URL = os.environ.get("FEALTY_TEST_REDIS_URL")
# Tests kill processes, never the machine: nothing here has to outlive a power cut.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


# Copying the template for a test takes a tenth of the time where files are in memory.
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 << 30
# Who asks for one of these starts processes.
STARTING = {"connected", "here", "own_valkey", "processes", "terminal"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: many tests wait for a process to start, or for time to pass."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Marks the tests that start processes by a fixture; the others say it themselves."""
    for item in items:
        if isinstance(item, pytest.Function) and STARTING & set(item.fixturenames):
            item.add_marker("process")


@pytest.fixture(autouse=True)
def _no_process_unsaid(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails who starts a process without the mark: `make quick` would grow slow and nobody would know why. The servers
    of the test session are started before."""
    if request.node.get_closest_marker("process") is None:

        def start(*_: object, **__: object) -> None:
            pytest.fail("a test that starts a process is marked `process`")

        monkeypatch.setattr(subprocess.Popen, "__init__", start)
        monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", start)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the servers' unprivileged uid can reach; pytest's own are closed to it under root."""
    folder = Path(tempfile.mkdtemp(prefix="fealty-test-", dir=MEMORY if _has_room(MEMORY) else None))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _has_room(place: Path) -> bool:
    """Whether servers can keep their data there and run from there, as some of them must under root."""
    if not (place.is_dir() and os.access(place, os.W_OK)):
        return False
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize >= MEMORY_BYTES_MIN and not found.f_flag & os.ST_NOEXEC


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A PostgreSQL server, by the URL of a database that is nobody's."""
    if SERVER_URL:
        yield SERVER_URL
        return
    with open_folder() as folder:
        server = EmbeddedPostgres(folder / "data", SETTINGS)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to: copying it is faster than migrating anew. Rights are
    copied too, so its application is that of the copies."""
    with fresh_database(server_url) as url:
        name = urlsplit(url).path.removeprefix("/")
        make_login(server_url, role_name(name, APPLICATION))
        database = open_database(url)
        migrate(database)
        with connection(database) as books:
            personal.install(books)
        database.close()
        yield name


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A database of this test's own, without any tables."""
    with fresh_database(server_url) as url:
        yield url


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """A migrated database of this test's own, as the application connects: with no right that it does not need."""
    with fresh_database(server_url, template) as url:
        yield as_application(url, template)


@pytest.fixture
def owner_url(database_url: str) -> str:
    """The same database, as its owner connects to it."""
    return as_owner(database_url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, bound to the models of this process."""
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """A running broker, with a database of this test process's own."""
    if BROKER_URL:
        number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        yield with_database(BROKER_URL, number)
        return
    with open_folder() as folder:
        running = EmbeddedValkey(folder / "data")
        running.start()
        try:
            yield running.url
        finally:
            running.stop()


@pytest.fixture
def redis_url(broker_url: str) -> str:
    """A broker that holds nothing yet."""
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()
    return broker_url
