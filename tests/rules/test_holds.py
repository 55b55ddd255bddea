"""Holds by example: what is set aside is neither spendable nor lost, and goes where it belongs when it ends."""

import pytest

from rules.accounts import EntryKind, HoldState, LotState
from rules.draft import TimeKind
from rules.programs import RefundPolicy
from rules.refusals import (
    HoldAlreadyCaptured,
    HoldExceeded,
    HoldExpired,
    HoldReleased,
    HoldTooLong,
    InsufficientPoints,
    PointsHeldElsewhere,
)
from tests.rules.books import TTL_MAX_S, Book, at
from tests.rules.conserved import assert_conserved


def book_of(*points: int, lasts: int | None = None) -> Book:
    """A book with active lots of so many points each."""
    book = Book()
    for amount in points:
        book.earn(amount, 0, lasts=lasts)
    return book


def test_what_is_set_aside_is_active_but_not_spendable() -> None:
    """Nobody else can spend it, and it is still the customer's: no entry tells of it."""
    book = book_of(100)
    hold = book.hold(60, 1, lasts=30)
    assert (book.account.active, book.account.held, book.account.spendable) == (100, 60, 40)
    assert (hold.pins, hold.state, hold.expires_at) == (((1, 60),), HoldState.ACTIVE, at(31))
    assert [entry.kind for entry in book.entries] == [EntryKind.EARN]
    assert book.account.due_at == at(31)


def test_a_hold_pins_what_would_be_spent_first() -> None:
    """Otherwise a checkout that takes long would cost the customer the points that expire tomorrow."""
    book = Book()
    book.earn(50, 0)
    book.earn(30, 0, lasts=50)
    assert book.hold(60, 1).pins == ((2, 30), (1, 30))
    assert book.spend(20, 2).allocations == ((1, -20),)


def test_points_that_only_holds_stand_in_the_way_of_are_held_elsewhere() -> None:
    """The till can tell "finish the other checkout" from "you do not have that many"."""
    book = book_of(100)
    book.hold(60, 1)
    with pytest.raises(PointsHeldElsewhere) as held:
        book.spend(100, 2)
    assert held.value.facts == {"requested": "100", "spendable": "40", "held": "60"}
    with pytest.raises(InsufficientPoints) as insufficient:
        book.hold(101, 2)
    assert insufficient.value.facts == {"requested": "101", "spendable": "40"}
    assert book.spend(40, 2).active_after == 60


def test_a_capture_spends_what_was_pinned() -> None:
    """One entry, of the lots that were set aside, that names its hold."""
    book = book_of(100)
    book.hold(60, 1)
    entry = book.capture(1, 2)
    assert (entry.kind, entry.allocations, entry.hold) == (EntryKind.SPEND, ((1, -60),), 1)
    assert (entry.active_after, entry.held_after) == (40, 0)
    hold = book.holds[1]
    assert (hold.state, hold.captured, hold.entry, hold.ended_at) == (HoldState.CAPTURED, 60, entry.seq, at(2))
    assert book.account.due_at is None


def test_a_part_captured_lets_the_rest_go() -> None:
    """The basket became cheaper while the customer was deciding."""
    book = book_of(30, 30)
    book.hold(50, 1)
    assert book.capture(1, 2, points=40).allocations == ((1, -30), (2, -10))
    assert (book.account.active, book.account.held, book.account.spendable) == (20, 0, 20)
    assert (book.holds[1].points, book.holds[1].captured) == (50, 40)


def test_no_more_is_captured_than_was_set_aside() -> None:
    """A hold is a promise of so much; more is a spending of its own."""
    book = book_of(100)
    book.hold(60, 1)
    with pytest.raises(HoldExceeded) as refused:
        book.capture(1, 2, points=61)
    assert refused.value.facts == {"hold": "1", "points": "60", "requested": "61"}
    assert book.account.held == 60


