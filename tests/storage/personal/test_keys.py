"""The file of personal keys and the database belong together: made together, and missed in a sentence."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rules.access import ActorType
from storage.activity.records import ActivityRow
from storage.engine import keyring
from storage.engine.database import Database, connection, open_database
from storage.engine.keyring import KeyringError, new_key
from storage.migrate import migrate
from storage.personal.keys import ensure, require
from storage.personal.queries import installed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "personal.key"


@pytest.fixture
def fresh(empty_database_url: str) -> Database:
    """A database that knows no key yet."""
    database = open_database(empty_database_url)
    migrate(database)
    return database


def test_a_new_installation_gets_a_key_and_its_log_says_so(fresh: Database, path: Path) -> None:
    """`fealty up` makes it without being asked; who did and when must be found later."""
    made = ensure(fresh, path)
    assert made is not None
    assert [key.id for key in keyring.read(path)] == _known(fresh) == [made.id]
    with connection(fresh):
        [row] = ActivityRow.select().where(ActivityRow.action == "personal_key.created")
    body = json.loads(row.body)
    assert (body["subject"], row.actor_type) == (f"personal-keys/{made.id}", ActorType.ADMINISTRATOR)
    assert made.line not in row.body


def test_asked_again_it_changes_nothing(fresh: Database, path: Path) -> None:
    """Every start of `fealty up` asks."""
    ensure(fresh, path)
    before = path.read_bytes()
    assert ensure(fresh, path) is None
    assert path.read_bytes() == before
    assert len(_known(fresh)) == 1


def test_a_key_that_only_the_file_has_is_taken(fresh: Database, path: Path) -> None:
    """We died between the two, or the file was made by somebody's own means."""
    key = new_key()
    keyring.write(path, [key])
    made = ensure(fresh, path)
    assert made is not None
    assert _known(fresh) == [key.id] == [made.id]


def test_two_that_start_at_once_agree(fresh: Database, path: Path) -> None:
    """Two hosts come up on a new database: one makes the key, the other is told to bring the file."""
    keyring.write(path, [new_key()])

    def start(_: int) -> object:
        try:
            return ensure(fresh, path)
        finally:
            fresh.close()

    with ThreadPoolExecutor(4) as threads:
        made = [key for key in threads.map(start, range(4)) if key is not None]
    assert len(made) == 1
    assert _known(fresh) == [keyring.read(path)[0].id]


def test_a_database_is_never_given_a_second_key_beside_its_own(fresh: Database, path: Path) -> None:
    """A host without the file would make one, and half of the members could not be read on either."""
    made = ensure(fresh, path)
    assert made is not None
    path.rename(path.with_name("elsewhere"))
    with pytest.raises(KeyringError, match="there is no file of personal keys"):
        ensure(fresh, path)
    assert not path.exists()
    keyring.write(path, [new_key()])
    for use in (ensure, lambda database, path: _required(database, path)):
        with pytest.raises(KeyringError, match=f"does not have the personal key {made.id}.*FEALTY_PERSONAL_KEY_FILE"):
            use(fresh, path)


def test_a_server_needs_both(fresh: Database, path: Path) -> None:
    """It would find out with the first customer otherwise, in the middle of a call."""
    with pytest.raises(KeyringError, match="there is no file of personal keys"):
        _required(fresh, path)
    keyring.write(path, [new_key()])
    with pytest.raises(KeyringError, match="knows no personal key: run `fealty personal-key create`"):
        _required(fresh, path)
    made = ensure(fresh, path)
    assert made is not None
    keyring.write(path, [new_key(), made])
    assert _required(fresh, path).key(made.id).id == made.id


def _required(database: Database, path: Path) -> keyring.Keyring:
    with connection(database) as books:
        return require(books, path)


def _known(database: Database) -> list[str]:
    with connection(database) as books:
        return installed(books)
