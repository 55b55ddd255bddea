"""A suspended customer earns nothing and spends nothing, and loses nothing either."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from rules.refusals import (
    CustomerBlocked,
    CustomerClosed,
    CustomerMerged,
    CustomerNotFound,
    CustomerStateWrong,
    CustomerSuspended,
    DuplicateTransaction,
    Refusal,
    StaleEtag,
)
from rules.states import CustomerState
from storage.activity.records import ActivityRow
from storage.customers.commands import UpdateCustomer
from storage.engine.database import Database
from tests.storage import members
from tests.storage.blocking import Ledger
from tests.storage.members import assert_conserved, reactivate, suspend
from tests.storage.scene import Scene, asked

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def scene(database: Database) -> Scene:
    """Two customers, one with points."""
    made = Scene(database, "ada", "ben")
    made.earn(100, transaction_id="coffee")
    return made


ACTS: dict[str, Callable[[Scene], Any]] = {
    "earn": lambda scene: scene.earn(5),
    "spend": lambda scene: scene.do(scene.spending(5)),
    "hold": lambda scene: members.hold(scene, 5),
    "give": lambda scene: members.transfer(scene, 5, "ada", "ben"),
    "receive": lambda scene: members.transfer(scene, 5, "ben", "ada"),
    "earn with a card that it never had": lambda scene: scene.earn(5, card="slow"),
}


@pytest.mark.parametrize("act", ACTS)
def test_it_neither_earns_nor_spends_until_it_is_reactivated(scene: Scene, act: str) -> None:
    """Whoever suspends somebody means every till at once, also one that has the account in its memory."""
    scene.earn(100, name="ben")
    suspended = suspend(scene).value
    before = members.figures(scene, "ada")
    with pytest.raises(CustomerSuspended) as refused:
        ACTS[act](scene)
    assert refused.value.facts == {"customer": "ada"}
    assert members.figures(scene, "ada") == before
    assert (suspended.state, suspended.version) == (CustomerState.SUSPENDED, 2)
    assert members.customer(scene, "ada") == suspended
    assert reactivate(scene).value.state is CustomerState.ACTIVE
    ACTS[act](scene)
    assert_conserved(scene)


def test_a_purchase_that_stands_in_the_books_is_answered_by_another_request(scene: Scene) -> None:
    """A till whose answer was lost asks again, whatever happened to the customer since; it changes nothing."""
    first = scene.do(scene.purchase(30, transaction_id="cake"))
    suspend(scene)
    before = scene.contents()
    again = scene.do(scene.purchase(30, transaction_id="cake"))
    assert (again.replayed, again.activity) == (True, first.activity)
    assert again.value.decided.purchase.points == first.value.points
    other, new = scene.group(scene.purchase(31, transaction_id="cake"), scene.purchase(30, transaction_id="new"))
    assert (type(other), type(new)) == (DuplicateTransaction, CustomerSuspended)
    assert scene.contents() == before
    reactivate(scene)
    members.merge(scene)
    assert type(scene.refused(scene.purchase(30, transaction_id="cake"))) is CustomerMerged


def test_time_goes_on_and_what_it_had_can_be_read_and_given_back(scene: Scene) -> None:
    """A suspension is no punishment: points ripen and expire as they were promised, and a refund is a refund."""
    scene.earn(50, card="slow")
    number = members.hold(scene, 20)
    suspend(scene)
    scene.advance(timedelta(days=15))
    scene.sweep()
    assert scene.balance(card="slow").active == 50
    assert scene.balance().held == 0
    assert members.holds(scene, "ada")[number - 1]["state"] == "EXPIRED"
    members.refund(scene, "coffee", "ada")
    assert scene.balance().active == 0
    assert_conserved(scene)


def test_who_did_it_and_why_stands_in_both_histories(scene: Scene) -> None:
    """The log says from what to what; the words about a person stand beside it, where they can be forgotten."""
    activity = suspend(scene).activity
    row = ActivityRow.get(ActivityRow.id == activity)
    assert (row.action, row.event, row.points) == ("customer.suspended", "customer.suspended", None)
    assert '"changes":[{"after":"SUSPENDED","before":"ACTIVE","field":"state","kind":"TEXT"}]' in row.body
    assert '"details":{"admin":"agent_7","reason_code":"SAME_PERSON"}' in row.body
    assert "Ada called" not in row.body
    assert scene.rows("SELECT note FROM activity_note WHERE activity = %s", [activity]) == [(members.WHY.note,)]
    assert ActivityRow.get(ActivityRow.id == reactivate(scene).activity).event == "customer.reactivated"


def test_what_does_not_fit_its_state_is_refused(scene: Scene) -> None:
    """Suspending twice would hide who did it first."""
    with pytest.raises(CustomerStateWrong) as refused:
        reactivate(scene)
    assert refused.value.facts == {"customer": "ada", "state": "ACTIVE", "wanted": "SUSPENDED or BLOCKED"}
    suspend(scene)
    with pytest.raises(CustomerStateWrong):
        suspend(scene)
    with pytest.raises(CustomerNotFound):
        suspend(scene, "nobody")
    reactivate(scene)
    members.merge(scene)
    for change in (suspend, reactivate):
        with pytest.raises(CustomerMerged) as merged:
            change(scene)
        assert merged.value.facts["target"] == "programs/coffee/customers/ben"


def test_asked_twice_it_is_done_once_and_only_asked_about_not_at_all(scene: Scene) -> None:
    """The same promise as for every change."""
    before = scene.contents()
    asked = suspend(scene, validate_only=True)
    assert scene.contents() == before
    assert asked.activity is None
    request_id = str(uuid4())
    done = suspend(scene, request_id=request_id)
    assert done.value == asked.value._replace(updated_at=done.value.updated_at)
    before = scene.contents()
    assert suspend(scene, request_id=request_id) == done._replace(replayed=True)
    assert scene.contents() == before


def test_a_profile_that_was_read_before_it_is_stale(scene: Scene) -> None:
    """Its state is part of a customer: whoever read it ACTIVE must read it again."""
    etag = members.customer(scene, "ada").etag
    suspend(scene)
    with pytest.raises(StaleEtag):
        scene.carry_out(UpdateCustomer("coffee", "ada", etag, {"display_name": "Ada"}, asked(etag)))


CHANGES: dict[str, tuple[Callable[[Scene], Any], type[Refusal]]] = {
    "SUSPENDED": (suspend, CustomerSuspended),
    "BLOCKED": (members.block, CustomerBlocked),
    "CLOSED": (members.close, CustomerClosed),
}


@pytest.mark.parametrize("state", CHANGES)
@pytest.mark.parametrize("first", ["customer", "account"])
def test_an_account_that_opens_at_the_same_moment_gets_the_state_too(scene: Scene, first: str, state: str) -> None:
    """Else one till in a hundred could go on earning with a card that was not there a moment ago."""
    change, refusal = CHANGES[state]
    members.refund(scene, "coffee", "ada")
    other = scene.another_connection()
    with ThreadPoolExecutor(1) as till:
        with other.transaction():
            if first == "customer":
                other.execute("SELECT FROM customer WHERE customer_id = 'ada' FOR UPDATE")
                waiting = till.submit(Ledger(scene.database).run, [scene.purchase(5, card="slow")])
                _wait_until_somebody_waits(scene)
                other.execute("UPDATE customer SET state = %s WHERE customer_id = 'ada'", [state])
                other.execute("UPDATE account SET state = %s WHERE customer = 1", [state])
            else:
                other.execute(
                    "INSERT INTO account (program, customer, card_id, state)"
                    " SELECT program, id, 'slow', 'OPEN' FROM customer WHERE customer_id = 'ada' FOR SHARE"
                )
                changing = till.submit(change, scene)
                _wait_until_somebody_waits(scene)
        if first == "customer":
            [outcome] = waiting.result()
            assert isinstance(outcome, refusal)
            assert scene.rows("SELECT FROM account WHERE card_id = 'slow'") == [], "nothing came of it"
        else:
            changing.result()
            assert members.figures(scene, "ada", "slow")["state"] == state
            assert_conserved(scene)
    other.close()


def _wait_until_somebody_waits(scene: Scene) -> None:
    """Polls the database, in which a millisecond passes with each question."""
    for _ in range(20_000):
        if scene.rows(WAITING) == [(1,)]:
            return
    raise AssertionError("nobody waits")
