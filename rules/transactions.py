"""Purchases: what they earn, which state they are in, and how much of them a refund takes back."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rules.accounts import UNITS_MAX
from rules.programs import EarnRate
from rules.refusals import (
    AmountTooLarge,
    CurrencyMismatch,
    LineNotFound,
    LinesExceedAmount,
    RefundExceedsLine,
    RefundExceedsTransaction,
    TransactionStateWrong,
)


class TransactionState(StrEnum):
    """Where a purchase is in its life. Only the first three are ever decided; the others follow from its refunds."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"


class Line(NamedTuple):
    """One line of a purchase; `points` are its own, None where the card's rate says what it earns."""

    product_id: str
    category: str
    quantity: int
    amount_minor: int
    points: int | None = None


class Purchase(NamedTuple):
    """A purchase in the books. `decided` is PENDING, ACCEPTED or REJECTED; while PENDING, time accepts it at
    `accepts_at` (None: only somebody does). `refunded_points` is what its refunds claimed so far, `refunded_lines` the
    amount that they gave back of each line: None where they did not name it, so that one of amount 0 is named once.
    `first_content` is the content it was first recorded with, where it was corrected since."""

    transaction_id: str
    amount_minor: int
    currency_code: str
    lines: tuple[Line, ...]
    points: int
    lot: int | None
    settings_version: int
    occurred_at: datetime
    decided: TransactionState
    accepts_at: datetime | None
    refunds: int = 0
    refunded_minor: int = 0
    refunded_points: int = 0
    refunded_lines: tuple[int | None, ...] = ()
    first_content: str | None = None

    @property
    def content(self) -> str:
        """What tells it from another purchase of the same id: a digest of the money and the lines."""
        return content(self.amount_minor, self.currency_code, self.lines)

    @property
    def is_refunded(self) -> bool:
        """Whether all of it was: nothing of it is left to be decided. A purchase of 0 is by any refund."""
        return self.refunds > 0 and self.refunded_minor == self.amount_minor

    def state(self, now: datetime) -> TransactionState:
        """What it is to be called at `now`."""
        if self.decided is TransactionState.REJECTED:
            return self.decided
        if self.refunds:
            return TransactionState.REFUNDED if self.is_refunded else TransactionState.PARTIALLY_REFUNDED
        return TransactionState.PENDING if self.is_pending(now) else TransactionState.ACCEPTED

    def is_pending(self, now: datetime) -> bool:
        """Whether its points still wait."""
        is_decided = self.decided is not TransactionState.PENDING or self.is_refunded
        return not is_decided and (self.accepts_at is None or self.accepts_at > now)


class Share(NamedTuple):
    """What a refund takes of a purchase: money, the points claimed for it, and what is refunded of each line then."""

    amount_minor: int
    points: int
    lines: tuple[int | None, ...]


def content(amount_minor: int, currency_code: str, lines: Sequence[Line]) -> str:
    """A digest of what a purchase is recorded with. A field that lines gain later counts where it says something."""
    defaults = Line._field_defaults
    told = [{field: value for field, value in line._asdict().items() if value != defaults.get(field)} for line in lines]
    text = json.dumps([amount_minor, currency_code, told], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def check_lines(amount_minor: int, lines: Sequence[Line]) -> None:
    """Raises LinesExceedAmount: what a purchase earns by its lines was paid. They may come to less than was."""
    total = sum(line.amount_minor for line in lines)
    if total > amount_minor:
        raise LinesExceedAmount(amount=amount_minor, lines=total)


def earned(rate: EarnRate, amount_minor: int, currency_code: str, lines: Sequence[Line]) -> int:
    """What a purchase earns: the sum of its lines where any has points of its own, else by the rate on the amount.

    Raises CurrencyMismatch, AmountTooLarge.
    """
    if not any(line.points is not None for line in lines):
        return rate.earned(amount_minor, currency_code)
    if currency_code != rate.currency_code:
        raise CurrencyMismatch(expected=rate.currency_code, given=currency_code)
    points = sum(line_points(rate, line) for line in lines)
    if points > UNITS_MAX:
        raise AmountTooLarge(limit=UNITS_MAX)
    return points


def line_points(rate: EarnRate, line: Line) -> int:
    """What one line earns where lines have points of their own."""
    return rate.earned(line.amount_minor, rate.currency_code) if line.points is None else line.points


def check_pending(purchase: Purchase, now: datetime) -> None:
    """Raises TransactionStateWrong where its points no longer wait."""
    if not purchase.is_pending(now):
        raise TransactionStateWrong(
            transaction=purchase.transaction_id, state=purchase.state(now), wanted=TransactionState.PENDING
        )


def share(purchase: Purchase, rate: EarnRate, amount_minor: int | None, lines: Mapping[int, int] | None) -> Share:
    """What a refund of an amount, of lines (number from 1 to amount, 0 for all of it), or of all that is left takes.

    Cumulative: thirds of 100 points are 33, 33 and 34, and the whole is always the whole: when all the money is back,
    so are all points. A line of amount 0 is refunded once. It uses what was earned then.

    Raises RefundExceedsTransaction, RefundExceedsLine, LineNotFound, TransactionStateWrong.
    """
    if purchase.decided is TransactionState.REJECTED:
        raise TransactionStateWrong(
            transaction=purchase.transaction_id, state=purchase.decided, wanted=TransactionState.ACCEPTED
        )
    left = purchase.amount_minor - purchase.refunded_minor
    after = list(purchase.refunded_lines) or [None] * len(purchase.lines)
    by_lines = 0
    if lines:
        amount_minor = 0
        for number, amount in lines.items():
            if not 1 <= number <= len(purchase.lines):
                raise LineNotFound(transaction=purchase.transaction_id, line=number)
            line, before = purchase.lines[number - 1], after[number - 1]
            rest = line.amount_minor - (before or 0)
            if amount > rest or (not rest and before is not None):
                raise RefundExceedsLine(transaction=purchase.transaction_id, line=number, remaining=rest)
            taken = amount or rest
            after[number - 1] = (before or 0) + taken
            by_lines += _line_claim(line, rate, after[number - 1]) - _line_claim(line, rate, before)
            amount_minor += taken
    amount = left if amount_minor is None else amount_minor
    if amount > left or (purchase.refunds and not left):
        raise RefundExceedsTransaction(transaction=purchase.transaction_id, remaining=left, requested=amount)
    total = purchase.refunded_minor + amount
    unclaimed = purchase.points - purchase.refunded_points
    if total == purchase.amount_minor:
        return Share(amount, unclaimed, tuple(after))
    if lines and any(line.points is not None for line in purchase.lines):
        return Share(amount, min(by_lines, unclaimed), tuple(after))
    claim = part(purchase.points, total, purchase.amount_minor) - purchase.refunded_points
    return Share(amount, max(0, claim), tuple(after))


def part(points: int, amount: int, whole: int) -> int:
    """The points that belong to `amount` of `whole`, rounded down; all of them for the whole."""
    return points if amount == whole else points * amount // whole


def _line_claim(line: Line, rate: EarnRate, amount: int | None) -> int:
    return 0 if amount is None else part(line_points(rate, line), amount, line.amount_minor)
