"""A whole account in memory, driven by the rules as the books drive them, and what must hold of it at any time."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import strategies as st

from rules.ledger import Account, Act, EntryKind, Lot, LotState, Posting, earn, settle, spend
from rules.programs import Term
from rules.refusals import InsufficientPoints

START = datetime(2025, 1, 1, tzinfo=UTC)
OPEN = (LotState.PENDING, LotState.ACTIVE)


def at(minute: int) -> datetime:
    """An instant of the tests' own short time line."""
    return START + timedelta(minutes=minute)


class Earn(NamedTuple):
    """Points with a term relative to now: `starts` may lie in the past, `lasts` None never expires."""

    points: int
    starts: int
    lasts: int | None


class Spend(NamedTuple):
    """Points to take, in hundredths of what is spendable: over 100 is refused."""

    percent: int


class Step(NamedTuple):
    """Time passes, then something is done, or nothing."""

    wait: int
    deed: Earn | Spend | None


@dataclass
class Book:
    """An account with all its lots, open and closed, and all its postings."""

    account: Account = Account()  # noqa: RUF009 - immutable
    lots: dict[int, Lot] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)

    @property
    def open_lots(self) -> list[Lot]:
        """Those that time or a spending can change."""
        return [lot for lot in self.lots.values() if lot.state in OPEN]

    def take(self, act: Act) -> None:
        """Takes over what an act did."""
        self.account = act.account
        self.lots.update((lot.number, lot) for lot in act.lots)
        self.postings.extend(act.postings)

    def settle(self, now: datetime) -> None:
        """Lets time pass, only where the account says that something is due: so do the books."""
        if self.account.is_due(now):
            self.take(settle(self.account, self.open_lots, now))

    def do(self, deed: Earn | Spend | None, minute: int) -> None:
        """Settles and then does it; a refused spending changes nothing."""
        now = at(minute)
        self.settle(now)
        if isinstance(deed, Earn):
            starts = at(minute + deed.starts)
            term = Term(starts, None if deed.lasts is None else starts + timedelta(minutes=deed.lasts))
            self.take(earn(self.account, deed.points, term, 1, now, f"t{self.account.lots + 1}"))
        elif isinstance(deed, Spend) and (points := self.account.spendable * deed.percent // 100):
            try:
                self.take(spend(self.account, self.open_lots, points, now))
            except InsufficientPoints:
                assert points > self.account.spendable

    def run(self, steps: list[Step]) -> int:
        """Does all steps; answers the minute at which it ended."""
        minute = 0
        for step in steps:
            minute += step.wait
            self.do(step.deed, minute)
        return minute


earnings = st.builds(Earn, st.integers(1, 1000), st.integers(-40, 40), st.none() | st.integers(1, 60))
spendings = st.builds(Spend, st.integers(1, 130))
steps = st.lists(st.builds(Step, st.integers(0, 20), earnings | spendings | st.none()), max_size=25)


def assert_conserved(book: Book) -> None:
    """Everything that DESIGN §5 promises of the figures of an account."""
    account = book.account
    lots = book.lots.values()
    assert account.active == sum(lot.remaining for lot in lots if lot.state is LotState.ACTIVE)
    assert account.pending == sum(lot.remaining for lot in lots if lot.state is LotState.PENDING)
    assert account.earned == account.spent + account.expired + account.active
    assert min(account[:7]) >= 0
    assert account.lots == len(book.lots)
    given: defaultdict[int, int] = defaultdict(int)
    for posting in book.postings:
        assert posting.amount == sum(amount for _, amount in posting.allocations) != 0
        assert (posting.amount > 0) == (posting.kind in (EntryKind.EARN, EntryKind.ACTIVATION))
        for number, amount in posting.allocations:
            given[number] += amount
    for lot in lots:
        assert given[lot.number] == (0 if lot.state is LotState.PENDING else lot.remaining)
        assert 0 <= lot.remaining <= lot.points
        assert (lot.remaining > 0) == (lot.state in OPEN)
    assert [posting.seq for posting in book.postings] == list(range(1, account.entries + 1))
    active = 0
    for posting in book.postings:
        active += posting.amount
        assert posting.active_after == active >= 0
    assert active == account.active
