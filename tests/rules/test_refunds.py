"""What a refund takes back, from where, and what becomes of the part that nothing is left for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.accounts import EntryKind, LotState, ShortfallKind
from rules.programs import RefundPolicy
from rules.refunds import Claimed
from tests.rules.books import Book, at
from tests.rules.conserved import assert_conserved


def eighty_spent_of_a_hundred(other: int = 50) -> Book:
    """Purchase t1 earned 100, matured; 80 of it were spent. Lot 2, of another purchase, has `other`."""
    book = Book()
    book.earn(100, 0, lasts=1000)
    book.spend(80, 1)
    if other:
        book.earn(other, 2)
    return book


@pytest.mark.parametrize(
    ("policy", "claimed", "spendable", "debt"),
    [
        (RefundPolicy.ONLY_PENDING, Claimed(shortfall=100), 70, 0),
        (RefundPolicy.WITHIN_BALANCE, Claimed(own_lot=20, other_lots=50, shortfall=30), 0, 0),
        (RefundPolicy.UNLIMITED, Claimed(own_lot=20, other_lots=50, debt=30), 0, 30),
    ],
)
def test_a_refund_takes_the_lot_then_others_then_owes_as_far_as_the_policy_goes(
    policy: RefundPolicy, claimed: Claimed, spendable: int, debt: int
) -> None:
    """The example of the reference: 100 earned, 80 of it spent, another lot of 50."""
    book = eighty_spent_of_a_hundred()
    assert book.refund(0, 100, 3, policy) == claimed
    assert (book.account.spendable, book.account.debt) == (spendable, debt)
    assert book.entries[-1].debt_after == debt
    assert_conserved(book)


@given(st.integers(0, 100), st.integers(0, 120), st.integers(1, 100))
def test_the_entry_of_a_refund_says_what_is_owed_after_it(spent: int, other: int, claimed: int) -> None:
    """A history in which the refund that made a debt shows none explains nothing to whom it is read out."""
    book = Book()
    book.earn(100, 0)
    if spent:
        book.spend(spent, 1)
    if other:
        book.earn(other, 2)
    book.refund(0, claimed, 3, RefundPolicy.UNLIMITED)
    [taken] = [entry for entry in book.entries if entry.kind is EntryKind.REFUND] or [book.entries[-1]]
    owed = max(0, claimed - (100 - spent) - other)
    assert (book.account.debt, taken.debt_after) == (owed, owed if taken.kind is EntryKind.REFUND else 0)
    assert_conserved(book)


def test_what_is_owed_is_paid_by_the_next_points_that_mature() -> None:
    """Nothing goes below zero; the customer sees 0 until the debt is paid, then what is beyond it."""
    book = eighty_spent_of_a_hundred()
    book.refund(0, 100, 3, RefundPolicy.UNLIMITED)
    book.earn(40, 4, starts=10)
    assert (book.account.pending, book.account.debt, book.account.spendable) == (40, 30, 0)
    book.settle(at(14))
    assert (book.account.pending, book.account.debt, book.account.spendable) == (0, 0, 10)
    assert [(entry.kind, entry.amount, entry.debt_after) for entry in book.entries[-2:]] == [
        (EntryKind.ACTIVATION, 40, 30),
        (EntryKind.REPAYMENT, -30, 0),
    ]
    assert book.shortfalls[1].ended_at == at(14)
    assert_conserved(book)


def test_a_shortfall_waits_for_a_decision_and_is_not_taken_from_later_points() -> None:
    """Within the balance means within that of today; what was missing is visible, and nobody's debt."""
    book = eighty_spent_of_a_hundred()
    book.refund(0, 100, 3, RefundPolicy.WITHIN_BALANCE)
    book.earn(40, 4)
    assert (book.account.spendable, book.account.debt) == (40, 0)
    shortfall = book.shortfalls[1]
    assert (shortfall.kind, shortfall.points, shortfall.remaining) == (ShortfallKind.SHORTFALL, 30, 30)
    assert (shortfall.transaction_id, shortfall.created_at) == ("t1", at(3))


@pytest.mark.parametrize("policy", RefundPolicy)
def test_points_that_still_wait_are_cancelled_and_leave_no_entry(policy: RefundPolicy) -> None:
    """They were never the customer's, so the points history has nothing to tell."""
    book = Book()
    book.earn(100, 0, starts=10)
    assert book.refund(0, 40, 1, policy) == Claimed(pending=40)
    assert (book.account.pending, book.entries) == (60, [])
    assert book.refund(0, 60, 2, policy) == Claimed(pending=60)
    assert (book.lots[1].state, book.lots[1].cancelled) == (LotState.CANCELLED, 100)
    book.settle(at(20))
    assert book.entries == []
    assert_conserved(book)


