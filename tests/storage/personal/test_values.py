"""What changed of a person lies beside the log: it can be read with both keys, proven, and erased."""

import base64
import hashlib
import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from rules.refusals import CustomerExists, ExternalIdTaken, StaleEtag
from storage.activity.records import ActivityRow
from storage.customers.closing import CloseCustomer
from storage.customers.commands import CreateCustomer, UpdateCustomer
from storage.customers.queries import ExternalId, Profile
from storage.engine.commands import carry_out
from storage.engine.database import Database, connection
from storage.engine.keyring import DoesNotOpen, Keyring, KeyringError, new_key, subject_key
from storage.personal import queries
from storage.personal.queries import PersonalChange
from storage.personal.sealing import unseal
from tests.personal import KEY, KEYRING
from tests.storage.scene import Scene, asked

PERSON = Profile(
    "Gwendolyn Featherstone", "gwen@featherstone.example", "+420601123456", "cy", (ExternalId("crm", "FEATHER-77"),)
)
IDS = [{"source": "crm", "external_id": "FEATHER-77"}]
TABLES = ("subject_key", "personal_value")


@pytest.fixture
def scene(database: Database) -> Scene:
    """A program with `ada`, who told us nothing."""
    return Scene(database)


def test_what_was_told_can_be_read_with_both_keys(scene: Scene) -> None:
    """ "What was my address before?" has an answer for as long as it is kept."""
    created = _create(scene)
    assert _changes(scene, created) == {
        "display_name": PersonalChange(None, PERSON.display_name),
        "email": PersonalChange(None, PERSON.email),
        "phone_number": PersonalChange(None, PERSON.phone_number),
        "language_code": PersonalChange(None, PERSON.language_code),
        "external_ids": PersonalChange(None, IDS),
    }
    updated = _update(scene, "gwen", email="gq@quill.example", phone_number="")
    assert _changes(scene, updated) == {
        "email": PersonalChange(PERSON.email, "gq@quill.example"),
        "phone_number": PersonalChange(PERSON.phone_number, None),
    }
    closed = scene.carry_out(CloseCustomer("coffee", "gwen", asked("close"))).activity
    assert _changes(scene, closed) == {"external_ids": PersonalChange(IDS, None)}


def test_every_value_proves_what_the_record_says(scene: Scene) -> None:
    """The record is for ever; whoever is shown a value can see that it is the one that was recorded."""
    for activity in (_create(scene), _update(scene, "gwen", email="gq@quill.example", language_code="")):
        body = json.loads(ActivityRow.get_by_id(UUID(activity)).body)
        sides = {(one["field"], side): one[side] for one in body["changes"] for side in ("before", "after")}
        told = {place: side["$personal"] for place, side in sides.items() if side is not None}
        assert told == _commitments(scene, activity)


def test_a_ciphertext_that_was_moved_does_not_open(scene: Scene) -> None:
    """Who can write rows must not make the log say of one act what was true of another."""
    one, other = (_update(scene, "ada", email=f"{name}@example.com") for name in ("first", "second"))
    scene.execute("DELETE FROM personal_value WHERE activity = %s", [other])
    moved = "INSERT INTO personal_value SELECT %s, field, side, ciphertext FROM personal_value WHERE activity = %s"
    scene.execute(moved, [other, one])
    with pytest.raises(DoesNotOpen):
        _changes(scene, other)
    assert _changes(scene, one) == {"email": PersonalChange(None, "first@example.com")}


def test_a_key_that_was_moved_does_not_open(scene: Scene) -> None:
    """Nor must one person's key be given to another."""
    _create(scene)
    activity = _update(scene, "ada", email="ada@example.com")
    keys = dict(scene.rows("SELECT customer, wrapped FROM subject_key"))
    gwen, ada = sorted(keys, reverse=True)
    scene.execute("DELETE FROM subject_key WHERE customer = %s", [ada])
    scene.execute("INSERT INTO subject_key VALUES (%s, %s, %s)", [ada, KEY.id, keys[gwen]])
    with pytest.raises(DoesNotOpen):
        _changes(scene, activity)


def test_a_customer_has_one_key_and_no_other_customer_has_it(scene: Scene) -> None:
    """It is erased with its person, and takes nobody else along."""
    _create(scene)
    first = scene.rows("SELECT * FROM subject_key")
    _update(scene, "gwen", email="gq@quill.example")
    assert scene.rows("SELECT * FROM subject_key") == first
    _update(scene, "ada", email="ada@example.com")
    found = scene.rows("SELECT customer, wrapped FROM subject_key")
    assert len({KEY.unwrap(wrapped, subject_key(customer)) for customer, wrapped in found}) == 2


def test_without_the_key_of_a_customer_nothing_can_be_read(scene: Scene) -> None:
    """That is how a person is erased from a log that nobody may change; backups of the values die with it."""
    created, other = _create(scene), _update(scene, "ada", email="ada@example.com")
    assert _changes(scene, created)
    [(gwen,)] = scene.rows("SELECT id FROM customer WHERE customer_id = 'gwen'")
    scene.execute("DELETE FROM subject_key WHERE customer = %s", [gwen])
    assert _changes(scene, created) == {}
    assert _changes(scene, other)
    # The values may go too, and the record stays as it was.
    body = ActivityRow.get_by_id(UUID(created)).body
    scene.execute("DELETE FROM personal_value WHERE activity = %s", [created])
    assert ActivityRow.get_by_id(UUID(created)).body == body


