"""Settling, earning and spending by example: the cases that a reader would ask about."""

from datetime import datetime

import pytest

from rules import ledger
from rules.accounts import UNITS_MAX, Account, EntryKind, Lot, LotState
from rules.draft import Draft
from rules.programs import Term
from rules.refusals import AmountTooLarge, InsufficientPoints, LotStateWrong
from tests.rules.books import Book, at
from tests.rules.conserved import assert_conserved


def test_pending_points_are_not_spendable_until_their_instant() -> None:
    """The instant itself belongs to the customer: `activates_at <= now`."""
    book = Book()
    assert book.earn(100, 0, starts=10) is None
    assert (book.account.pending, book.account.active, book.entries) == (100, 0, [])
    book.settle(at(9))
    assert book.account.spendable == 0
    book.settle(at(10))
    assert (book.account.pending, book.account.spendable) == (0, 100)
    assert [(entry.kind, entry.amount, entry.occurred_at) for entry in book.entries] == [
        (EntryKind.ACTIVATION, 100, at(10))
    ]


def test_points_are_gone_at_the_instant_of_their_expiry() -> None:
    """The interval is half-open: `now < expires_at` is usable, the instant itself is not."""
    book = Book()
    book.earn(100, 0, lasts=10)
    book.settle(at(9))
    assert book.account.spendable == 100
    book.settle(at(10))
    assert (book.account.spendable, book.account.expired) == (0, 100)
    assert book.lots[1].state is LotState.EXPIRED
    assert book.entries[-1].occurred_at == at(10)


def test_a_whole_life_that_nobody_watched_is_told_in_order() -> None:
    """With every worker dead for a year, the history still says what happened and when."""
    book = Book()
    book.earn(100, 0, starts=10, lasts=20)
    book.settle(at(1000))
    assert [(entry.kind, entry.amount, entry.active_after, entry.occurred_at) for entry in book.entries] == [
        (EntryKind.ACTIVATION, 100, 100, at(10)),
        (EntryKind.EXPIRY, -100, 0, at(30)),
    ]


def test_at_one_instant_activation_comes_before_expiry() -> None:
    """Otherwise the balance after an entry would depend on the order in which rows came from the database."""
    book = Book()
    book.earn(40, 0, lasts=10)
    book.earn(60, 0, starts=10)
    book.settle(at(10))
    assert [(entry.kind, entry.active_after) for entry in book.entries[1:]] == [
        (EntryKind.ACTIVATION, 100),
        (EntryKind.EXPIRY, 60),
    ]


def test_lots_that_fall_due_together_share_an_entry_that_names_each() -> None:
    """One line "120 expired" is what people read; the allocations keep what it was made of."""
    book = Book()
    for points in (50, 70):
        book.earn(points, 0, lasts=10)
    book.settle(at(10))
    assert book.entries[-1].allocations == ((1, -50), (2, -70))
    assert book.entries[-1].transaction_id is None


def test_an_entry_of_a_single_lot_names_the_purchase() -> None:
    """A customer who asks "which points expired?" gets an answer."""
    book = Book()
    book.earn(50, 0, starts=5, lasts=10)
    book.settle(at(20))
    assert [entry.transaction_id for entry in book.entries] == ["t1", "t1"]


def test_a_purchase_that_came_late_is_active_at_once_and_says_since_when() -> None:
    """A till that was offline for a week earns the same points at the same instants as one that was not."""
    book = Book()
    book.earn(100, 60, starts=-30)
    [entry] = book.entries
    assert (entry.kind, entry.amount, entry.occurred_at) == (EntryKind.EARN, 100, at(30))


def test_a_purchase_that_came_too_late_is_earned_and_expired_in_one_act() -> None:
    """The points are explained, and never spendable for a moment."""
    book = Book()
    book.earn(100, 60, starts=-30, lasts=10)
    assert [(entry.kind, entry.active_after, entry.occurred_at) for entry in book.entries] == [
        (EntryKind.EARN, 100, at(30)),
        (EntryKind.EXPIRY, 0, at(40)),
    ]
    assert (book.account.spendable, book.account.earned, book.account.expired) == (0, 100, 100)


def test_a_purchase_that_came_too_late_leaves_the_others_due_when_they_were() -> None:
    """Its own expiry is over; the next instant of the account is still that of the other lot."""
    book = Book()
    book.earn(10, 0, lasts=100)
    book.earn(100, 60, starts=-30, lasts=10)
    assert book.account.due_at == at(100)


def test_what_expires_first_is_spent_first_and_what_never_expires_last() -> None:
    """The order that is best for the customer, whatever the order of the purchases."""
    book = Book()
    for points, lasts in ((10, None), (20, 50), (30, 40)):
        book.earn(points, 0, lasts=lasts)
    assert [lot.number for lot in book.draft(at(1)).in_consumption_order()] == [3, 2, 1]
    assert book.spend(45, 1).allocations == ((3, -30), (2, -15))
    assert {number: lot.remaining for number, lot in book.lots.items()} == {1: 10, 2: 5, 3: 0}


@pytest.mark.parametrize("expires_at", [None, at(100)])
def test_of_equal_expiry_the_first_to_become_active_goes_first_then_the_lower_number(
    expires_at: datetime | None,
) -> None:
    """Ties must break the same way in every process, or two of them would tell different stories."""

    def lot(number: int, activates_at: datetime) -> Lot:
        return Lot(number, LotState.ACTIVE, 5, 5, activates_at, expires_at, 1, at(0))

    lots = [lot(4, at(2)), lot(3, at(2)), lot(2, at(3)), lot(1, at(4))]
    draft = Draft(Account(active=20), {one.number: one for one in lots})
    assert [found.number for found in draft.in_consumption_order()] == [3, 4, 2, 1]


