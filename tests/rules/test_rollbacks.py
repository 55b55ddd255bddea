"""Spendings given back: to the lots they came from, in reverse order, and with the expiry that the policy says."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.accounts import UNITS_MAX, EntryKind, LotState
from rules.refunds import RollbackPolicy, Spending, check_window
from rules.refusals import AlreadyRolledBack, AmountTooLarge, RollbackWindowClosed
from tests.rules.books import Book, at
from tests.rules.conserved import assert_conserved

EXTENDING = [RollbackPolicy.EXTEND_TO, RollbackPolicy.GRACE]


def spent(lasts: int | None = 10) -> Book:
    """100 points, of which 60 were spent by entry 2."""
    book = Book()
    book.earn(100, 0, lasts=lasts)
    book.spend(60, 1)
    return book


def test_points_come_back_to_their_lot_with_the_expiry_they_had() -> None:
    """As if they had never been spent."""
    book = spent()
    restored = book.roll_back(2, 5)
    assert (restored.points, restored.restored, restored.expired) == (60, 60, 0)
    entry = book.entries[-1]
    assert (entry.kind, entry.allocations, entry.reverses) == (EntryKind.ROLLBACK, ((1, 60),), 2)
    assert (book.account.spent, book.account.spendable, book.account.due_at) == (0, 100, at(10))
    assert_conserved(book)


def test_what_expired_meanwhile_is_restored_and_expires_in_one_go() -> None:
    """Cancelling an order is no way to dodge an expiry; the history nets out, and explains itself."""
    book = spent()
    restored = book.roll_back(2, 20)
    assert (restored.points, restored.restored, restored.expired) == (60, 60, 60)
    assert [(entry.kind, entry.amount, entry.occurred_at) for entry in book.entries[-3:]] == [
        (EntryKind.EXPIRY, -40, at(10)),
        (EntryKind.ROLLBACK, 60, at(20)),
        (EntryKind.EXPIRY, -60, at(20)),
    ]
    assert (book.account.spent, book.account.expired, book.lots[1].state) == (0, 100, LotState.EXPIRED)
    assert_conserved(book)


@pytest.mark.parametrize("policy", EXTENDING)
def test_points_that_would_be_over_get_a_lot_that_lasts_until_then(policy: RollbackPolicy) -> None:
    """The shop cancelled, not the customer; the lot remembers where it came from."""
    book = spent()
    restored = book.roll_back(2, 20, policy=policy, until=at(30))
    assert (restored.restored, restored.expired, book.account.spendable) == (60, 0, 60)
    lot = book.lots[2]
    assert (lot.expires_at, lot.origin, lot.origin_account, lot.transaction_id) == (at(30), 1, None, "t1")
    book.settle(at(30))
    assert book.account.active == 0
    assert_conserved(book)


@pytest.mark.parametrize("policy", EXTENDING)
@pytest.mark.parametrize("lasts", [40, None])
def test_points_that_last_longer_anyway_keep_what_they_have(policy: RollbackPolicy, lasts: int | None) -> None:
    """A favour must never cut anything short."""
    book = spent(lasts)
    book.roll_back(2, 5, policy=policy, until=at(30))
    assert (len(book.lots), book.lots[1].remaining) == (1, 100)


def test_without_restoring_the_spending_is_over_all_the_same() -> None:
    """The goods were not returned; nobody can roll the same spending back a second time."""
    book = spent()
    restored = book.roll_back(2, 5, policy=RollbackPolicy.NO_RESTORE)
    assert (restored.points, restored.restored, restored.entry) == (60, 0, None)
    assert (book.account.active, book.account.spent) == (40, 60)
    with pytest.raises(AlreadyRolledBack):
        book.roll_back(2, 6)
    assert_conserved(book)


def test_parts_come_back_in_reverse_of_the_order_in_which_they_were_taken() -> None:
    """What was taken last is what would not have been needed had the basket been smaller."""
    book = Book()
    for points, lasts in ((50, None), (30, 200), (20, 100)):
        book.earn(points, 0, lasts=lasts)
    entry = book.spend(80, 1)
    assert entry.allocations == ((3, -20), (2, -30), (1, -30))
    given_back = []
    for points in (10, 25, 30, 0):
        restored = book.roll_back(entry.seq, 2, points=points)
        assert restored.entry is not None
        given_back.append(restored.entry.allocations)
    assert given_back == [((1, 10),), ((1, 20), (2, 5)), ((2, 25), (3, 5)), ((3, 15),)]
    assert book.account.spendable == 100
    assert_conserved(book)


def test_never_more_comes_back_than_was_spent() -> None:
    """Whoever asks too much hears what is left."""
    book = spent()
    book.roll_back(2, 2, points=50)
    with pytest.raises(AlreadyRolledBack) as refused:
        book.roll_back(2, 3, points=11)
    assert refused.value.facts == {"entry": "2", "remaining": "10", "requested": "11"}
    book.roll_back(2, 3, points=10)
    with pytest.raises(AlreadyRolledBack):
        book.roll_back(2, 4)


@given(
    st.lists(st.tuples(st.integers(1, 100), st.none() | st.integers(5, 30)), min_size=1, max_size=5),
    st.integers(1, 100),
    st.lists(st.integers(1, 300), max_size=6),
)
def test_any_parts_of_a_spending_give_back_the_whole_of_it(
    lots: list[tuple[int, int | None]], percent: int, parts: list[int]
) -> None:
    """However it is cut, each lot gets exactly what it gave."""
    book = Book()
    for points, lasts in lots:
        book.earn(points, 0, lasts=lasts)
    before = {number: lot.remaining for number, lot in book.lots.items()}
    entry = book.spend(max(1, book.account.spendable * percent // 100), 1)
    for part in [*parts, 0]:
        spending = book.spendings[entry.seq]
        if left := spending.points - spending.rolled_back:
            book.roll_back(entry.seq, 2, points=min(part, left))
            assert_conserved(book)
    assert {number: lot.remaining for number, lot in book.lots.items()} == before


def test_a_captured_hold_is_a_spending_that_comes_back_like_any_other() -> None:
    """The customer does not care by which call it was taken."""
    book = Book()
    book.earn(100, 0)
    book.hold(60, 1)
    entry = book.capture(1, 2, points=50)
    book.roll_back(entry.seq, 3)
    assert (book.account.spendable, book.account.held, book.account.spent) == (100, 0, 0)
    assert_conserved(book)


def test_points_that_slide_come_back_to_their_group() -> None:
    """They last as long as the customer's other points do now."""
    book = Book()
    book.earn(100, 0, slides=True)
    entry = book.spend(60, 1)
    book.spend(10, 20)
    restored = book.roll_back(entry.seq, 45)
    assert (restored.expired, book.account.spendable, book.account.due_at) == (0, 90, at(50))
    book.roll_back(book.entries[2].seq, 60)
    assert book.account.active == 0
    assert_conserved(book)


def test_an_account_that_is_full_takes_nothing_back() -> None:
    """Beyond 2^53 JSON readers lose units without telling, whichever way the points come."""
    book = Book()
    book.earn(UNITS_MAX, 0)
    book.spend(10, 1)
    book.earn(10, 2)
    with pytest.raises(AmountTooLarge):
        book.roll_back(2, 3)


def test_a_spending_comes_back_to_the_end_of_its_window_and_not_a_moment_later() -> None:
    """Both sides of the boundary; no window is no limit."""
    spending = Spending(1, 10, 0, 0, at(0), ((1, -10),))
    last = at(0) + timedelta(days=30)
    check_window(spending, 30, last)
    check_window(spending, 0, last + timedelta(days=10_000))
    with pytest.raises(RollbackWindowClosed) as refused:
        check_window(spending, 30, last + timedelta(microseconds=1))
    assert refused.value.facts == {"days": "30", "spent_at": at(0).isoformat()}