def test_a_hold_that_ended_says_how() -> None:
    """The checkout that comes back must know whether it was paid, given up, or too slow."""
    book = book_of(100)
    for _ in range(3):
        book.hold(20, 1, lasts=10)
    entry = book.capture(1, 2)
    book.release(2, 2)
    book.settle(at(11))
    for number, refusal, facts in (
        (1, HoldAlreadyCaptured, {"hold": "1", "entry": str(entry.seq)}),
        (2, HoldReleased, {"hold": "2"}),
        (3, HoldExpired, {"hold": "3", "expired_at": at(11).isoformat()}),
    ):
        for act in (book.capture, book.release):
            with pytest.raises(refusal) as refused:
                act(number, 12)
            assert refused.value.facts == facts


def test_a_hold_ends_at_its_own_instant_and_its_points_are_free_again() -> None:
    """An abandoned basket must not lock points for ever; no entry, for nothing was spent."""
    book = book_of(100)
    book.hold(60, 1, lasts=10)
    book.settle(at(10))
    assert book.account.held == 60
    book.settle(at(500))
    assert (book.account.held, book.account.spendable, len(book.entries)) == (0, 100, 1)
    assert [(one.kind, one.at) for one in book.passed] == [(TimeKind.HOLD_EXPIRED, at(11))]


def test_nobody_holds_longer_than_the_card_allows() -> None:
    """A service that forgets its holds must not be able to lock points for a year; none given is the longest."""
    book = book_of(100)
    with pytest.raises(HoldTooLong):
        book.hold(10, 0, lasts=TTL_MAX_S // 60 + 1)
    assert book.hold(10, 0, lasts=0).expires_at == at(TTL_MAX_S // 60)


def test_points_that_are_set_aside_outlive_their_lot_and_can_still_be_captured() -> None:
    """Whoever is at the till at midnight can finish; only what was not set aside is gone."""
    book = book_of(100, lasts=10)
    book.hold(60, 1, lasts=20)
    book.settle(at(10))
    assert (book.account.active, book.account.expired, book.lots[1].state) == (60, 40, LotState.ACTIVE)
    assert (book.entries[-1].occurred_at, book.account.due_at) == (at(10), at(21))
    book.capture(1, 15)
    assert (book.account.active, book.account.spent, book.lots[1].state) == (0, 60, LotState.DEPLETED)
    assert_conserved(book)


@pytest.mark.parametrize("how", ["released", "let go by time", "captured in part"])
def test_what_a_hold_lets_go_of_after_its_lot_expired_is_gone_at_once(how: str) -> None:
    """A hold is no way to keep points alive: released, the expiry that was due catches up."""
    book = book_of(100, lasts=10)
    book.hold(60, 1, lasts=20)
    if how == "released":
        book.release(1, 15)
    elif how == "captured in part":
        book.capture(1, 15, points=1)
    else:
        book.settle(at(30))
    captured = 1 if how == "captured in part" else 0
    last = book.entries[-1]
    assert (last.kind, last.amount, book.account.active) == (EntryKind.EXPIRY, captured - 60, 0)
    assert last.occurred_at == (at(21) if how == "let go by time" else at(15))
    assert book.lots[1].state is LotState.EXPIRED
    assert_conserved(book)


def test_what_a_hold_lets_go_of_pays_what_is_owed_first() -> None:
    """A refund takes no held points, but it does not forget them either."""
    book = book_of(100)
    book.hold(100, 1, lasts=10)
    claimed = book.refund(0, 70, 2, RefundPolicy.UNLIMITED)
    assert (claimed.debt, book.account.debt, book.account.active, book.account.spendable) == (70, 70, 100, 0)
    book.settle(at(11))
    assert [one.kind for one in book.passed] == [TimeKind.HOLD_EXPIRED, TimeKind.REPAID]
    assert (book.account.debt, book.account.active, book.account.spendable) == (0, 30, 30)
    assert_conserved(book)


def test_what_expired_while_it_was_held_pays_nothing_that_is_owed() -> None:
    """Points that are over are nobody's; the debt stays until there are others."""
    book = book_of(100, lasts=10)
    book.hold(100, 1, lasts=20)
    book.refund(0, 70, 2, RefundPolicy.UNLIMITED)
    book.settle(at(40))
    assert (book.account.debt, book.account.active, book.account.expired) == (70, 0, 100)
    assert_conserved(book)
