"""The rules of the books: how points settle with time, how they are earned and how they are spent.

Each function takes an account as it stands and answers with an Act: the account after it, the lots it made or
changed, and the postings that explain the difference. Nobody calls a clock: `now` is passed in.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from rules.programs import Term
from rules.refusals import AmountTooLarge, InsufficientPoints

# Above it, JSON readers and spreadsheets lose units without telling.
UNITS_MAX = 2**53


class LotState(StrEnum):
    """Where a lot is in its life. Only the first two are open."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    DEPLETED = "DEPLETED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class EntryKind(StrEnum):
    """Why the active points of an account changed."""

    EARN = "EARN"
    ACTIVATION = "ACTIVATION"
    SPEND = "SPEND"
    EXPIRY = "EXPIRY"


class Lot(NamedTuple):
    """Points that came together: one activation instant, one expiry instant, the policy they were issued under."""

    number: int
    state: LotState
    points: int
    remaining: int
    activates_at: datetime
    expires_at: datetime | None
    policy_version: int
    transaction_id: str | None = None

    @property
    def falls_due_at(self) -> datetime | None:
        """The next instant at which time alone changes it."""
        return self.activates_at if self.state is LotState.PENDING else self.expires_at


class Account(NamedTuple):
    """What one customer holds of one card, in the card's smallest unit. `lots` and `entries` count those made so far.

    `due_at` is never later than the next instant at which time alone changes the account.
    """

    pending: int = 0
    active: int = 0
    held: int = 0
    debt: int = 0
    earned: int = 0
    spent: int = 0
    expired: int = 0
    version: int = 0
    lots: int = 0
    entries: int = 0
    due_at: datetime | None = None

    @property
    def spendable(self) -> int:
        """What can be spent now."""
        return max(0, self.active - self.held - self.debt)

    def is_due(self, now: datetime) -> bool:
        """Whether it must be settled, with all its open lots, before anything else is done with it."""
        return self.due_at is not None and self.due_at <= now


class Posting(NamedTuple):
    """One permanent change: entry number `seq`, its signed amount, what it gave to or took from each lot."""

    seq: int
    kind: EntryKind
    amount: int
    active_after: int
    occurred_at: datetime
    allocations: tuple[tuple[int, int], ...]
    transaction_id: str | None = None


class Act(NamedTuple):
    """What one act does: the account after it, the lots it made or changed, the postings in their order."""

    account: Account
    lots: tuple[Lot, ...] = ()
    postings: tuple[Posting, ...] = ()


def settle(account: Account, open_lots: Iterable[Lot], now: datetime) -> Act:
    """Lets time pass: activates and expires what is due at `now`, in the order of its instants.

    `open_lots` are all open lots of the account. Lots that fall due at one instant share one posting; at the same
    instant activation comes before expiry. Settling twice at one `now` changes nothing the second time.
    """
    lots = {lot.number: lot for lot in open_lots}
    changed: dict[int, Lot] = {}
    postings: list[Posting] = []
    for (instant, kind), group in groupby(_due(lots.values(), now), key=itemgetter(0, 1)):
        allocations = []
        for _, _, number in group:
            lot = lots[number]
            sign = 1 if kind is EntryKind.ACTIVATION else -1
            allocations.append((number, sign * lot.remaining))
            lots[number] = changed[number] = (
                lot._replace(state=LotState.ACTIVE)
                if kind is EntryKind.ACTIVATION
                else lot._replace(state=LotState.EXPIRED, remaining=0)
            )
        amount = sum(points for _, points in allocations)
        account = _activated(account, amount) if kind is EntryKind.ACTIVATION else _expired(account, -amount)
        source = lots[allocations[0][0]].transaction_id if len(allocations) == 1 else None
        postings.append(Posting(account.entries, kind, amount, account.active, instant, tuple(allocations), source))
    account = account._replace(due_at=_next_due(lots.values()))
    return Act(account, tuple(changed.values()), tuple(postings))


