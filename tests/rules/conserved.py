"""Everything that DESIGN §5 promises of the figures of an account, whatever was done to it."""

from collections import defaultdict

from rules.accounts import EntryKind, HoldState, LotState, ShortfallKind
from tests.rules.books import Book

OPEN = (LotState.PENDING, LotState.ACTIVE)
GIVES = {EntryKind.EARN, EntryKind.ACTIVATION, EntryKind.ROLLBACK, EntryKind.TRANSFER_IN}
TAKES = {EntryKind.SPEND, EntryKind.EXPIRY, EntryKind.REFUND, EntryKind.REPAYMENT, EntryKind.TRANSFER_OUT}


def assert_conserved(book: Book) -> None:
    """The account, its lots, holds, shortfalls, spendings and entries all tell the same story."""
    _account(book)
    _lots(book)
    _holds(book)
    _owed(book)
    _entries(book)
    for spending in book.spendings.values():
        assert 0 <= spending.restored <= spending.rolled_back <= spending.points


def _account(book: Book) -> None:
    account = book.account
    figures = (account.pending, account.active, account.held, account.debt)
    assert min(*figures, account.earned, account.spent, account.expired, account.revoked) >= 0
    assert account.earned + account.moved == account.spent + account.expired + account.revoked + account.active
    counted = (account.lots, account.entries, account.holds, account.shortfalls, account.sliding_expiries)
    known = (book.lots, book.entries, book.holds, book.shortfalls, book.sliding_expiries)
    assert counted == tuple(map(len, known))
    assert account.held <= account.active
    assert account.debt == 0 or account.active == account.held, "what is owed is paid as soon as anything is free"
    assert account.spendable == max(0, account.active - account.held - account.debt)


def _lots(book: Book) -> None:
    lots = book.lots.values()
    assert book.account.active == sum(lot.remaining for lot in lots if lot.state is LotState.ACTIVE)
    assert book.account.pending == sum(lot.remaining for lot in lots if lot.state is LotState.PENDING)
    given: defaultdict[int, int] = defaultdict(int)
    for entry in book.entries:
        for number, amount in entry.allocations:
            given[number] += amount
    for lot in lots:
        assert given[lot.number] == (0 if lot.state is LotState.PENDING else lot.remaining)
        assert 0 <= lot.held <= lot.remaining <= lot.points - lot.cancelled
        assert lot.cancelled == book.cancelled[lot.number]
        assert (lot.remaining > 0) == (lot.state in OPEN)
        assert lot.state is not LotState.PENDING or lot.remaining == lot.points - lot.cancelled


def _holds(book: Book) -> None:
    pinned: defaultdict[int, int] = defaultdict(int)
    for hold in book.holds.values():
        assert sum(points for _, points in hold.pins) == hold.points
        assert 0 <= hold.captured <= hold.points
        assert (hold.captured > 0) == (hold.entry is not None) == (hold.state is HoldState.CAPTURED)
        if hold.state is HoldState.ACTIVE:
            for number, points in hold.pins:
                pinned[number] += points
        else:
            assert hold.ended_at is not None
            assert hold.created_at <= hold.ended_at <= hold.expires_at
    assert book.account.held == sum(pinned.values())
    assert {number: lot.held for number, lot in book.lots.items() if lot.held} == pinned


def _owed(book: Book) -> None:
    owed = book.shortfalls.values()
    assert book.account.debt == sum(one.remaining for one in owed if one.kind is ShortfallKind.DEBT)
    repaid = -sum(entry.amount for entry in book.entries if entry.kind is EntryKind.REPAYMENT)
    for one in owed:
        assert 0 <= one.remaining <= one.points - one.written_off
        assert (one.ended_at is None) == (one.remaining > 0)
        assert one.kind is ShortfallKind.DEBT or one.remaining == one.points - one.written_off
    assert sum(one.points - one.remaining - one.written_off for one in owed) == repaid


def _entries(book: Book) -> None:
    account = book.account
    sums: defaultdict[EntryKind, int] = defaultdict(int)
    active = 0
    adjusted = [0, 0]
    for seq, entry in enumerate(book.entries, start=1):
        assert entry.seq == seq
        assert entry.amount == sum(amount for _, amount in entry.allocations) != 0
        assert entry.kind not in GIVES or entry.amount > 0
        assert entry.kind not in TAKES or entry.amount < 0
        assert len({number for number, _ in entry.allocations}) == len(entry.allocations)
        active += entry.amount
        assert entry.active_after == active >= 0
        assert 0 <= entry.held_after <= active
        assert entry.debt_after >= 0
        sums[entry.kind] += entry.amount
        if entry.kind is EntryKind.ADJUSTMENT:
            adjusted[entry.amount < 0] += entry.amount
    assert active == account.active
    assert account.earned == sums[EntryKind.EARN] + sums[EntryKind.ACTIVATION] + adjusted[0]
    assert account.spent == -sums[EntryKind.SPEND] - sums[EntryKind.ROLLBACK]
    assert account.expired == -sums[EntryKind.EXPIRY]
    assert account.revoked == -sums[EntryKind.REFUND] - sums[EntryKind.REPAYMENT] - adjusted[1]
    assert account.moved == sums[EntryKind.TRANSFER_IN] + sums[EntryKind.TRANSFER_OUT]
