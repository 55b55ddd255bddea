"""The personal key is replaced while customers come and go; stopped anywhere, nothing is lost and it can be ended.

So is what the key of coupon codes lies under."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from rules.coupons.codes import Code
from storage.activity.records import ActivityRow
from storage.coupons.keys import KEY as CODES_KEY
from storage.coupons.keys import find_seals
from storage.customers.commands import CreateCustomer, UpdateCustomer
from storage.customers.queries import Profile
from storage.engine import keyring
from storage.engine.commands import carry_out
from storage.engine.database import Database, connection
from storage.engine.keyring import Keyring, KeyringError, subject_key
from storage.personal import queries, rotation
from storage.personal.installed_keys import InstalledKey
from storage.personal.keys import KEYS_LOCK
from storage.personal.queries import PersonalChange, installed
from tests.personal import CODES, KEY
from tests.storage.scene import Scene, asked

NAMES = [f"member-{number}" for number in range(7)]
CODE = Code("SUMMER7XKQWM")
SEALED = CODES.seal("coffee", CODE)


class _Stopped(Exception):
    """The process was killed here."""


class Installation:
    """A database and its file."""

    def __init__(self, database: Database, path: Path) -> None:
        self.path = path
        keyring.write(path, [KEY])
        # As a server that was started now has them.
        self.held = keyring.load(path)
        self.scene = Scene(database)
        self.activities = {name: self.create(name, self.held) for name in NAMES}

    def create(self, name: str, held: Keyring) -> str:
        """A new customer; the activity."""
        command = CreateCustomer("coffee", name, Profile(email=f"{name}@example.com"), asked(name))
        activity = carry_out(self.scene.database, command, held).activity
        assert activity is not None
        return activity

    def rotate(self) -> rotation.Rotated:
        """Rotates, three customers at a time."""
        return rotation.rotate(self.scene.database, self.path, batch=3)

    def ids(self) -> tuple[list[str], list[str]]:
        """The keys of the file and of the database, the newest last."""
        with connection(self.scene.database) as books:
            return [key.id for key in keyring.read(self.path)][::-1], installed(books)

    def wrapping(self) -> dict[str, int]:
        """How many customers' keys lie under which."""
        return dict(self.scene.rows("SELECT key_id, count(*) FROM subject_key GROUP BY key_id"))

    def assert_readable(self, held: Keyring | None = None) -> None:
        """Everybody's value can be read with the file as it is, and codes are those that they were."""
        held = held or keyring.load(self.path)
        with connection(self.scene.database) as books:
            assert find_seals(books, held).unseal("coffee", SEALED) == CODE.text
            for name, activity in self.activities.items():
                found = queries.changes(books, UUID(activity), held)
                assert found == {"email": PersonalChange(None, f"{name}@example.com")}


@pytest.fixture
def here(database: Database, tmp_path: Path) -> Installation:
    """Seven customers, each with a value under the first key."""
    return Installation(database, tmp_path / "personal.key")


def test_after_a_rotation_the_new_key_opens_everything_and_the_old_one_is_gone(here: Installation) -> None:
    """Somebody who left had a copy of the old file: with it and a dump of today nothing can be read."""
    values = here.scene.rows("SELECT * FROM personal_value")
    done = here.rotate()
    assert (done.key_id != KEY.id, done.wrapped) == (True, 7)
    assert here.ids() == ([done.key_id], [done.key_id])
    assert here.wrapping() == {done.key_id: 7}
    here.assert_readable()
    with pytest.raises(KeyringError):
        here.assert_readable(Keyring([KEY]))
    assert here.scene.rows("SELECT * FROM personal_value") == values


def test_the_log_says_who_rotated_and_no_key(here: Installation) -> None:
    """Keys that come and go are among the first things that an auditor asks for."""
    done = here.rotate()
    rows = {row.action: row for row in ActivityRow.select() if row.action.startswith("personal_key.")}
    body = json.loads(rows["personal_key.rotated"].body)
    assert (body["subject"], body["details"]) == (f"personal-keys/{done.key_id}", {"dropped": [KEY.id]})
    assert json.loads(rows["personal_key.created"].body)["subject"] == f"personal-keys/{done.key_id}"
    kept = str(here.scene.contents())
    assert not [key for key in (KEY, *keyring.read(here.path)) if key.line in kept]


def test_a_server_that_runs_meanwhile_goes_on(here: Installation) -> None:
    """It was started with the old file: it reads and records under the new key, and nobody restarts it."""
    done = here.rotate()
    here.assert_readable(here.held)
    here.activities["new"] = here.create("new", here.held)
    command = UpdateCustomer("coffee", NAMES[0], "", {"display_name": "Ada"}, asked("update"))
    carry_out(here.scene.database, command, here.held)
    assert here.wrapping() == {done.key_id: 8}
    here.assert_readable()


