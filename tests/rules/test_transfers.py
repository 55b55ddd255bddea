"""Points given to somebody else: each keeps the end it has, and both books say where they went."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.accounts import UNITS_MAX, EntryKind
from rules.refusals import AmountTooLarge, InsufficientPoints, PointsHeldElsewhere
from tests.rules.books import Book, at
from tests.rules.conserved import assert_conserved


def test_each_lot_that_gives_makes_one_with_the_same_end() -> None:
    """A reset would let two friends keep points alive for ever by swapping them."""
    giver, friend = Book(), Book()
    giver.earn(30, 0, lasts=50)
    giver.earn(100, 0)
    sent, received = giver.transfer(friend, 40, 10)
    assert (sent.kind, sent.allocations) == (EntryKind.TRANSFER_OUT, ((1, -30), (2, -10)))
    assert (received.kind, received.allocations) == (EntryKind.TRANSFER_IN, ((1, 30), (2, 10)))
    ends = [(lot.remaining, lot.activates_at, lot.expires_at) for lot in friend.lots.values()]
    assert ends == [(30, at(0), at(50)), (10, at(0), None)]
    assert [(lot.origin, lot.origin_account) for lot in friend.lots.values()] == [(1, 1), (2, 1)]
    friend.settle(at(50))
    assert (friend.account.active, friend.account.expired) == (10, 30)
    for book in (giver, friend):
        assert_conserved(book)


def test_what_is_given_was_neither_earned_nor_spent() -> None:
    """The sum over all customers must stay what the shop gave out."""
    giver, friend = Book(), Book()
    giver.earn(100, 0)
    giver.transfer(friend, 40, 1)
    assert (giver.account.earned, giver.account.spent, giver.account.moved) == (100, 0, -40)
    assert (friend.account.earned, friend.account.spent, friend.account.moved) == (0, 0, 40)


def test_only_what_is_spendable_can_be_given() -> None:
    """Neither what waits nor what is set aside."""
    giver, friend = Book(), Book()
    giver.earn(100, 0)
    giver.earn(100, 0, starts=10)
    giver.hold(60, 1)
    with pytest.raises(PointsHeldElsewhere):
        giver.transfer(friend, 41, 2)
    with pytest.raises(InsufficientPoints):
        giver.transfer(friend, 101, 2)
    giver.transfer(friend, 40, 2)
    assert (giver.account.spendable, friend.account.spendable) == (0, 40)


@pytest.mark.parametrize(("first", "second"), [(0, 20), (20, 0)])
def test_points_that_slide_keep_the_end_they_have_then_and_move_no_other(first: int, second: int) -> None:
    """Whoever of both has the later end: neither what was given nor what was there is cut short, or lasts longer."""
    giver, friend = Book(), Book()
    giver.earn(100, first, slides=True)
    friend.earn(10, second, slides=True)
    giver.transfer(friend, 40, 25)
    assert (giver.sliding_expiries, friend.sliding_expiries) == ({2: at(first + 30)}, {2: at(second + 30)})
    [given] = [lot for lot in friend.lots.values() if lot.origin_account is not None]
    assert (given.slides, given.expires_at) == (False, at(first + 30))
    for book in (giver, friend):
        book.earn(5, 26, slides=True)
        book.settle(at(first + 30))
    assert (giver.account.active, friend.account.active, friend.account.expired) == (65, 15, 40)
    for book in (giver, friend):
        assert_conserved(book)


def test_a_gift_that_comes_back_slides_no_more() -> None:
    """Two friends could keep points alive for ever by sending them to and fro."""
    giver, friend = Book(), Book()
    giver.earn(100, 0, slides=True)
    giver.transfer(friend, 100, 20)
    friend.transfer(giver, 100, 29)
    assert giver.sliding_expiries == {2: at(30)}
    giver.settle(at(30))
    assert (giver.account.active, giver.account.expired) == (0, 100)
    assert_conserved(giver)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.booleans(), st.booleans(), st.integers(-100, 100).filter(bool)), max_size=20
    ),
    st.integers(0, 20),
)
def test_nothing_that_is_given_or_sent_keeps_points_beyond_what_the_last_visit_allows(
    script: list[tuple[int, bool, bool, int]], minute: int
) -> None:
    """Nor does it cut them short: all are there until half an hour after the visits, and none after it."""
    books = (Book(), Book())
    books[0].earn(100, 0, slides=True)
    books[1].earn(100, minute, slides=True)
    last = (30, minute + 30)
    for wait, whose, by_hand, points in script:
        minute += wait
        if minute >= min(last):
            break
        book, other = books[whose], books[1 - whose]
        taken = min(abs(points), book.account.spendable)
        if by_hand and points > 0:
            book.adjust(points, minute, slides=True)
        elif taken and by_hand:
            book.adjust(-taken, minute)
        elif taken:
            book.transfer(other, taken, minute)
    before = sum(book.account.active for book in books)
    for book, own in zip(books, last, strict=True):
        assert book.sliding_expiries == {2: at(own)}
        book.settle(at(min(last) - 1))
    assert sum(book.account.active for book in books) == before
    for book in books:
        book.settle(at(max(last)))
        assert (book.account.active, book.account.due_at) == (0, None)
        assert_conserved(book)


def test_an_account_that_is_full_is_given_nothing_and_the_giver_keeps_all() -> None:
    """Both legs or none."""
    giver, friend = Book(), Book()
    giver.earn(10, 0)
    friend.earn(UNITS_MAX, 0)
    with pytest.raises(AmountTooLarge):
        giver.transfer(friend, 1, 1)
    assert (giver.account.active, friend.account.active) == (10, UNITS_MAX)
    assert len(giver.entries) == len(friend.entries) == 1