def test_the_last_point_can_be_spent_and_not_one_more() -> None:
    """Both sides of the boundary."""
    book = Book()
    book.earn(100, 0)
    with pytest.raises(InsufficientPoints):
        book.spend(101, 1)
    book.spend(100, 1)
    assert (book.account.spendable, book.lots[1].state) == (0, LotState.DEPLETED)


def test_held_and_owed_points_are_not_spendable() -> None:
    """`spendable = active - held - debt`, and a debt larger than the balance leaves 0, never less."""
    assert Account(active=100, held=30, debt=20).spendable == 50
    assert Account(active=100, debt=300).spendable == 0


def test_an_account_takes_the_largest_amount_and_not_one_unit_more() -> None:
    """Beyond 2^53 JSON readers lose units without telling; pending points count, for they become active."""
    draft = Draft(Account(active=1))
    ledger.earn(draft, UNITS_MAX - 1, Term(at(5), None), 1, at(0))
    assert draft.account.pending == UNITS_MAX - 1
    with pytest.raises(AmountTooLarge):
        ledger.earn(draft, 1, Term(at(5), None), 1, at(0))


def test_an_account_of_which_nothing_is_due_is_left_as_it_is() -> None:
    """Settling is done before every act: it must cost no entry and no version."""
    book = Book()
    book.earn(100, 0, starts=10, lasts=20)
    draft = book.draft(at(9))
    ledger.settle(draft, at(9))
    assert (draft.account, draft.passed, draft.changed_lots) == (book.account, [], set())


def test_each_act_makes_a_new_version() -> None:
    """A reader tells by it whether what it saw is still so, pending points, holds and debts included."""
    book = Book()
    versions = [book.account.version]
    acts = (
        lambda: book.earn(100, 0, starts=10),
        lambda: book.spend(50, 20),
        lambda: book.earn(5, 21),
        lambda: book.hold(10, 22),
        lambda: book.release(1, 23),
        lambda: book.wait(7, 24),
        lambda: book.cancel(3, 25),
    )
    for act in acts:
        act()
        versions.append(book.account.version)
    assert versions == sorted(set(versions))


def test_points_that_wait_for_somebody_wait_for_ever_and_count_from_the_day_they_are_accepted() -> None:
    """Otherwise an order that took a month to deliver would give points that are half over."""
    book = Book()
    book.wait(100, 0)
    book.settle(at(10_000))
    assert (book.account.pending, book.account.due_at) == (100, None)
    assert book.activate(1, 10_000, lasts=10).kind is EntryKind.ACTIVATION
    assert (book.account.active, book.account.due_at) == (100, at(10_010))


def test_a_lot_that_waits_no_longer_can_be_neither_activated_nor_cancelled() -> None:
    """Whoever is second must hear what became of it."""
    book = Book()
    book.wait(100, 0)
    book.wait(50, 0)
    assert book.cancel(1, 1) == 100
    book.activate(2, 1)
    for number, state in ((1, "CANCELLED"), (2, "ACTIVE")):
        for act in (book.activate, book.cancel):
            with pytest.raises(LotStateWrong) as refused:
                act(number, 2)
            assert refused.value.facts == {"lot": str(number), "state": state, "wanted": "PENDING"}


def test_points_by_hand_are_earned_and_those_taken_away_are_revoked() -> None:
    """They are no spending: what an administrator corrects must not look like what the customer bought."""
    book = Book()
    book.adjust(100, 0)
    assert book.adjust(-30, 1).allocations == ((1, -30),)
    assert (book.account.earned, book.account.revoked, book.account.spent, book.account.active) == (100, 30, 0, 70)
    with pytest.raises(InsufficientPoints):
        book.adjust(-71, 2)


def test_points_that_slide_end_together_half_an_hour_after_the_last_spending() -> None:
    """One date for the customer to remember, moved on by every visit that counts."""
    book = Book()
    book.earn(100, 0, slides=True)
    book.earn(100, 20, slides=True)
    assert book.account.due_at == at(50), "what became active later lasts as long as it promises, and all with it"
    book.spend(10, 45)
    book.earn(5, 50)
    assert (book.account.active, book.account.sliding_expiries) == (195, 1)
    book.settle(at(75))
    assert book.entries[-1].allocations == ((1, -90), (2, -100))
    assert (book.entries[-1].occurred_at, book.account.active) == (at(75), 5)


def test_an_end_that_slides_never_moves_back() -> None:
    """A purchase that came late counts from its own day, which may lie before the last visit's."""
    book = Book()
    book.earn(100, 40, slides=True)
    book.earn(100, 41, starts=-20, slides=True)
    assert book.sliding_expiries == {2: at(70)}


def test_points_given_by_hand_share_the_end_of_those_that_slide() -> None:
    """A correction is no visit: otherwise a clerk's hand keeps points alive that nobody came back for."""
    book = Book()
    book.earn(100, 0, slides=True)
    book.adjust(50, 29, slides=True)
    assert book.sliding_expiries == {2: at(30)}
    book.settle(at(30))
    assert (book.account.active, book.account.expired) == (0, 150)
    assert_conserved(book)


@pytest.mark.parametrize("minute", [0, 30, 45])
def test_where_no_end_is_ahead_points_given_by_hand_last_as_long_as_new_ones(minute: int) -> None:
    """Of somebody who is new, or has not been here for too long: a gift that is gone at once is none. A visit moves
    them on with the rest."""
    book = Book()
    if minute:
        book.earn(100, 0, slides=True)
    book.adjust(50, minute, slides=True)
    assert book.sliding_expiries == {2: at(minute + 30)}
    book.spend(10, minute + 20)
    book.settle(at(minute + 30))
    assert book.account.active == 40
    book.settle(at(minute + 50))
    assert book.account.active == 0
    assert_conserved(book)
