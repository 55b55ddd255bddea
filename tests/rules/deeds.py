"""Everything that can be done to two accounts, in any order, as Hypothesis draws it; refusals are a part of life.

A list of its own: these are the rules' movements of points, of which a command makes several, and there are no books,
no customers and no commands here.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from hypothesis import strategies as st

from rules.programs import RefundPolicy
from rules.refunds import RollbackPolicy
from rules.refusals import Refusal
from tests.rules.books import Book, at


class Earn(NamedTuple):
    """Points with a term relative to now; they slide, or have an end of their own."""

    points: int
    starts: int
    lasts: int | None
    slides: bool


class Wait(NamedTuple):
    """Points that wait for somebody."""

    points: int


class Spend(NamedTuple):
    """Points to take, in hundredths of what is spendable: over 100 is refused."""

    percent: int


class SetAside(NamedTuple):
    """Points to hold, in the same way."""

    percent: int
    lasts: int


class Capture(NamedTuple):
    """The hold of that place, or a part of it in hundredths."""

    which: int
    percent: int


class Release(NamedTuple):
    """The hold of that place, open or not."""

    which: int


class Refund(NamedTuple):
    """A part of what is left to claim of a purchase."""

    which: int
    percent: int
    policy: RefundPolicy


class RollBack(NamedTuple):
    """A part of what is left of a spending; `grace` minutes where the policy grants some."""

    which: int
    percent: int
    policy: RollbackPolicy
    grace: int


class Adjust(NamedTuple):
    """Points by hand, those taken away in hundredths of what is spendable; those given last for ever, or slide."""

    points: int
    percent: int
    slides: bool


class DecideLot(NamedTuple):
    """One pending lot, activated or cancelled."""

    which: int
    activate: bool
    lasts: int | None


class WriteOff(NamedTuple):
    """A part of a shortfall."""

    which: int
    percent: int


class Transfer(NamedTuple):
    """Points to the other account, in hundredths of what is spendable."""

    percent: int


Deed = Earn | Wait | Spend | SetAside | Capture | Release | Refund | RollBack | Adjust | DecideLot | WriteOff | Transfer


class Step(NamedTuple):
    """Time passes, then something is done to one of two accounts, or nothing."""

    wait: int
    whose: int
    deed: Deed | None


_which = st.integers(0, 30)
_percent = st.integers(1, 110)
_points = st.integers(1, 1000)
_lasts = st.none() | st.integers(1, 60)
deeds: st.SearchStrategy[Deed] = st.one_of(
    st.builds(Earn, _points, st.integers(-40, 40), _lasts, st.booleans()),
    st.builds(Wait, _points),
    st.builds(Spend, _percent),
    st.builds(SetAside, _percent, st.integers(1, 60)),
    st.builds(Capture, _which, _percent),
    st.builds(Release, _which),
    st.builds(Refund, _which, _percent, st.sampled_from(RefundPolicy)),
    st.builds(RollBack, _which, _percent, st.sampled_from(RollbackPolicy), st.integers(1, 60)),
    st.builds(Adjust, st.integers(-1, 300), _percent, st.booleans()),
    st.builds(DecideLot, _which, st.booleans(), _lasts),
    st.builds(WriteOff, _which, _percent),
    st.builds(Transfer, _percent),
)
steps = st.lists(st.builds(Step, st.integers(0, 20), st.integers(0, 1), st.none() | deeds), max_size=30)


def do(book: Book, other: Book, deed: Deed | None, minute: int) -> str:
    """Settles and then does it; answers the name of the refusal, which has changed nothing but what time did."""
    book.settle(at(minute))
    try:
        if deed is not None:
            _DO[type(deed)](book, other, deed, minute)
    except Refusal as refusal:
        return type(refusal).__name__
    return ""


def run(books: tuple[Book, Book], script: list[Step]) -> int:
    """Does all steps; answers the minute at which it ended."""
    minute = 0
    for step in script:
        minute += step.wait
        do(books[step.whose], books[1 - step.whose], step.deed, minute)
    return minute


def _earn(book: Book, other: Book, deed: Earn, minute: int) -> None:
    book.earn(deed.points, minute, deed.starts, deed.lasts, deed.slides)


def _wait(book: Book, other: Book, deed: Wait, minute: int) -> None:
    book.wait(deed.points, minute)


def _spend(book: Book, other: Book, deed: Spend, minute: int) -> None:
    if points := book.account.active * deed.percent // 100:
        book.spend(points, minute)


def _set_aside(book: Book, other: Book, deed: SetAside, minute: int) -> None:
    if points := book.account.spendable * deed.percent // 100:
        book.hold(points, minute, deed.lasts)


def _capture(book: Book, other: Book, deed: Capture, minute: int) -> None:
    if book.holds:
        hold = book.holds[deed.which % len(book.holds) + 1]
        book.capture(hold.number, minute, hold.points * deed.percent // 100)


def _release(book: Book, other: Book, deed: Release, minute: int) -> None:
    if book.holds:
        book.release(deed.which % len(book.holds) + 1, minute)


def _refund(book: Book, other: Book, deed: Refund, minute: int) -> None:
    if book.bought:
        which = deed.which % len(book.bought)
        left = book.bought[which].points - book.bought[which].claimed
        if points := min(left, left * deed.percent // 100):
            book.refund(which, points, minute, deed.policy)


def _roll_back(book: Book, other: Book, deed: RollBack, minute: int) -> None:
    if book.spendings:
        spending = sorted(book.spendings.values())[deed.which % len(book.spendings)]
        points = (spending.points - spending.rolled_back) * deed.percent // 100
        grants = deed.policy in (RollbackPolicy.EXTEND_TO, RollbackPolicy.GRACE)
        until = at(minute) + timedelta(minutes=deed.grace) if grants else None
        book.roll_back(spending.seq, minute, points, deed.policy, until)


def _adjust(book: Book, other: Book, deed: Adjust, minute: int) -> None:
    points = deed.points if deed.points > 0 else -(book.account.spendable * deed.percent // 100)
    if points:
        book.adjust(points, minute, deed.slides)


def _decide_lot(book: Book, other: Book, deed: DecideLot, minute: int) -> None:
    numbers = book.pending_lots()
    if numbers and deed.activate:
        book.activate(numbers[deed.which % len(numbers)], minute, deed.lasts)
    elif numbers:
        book.cancel(numbers[deed.which % len(numbers)], minute)


def _write_off(book: Book, other: Book, deed: WriteOff, minute: int) -> None:
    if left := [one for one in book.shortfalls.values() if one.remaining]:
        one = left[deed.which % len(left)]
        book.write_off(one.number, minute, one.remaining * deed.percent // 100)


def _transfer(book: Book, other: Book, deed: Transfer, minute: int) -> None:
    if points := book.account.spendable * deed.percent // 100:
        book.transfer(other, points, minute)


_DO: dict[type, Callable[..., None]] = {
    Earn: _earn,
    Wait: _wait,
    Spend: _spend,
    SetAside: _set_aside,
    Capture: _capture,
    Release: _release,
    Refund: _refund,
    RollBack: _roll_back,
    Adjust: _adjust,
    DecideLot: _decide_lot,
    WriteOff: _write_off,
    Transfer: _transfer,
}
