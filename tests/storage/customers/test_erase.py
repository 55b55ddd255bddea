"""Erasing a person: nothing about them is left, their books add up, and it ends whatever stops it."""

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from rules.refusals import CustomerClosed, CustomerHeld, CustomerMerged, RequestIdReused
from rules.states import CustomerState
from storage.activity.records import ActivityRow
from storage.customers import forgetting
from storage.customers.commands import CreateCustomer, UpdateCustomer
from storage.customers.erasing import EraseCustomer
from storage.customers.queries import ExternalId, Profile
from storage.engine.commands import Reason
from storage.engine.database import Database, connection
from storage.engine.unit import run, transaction
from storage.ledger.addresses import CustomerName
from storage.mail.commands import plan_mail
from storage.mail.records import MailTemplate
from storage.personal.queries import changes
from storage.retention.commands import LiftLegalHold, PlaceLegalHold
from tests.personal import KEYRING
from tests.storage import members
from tests.storage.members import assert_conserved, close, customer, erase, merge, unmerge
from tests.storage.passes.carrying import issue, standing, template
from tests.storage.scene import Scene, asked

PERSON = Profile(
    "Gwendolyn Featherstone", "gwen@featherstone.example", "+420601123456", "cy-GB", (ExternalId("crm", "FEATHER-77"),)
)
NOTE = Reason("GOODWILL", "Gwendolyn Featherstone called", "u-17")
[DECISION] = (Path(__file__).parents[3] / "docs" / "decisions").glob("0051-*.md")
TABLES = "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema::regnamespace AND relkind = 'r'"
# What is planted of her.
WORDS = ("Gwen", "Featherstone", "featherstone.example", "601123456", "cy-GB", "FEATHER-77")


@pytest.fixture
def scene(database: Database) -> Scene:
    """Gwen, who told us everything, and Ben, of whom a note speaks too."""
    made = Scene(database, "ben")
    made.carry_out(CreateCustomer("coffee", "gwen", PERSON, asked(PERSON)))
    made.earn(100, "gwen")
    made.carry_out(UpdateCustomer("coffee", "gwen", "", {"display_name": "Gwen F."}, asked("update")))
    for name in ("gwen", "ben"):
        members.suspend(made, name)
        members.reactivate(made, name)
    return made


def _mail(scene: Scene) -> None:
    [(number, activity)] = scene.rows("SELECT id, activity::text FROM customer WHERE customer_id = 'gwen'")
    with transaction(scene.database) as unit:
        plan_mail(unit, scene.program.id, number, MailTemplate.TEST, {"to": "Featherstone"}, activity)
    scene.execute("INSERT INTO mail_stop VALUES (%s, now(), 'hash', 'Featherstone is unknown', NULL)", [number])


def found(scene: Scene) -> set[str]:
    """The tables in which something planted stands."""
    return {
        table for table, rows in scene.contents().items() if any(word in str(row) for row in rows for word in WORDS)
    }


def test_nothing_of_a_person_is_left_in_any_table(scene: Scene) -> None:
    """Profile, ids of other systems, notes, what changed, mails, refused addresses, what phones wrote: all of it."""
    _mail(scene)
    card = issue(scene, template(scene), "gwen")
    line = "INSERT INTO pass_device_log (pass, received_at, line) VALUES (%s, now(), 'Featherstone')"
    scene.execute(line, [card])
    scene.carry_out(
        EraseCustomer("coffee", "gwen", asked("only asked", reason=NOTE, validate_only=True, action="customer.erased"))
    )
    assert found(scene) >= {"customer", "customer_external_id", "mail", "mail_stop", "pass_device_log"}
    before = scene.rows("SELECT count(*) FROM activity_note")
    assert before == [(4,)]
    done = scene.carry_out(EraseCustomer("coffee", "gwen", asked("gwen", reason=NOTE, action="customer.erased")))
    assert (done.value.customer.profile, done.value.customer.erase_pending) == (Profile(), False)
    assert done.value.customer.state is CustomerState.CLOSED
    assert found(scene) == set()
    assert scene.rows("SELECT count(*) FROM activity_note") == [(2,)]
    assert scene.rows("SELECT FROM personal_value") == scene.rows("SELECT FROM subject_key") == []
    assert [one[:1] for one in scene.rows("SELECT customer_id FROM customer ORDER BY 1")] == [("ben",), ("gwen",)]
    assert_conserved(scene)


def test_of_every_table_it_is_said_what_becomes_of_it(scene: Scene) -> None:
    """A new one is thought about before somebody asks to be forgotten."""
    said = set(re.findall(r"`([a-z_]+)`", DECISION.read_text()))
    tables = {name for (name,) in scene.rows(TABLES)}
    assert tables - said == set()


