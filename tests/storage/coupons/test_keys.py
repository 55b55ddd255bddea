"""The key of coupon codes: made once by whoever comes first, opened by the file of personal keys, never changed."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import psycopg
import pytest

from rules.access import ActorType
from rules.coupons.codes import Code
from storage.activity.records import ActivityRow
from storage.coupons.keys import code_seals, find_seals
from storage.coupons.sealing import CodeSeals
from storage.engine import keyring
from storage.engine.database import Database, connection, open_database
from storage.engine.keyring import CODE_KEY, Keyring, KeyringError, new_key
from storage.migrate import migrate
from storage.personal.keys import ensure
from tests.personal import CODES, KEY, KEYRING
from tests.storage.scene import Scene
from tests.workers.processes import eventually

CODE = Code("SUMMER7XKQWM")
# Of somebody whose transaction has made a key and not ended yet.
MAKING = "INSERT INTO code_key SELECT true, id, %s, now(), activity FROM personal_key"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file of personal keys is."""
    return tmp_path / "personal.key"


@pytest.fixture
def fresh(empty_database_url: str, path: Path) -> Database:
    """A database that knows a personal key, and has no key of codes yet."""
    database = open_database(empty_database_url)
    migrate(database)
    ensure(database, path)
    return database


@pytest.fixture
def scene(database: Database) -> Scene:
    """A program in a database that has its key of codes."""
    return Scene(database)


def test_whoever_first_asks_makes_the_key_and_its_log_says_so(fresh: Database, path: Path) -> None:
    """Nobody has to know of it; when it came, and under which key, must be found later."""
    held = keyring.load(path)
    sealed = code_seals(fresh, held).seal("coffee", CODE)
    with connection(fresh) as books:
        [(key_id, wrapped, activity)] = books.execute("SELECT key_id, wrapped, activity FROM code_key").fetchall()
        [row] = ActivityRow.select().where(ActivityRow.action == "code_key.created")
        log = str(list(ActivityRow.select().tuples()))
    body = json.loads(row.body)
    assert (row.id, row.actor_type, body["subject"]) == (activity, ActorType.SYSTEM, "code-key")
    assert body["details"] == {"personal_key": key_id}
    assert held.key(key_id).unwrap(wrapped, CODE_KEY).hex() not in log
    assert code_seals(fresh, held).unseal("coffee", sealed) == CODE.text
    assert _made(fresh) == 1


def test_many_that_start_at_once_seal_alike(fresh: Database, path: Path) -> None:
    """All processes of a new version come up together: what one of them sealed, every other must find."""
    together = Barrier(6)

    def start(_: int) -> bytes:
        try:
            together.wait()
            return code_seals(fresh, keyring.load(path)).seal("coffee", CODE)
        finally:
            fresh.close()

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(start, range(6)))) == 1
    assert _made(fresh) == 1


@pytest.mark.parametrize("is_kept", [True, False], ids=["committed", "rolled back"])
def test_who_comes_second_takes_the_key_that_stays(fresh: Database, path: Path, is_kept: bool) -> None:
    """Of a key that is rolled back nothing must be sealed: nobody could ever open it again."""
    held = keyring.load(path)
    [key] = keyring.read(path)

    def start() -> CodeSeals:
        try:
            return code_seals(fresh, held)
        finally:
            fresh.close()

    with psycopg.connect(fresh.database) as first, psycopg.connect(fresh.database, autocommit=True) as watching:
        first.execute(MAKING, (key.wrap(bytes(64), CODE_KEY),))
        with ThreadPoolExecutor(1) as threads:
            second = threads.submit(start)
            eventually(lambda: watching.execute(WAITING).fetchone() == (1,) or second.done())
            assert not second.done()
            (first.commit if is_kept else first.rollback)()
            sealed = second.result().seal("coffee", CODE)
    assert (sealed == CodeSeals(bytes(64)).seal("coffee", CODE)) == is_kept
    with connection(fresh) as books:
        assert find_seals(books, held).unseal("coffee", sealed) == CODE.text
    # Of whoever only found it, the log says nothing.
    assert _made(fresh) == (0 if is_kept else 1)


def test_without_its_personal_key_nothing_is_sealed_or_opened(scene: Scene) -> None:
    """A file that was lost, or another installation's: a new key in its place would only look like a repair."""
    before = scene.contents()
    for lacking in (Keyring(()), Keyring([new_key()])):
        with pytest.raises(KeyringError, match=KEY.id):
            code_seals(scene.database, lacking)
    assert scene.contents() == before
    sealed = CODES.seal("coffee", CODE)
    assert code_seals(scene.database, KEYRING).unseal("coffee", sealed) == CODE.text


def test_where_no_key_was_ever_made_it_is_said_who_makes_it(fresh: Database, path: Path) -> None:
    """A worker is started before any server of its version, or the operator forgot the first step."""
    with connection(fresh) as books, pytest.raises(KeyringError, match="start a server"):
        find_seals(books, keyring.load(path))
    with connection(fresh) as books:
        books.execute("DELETE FROM personal_key")
    with pytest.raises(KeyringError, match="`fealty personal-key create`"):
        code_seals(fresh, keyring.load(path))


def test_a_key_that_somebody_put_in_its_place_is_refused_in_a_sentence(scene: Scene) -> None:
    """Who may write the table could otherwise have codes sealed so that he opens them."""
    for wrapped in (b"", bytes(92), KEY.wrap(bytes(64), b"fealty subject key\x001")):
        scene.execute("UPDATE code_key SET wrapped = %s", [wrapped])
        with pytest.raises(KeyringError, match="not as it was made"):
            code_seals(scene.database, KEYRING)


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE code_key SET activity = activity",
        "UPDATE code_key SET created_at = now()",
        "DELETE FROM code_key",
        "TRUNCATE code_key",
    ],
)
def test_the_key_is_neither_changed_nor_removed(scene: Scene, change: str, role: str) -> None:
    """Every code that was ever sealed would be lost with it, whoever asks."""
    before = scene.contents()
    with scene.another_connection() as books:
        books.execute(f"SET session_replication_role = {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            books.execute(change.encode())
    assert scene.contents() == before


def test_there_is_one_key(scene: Scene) -> None:
    """With two, the same code would be there twice."""
    again = "INSERT INTO code_key SELECT {}, key_id, wrapped, created_at, activity FROM code_key"
    with scene.another_connection() as books:
        for which, refusal in (("true", psycopg.errors.UniqueViolation), ("false", psycopg.errors.CheckViolation)):
            with pytest.raises(refusal):
                books.execute(again.format(which).encode())


def _made(database: Database) -> int:
    with connection(database):
        return int(ActivityRow.select().where(ActivityRow.action == "code_key.created").count())
