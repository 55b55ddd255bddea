"""What is let go when somebody is blocked or closed: every point has a figure it went to, and nothing is left open."""

from hypothesis import given

from rules import closing
from rules.accounts import EntryKind, HoldState, LotState
from rules.closing import Cleared
from rules.programs import RefundPolicy
from tests.rules.books import Book, at
from tests.rules.test_merging import Deed, assert_adds_up, deeds, lived


def test_of_one_who_is_blocked_only_what_was_set_aside_is_let_go() -> None:
    """The points are still there, for whoever turns out to be innocent."""
    book = Book()
    book.earn(100, 0)
    book.hold(60, 1)
    book.hold(15, 2)
    draft = book.draft(at(3))
    assert closing.release_all(draft, at(3)) == Cleared(released=75, holds=2)
    assert (draft.account.active, draft.account.held, draft.account.spendable) == (100, 0, 100)
    assert {hold.state for hold in draft.holds.values()} == {HoldState.RELEASED}
    assert draft.entries == []


def test_what_a_hold_lets_go_of_an_expired_lot_expires() -> None:
    """As after any release: a hold made it last, and nothing else did."""
    book = Book()
    book.earn(100, 0, lasts=5)
    book.hold(60, 1, lasts=30)
    draft = book.draft(at(10))
    assert closing.release_all(draft, at(10)) == Cleared(released=60, expired=60, holds=1, lots=1)
    assert draft.account.active == 0


def test_of_one_who_is_closed_pending_points_are_cancelled_and_active_ones_expire() -> None:
    """In one entry, before their time; lots say how they ended."""
    book = Book()
    book.earn(100, 0)
    book.earn(20, 1, lasts=500)
    book.earn(30, 2, starts=60)
    book.wait(7, 3)
    book.hold(10, 4)
    draft = book.draft(at(5))
    assert closing.close(draft, at(5)) == Cleared(released=10, cancelled=37, expired=120, holds=1, lots=4)
    assert [(entry.kind, entry.amount, entry.occurred_at) for entry in draft.entries] == [
        (EntryKind.EXPIRY, -120, at(5))
    ]
    ends = [lot.state for _, lot in sorted(draft.lots.items())]
    assert ends == [LotState.EXPIRED, LotState.EXPIRED, LotState.CANCELLED, LotState.CANCELLED]
    assert draft.cancellations == {3: 30, 4: 7}
    assert draft.due_at is None


def test_a_debt_takes_what_a_hold_lets_go_and_the_rest_of_it_stays() -> None:
    """It was lent against such points; what nobody will repay is the report's to tell."""
    book = Book()
    book.earn(100, 0)
    book.hold(30, 1)
    book.spend(70, 2)
    book.refund(0, 100, 3, RefundPolicy.UNLIMITED)
    assert (book.account.debt, book.account.held) == (100, 30)
    draft = book.draft(at(4))
    assert closing.close(draft, at(4)) == Cleared(released=30, repaid=30, holds=1)
    assert (draft.account.active, draft.account.debt) == (0, 70)


@given(deeds)
def test_whatever_happened_before_the_books_add_up_and_nothing_is_left(script: list[Deed]) -> None:
    """Of each act an account is the sum; and closing leaves nothing that time could change."""
    draft = lived(script)
    before, now = draft.account, at(len(script))
    cleared = closing.close(draft, now)
    assert_adds_up(draft)
    assert (draft.account.active, draft.account.pending, draft.account.held, draft.due_at) == (0, 0, 0, None)
    assert (before.active, before.pending, before.held) == (
        cleared.expired + cleared.repaid,
        cleared.cancelled,
        cleared.released,
    )
    assert before.debt - draft.account.debt == cleared.repaid