def test_what_changes_after_a_person_was_erased_has_a_key_of_its_own(scene: Scene) -> None:
    """Somebody comes back: nothing of before comes back with them."""
    created = _create(scene)
    scene.execute("DELETE FROM subject_key")
    again = _update(scene, "gwen", display_name="Gwendolyn Quillfeather")
    assert set(_changes(scene, again)) == {"display_name"}
    with pytest.raises(DoesNotOpen):
        _changes(scene, created)


def test_whoever_told_us_nothing_has_no_key(scene: Scene) -> None:
    """Most members of a shop are a number: for them nothing is kept, and nothing has to be erased."""
    scene.carry_out(CreateCustomer("coffee", "ben", Profile(), asked("ben")))
    scene.earn(100)
    scene.carry_out(CloseCustomer("coffee", "ben", asked("close")))
    assert _rows(scene) == {table: [] for table in TABLES}


def test_what_was_refused_or_only_asked_leaves_no_key(scene: Scene) -> None:
    """A key without a person could never be erased: nobody would know whose it is."""
    taken = PERSON._replace(display_name="Other")
    _create(scene)
    before = scene.contents()
    scene.carry_out(CreateCustomer("coffee", "cyd", Profile("Cyd"), asked("cyd", validate_only=True)))
    with pytest.raises(ExternalIdTaken):
        scene.carry_out(CreateCustomer("coffee", "dan", taken, asked("dan")))
    with pytest.raises(CustomerExists):
        scene.carry_out(CreateCustomer("coffee", "ada", PERSON, asked("ada")))
    with pytest.raises(StaleEtag):
        scene.carry_out(UpdateCustomer("coffee", "ada", '"9"', {"email": "a@example.com"}, asked("etag")))
    email = {"email": "a@example.com"}
    scene.carry_out(UpdateCustomer("coffee", "ada", "", email, asked(email, validate_only=True)))
    scene.carry_out(CloseCustomer("coffee", "gwen", asked("close", validate_only=True)))
    assert scene.contents() == before


def test_nothing_is_recorded_of_a_person_without_the_key_of_the_installation(scene: Scene) -> None:
    """A profile that changed, and of which nobody could ever tell what it was before, would be a silent loss."""
    command = CreateCustomer("coffee", "gwen", PERSON, asked("gwen"))
    before = scene.contents()
    for keyring in (Keyring(()), Keyring([new_key()])):
        with pytest.raises(KeyringError, match=KEY.id):
            carry_out(scene.database, command, keyring)
    assert scene.contents() == before
    for table in ("code_key", "wallet_key", "access_key", "personal_key"):
        scene.execute(f"ALTER TABLE {table} DISABLE TRIGGER unchangeable; DELETE FROM {table}")
    with pytest.raises(KeyringError, match="`fealty personal-key create`"):
        carry_out(scene.database, command, KEYRING)
    assert scene.contents() == {**before, "code_key": [], "wallet_key": [], "access_key": [], "personal_key": []}


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE personal_value SET ciphertext = ''",
        "UPDATE subject_key SET customer = 1",
        "UPDATE personal_key SET id = '0'",
        *(f"TRUNCATE {table} CASCADE" for table in ("personal_key", *TABLES)),
    ],
)
def test_what_is_kept_can_be_erased_and_not_changed(scene: Scene, change: str, role: str) -> None:
    """Row by row, whoever asks; a value that was put in the place of another would be a forgery."""
    _create(scene)
    before = scene.contents()
    with scene.another_connection() as books:
        books.execute(f"SET session_replication_role = {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            books.execute(change.encode())
    assert scene.contents() == before


def _commitments(scene: Scene, activity: str) -> dict[tuple[str, str], str]:
    """What the decision says that a record has of values, made of those that lie beside it."""
    [(customer, wrapped)] = scene.rows("SELECT customer, wrapped FROM subject_key")
    key = KEY.unwrap(wrapped, subject_key(customer))
    found = {}
    rows = scene.rows("SELECT field, side, ciphertext FROM personal_value WHERE activity = %s", [activity])
    for field, side, ciphertext in rows:
        salt, text = unseal(key, activity, field, side, ciphertext)
        digest = hashlib.sha256(b"\0".join((salt + field.encode(), side.encode(), text))).digest()
        found[field, side] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return found


def _create(scene: Scene) -> str:
    activity = scene.carry_out(CreateCustomer("coffee", "gwen", PERSON, asked(PERSON))).activity
    assert activity is not None
    return activity


def _update(scene: Scene, name: str, **changes: Any) -> str:
    activity = scene.carry_out(UpdateCustomer("coffee", name, "", changes, asked((name, changes)))).activity
    assert activity is not None
    return activity


def _changes(scene: Scene, activity: str | None) -> dict[str, PersonalChange]:
    with connection(scene.database) as books:
        return queries.changes(books, UUID(activity), KEYRING)


def _rows(scene: Scene) -> dict[str, list[tuple[Any, ...]]]:
    found = scene.contents()
    return {table: found[table] for table in TABLES}