def test_what_is_left_of_a_lot_that_was_refunded_in_part_matures() -> None:
    """A refund that commits first wins the race against the maturation, for its part and no more."""
    book = Book()
    book.earn(100, 0, starts=10)
    book.refund(0, 40, 1, RefundPolicy.WITHIN_BALANCE)
    book.settle(at(10))
    assert (book.account.active, book.account.earned) == (60, 60)
    assert book.refund(0, 60, 11, RefundPolicy.WITHIN_BALANCE) == Claimed(own_lot=60)
    assert_conserved(book)


def test_a_refund_does_not_touch_what_a_hold_has_set_aside() -> None:
    """Somebody is paying with them right now: the claim falls to the next step."""
    book = Book()
    book.earn(100, 0, lasts=1000)
    book.hold(70, 1)
    book.earn(50, 2)
    assert book.refund(0, 100, 3, RefundPolicy.WITHIN_BALANCE) == Claimed(own_lot=30, other_lots=50, shortfall=20)
    assert (book.account.active, book.account.held, book.account.spendable) == (70, 70, 0)
    assert book.capture(1, 4).amount == -70
    assert_conserved(book)


def test_points_that_expired_cannot_be_taken_again() -> None:
    """They are gone already; the claim goes on to other lots."""
    book = Book()
    book.earn(100, 0, lasts=10)
    book.earn(30, 0)
    assert book.refund(0, 100, 20, RefundPolicy.WITHIN_BALANCE) == Claimed(other_lots=30, shortfall=70)
    assert_conserved(book)


def test_other_lots_give_in_consumption_order_and_after_its_own() -> None:
    """One entry, in which the purchase's own lot comes first although another expires sooner."""
    book = Book()
    for lasts in (None, 300, 200):
        book.earn(20, 0, lasts=lasts)
    book.spend(10, 1)
    book.refund(0, 30, 2, RefundPolicy.WITHIN_BALANCE)
    assert book.entries[-1].allocations == ((1, -20), (3, -10))
    assert (book.entries[-1].kind, book.entries[-1].transaction_id) == (EntryKind.REFUND, "t1")


def test_debts_are_paid_oldest_first() -> None:
    """So that an auditor can say which refund is settled."""
    book = Book()
    for points in (30, 40):
        book.earn(points, 0)
    book.spend(70, 1)
    for which in (0, 1):
        book.refund(which, book.bought[which].points, 2, RefundPolicy.UNLIMITED)
    book.earn(50, 3)
    assert [(one.remaining, one.ended_at) for one in book.shortfalls.values()] == [(0, at(3)), (20, None)]
    assert (book.account.debt, book.account.spendable) == (20, 0)
    assert_conserved(book)


@pytest.mark.parametrize("how", ["by hand", "rolled back", "transferred"])
def test_whatever_makes_points_free_pays_what_is_owed(how: str) -> None:
    """There is no way around a debt: not a gift, not a friend, not a returned order."""
    book = eighty_spent_of_a_hundred(other=0)
    book.refund(0, 100, 3, RefundPolicy.UNLIMITED)
    assert book.account.debt == 80
    if how == "by hand":
        book.adjust(50, 4)
    elif how == "rolled back":
        book.roll_back(2, 4, points=50)
    else:
        friend = Book()
        friend.earn(50, 4)
        friend.transfer(book, 50, 4)
    assert (book.account.debt, book.account.active, book.account.spendable) == (30, 0, 0)
    assert book.entries[-1].kind is EntryKind.REPAYMENT
    assert_conserved(book)


def test_what_is_written_off_is_owed_no_longer() -> None:
    """Somebody decided that it is not worth the anger; what was written off stays on record."""
    book = eighty_spent_of_a_hundred(other=0)
    book.refund(0, 100, 3, RefundPolicy.UNLIMITED)
    part = book.write_off(1, 4, points=30)
    assert (part.remaining, part.written_off, part.ended_at, book.account.debt) == (50, 30, None, 50)
    rest = book.write_off(1, 5)
    assert (rest.remaining, rest.written_off, rest.ended_at, book.account.debt) == (0, 80, at(5), 0)
    book.earn(40, 6)
    assert book.account.spendable == 40
    assert_conserved(book)


@given(
    st.integers(1, 300), st.integers(0, 100), st.integers(0, 300), st.integers(0, 100), st.sampled_from(RefundPolicy)
)
def test_what_is_claimed_is_always_accounted_for(
    points: int, spent: int, other: int, held: int, policy: RefundPolicy
) -> None:
    """Taken, owed or missing: not a point of a refund disappears, and no policy goes further than it says."""
    book = Book()
    book.earn(points, 0, lasts=500)
    if other:
        book.earn(other, 0)
    if taken := book.account.spendable * spent // 100:
        book.spend(taken, 1)
    if pinned := book.account.spendable * held // 100:
        book.hold(pinned, 2)
    free = book.account.spendable
    claimed = book.refund(0, points, 3, policy)
    assert sum(claimed) == points
    allowed = 0 if policy is RefundPolicy.ONLY_PENDING else min(points, free)
    assert claimed.own_lot + claimed.other_lots == allowed
    assert (claimed.debt, claimed.shortfall)[policy is RefundPolicy.UNLIMITED] == 0
    assert_conserved(book)