def test_the_record_says_that_it_was_done_and_by_whom_and_every_other_stays_as_it_was(scene: Scene) -> None:
    """Hashes and proofs are of the bodies: not one byte of them may change."""
    before = scene.bodies()
    activity = scene.carry_out(
        EraseCustomer("coffee", "gwen", asked("gwen", reason=NOTE, action="customer.erased"))
    ).activity
    assert scene.bodies()[: len(before)] == before
    body = json.loads(ActivityRow.get_by_id(UUID(str(activity))).body)
    assert (body["details"]["reason_code"], body["details"]["admin"]) == ("GOODWILL", "u-17")
    withheld = {change["field"] for change in body["changes"] if change["kind"] == "WITHHELD"}
    assert withheld == set(Profile._fields)
    assert all(change["before"] is change["after"] is None for change in body["changes"] if change["field"] in withheld)
    for row in ActivityRow.select():
        with connection(scene.database) as books:
            assert not changes(books, row.id, KEYRING)


def test_a_customer_that_was_closed_before_is_erased_too_and_its_points_are_told_once(scene: Scene) -> None:
    """Most who ask have left long ago."""
    assert close(scene, "gwen").value.accounts
    done = erase(scene, "gwen")
    assert (done.value.accounts, done.value.customer.state) == ((), CustomerState.CLOSED)
    assert found(scene) == set()
    assert_conserved(scene)


def test_who_was_merged_into_it_is_erased_with_it_however_far(scene: Scene) -> None:
    """A second card of the same person is the same person."""
    for name in ("gwen-2", "gwen-3"):
        scene.carry_out(CreateCustomer("coffee", name, Profile("Featherstone"), asked(name)))
    merge(scene, "gwen-3", "gwen-2")
    merge(scene, "gwen-2", "gwen")
    with pytest.raises(CustomerMerged):
        erase(scene, "gwen-2")
    done = erase(scene, "gwen")
    assert found(scene) == set()
    erased = [customer(scene, name).erased_at for name in ("gwen", "gwen-2", "gwen-3")]
    assert erased == [done.value.customer.erased_at] * 3
    assert customer(scene, "ben").erased_at is None
    with pytest.raises(CustomerClosed):
        unmerge(scene, "gwen-2")
    assert_conserved(scene)


@pytest.mark.parametrize("held", ["gwen", "gwen-2", ""], ids=["it", "one merged into it", "its program"])
def test_under_a_legal_hold_it_is_refused_and_changes_nothing(scene: Scene, held: str) -> None:
    """A court that asked for a file to be kept comes before the wish of who stands in it (GDPR, article 17.3 e)."""
    scene.carry_out(CreateCustomer("coffee", "gwen-2", Profile("Featherstone"), asked("gwen-2")))
    placed = scene.carry_out(PlaceLegalHold(CustomerName("coffee", held), asked("hold"))).value
    merge(scene, "gwen-2", "gwen")
    before = scene.contents()
    with pytest.raises(CustomerHeld):
        erase(scene, "gwen")
    assert scene.contents() == before
    scene.carry_out(LiftLegalHold(placed.name, asked("lift")))
    erase(scene, "gwen")
    assert found(scene) == set()


def test_a_hold_that_is_being_placed_is_waited_for(scene: Scene) -> None:
    """Whoever was answered that the file is kept must find it kept."""
    with ThreadPoolExecutor(1) as elsewhere, scene.another_connection() as books:
        with books.transaction():
            books.execute("SELECT FROM program FOR NO KEY UPDATE")
            erasing = elsewhere.submit(erase, scene, "gwen")
            while not books.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
                time.sleep(0.01)
            books.execute(
                "INSERT INTO legal_hold (id, program, customer, reason_code, placed_at, activity)"
                " SELECT gen_random_uuid(), program, id, 'COURT', now(), activity FROM customer"
                " WHERE customer_id = 'gwen'"
            )
        with pytest.raises(CustomerHeld):
            erasing.result()
    assert found(scene) >= {"customer", "customer_external_id"}


