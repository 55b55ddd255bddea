"""Whatever is done in whatever order, no point appears from nowhere and none is lost."""

from copy import deepcopy
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import ledger
from rules.accounts import EntryKind, Lot, LotState
from rules.refusals import InsufficientPoints, PointsHeldElsewhere
from tests.rules.books import Book, at
from tests.rules.conserved import assert_conserved
from tests.rules.deeds import Step, do, run, steps


@given(steps)
def test_figures_lots_and_entries_agree_after_every_act(script: list[Step]) -> None:
    """This is what the books are for; `fealty ledger verify` asks the same of the database."""
    books = (Book(), Book())
    minute = 0
    for step in script:
        minute += step.wait
        do(books[step.whose], books[1 - step.whose], step.deed, minute)
        for book in books:
            assert_conserved(book)
    assert books[0].account.moved == -books[1].account.moved


@given(steps)
def test_a_refusal_changes_nothing(script: list[Step]) -> None:
    """A "no" that left traces would be worse than a "yes"."""
    books = (Book(), Book())
    minute = 0
    for step in script:
        minute += step.wait
        books[step.whose].settle(at(minute))
        before = deepcopy(books)
        if do(books[step.whose], books[1 - step.whose], step.deed, minute):
            assert books == before


@given(steps)
def test_settling_again_at_the_same_instant_changes_nothing(script: list[Step]) -> None:
    """A sweep and a call may both settle; the second must find nothing left to do."""
    book = Book()
    now = at(run((book, Book()), script) + 30)
    book.settle(now)
    draft = book.draft(now)
    ledger.settle(draft, now)
    assert (draft.account, draft.passed, draft.entries) == (book.account, [], [])


@given(steps, st.lists(st.integers(0, 100), max_size=12))
def test_it_does_not_matter_when_or_whether_workers_come_by(script: list[Step], visits: list[int]) -> None:
    """Workers make things early, never make things true: figures, lots, holds, debts, entries and refusals are the
    same without them."""
    alone, visited = (Book(), Book()), (Book(), Book())
    minute = 0
    visiting = sorted(visits)
    for step in script:
        minute += step.wait
        while visiting and visiting[0] <= minute:
            instant = at(visiting.pop(0))
            for book in visited:
                book.settle(instant)
        one, other = (do(books[step.whose], books[1 - step.whose], step.deed, minute) for books in (alone, visited))
        assert one == other
    for later in range(minute, minute + 101):
        for book in visited:
            book.settle(at(later))
    for book in alone:
        book.settle(at(minute + 100))
    for one_book, other_book in zip(alone, visited, strict=True):
        assert one_book.figures() == other_book.figures()


@given(steps, st.integers(1, 120))
def test_points_come_and_go_at_their_own_instant_however_late_it_is_noticed(script: list[Step], delay: int) -> None:
    """A history that carried the sweep's time would tell customers something else than the terms they were given."""
    books = (Book(), Book())
    now = at(run(books, script) + delay)
    for book in books:
        book.settle(now)
        for one in book.passed:
            if one.hold is not None:
                assert one.at == one.hold.ended_at == one.hold.expires_at
            elif one.entry is not None and one.entry.kind is EntryKind.ACTIVATION:
                instants = {book.lots[number].activates_at for number, _ in one.entry.allocations}
                assert instants == {one.at} == {one.entry.occurred_at}
            elif one.entry is not None and one.entry.kind is EntryKind.EXPIRY:
                assert any(one.at in _ends(book, number) for number, _ in one.entry.allocations)


@given(steps)
def test_due_at_is_never_later_than_what_falls_due_next(script: list[Step]) -> None:
    """Settling is skipped before `due_at`: were it late, points would be spent that had expired."""
    books = (Book(), Book())
    minute = 0
    for step in script:
        minute += step.wait
        do(books[step.whose], books[1 - step.whose], step.deed, minute)
        for book in books:
            assert _is_early_enough(book)
            book.settle(at(minute))
            assert _is_early_enough(book)


@given(steps)
def test_what_was_settled_leaves_nothing_overdue(script: list[Step]) -> None:
    """An active lot past its expiry, a pending one past its activation or a hold past its end would be counted
    wrongly."""
    books = (Book(), Book())
    now = at(run(books, script) + 7)
    for book in books:
        book.settle(now)
        assert all(instant > now for instant in _instants(book))


@given(steps, st.integers(1, 100))
def test_spending_takes_unit_by_unit_from_the_lot_that_expires_first(script: list[Step], percent: int) -> None:
    """The order is what customers are promised; it is checked here one single point at a time."""
    book = Book()
    minute = run((book, Book()), script)
    book.settle(at(minute))
    points = book.account.spendable * percent // 100
    if not points:
        return
    ranks = {lot.number: _rank(book, lot) for lot in book.lots.values()}
    left = {lot.number: lot.free for lot in book.lots.values() if lot.state is LotState.ACTIVE}
    taken: dict[int, int] = {}
    for _ in range(points):
        first = min((number for number, free in left.items() if free), key=ranks.__getitem__)
        left[first] -= 1
        taken[first] = taken.get(first, 0) - 1
    entry = book.spend(points, minute)
    assert dict(entry.allocations) == taken
    assert [number for number, _ in entry.allocations] == sorted(taken, key=ranks.__getitem__)
    assert {number: book.lots[number].free for number in left} == left


@given(steps, st.integers(1, 1000))
def test_a_refused_spending_tells_what_there_was_and_whether_holds_alone_stand_in_the_way(
    script: list[Step], too_many: int
) -> None:
    """The caller decides by these figures: to wait for the other checkout, or to take money."""
    book = Book()
    minute = run((book, Book()), script)
    book.settle(at(minute))
    account = book.account
    points = account.spendable + too_many
    with pytest.raises((InsufficientPoints, PointsHeldElsewhere)) as refused:
        book.spend(points, minute)
    facts = {"requested": str(points), "spendable": str(account.spendable)}
    if points <= account.active - account.debt:
        assert (type(refused.value), refused.value.facts) == (PointsHeldElsewhere, {**facts, "held": str(account.held)})
    else:
        assert (type(refused.value), refused.value.facts) == (InsufficientPoints, facts)


def _ends(book: Book, number: int) -> set[datetime | None]:
    """When points of a lot may end: with it, with its group, or with a hold that outlived it."""
    lot = book.lots[number]
    ends = {hold.ended_at for hold in book.holds.values() if number in dict(hold.pins)}
    if lot.slides:
        # The group's end may have moved on since, with what the customer did.
        ends |= {one.at for one in book.passed}
    return ends | {lot.expires_at}


def _instants(book: Book) -> list[datetime]:
    instants = [lot.activates_at for lot in book.lots.values() if lot.state is LotState.PENDING]
    instants += [_end(book, lot) for lot in book.lots.values() if lot.state is LotState.ACTIVE and lot.free]
    instants += [hold.expires_at for hold in book.open_holds()]
    return [instant for instant in instants if instant is not None]


def _is_early_enough(book: Book) -> bool:
    instants = _instants(book)
    return not instants or (book.account.due_at is not None and book.account.due_at <= min(instants))


def _end(book: Book, lot: Lot) -> datetime | None:
    return book.sliding_expiries[lot.settings_version] if lot.slides else lot.expires_at


def _rank(book: Book, lot: Lot) -> tuple[bool, datetime | None, datetime | None, int]:
    end = _end(book, lot) if lot.state is LotState.ACTIVE else None
    return (end is None, end, lot.activates_at, lot.number)
