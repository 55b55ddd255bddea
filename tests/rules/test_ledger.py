"""Settling, earning and spending by example: the cases that a reader would ask about."""

from datetime import datetime

import pytest

from rules.ledger import UNITS_MAX, Account, EntryKind, Lot, LotState, earn, in_consumption_order, settle, spend
from rules.programs import Term
from rules.refusals import AmountTooLarge, InsufficientPoints
from tests.rules.books import Book, Earn, Spend, at


def test_pending_points_are_not_spendable_until_their_instant() -> None:
    """The instant itself belongs to the customer: `activates_at <= now`."""
    book = Book()
    book.do(Earn(100, starts=10, lasts=None), 0)
    assert (book.account.pending, book.account.active, book.postings) == (100, 0, [])
    book.settle(at(9))
    assert book.account.spendable == 0
    book.settle(at(10))
    assert (book.account.pending, book.account.spendable) == (0, 100)
    assert [(entry.kind, entry.amount, entry.occurred_at) for entry in book.postings] == [
        (EntryKind.ACTIVATION, 100, at(10))
    ]


def test_points_are_gone_at_the_instant_of_their_expiry() -> None:
    """The interval is half-open: `now < expires_at` is usable, the instant itself is not."""
    book = Book()
    book.do(Earn(100, starts=0, lasts=10), 0)
    book.settle(at(9))
    assert book.account.spendable == 100
    book.settle(at(10))
    assert (book.account.spendable, book.account.expired) == (0, 100)
    assert book.lots[1].state is LotState.EXPIRED
    assert book.postings[-1].occurred_at == at(10)


def test_a_whole_life_that_nobody_watched_is_told_in_order() -> None:
    """With every worker dead for a year, the history still says what happened and when."""
    book = Book()
    book.do(Earn(100, starts=10, lasts=20), 0)
    book.settle(at(1000))
    assert [(entry.kind, entry.amount, entry.active_after, entry.occurred_at) for entry in book.postings] == [
        (EntryKind.ACTIVATION, 100, 100, at(10)),
        (EntryKind.EXPIRY, -100, 0, at(30)),
    ]


def test_at_one_instant_activation_comes_before_expiry() -> None:
    """Otherwise the balance after an entry would depend on the order in which rows came from the database."""
    book = Book()
    book.do(Earn(40, starts=0, lasts=10), 0)
    book.do(Earn(60, starts=10, lasts=None), 0)
    book.settle(at(10))
    assert [(entry.kind, entry.active_after) for entry in book.postings[1:]] == [
        (EntryKind.ACTIVATION, 100),
        (EntryKind.EXPIRY, 60),
    ]


def test_lots_that_fall_due_together_share_an_entry_that_names_each() -> None:
    """One line "120 expired" is what people read; the allocations keep what it was made of."""
    book = Book()
    for points in (50, 70):
        book.do(Earn(points, starts=0, lasts=10), 0)
    book.settle(at(10))
    assert book.postings[-1].allocations == ((1, -50), (2, -70))
    assert book.postings[-1].transaction_id is None


def test_an_entry_of_a_single_lot_names_the_purchase() -> None:
    """A customer who asks "which points expired?" gets an answer."""
    book = Book()
    book.do(Earn(50, starts=5, lasts=10), 0)
    book.settle(at(20))
    assert [entry.transaction_id for entry in book.postings] == ["t1", "t1"]


def test_a_purchase_that_came_late_is_active_at_once_and_says_since_when() -> None:
    """A till that was offline for a week earns the same points at the same instants as one that was not."""
    book = Book()
    book.do(Earn(100, starts=-30, lasts=None), 60)
    [entry] = book.postings
    assert (entry.kind, entry.amount, entry.occurred_at) == (EntryKind.EARN, 100, at(30))


