"""Lists of purchases, lots, events and shortfalls: in their order, in full pages, as time has made them."""

from datetime import timedelta
from typing import Any

import pytest

from rules.accounts import LotState
from rules.refusals import (
    CardNotFound,
    CustomerNotFound,
    HoldNotFound,
    LotNotFound,
    ProgramNotFound,
    ShortfallNotFound,
    TransactionNotFound,
)
from storage.engine.commands import Reason
from storage.engine.database import Database
from storage.ledger.addresses import CustomerName
from storage.ledger.reading import events, holds, lots, refunds, shortfalls, transactions
from storage.ledger.reading.events import EventOrder
from tests.storage.deep import DAY, Deep
from tests.storage.scene import START

ADA = CustomerName("coffee", "ada")


@pytest.fixture
def scene(database: Database) -> Deep:
    """Two customers."""
    return Deep(database)


def test_purchases_are_listed_newest_first_over_all_cards_and_survive_inserts(scene: Deep) -> None:
    """An older purchase that arrives while somebody turns pages must neither repeat nor hide another."""
    for number in range(7):
        card = ("plain", "slow", "owing")[number % 3]
        scene.earn(10, card=card, transaction_id=f"t-{number}", occurred_at=START - number // 2 * DAY)
    first = scene.read(transactions.page, ADA, "", "", None, 3)
    last = first[-1]
    scene.earn(5, transaction_id="late", occurred_at=START)
    rest = scene.read(transactions.page, ADA, "", "", (last.purchase.occurred_at, last.activity), 10)
    names = [listed.purchase.transaction_id for listed in first + rest]
    assert names == ["t-1", "t-0", "t-3", "t-2", "t-5", "t-4", "t-6"]
    assert [listed.card for listed in scene.read(transactions.page, ADA, "", "slow", None, 10)] == ["slow", "slow"]


def test_purchases_are_filtered_by_the_state_that_they_are_in_now(scene: Deep) -> None:
    """Time accepts purchases without writing a row: a page of pending ones must not show those of last week."""
    for name in ("waits", "accepted", "rejected", "part", "whole"):
        scene.earn(100, card="slow", transaction_id=name)
    scene.do(scene.decision("accepted", True))
    scene.do(scene.decision("rejected", False))
    scene.do(scene.refund("part", 30))
    scene.do(scene.refund("whole"))

    def named(state: str) -> list[str]:
        found = scene.read(transactions.page, ADA, state, "", None, 10)
        assert all(listed.state == state for listed in found)
        return [listed.purchase.transaction_id for listed in found]

    states = ("PENDING", "ACCEPTED", "REJECTED", "PARTIALLY_REFUNDED", "REFUNDED")
    assert [named(state) for state in states] == [["waits"], ["accepted"], ["rejected"], ["part"], ["whole"]]
    scene.pass_time(12 * DAY)
    assert (named("PENDING"), named("ACCEPTED")) == ([], ["accepted", "waits"])
    for listed in scene.read(transactions.page, ADA, "", "", None, 10):
        assert listed.state == listed.purchase.state(scene.now)


def test_a_purchase_is_read_with_its_lot_and_its_refunds(scene: Deep) -> None:
    """What support looks at first."""
    scene.earn(100, card="slow", transaction_id="t")
    scene.do(scene.refund("t", 30))
    scene.do(scene.refund("t", 30))
    found = scene.read(transactions.get, scene.named("t"))
    lot = scene.read(lots.get, scene.address(card="slow"), 1)
    assert (found.lot, found.activates_at, found.expires_at) == (1, lot.lot.activates_at, lot.expires_at)
    assert (found.purchase.refunds, found.purchase.refunded_minor, found.activity) == (2, 60, lot.activity)
    found_refunds = scene.read(refunds.page, scene.named("t"), None, 5)
    assert [(one.number, one.points, one.claimed.pending) for one in found_refunds] == [(2, 30, 30), (1, 30, 30)]
    assert [scene.read(refunds.get, scene.named("t"), number) for number in (2, 1)] == found_refunds
    assert str(lot.last_usable_on) == "2025-02-12"


def test_sliding_points_show_the_expiry_that_they_share(scene: Deep) -> None:
    """Each visit moves it; nobody rewrites the lots for that."""
    scene.earn(100, card="sliding", transaction_id="t")
    assert scene.read(transactions.get, scene.named("t")).expires_at is None
    scene.pass_time(5 * DAY)
    begun = scene.read(transactions.get, scene.named("t")).expires_at
    assert begun == scene.read(lots.get, scene.address(card="sliding"), 1).expires_at is not None
    scene.do(scene.spending(10, card="sliding"))
    moved = scene.read(transactions.get, scene.named("t")).expires_at
    assert moved == scene.read(lots.get, scene.address(card="sliding"), 1).expires_at
    assert moved is not None
    assert begun is not None
    assert moved > begun


def test_lots_are_filtered_by_the_state_that_time_has_put_them_in(scene: Deep) -> None:
    """Without a worker all rows still say PENDING."""
    for _ in range(3):
        scene.earn(100, card="slow")
        scene.pass_time(17 * DAY)
    address = scene.address(card="slow")

    def numbers(state: str) -> list[int]:
        return [found.lot.number for found in scene.read(lots.page, address, state, None, 10)]

    assert (numbers("PENDING"), numbers("ACTIVE"), numbers("EXPIRED")) == ([], [3, 2], [1])
    assert [found.lot.state for found in scene.read(lots.page, address, "", 3, 10)] == [
        LotState.ACTIVE,
        LotState.EXPIRED,
    ]


def test_a_hold_that_nobody_captured_is_shown_expired(scene: Deep) -> None:
    """Its points are free again from that instant, whether or not the row says so."""
    scene.earn(100)
    scene.do(scene.hold(40, ttl_s=600, reference="cart"))
    scene.do(scene.hold(30))
    scene.pass_time(timedelta(hours=1))
    last, first = scene.read(holds.page, scene.address(), "", None, 10)
    assert (first.hold.state, first.hold.ended_at, first.hold.pins) == ("EXPIRED", first.hold.expires_at, ((1, 40),))
    assert (last.hold.state, last.hold.ended_at) == ("ACTIVE", None)
    assert [read.hold.number for read in scene.read(holds.page, scene.address(), "ACTIVE", None, 10)] == [2]
    assert scene.read(holds.get, scene.address(), 1) == first


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("order", EventOrder)
def test_events_come_in_every_order_page_by_page(scene: Deep, order: EventOrder, ascending: bool) -> None:
    """Turning pages shows each event once, whatever it is sorted by."""
    for number in range(4):
        scene.earn(10 * (number % 2 + 1))
        scene.do(scene.event("reviewed"))
        scene.do(scene.spending(5))
        scene.pass_time(DAY)
    whole = scene.read(events.page, ADA, "", order, ascending, None, 100)
    assert len(whole) == 12
    values: list[Any] = [event.cursor(order)[0] for event in whole]
    assert values == sorted(values, reverse=not ascending)
    paged: list[events.EventRead] = []
    while page := scene.read(events.page, ADA, "", order, ascending, paged[-1].cursor(order) if paged else None, 5):
        paged += page
    assert paged == whole


def test_an_event_shows_what_was_recorded_and_by_whom(scene: Deep) -> None:
    """Added by hand: the acting user is kept, and what they wrote stands beside the record, not in it."""
    reason = Reason("SERVICE_RECOVERY", "The machine was broken", "user_7")
    scene.do(scene.event("reviewed", properties=(("stars", "5"),), reason=reason))
    scene.do(scene.event("delivered"))
    [event] = scene.read(events.page, ADA, "reviewed", EventOrder.OCCURRED_AT, False, None, 10)
    assert (event.event_type, event.points, event.admin, event.subject) == ("reviewed", 25, "user_7", ADA.name)
    assert (event.details["properties"], event.note) == ({"stars": "5"}, "The machine was broken")
    assert "machine" not in str(scene.bodies())


def test_shortfalls_are_listed_newest_first_and_only_while_they_are_open(scene: Deep) -> None:
    """Also where time alone has repaid one: a debt that is gone must not be written off a second time."""
    for name in ("ada", "ben"):
        scene.earn(100, name=name, card="owing", transaction_id=f"{name}-1")
        scene.pass_time(11 * DAY)
        scene.do(scene.spending(80, name, card="owing"))
        scene.do(scene.refund(f"{name}-1", name=name))
        scene.earn(100, name=name, transaction_id=f"{name}-2")
        scene.do(scene.spending(70, name))
        scene.do(scene.refund(f"{name}-2", name=name))
    every = scene.read(shortfalls.page, "coffee", None, False, None, 10)
    assert [(read.address.customer, read.address.card, read.shortfall.remaining) for read in every] == [
        ("ben", "plain", 70),
        ("ben", "owing", 80),
        ("ada", "plain", 70),
        ("ada", "owing", 80),
    ]
    assert scene.read(shortfalls.page, "coffee", None, False, every[1].cursor, 10) == every[2:]
    scene.earn(300, card="owing")
    scene.pass_time(11 * DAY)
    assert scene.read(shortfalls.page, "coffee", None, True, None, 10) == every[:3]
    assert scene.read(shortfalls.page, "coffee", "ada", True, None, 1) == [every[2]]
    repaid = scene.read(shortfalls.get, scene.address(card="owing"), 1)
    assert (repaid.shortfall.remaining, repaid.shortfall.ended_at is None) == (0, False)
    scene.do(scene.write_off(1, name="ben"))
    assert scene.read(shortfalls.page, "coffee", "ben", True, None, 10) == [every[1]]


def test_what_is_not_there_is_named(scene: Deep) -> None:
    """A caller must know which part of the name was wrong."""
    nobody, nothing = CustomerName("coffee", "nobody"), CustomerName("tea", "ada")
    with pytest.raises(CustomerNotFound):
        scene.read(transactions.page, nobody, "", "", None, 10)
    with pytest.raises(ProgramNotFound):
        scene.read(events.page, nothing, "", EventOrder.POINTS, False, None, 10)
    with pytest.raises(ProgramNotFound):
        scene.read(shortfalls.page, "tea", None, False, None, 10)
    with pytest.raises(CardNotFound):
        scene.read(lots.page, scene.address(card="gold"), "", None, 10)
    with pytest.raises(CardNotFound):
        scene.read(transactions.page, ADA, "", "gold", None, 10)
    for reading, refusal in ((lots, LotNotFound), (holds, HoldNotFound), (shortfalls, ShortfallNotFound)):
        for card in ("plain", "slow"):
            with pytest.raises(refusal):
                scene.read(reading.get, scene.address(card=card), 1)
    with pytest.raises(TransactionNotFound):
        scene.read(transactions.get, scene.named("t"))
    assert scene.read(lots.page, scene.address(), "", None, 10) == []
    scene.earn(10, name="ben", transaction_id="t")
    with pytest.raises(TransactionNotFound):
        scene.read(transactions.get, scene.named("t", "ada"))