@pytest.mark.parametrize("ends_well", [True, False], ids=["undisturbed", "failing in the middle"])
def test_what_a_call_does_not_get_through_a_task_does_step_by_step(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, ends_well: bool
) -> None:
    """A customer of ten years has a million records. Each step is whole, and the next goes on behind it."""
    monkeypatch.setattr(forgetting.step, "__defaults__", (2,))
    assert erase(scene, "gwen").value.customer.erase_pending
    assert found(scene) == set()
    [(args, unique_key)] = scene.rows("SELECT args, unique_key FROM task WHERE actor = 'erase_customer'")
    [(number,)] = scene.rows("SELECT id FROM customer WHERE customer_id = 'gwen'")
    assert (args, unique_key) == ({"customer": number}, f"erase_customer:{number}")
    steps = 0
    done = False
    while not done:
        if not ends_well:
            with pytest.raises(ZeroDivisionError):
                run(scene.database, lambda unit: (forgetting.step(unit, number), 1 / 0))
        done = run(scene.database, lambda unit: forgetting.step(unit, number))
        steps += 1
        assert customer(scene, "gwen").erase_pending is not done
    assert steps > 1
    assert run(scene.database, lambda unit: forgetting.step(unit, number)), "another worker that was sent it"
    assert scene.rows(_BESIDE) == [(0, 0)]
    assert scene.rows("SELECT count(*) FROM activity_note") == [(2,)]


def test_asked_again_it_goes_through_everything_once_more(scene: Scene) -> None:
    """What somebody wrote since, about a person who was to be forgotten, goes the same way."""
    first = erase(scene, "gwen").value.customer
    [(activity,)] = scene.rows("SELECT activity::text FROM customer WHERE customer_id = 'gwen'")
    scene.execute("INSERT INTO activity_note VALUES (%s, 'Featherstone again')", [activity])
    again = erase(scene, "gwen", request_id="another").value.customer
    assert (again.erased_at, again.erase_pending) == (first.erased_at, False)
    assert found(scene) == set()


def test_no_request_that_was_about_the_person_can_be_guessed_or_done_again(scene: Scene) -> None:
    """Who has the hash of a request could try all phone numbers by it; and a retry must not bring the person back."""
    creation = CreateCustomer("coffee", "", PERSON._replace(external_ids=()), asked("create"))
    made = scene.carry_out(creation).value
    assert scene.carry_out(creation).replayed
    erase(scene, made.customer_id)
    with pytest.raises(RequestIdReused):
        scene.carry_out(creation)
    left = scene.rows("SELECT count(*) FILTER (WHERE content_hash = ''), count(*) FROM request")[0]
    assert 0 < left[0] < left[1]


_BESIDE = """
SELECT (SELECT count(*) FROM activity_note JOIN activity a ON a.id = activity JOIN customer c ON c.id = a.customer
        WHERE customer_id = 'gwen'), (SELECT count(*) FROM personal_value)
"""
DOORS: dict[str, str] = {
    "what lies beside the log": "SELECT cardinality(forget_beside(ARRAY(SELECT id FROM activity)))",
    "a key": "SELECT forget_keys(ARRAY(SELECT id FROM customer))",
}


@pytest.mark.parametrize("door", DOORS)
def test_the_doors_open_for_nobody_who_is_not_erased(scene: Scene, door: str) -> None:
    """They act with rights that the application lacks: whatever it is made to ask, only the erased are forgotten."""
    tables = ("activity_note", "personal_value", "subject_key")
    before = {table: rows for table, rows in scene.contents().items() if table in tables}
    assert all(before.values())
    scene.rows(DOORS[door])
    assert {table: rows for table, rows in scene.contents().items() if table in tables} == before


REFUSED: dict[str, Callable[[Scene], Any]] = {
    "let it live again": lambda scene: "UPDATE customer SET erased_at = NULL",
    "give it a name": lambda scene: "UPDATE customer SET display_name = 'Gwen' WHERE erased_at IS NOT NULL",
    "erase one that lives": lambda scene: "UPDATE customer SET erased_at = now() WHERE customer_id = 'ben'",
    "erase one that is held": lambda scene: _held(scene),
}


def _held(scene: Scene) -> str:
    close(scene, "ben")
    scene.carry_out(PlaceLegalHold(CustomerName("coffee", "ben"), asked("hold")))
    return "UPDATE customer SET erased_at = now() WHERE customer_id = 'ben'"


@pytest.mark.parametrize("attempt", REFUSED)
def test_the_database_itself_refuses(scene: Scene, attempt: str) -> None:
    """Whatever our code has become."""
    erase(scene, "gwen")
    statement = REFUSED[attempt](scene)
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)):
        scene.execute(statement)


def test_its_passes_are_voided_and_show_nobody(scene: Scene) -> None:
    """The card in the wallet is the last thing that shows the name; another's is left alone."""
    gold = template(scene)
    hers, bens = issue(scene, gold, "gwen"), issue(scene, gold, "ben")
    assert erase(scene, "gwen").value.ended.passes == 1
    assert standing(scene) == {hers: ("gwen", True, True, False), bens: ("ben", False, False, False)}
