"""Points given to somebody else: each keeps the end it has, and both books say where they went."""

import pytest

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


def test_points_that_slide_keep_the_later_end_of_both_groups() -> None:
    """None is ever cut short: neither those that were given, nor those that were there."""
    giver, friend = Book(), Book()
    giver.earn(100, 0, slides=True)
    friend.earn(10, 20, slides=True)
    giver.transfer(friend, 40, 25)
    assert (friend.sliding_expiries, giver.sliding_expiries) == ({2: at(50)}, {2: at(30)})
    friend.transfer(giver, 20, 28)
    assert giver.sliding_expiries == {2: at(50)}
    giver.settle(at(49))
    assert giver.account.active == 80
    for book in (giver, friend):
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