@pytest.mark.parametrize("step", ["_coming", "add", "rewrap", "_dropped"])
@pytest.mark.parametrize("done_first", [False, True], ids=["before", "after"])
def test_stopped_anywhere_everything_can_be_read_and_it_ends_when_asked_again(
    here: Installation, monkeypatch: pytest.MonkeyPatch, step: str, done_first: bool
) -> None:
    """A host that loses its power in the middle of it must not lose what members told us."""
    with monkeypatch.context() as patch:
        patch.setattr(rotation, step, _stopping(getattr(rotation, step), done_first))
        with pytest.raises(_Stopped):
            here.rotate()
    here.assert_readable()
    here.assert_readable(here.held)
    here.activities["meanwhile"] = here.create("meanwhile", here.held)
    done = here.rotate()
    assert here.ids() == ([done.key_id], [done.key_id])
    assert here.wrapping() == {done.key_id: 8}
    here.assert_readable()


def test_what_was_begun_is_ended_and_not_begun_again(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches: what is done is done, and the key is the one that was made first."""
    with monkeypatch.context() as patch:
        patch.setattr(rotation, "rewrap", _stopping(rotation.rewrap, True, calls=2))
        with pytest.raises(_Stopped):
            here.rotate()
    assert here.wrapping()[KEY.id] == 4
    [coming, _] = [key.id for key in keyring.read(here.path)]
    done = here.rotate()
    assert (done.key_id, done.wrapped) == (coming, 4)


def test_a_key_that_is_prepared_is_the_one_that_comes(here: Installation) -> None:
    """Servers on other hosts are given the file before the database knows of the key."""
    prepared = rotation.prepare(here.scene.database, here.path)
    assert here.ids() == ([KEY.id, prepared], [KEY.id])
    assert rotation.prepare(here.scene.database, here.path) == prepared
    here.activities["new"] = here.create("new", here.held)
    assert here.wrapping() == {KEY.id: 8}
    assert here.rotate().key_id == prepared


@pytest.mark.parametrize("is_done", [True, False], ids=["just done", "not done yet"])
def test_whoever_was_slow_is_waited_for(here: Installation, monkeypatch: pytest.MonkeyPatch, is_done: bool) -> None:
    """A customer is made in a transaction that began under the old key, and is seen only after all were wrapped."""
    drop = rotation._dropped
    dropped: list[bool] = []

    def dropping(*arguments: Any) -> bool:
        if is_done:
            late.commit()
        dropped.append(drop(*arguments))
        late.commit()
        return dropped[-1]

    monkeypatch.setattr(rotation, "_dropped", dropping)
    [(customer,)] = here.scene.rows("SELECT id FROM customer WHERE customer_id = 'ada'")
    with here.scene.another_connection() as late:
        late.autocommit = False
        made = (customer, KEY.id, KEY.wrap(bytes(32), subject_key(customer)))
        late.execute("INSERT INTO subject_key (customer, key_id, wrapped) VALUES (%s, %s, %s)", made)
        done = here.rotate()
    assert dropped == [False, True]
    assert here.wrapping() == {done.key_id: 8}


def test_a_key_that_still_wraps_the_key_of_codes_is_not_dropped(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of the new version makes it, under the old key, after the rotation has looked for it."""
    rewrap, drop = InstalledKey.rewrap, rotation._dropped
    looked, dropped = [True], list[bool]()

    def rewrapping(key: InstalledKey, *arguments: Any, **named: Any) -> None:
        if key is CODES_KEY and looked:
            looked.clear()
        else:
            rewrap(key, *arguments, **named)

    def dropping(*arguments: Any) -> bool:
        dropped.append(drop(*arguments))
        return dropped[-1]

    monkeypatch.setattr(InstalledKey, "rewrap", rewrapping)
    monkeypatch.setattr(rotation, "_dropped", dropping)
    done = here.rotate()
    assert dropped == [False, True]
    assert here.scene.rows("SELECT key_id FROM code_key") == [(done.key_id,)]
    here.assert_readable()


def test_two_do_not_rotate_at_once(here: Installation) -> None:
    """Each would drop what the other has just made."""
    with here.scene.another_connection() as other:
        other.execute("SELECT pg_advisory_lock(%s)", (KEYS_LOCK,))
        with pytest.raises(KeyringError, match="somebody else"):
            here.rotate()
    assert here.ids() == ([KEY.id], [KEY.id])


def test_without_the_file_nothing_is_rotated(here: Installation) -> None:
    """A new key beside what nobody can open would look like a repair."""
    here.path.unlink()
    with pytest.raises(KeyringError, match="there is no file"):
        here.rotate()
    assert here.wrapping() == {KEY.id: 7}


def _stopping(step: Callable[..., Any], done_first: bool, calls: int = 1) -> Callable[..., Any]:
    """A step at which the process is killed, or right behind it; the `calls`th time."""
    left = [calls]

    def stop(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        done = step(*arguments, **named) if done_first else None
        if left[0]:
            return done
        raise _Stopped

    return stop
