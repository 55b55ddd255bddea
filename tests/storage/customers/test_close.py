"""A customer who is closed has nothing left and nothing comes to it any more; what was before can still be read."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from rules.refusals import CustomerClosed, CustomerMerged, CustomerNotFound, CustomerStateWrong
from rules.states import CustomerState
from rules.transactions import TransactionState
from storage.activity.records import ActivityRow
from storage.customers import queries
from storage.customers.closing import ClearedAccount
from storage.customers.commands import CreateCustomer, UpdateCustomer
from storage.customers.queries import ExternalId, Profile
from storage.engine.database import Database, connection
from storage.ledger.addresses import CustomerName
from storage.ledger.reading import events, explain, liability, past, transactions
from storage.ledger.reading.events import EventOrder
from storage.ledger.redating.commands import RedateLots
from storage.ledger.redating.terms import Expiry, Terms
from storage.programs import queries as programs
from tests.storage import members
from tests.storage.asking import CALLER
from tests.storage.deep import DAY, Deep
from tests.storage.members import assert_conserved, close
from tests.storage.scene import START, Scene, asked

ADA = "programs/coffee/customers/ada"
IDS = (ExternalId("crm", "7"), ExternalId("shop", "ada-1"))


@pytest.fixture
def scene(database: Database) -> Deep:
    """Two customers; one with points of several kinds, a hold, and a debt."""
    made = Deep(database)
    made.earn(100, transaction_id="coffee")
    members.hold(made, 30, "ada")
    made.earn(50, card="slow", transaction_id="cake")
    made.earn(20, card="owing", transaction_id="owed", occurred_at=START - 15 * DAY)
    made.do(made.spending(20, card="owing"))
    members.refund(made, "owed", "ada")
    return made


def name_ids(scene: Scene, ids: tuple[ExternalId, ...], name: str = "ada") -> None:
    """What other systems call a customer."""
    scene.carry_out(UpdateCustomer("coffee", name, "", {"external_ids": ids}, asked((name, ids))))


def test_what_is_open_ends_in_one_act_and_every_figure_is_told(scene: Deep) -> None:
    """Set aside, waiting and active: to the last point, card by card; a debt stays for the reports."""
    done = close(scene)
    assert done.value.customer.state is CustomerState.CLOSED
    assert done.value.accounts == (
        ClearedAccount("plain", released=30, cancelled=0, expired=100, repaid=0, holds=1, lots=1),
        ClearedAccount("slow", released=0, cancelled=50, expired=0, repaid=0, holds=0, lots=1),
    )
    plain, owing = members.figures(scene, "ada"), members.figures(scene, "ada", "owing")
    assert (plain["active"], plain["held"], plain["expired"], plain["due_at"]) == (0, 0, 100, None)
    assert (owing["debt"], owing["state"]) == (20, "CLOSED")
    assert [lot["state"] for lot in members.lots(scene, "ada")] == ["EXPIRED"]
    assert [lot["state"] for lot in members.lots(scene, "ada", "slow")] == ["CANCELLED"]
    assert [hold["state"] for hold in members.holds(scene, "ada")] == ["RELEASED"]
    assert_conserved(scene)
    before = scene.contents()
    scene.pass_time(90 * DAY)
    scene.sweep()
    assert scene.rows("SELECT count(*) FROM entry") == [(len(before["entry"]),)]
    assert_conserved(scene)


def test_all_that_can_be_read_of_it_says_what_was_and_how_it_ended(scene: Deep) -> None:
    """An auditor asks years later: what did she have in March, and where did it go?"""
    scene.pass_time(DAY)
    closed = close(scene)
    scene.pass_time(DAY)
    then, after = (scene.read(past.balance_at, scene.address(), when) for when in (START, scene.now))
    assert (then.active, then.held, after.active, after.held, after.expired) == (100, 30, 0, 0, 100)
    pending = [scene.read(past.balance_at, scene.address(card="slow"), when).pending for when in (START, scene.now)]
    assert pending == [50, 0]
    assert scene.balance().expired == 100
    [plain] = scene.read(explain.explain, scene.address(), None, 5)
    assert "100 points expired on 2 January 2025, as their customer was closed." in [s.sentence for s in plain.steps]
    assert sum(step.amount for step in plain.steps) == 0
    [slow] = scene.read(explain.explain, scene.address(card="slow"), None, 5)
    assert "0.50 pending points were cancelled on 2 January 2025." in [step.sentence for step in slow.steps]
    report = scene.read(liability.report, "coffee", "plain")
    assert (report.active, report.held, report.expired, report.issued) == (0, 0, 100, 100)
    assert scene.read(liability.report, "coffee", "owing").debt == 20
    told = scene.read(events.page, CustomerName("coffee", "ada"), "", EventOrder.OCCURRED_AT, False, None, 1)
    assert [(one.event_type, one.note) for one in told] == [("customer.closed", members.WHY.note)]
    cake = scene.read(transactions.get, scene.named("cake"))
    assert cake.purchase.state(scene.now) is TransactionState.REJECTED
    assert str(closed.activity) == scene.rows("SELECT activity::text FROM cancellation")[0][0]


def test_the_points_of_its_event_are_those_that_went_where_they_have_a_sum(scene: Deep) -> None:
    """Units of two cards have none; the record has each."""
    several = close(scene).activity
    scene.earn(40, name="ben")
    one = close(scene, "ben").activity
    points = dict(scene.rows("SELECT id::text, points FROM activity WHERE action = 'customer.closed'"))
    assert points == {several: None, one: -40}


def test_who_did_it_and_what_ended_stands_in_the_log_and_nothing_about_the_person(scene: Deep) -> None:
    """The ids of other systems are personal: that they went is said, and not what they were."""
    name_ids(scene, IDS)
    row = ActivityRow.get(ActivityRow.id == close(scene).activity)
    assert (row.action, row.event) == ("customer.closed", "customer.closed")
    assert '{"after":"CLOSED","before":"ACTIVE","field":"state","kind":"TEXT"}' in row.body
    [told] = [change for change in json.loads(row.body)["changes"] if change["field"] == "external_ids"]
    assert (told["after"], told["kind"], list(told["before"])) == (None, "WITHHELD", ["$personal"])
    assert '"card_id":"slow","expired":0,"holds":0,"lots":1,"released":0,"repaid":0' in row.body
    assert "ada-1" not in row.body


def test_whoever_comes_anew_may_take_the_ids_of_other_systems(scene: Deep) -> None:
    """The person is still known to the shop; a scan of the card must find the new customer, and never the old one."""
    name_ids(scene, IDS)
    assert close(scene).value.customer.profile.external_ids == ()
    with connection(scene.database), pytest.raises(CustomerNotFound):
        queries.lookup(programs.get("coffee", CALLER), IDS[0])
    scene.carry_out(CreateCustomer("coffee", "ada-2", Profile(external_ids=IDS), asked("again")))
    with connection(scene.database):
        assert queries.lookup(programs.get("coffee", CALLER), IDS[0]).customer_id == "ada-2"
    scene.earn(5, name="ada-2")


LATER: dict[str, Callable[[Scene], Any]] = {
    "update": lambda scene: name_ids(scene, IDS),
    "suspend": members.suspend,
    "block": members.block,
    "reactivate": members.reactivate,
    "close": close,
    "merge": members.merge,
    "be merged into": lambda scene: members.merge(scene, "ben", "ada"),
    "give": lambda scene: members.transfer(scene, 5, "ben", "ada"),
    "refund": lambda scene: members.refund(scene, "coffee", "ada"),
    "write off": lambda scene: members.write_off(scene, 1, "ada", "owing"),
    "earn with a card that it never had": lambda scene: scene.earn(5, card="stamps"),
    "record again": lambda scene: scene.earn(100, transaction_id="coffee"),
    "record an event": lambda scene: scene.do(scene.event("delivered")),
    "redate": lambda scene: scene.carry_out(
        RedateLots("coffee", "ada", Terms("plain", Expiry.NEVER), asked("redate", reason=members.WHY))
    ),
}


@pytest.mark.parametrize("act", LATER)
def test_every_change_that_names_it_afterwards_is_refused(scene: Deep, act: str) -> None:
    """It cannot be undone, and nothing of it may come to life by a side door."""
    scene.earn(100, name="ben")
    close(scene)
    before = scene.contents()
    with pytest.raises(CustomerClosed) as refused:
        LATER[act](scene)
    assert refused.value.facts == {"customer": "ada"}
    assert scene.contents() == before


def test_one_without_any_account_is_closed_too(scene: Deep) -> None:
    """It opened none, so no account can say that it is closed."""
    assert close(scene, "ben").value.accounts == ()
    for act in (scene.event("delivered", name="ben"), scene.purchase(5, "ben")):
        assert type(scene.refused(act)) is CustomerClosed


def test_a_merge_into_one_that_was_closed_since_is_not_undone(scene: Deep) -> None:
    """What would go back is gone; and whoever has the old card is told where its points went first."""
    members.merge(scene)
    close(scene, "ben")
    with pytest.raises(CustomerClosed):
        members.unmerge(scene)
    with pytest.raises(CustomerMerged):
        close(scene, "ada")
    assert_conserved(scene)


@pytest.mark.parametrize("first", [members.suspend, members.block])
def test_it_is_closed_from_any_state_but_the_last(scene: Deep, first: Callable[[Scene], Any]) -> None:
    """Blocked first, closed when it is certain."""
    first(scene)
    assert close(scene).value.customer.state is CustomerState.CLOSED
    assert_conserved(scene)


def test_what_fell_due_before_it_happened_before_it(scene: Deep) -> None:
    """No worker was by: points that had become active are not cancelled, and a hold that had ended is not released."""
    scene.pass_time(11 * DAY)
    assert close(scene).value.accounts == (
        ClearedAccount("plain", released=0, cancelled=0, expired=100, repaid=0, holds=0, lots=1),
        ClearedAccount("slow", released=0, cancelled=0, expired=50, repaid=0, holds=0, lots=1),
    )
    assert scene.entries(card="slow")[-1].entry.occurred_at < scene.now
    assert_conserved(scene)


def test_asked_twice_it_is_done_once_and_only_asked_about_not_at_all(scene: Deep) -> None:
    """A clerk sees what would be lost before it is; and a retry closes nobody else."""
    before = scene.contents()
    preview = close(scene, validate_only=True)
    assert scene.contents() == before
    assert preview.activity is None
    request_id = str(uuid4())
    done = close(scene, request_id=request_id)
    assert (done.value.accounts, done.value.customer.state) == (preview.value.accounts, CustomerState.CLOSED)
    before = scene.contents()
    assert close(scene, request_id=request_id) == done._replace(replayed=True)
    assert scene.contents() == before


def test_a_blocked_customer_loses_its_holds_and_nothing_else(scene: Deep) -> None:
    """Nobody can wait for a checkout of somebody banned; the points are there for whoever is cleared."""
    before = members.figures(scene, "ada")
    done = members.block(scene)
    assert done.value.accounts == (
        ClearedAccount("plain", released=30, cancelled=0, expired=0, repaid=0, holds=1, lots=0),
    )
    after = members.figures(scene, "ada")
    assert (after["active"], after["held"], after["state"]) == (before["active"], 0, "BLOCKED")
    scene.pass_time(11 * DAY)
    assert scene.balance(card="slow").active == 50
    assert_conserved(scene)
    with pytest.raises(CustomerStateWrong) as refused:
        members.suspend(scene)
    assert refused.value.facts["wanted"] == "ACTIVE"
    assert members.reactivate(scene).value.state is CustomerState.ACTIVE
    scene.do(scene.spending(100))
    assert_conserved(scene)