def earn(
    account: Account, points: int, term: Term, policy_version: int, now: datetime, transaction_id: str | None = None
) -> Act:
    """Adds a lot of `points` (at least 1) with that term to a settled account. Raises AmountTooLarge.

    Points whose activation has come are active at once; those whose expiry has come too expire at once.
    """
    if account.active + account.pending + points > UNITS_MAX:
        raise AmountTooLarge(limit=UNITS_MAX)
    lot = Lot(
        number=account.lots + 1,
        state=LotState.PENDING,
        points=points,
        remaining=points,
        activates_at=term.activates_at,
        expires_at=term.expires_at,
        policy_version=policy_version,
        transaction_id=transaction_id,
    )
    account = account._replace(lots=lot.number, pending=account.pending + points, version=account.version + 1)
    if term.activates_at > now:
        return Act(account._replace(due_at=_earlier(account.due_at, term.activates_at)), (lot,))
    lot = lot._replace(state=LotState.ACTIVE)
    account = _activated(account, points)
    allocations = ((lot.number, points),)
    first = Posting(
        account.entries, EntryKind.EARN, points, account.active, term.activates_at, allocations, transaction_id
    )
    if term.expires_at is not None and term.expires_at <= now:
        gone = settle(account, (lot,), now)
        return Act(gone.account._replace(due_at=account.due_at), gone.lots, (first, *gone.postings))
    return Act(account._replace(due_at=_earlier(account.due_at, term.expires_at)), (lot,), (first,))


def spend(account: Account, open_lots: Iterable[Lot], points: int, now: datetime) -> Act:
    """Takes `points` (at least 1) from a settled account, in consumption order. Raises InsufficientPoints."""
    if points > account.spendable:
        raise InsufficientPoints(requested=points, spendable=account.spendable)
    changed: list[Lot] = []
    allocations: list[tuple[int, int]] = []
    wanted = points
    for lot in in_consumption_order(open_lots):
        taken = min(wanted, lot.remaining)
        remaining = lot.remaining - taken
        changed.append(lot._replace(remaining=remaining, state=lot.state if remaining else LotState.DEPLETED))
        allocations.append((lot.number, -taken))
        wanted -= taken
        if not wanted:
            break
    account = account._replace(
        active=account.active - points,
        spent=account.spent + points,
        version=account.version + 1,
        entries=account.entries + 1,
    )
    posting = Posting(account.entries, EntryKind.SPEND, -points, account.active, now, tuple(allocations))
    return Act(account, tuple(changed), (posting,))


def in_consumption_order(lots: Iterable[Lot]) -> list[Lot]:
    """The active lots: those that expire first first, never-expiring last, then by activation, then by number."""
    active = [lot for lot in lots if lot.state is LotState.ACTIVE]
    return sorted(active, key=lambda lot: (lot.expires_at is None, lot.expires_at, lot.activates_at, lot.number))


def _due(lots: Iterable[Lot], now: datetime) -> list[tuple[datetime, EntryKind, int]]:
    """(instant, what, lot number) of all that falls due at `now`; ACTIVATION sorts before EXPIRY."""
    due = []
    for lot in lots:
        if lot.state is LotState.PENDING and lot.activates_at <= now:
            due.append((lot.activates_at, EntryKind.ACTIVATION, lot.number))
        active = lot.state is LotState.ACTIVE or (lot.state is LotState.PENDING and lot.activates_at <= now)
        if active and lot.expires_at is not None and lot.expires_at <= now:
            due.append((lot.expires_at, EntryKind.EXPIRY, lot.number))
    return sorted(due)


def _activated(account: Account, points: int) -> Account:
    return account._replace(
        pending=account.pending - points,
        active=account.active + points,
        earned=account.earned + points,
        version=account.version + 1,
        entries=account.entries + 1,
    )


def _expired(account: Account, points: int) -> Account:
    return account._replace(
        active=account.active - points,
        expired=account.expired + points,
        version=account.version + 1,
        entries=account.entries + 1,
    )


def _next_due(lots: Iterable[Lot]) -> datetime | None:
    instants = [lot.falls_due_at for lot in lots if lot.state in (LotState.PENDING, LotState.ACTIVE)]
    return min((instant for instant in instants if instant is not None), default=None)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((instant for instant in (one, other) if instant is not None), default=None)
