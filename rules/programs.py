"""The settings of a program, what each means, and which changes of them are allowed."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rules import calendar
from rules.calendar import Rounding
from rules.refusals import CardFixed, CardNotFound, ClockMovesBack, CurrencyMismatch, NoTestClock, TimeZoneUnknown


@dataclass(frozen=True, slots=True)
class EarnRate:
    """`points` units for each `per_amount_minor` of the currency, rounded down."""

    points: int
    per_amount_minor: int
    currency_code: str
    whole_steps: bool = False

    def earned(self, amount_minor: int, currency_code: str) -> int:
        """Points, in the card's smallest unit, for an amount. Raises CurrencyMismatch."""
        if currency_code != self.currency_code:
            raise CurrencyMismatch(expected=self.currency_code, given=currency_code)
        if self.whole_steps:
            return amount_minor // self.per_amount_minor * self.points
        return amount_minor * self.points // self.per_amount_minor


@dataclass(frozen=True, slots=True)
class ExpiryPolicy:
    """Usable to the end of the local day `months` after activation, rounded on to the end of its period."""

    months: int
    rounding: Rounding = Rounding.DAY


@dataclass(frozen=True, slots=True)
class Card:
    """A kind of points. Its id and decimals are fixed once it exists."""

    card_id: str
    display_name: str
    decimals: int
    earn_rate: EarnRate
    pending_days: int = 0
    expiry_policy: ExpiryPolicy | None = None


class Term(NamedTuple):
    """From when to when points can be used: `activates_at <= now < expires_at`."""

    activates_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a program's administrators decide. Immutable: a change makes the next version."""

    display_name: str
    time_zone: str
    cards: tuple[Card, ...]

    def card(self, card_id: str, program: str) -> Card:
        """The card of that id. Raises CardNotFound."""
        for card in self.cards:
            if card.card_id == card_id:
                return card
        raise CardNotFound(program=program, card=card_id)

    def term(self, card: Card, occurred_at: datetime) -> Term:
        """When points of a purchase at `occurred_at` become active, and when they expire.

        Both follow from the purchase alone, never from when it was processed: a late worker changes nothing.
        """
        zone = time_zone(self.time_zone)
        day = calendar.local_day(occurred_at, zone)
        activates_at = occurred_at
        if card.pending_days:
            activates_at = calendar.end_of_pending(day, card.pending_days, zone)
            day = calendar.local_day(activates_at, zone)
        if card.expiry_policy is None:
            return Term(activates_at, None)
        return Term(activates_at, calendar.expiry(day, card.expiry_policy.months, card.expiry_policy.rounding, zone))


@lru_cache(maxsize=1024)
def time_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name. Raises TimeZoneUnknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimeZoneUnknown(time_zone=name) from error


def check_change(old: Settings, new: Settings) -> None:
    """Raises CardFixed where accounts would lose the card they are counted in, TimeZoneUnknown."""
    time_zone(new.time_zone)
    kept = {card.card_id: card for card in new.cards}
    for card in old.cards:
        if card.card_id not in kept or kept[card.card_id].decimals != card.decimals:
            raise CardFixed(card=card.card_id)


def check_clock(program: str, test_clock_at: datetime | None, to: datetime) -> None:
    """Raises NoTestClock, ClockMovesBack."""
    if test_clock_at is None:
        raise NoTestClock(program=program)
    if to < test_clock_at:
        raise ClockMovesBack(now=test_clock_at.isoformat())
