"""Whatever is done in whatever order, no point appears from nowhere and none is lost."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.ledger import EntryKind, LotState, settle, spend
from rules.refusals import InsufficientPoints
from tests.rules.books import Book, Step, assert_conserved, at, steps


@given(steps)
def test_figures_lots_and_entries_agree_after_every_act(script: list[Step]) -> None:
    """This is what the books are for; `fealty ledger verify` asks the same of the database."""
    book = Book()
    minute = 0
    for step in script:
        minute += step.wait
        book.do(step.deed, minute)
        assert_conserved(book)


@given(steps)
def test_settling_again_at_the_same_instant_changes_nothing(script: list[Step]) -> None:
    """A sweep and a call may both settle; the second must find nothing left to do."""
    book = Book()
    now = at(book.run(script) + 30)
    once = settle(book.account, book.open_lots, now)
    book.take(once)
    twice = settle(book.account, book.open_lots, now)
    assert (twice.account, twice.lots, twice.postings) == (once.account, (), ())


@given(steps, st.lists(st.integers(0, 100), max_size=12))
def test_it_does_not_matter_when_or_whether_workers_come_by(script: list[Step], visits: list[int]) -> None:
    """Workers make things early, never make things true: figures, lots and entries are the same without them."""
    alone, visited = Book(), Book()
    minute = 0
    visiting = sorted(visits)
    for step in script:
        minute += step.wait
        while visiting and visiting[0] <= minute:
            visited.settle(at(visiting.pop(0)))
        for book in (alone, visited):
            book.do(step.deed, minute)
    for later in range(minute, minute + 101):
        visited.settle(at(later))
    alone.settle(at(minute + 100))
    assert visited.postings == alone.postings
    assert visited.lots == alone.lots
    assert visited.account._replace(due_at=None) == alone.account._replace(due_at=None)


@given(steps, st.integers(1, 120))
def test_points_activate_and_expire_at_their_own_instant_however_late_it_is_noticed(
    script: list[Step], delay: int
) -> None:
    """A history that carried the sweep's time would tell customers something else than the terms they were given."""
    book = Book()
    book.settle(at(book.run(script) + delay))
    for posting in book.postings:
        numbers = [number for number, _ in posting.allocations]
        if posting.kind in (EntryKind.EARN, EntryKind.ACTIVATION):
            assert {book.lots[number].activates_at for number in numbers} == {posting.occurred_at}
        elif posting.kind is EntryKind.EXPIRY:
            assert {book.lots[number].expires_at for number in numbers} == {posting.occurred_at}


@given(steps)
def test_due_at_is_never_later_than_what_falls_due_next(script: list[Step]) -> None:
    """Settling is skipped before `due_at`: were it late, points would be spent that had expired."""
    book = Book()
    minute = 0
    for step in script:
        minute += step.wait
        book.do(step.deed, minute)
        assert _is_early_enough(book)
        book.settle(at(minute))
        assert _is_early_enough(book)


@given(steps)
def test_what_was_settled_leaves_nothing_overdue(script: list[Step]) -> None:
    """An active lot past its expiry, or a pending one past its activation, would be counted wrongly."""
    book = Book()
    now = at(book.run(script) + 7)
    book.settle(now)
    for lot in book.open_lots:
        assert lot.falls_due_at is None or lot.falls_due_at > now


@given(steps, st.integers(1, 100))
def test_spending_takes_unit_by_unit_from_the_lot_that_expires_first(script: list[Step], percent: int) -> None:
    """The order is what customers are promised; it is checked here one single point at a time."""
    book = Book()
    now = at(book.run(script))
    book.settle(now)
    points = book.account.spendable * percent // 100
    if not points:
        return
    act = spend(book.account, book.open_lots, points, now)
    left = {lot.number: lot.remaining for lot in book.open_lots if lot.state is LotState.ACTIVE}
    taken: dict[int, int] = {}
    for _ in range(points):
        first = min((number for number, remaining in left.items() if remaining), key=lambda n: _rank(book, n))
        left[first] -= 1
        taken[first] = taken.get(first, 0) - 1
    [posting] = act.postings
    assert dict(posting.allocations) == taken
    assert [number for number, _ in posting.allocations] == sorted(taken, key=lambda number: _rank(book, number))
    assert {lot.number: lot.remaining for lot in act.lots} == {number: left[number] for number in taken}


@given(steps, st.integers(1, 1000))
def test_a_refused_spending_tells_what_there_was_and_changes_nothing(script: list[Step], too_many: int) -> None:
    """The caller decides by these two figures; and a "no" that left traces would be worse than a "yes"."""
    book = Book()
    now = at(book.run(script))
    book.settle(now)
    before = (book.account, dict(book.lots))
    points = book.account.spendable + too_many
    with pytest.raises(InsufficientPoints) as refused:
        spend(book.account, book.open_lots, points, now)
    assert refused.value.facts == {"requested": str(points), "spendable": str(book.account.active)}
    assert (book.account, book.lots) == before


def _is_early_enough(book: Book) -> bool:
    next_due = [lot.falls_due_at for lot in book.open_lots if lot.falls_due_at is not None]
    return not next_due or (book.account.due_at is not None and book.account.due_at <= min(next_due))


def _rank(book: Book, number: int) -> tuple[bool, datetime | None, datetime, int]:
    lot = book.lots[number]
    return (lot.expires_at is None, lot.expires_at, lot.activates_at, number)