def test_a_purchase_that_came_too_late_is_earned_and_expired_in_one_act() -> None:
    """The points are explained, and never spendable for a moment."""
    book = Book()
    book.do(Earn(100, starts=-30, lasts=10), 60)
    assert [(entry.kind, entry.active_after, entry.occurred_at) for entry in book.postings] == [
        (EntryKind.EARN, 100, at(30)),
        (EntryKind.EXPIRY, 0, at(40)),
    ]
    assert (book.account.spendable, book.account.earned, book.account.expired) == (0, 100, 100)


def test_a_purchase_that_came_too_late_leaves_the_others_due_when_they_were() -> None:
    """Its own expiry is over; the next instant of the account is still that of the other lot."""
    book = Book()
    book.do(Earn(10, starts=0, lasts=100), 0)
    book.do(Earn(100, starts=-30, lasts=10), 60)
    assert book.account.due_at == at(100)


def test_what_expires_first_is_spent_first_and_what_never_expires_last() -> None:
    """The order that is best for the customer, whatever the order of the purchases."""
    book = Book()
    for points, lasts in ((10, None), (20, 50), (30, 40)):
        book.do(Earn(points, starts=0, lasts=lasts), 0)
    assert [lot.number for lot in in_consumption_order(book.open_lots)] == [3, 2, 1]
    book.do(Spend(75), 1)
    assert book.postings[-1].allocations == ((3, -30), (2, -15))
    assert {number: lot.remaining for number, lot in book.lots.items()} == {1: 10, 2: 5, 3: 0}


@pytest.mark.parametrize("expires_at", [None, at(100)])
def test_of_equal_expiry_the_first_to_become_active_goes_first_then_the_lower_number(
    expires_at: datetime | None,
) -> None:
    """Ties must break the same way in every process, or two of them would tell different stories."""

    def lot(number: int, activates_at: datetime) -> Lot:
        return Lot(number, LotState.ACTIVE, 5, 5, activates_at, expires_at, 1)

    lots = [lot(4, at(2)), lot(3, at(2)), lot(2, at(3)), lot(1, at(4))]
    assert [found.number for found in in_consumption_order(lots)] == [3, 4, 2, 1]


def test_the_last_point_can_be_spent_and_not_one_more() -> None:
    """Both sides of the boundary."""
    book = Book()
    book.do(Earn(100, starts=0, lasts=None), 0)
    with pytest.raises(InsufficientPoints):
        spend(book.account, book.open_lots, 101, at(1))
    act = spend(book.account, book.open_lots, 100, at(1))
    assert act.account.spendable == 0
    assert [lot.state for lot in act.lots] == [LotState.DEPLETED]


def test_held_and_owed_points_are_not_spendable() -> None:
    """`spendable = active - held - debt`, and a debt larger than the balance leaves 0, never less."""
    assert Account(active=100, held=30, debt=20).spendable == 50
    assert Account(active=100, debt=300).spendable == 0


def test_an_account_takes_the_largest_amount_and_not_one_unit_more() -> None:
    """Beyond 2^53 JSON readers lose units without telling; pending points count, for they become active."""
    term = Term(at(5), None)
    full = earn(Account(active=1), UNITS_MAX - 1, term, 1, at(0)).account
    assert full.pending == UNITS_MAX - 1
    with pytest.raises(AmountTooLarge):
        earn(full, 1, term, 1, at(0))


def test_an_account_of_which_nothing_is_due_is_left_as_it_is() -> None:
    """Settling is done before every act: it must cost no entry and no version."""
    book = Book()
    book.do(Earn(100, starts=10, lasts=20), 0)
    act = settle(book.account, book.open_lots, at(9))
    assert (act.account, act.lots, act.postings) == (book.account, (), ())


def test_each_act_makes_a_new_version() -> None:
    """A reader tells by it whether what it saw is still so, pending points included."""
    book = Book()
    versions = [book.account.version]
    for minute, deed in ((0, Earn(100, 10, None)), (20, Spend(50)), (21, Earn(5, 0, None))):
        book.do(deed, minute)
        versions.append(book.account.version)
    assert versions == sorted(set(versions))
