"""What the books hold of one account: the account, its lots, holds and shortfalls, and the entries that change it.

All figures are whole numbers in the card's smallest unit; all instants are UTC. Nothing here decides anything.
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from rules.activity import Change

# Above it, JSON readers and spreadsheets lose units without telling.
UNITS_MAX = 2**53


class LotState(StrEnum):
    """Where a lot is in its life. Only the first two are open."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    DEPLETED = "DEPLETED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    MOVED = "MOVED"


class HoldState(StrEnum):
    """Where a hold is in its life. Only the first is open."""

    ACTIVE = "ACTIVE"
    CAPTURED = "CAPTURED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


class ShortfallKind(StrEnum):
    """What became of the part of a refund that nothing was left for."""

    DEBT = "DEBT"
    SHORTFALL = "SHORTFALL"


class AccountState(StrEnum):
    """Follows the customer's, so that whoever has the account in hand need not ask (rules/states.py)."""

    OPEN = "OPEN"
    SUSPENDED = "SUSPENDED"
    BLOCKED = "BLOCKED"
    CLOSED = "CLOSED"
    MERGED = "MERGED"


class EntryKind(StrEnum):
    """Why the active points of an account changed."""

    EARN = "EARN"
    ACTIVATION = "ACTIVATION"
    SPEND = "SPEND"
    EXPIRY = "EXPIRY"
    REFUND = "REFUND"
    ROLLBACK = "ROLLBACK"
    ADJUSTMENT = "ADJUSTMENT"
    TRANSFER_IN = "TRANSFER_IN"
    TRANSFER_OUT = "TRANSFER_OUT"
    REPAYMENT = "REPAYMENT"
    MERGE_IN = "MERGE_IN"
    MERGE_OUT = "MERGE_OUT"


# What the balance of an account is made of.
BALANCE = ("pending", "active", "held", "debt")
Figures: TypeAlias = tuple[int, int, int, int]


class Account(NamedTuple):
    """What one customer holds of one card.

    earned + moved = spent + expired + revoked + active, at any time. `active` counts held points too, `debt` is what
    refunds took and nobody had; while there is any, no active point is free. `lots`, `entries`, `holds` and
    `shortfalls` count those made so far, `sliding_expiries` the groups of lots whose expiry slides. `due_at` is never
    later than the next instant at which time alone changes the account.
    """

    pending: int = 0
    active: int = 0
    held: int = 0
    debt: int = 0
    earned: int = 0
    spent: int = 0
    expired: int = 0
    revoked: int = 0
    moved: int = 0
    version: int = 0
    lots: int = 0
    entries: int = 0
    holds: int = 0
    shortfalls: int = 0
    sliding_expiries: int = 0
    state: AccountState = AccountState.OPEN
    due_at: datetime | None = None

    @property
    def figures(self) -> Figures:
        """Its balance, in the order of BALANCE."""
        return self.pending, self.active, self.held, self.debt

    @property
    def free(self) -> int:
        """What no hold has set aside."""
        return self.active - self.held

    @property
    def spendable(self) -> int:
        """What can be spent now."""
        return max(0, self.active - self.held - self.debt)

    def is_due(self, now: datetime) -> bool:
        """Whether it must be settled before anything else is done with it."""
        return self.due_at is not None and self.due_at <= now


def balance_changes(card: str, before: Figures, after: Figures) -> list[Change]:
    """What became of the balance of an account of that card, as a record has it: `points.active` from 0 to 12."""
    figures = zip(BALANCE, before, after, strict=True)
    return [Change(f"{card}.{figure}", old, new) for figure, old, new in figures if old != new]


class Lot(NamedTuple):
    """Points that came together: one activation instant, one expiry instant, the policy they were issued under.

    `remaining` is what is left; of it `held` is pinned by holds. `cancelled` was taken back while it was pending.
    A lot that `slides` has no expiry of its own: it shares that of its settings version's group. `activates_at` is
    None while it waits for an event, or for somebody to accept it. `origin` names the lot it was made from, in
    account `origin_account` (None: the same).
    """

    number: int
    state: LotState
    points: int
    remaining: int
    activates_at: datetime | None
    expires_at: datetime | None
    settings_version: int
    issued_at: datetime
    transaction_id: str | None = None
    held: int = 0
    cancelled: int = 0
    slides: bool = False
    awaits: str | None = None
    origin: int | None = None
    origin_account: int | None = None

    @property
    def free(self) -> int:
        """What no hold has pinned."""
        return self.remaining - self.held

    @property
    def is_open(self) -> bool:
        """Whether time or an act can still change it."""
        return self.state in (LotState.PENDING, LotState.ACTIVE)


class Hold(NamedTuple):
    """Points set aside until `expires_at`, pinned to lots in the order in which a capture takes them."""

    number: int
    state: HoldState
    points: int
    expires_at: datetime
    created_at: datetime
    pins: tuple[tuple[int, int], ...]
    captured: int = 0
    ended_at: datetime | None = None
    entry: int | None = None
    reference: str = ""
    transaction_id: str | None = None


class Shortfall(NamedTuple):
    """What a refund asked for and nothing was left for. A DEBT is repaid by the next points that become free."""

    number: int
    kind: ShortfallKind
    points: int
    remaining: int
    created_at: datetime
    transaction_id: str | None = None
    written_off: int = 0
    ended_at: datetime | None = None


class Entry(NamedTuple):
    """One permanent change: entry number `seq`, its signed amount, what it gave to or took from each lot, in order.

    `hold` is the hold that it captured, `reverses` the entry that it rolled back.
    """

    seq: int
    kind: EntryKind
    amount: int
    active_after: int
    held_after: int
    debt_after: int
    occurred_at: datetime
    allocations: tuple[tuple[int, int], ...]
    transaction_id: str | None = None
    hold: int | None = None
    reverses: int | None = None
