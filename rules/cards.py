"""A card of a program: what it earns, when its points can be used, and which of its settings contradict themselves."""

import datetime
from calendar import monthrange
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from enum import StrEnum

from rules.calendar import Rounding
from rules.refusals import CurrencyMismatch, SettingsInvalid

# What every program can count as activity beside its declared events. Refunds and adjustments are none: whoever only
# brings things back, or is only corrected, has not been here.
COUNTABLE = ("transaction.recorded", "points.spent", "hold.captured")
# Long enough for a checkout that is left and taken up again the same day.
HOLD_TTL_MAX_S = 86_400
# Far from both ends of Python's calendar, so that such a date has a beginning in every zone, and a year to expire in.
_DATES = (datetime.date(1970, 1, 1), datetime.date(9000, 12, 31))


class CardKind(StrEnum):
    """Points are counted in fractions and spent as needed, stamps are whole and fill a card."""

    POINTS = "POINTS"
    STAMPS = "STAMPS"


class RefundPolicy(StrEnum):
    """From where a refund takes points back; what it cannot take is a shortfall, or with UNLIMITED a debt."""

    ONLY_PENDING = "ONLY_PENDING"
    WITHIN_BALANCE = "WITHIN_BALANCE"
    UNLIMITED = "UNLIMITED"


class PendingMode(StrEnum):
    """What points wait for before they are active."""

    DELAY = "DELAY"
    FIXED_DATE = "FIXED_DATE"
    EVENT = "EVENT"
    BY_HAND = "BY_HAND"


class ExpiryMode(StrEnum):
    """What the end of points is counted from: their activation, a day of the year, the customer's last activity."""

    ROLLING = "ROLLING"
    CALENDAR = "CALENDAR"
    SLIDING = "SLIDING"


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
class PendingPolicy:
    """DELAY and EVENT: pending to the end of the local day `days` after the purchase or the event, moved on to the end
    of its period. FIXED_DATE: until `date` begins. BY_HAND: until somebody accepts.
    """

    mode: PendingMode
    days: int = 0
    rounding: Rounding = Rounding.DAY
    date: datetime.date | None = None
    event_type: str = ""


@dataclass(frozen=True, slots=True)
class ExpiryPolicy:
    """ROLLING: usable to the end of the local day `months` and `days` after activation, moved on to the end of its
    period. CALENDAR: to the end of the first of the yearly `dates`, (month, day), from that day on.
    SLIDING: as ROLLING, but after the customer's last activity of one of `activity_types`.
    """

    months: int = 0
    rounding: Rounding = Rounding.DAY
    days: int = 0
    mode: ExpiryMode = ExpiryMode.ROLLING
    dates: tuple[tuple[int, int], ...] = ()
    activity_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A kind of points. Its id, kind and decimals are fixed once it exists. A limit of 0 is none."""

    card_id: str
    display_name: str
    decimals: int
    earn_rate: EarnRate
    pending: PendingPolicy | None = None
    expiry_policy: ExpiryPolicy | None = None
    kind: CardKind = CardKind.POINTS
    stamps_per_reward: int = 0
    refund_policy: RefundPolicy = RefundPolicy.WITHIN_BALANCE
    rollback_days: int = 0
    hold_ttl_max_s: int = HOLD_TTL_MAX_S
    transfer_daily_points: int = 0
    transfer_daily_count: int = 0
    archived: bool = False

    @property
    def slides(self) -> bool:
        """Whether its points last as long as their customer comes back."""
        return self.expiry_policy is not None and self.expiry_policy.mode is ExpiryMode.SLIDING


def check_card(card: Card, event_types: Collection[str]) -> None:
    """Raises SettingsInvalid where settings contradict themselves or each other."""
    for what in _contradictions(card, event_types):
        raise SettingsInvalid(what=f"card {card.card_id}: {what}")


# The fields that say something in each mode; any other that is filled was meant for another mode.
_PENDING_FIELDS = {
    PendingMode.DELAY: {"days", "rounding"},
    PendingMode.FIXED_DATE: {"date"},
    PendingMode.EVENT: {"days", "rounding", "event_type"},
    PendingMode.BY_HAND: set[str](),
}
_EXPIRY_FIELDS = {
    ExpiryMode.ROLLING: {"months", "days", "rounding"},
    ExpiryMode.CALENDAR: {"months", "days", "dates"},
    ExpiryMode.SLIDING: {"months", "days", "rounding", "activity_types"},
}


def _contradictions(card: Card, event_types: Collection[str]) -> Iterator[str]:
    if card.kind is CardKind.STAMPS and card.decimals:
        yield "stamps are whole; leave decimals away"
    if card.kind is CardKind.STAMPS and card.stamps_per_reward < 1:
        yield "stamps fill a reward; say how many with stamps_per_reward"
    if card.kind is CardKind.POINTS and card.stamps_per_reward:
        yield "points fill no reward; make the card one of stamps, or leave stamps_per_reward away"
    if card.pending is not None:
        yield from _of_pending(card.pending, event_types)
    if card.expiry_policy is not None:
        yield from _of_expiry(card.expiry_policy, event_types)


def _of_pending(policy: PendingPolicy, event_types: Collection[str]) -> Iterator[str]:
    for field in _meaningless(policy, PendingPolicy(policy.mode), _PENDING_FIELDS[policy.mode]):
        yield f"{field} says nothing of points that wait for {policy.mode}; leave it away"
    if policy.days < 0:
        yield "points wait forward in time; give 0 days or more"
    if policy.rounding not in (Rounding.DAY, Rounding.WEEK, Rounding.MONTH):
        yield "points become active as a day, a week or a month begins; round to one of these"
    if policy.mode is PendingMode.DELAY and not policy.days and policy.rounding is Rounding.DAY:
        yield "a delay of 0 days delays nothing; give it days or a rounding, or leave the pending policy away"
    if policy.mode is PendingMode.FIXED_DATE and not (policy.date and _DATES[0] <= policy.date <= _DATES[1]):
        yield f"points that wait for a date need one from {_DATES[0]} to {_DATES[1]}; give it"
    if policy.mode is PendingMode.EVENT and policy.event_type not in event_types:
        yield f"points wait for events of type {policy.event_type or '(none)'}; declare it in event_types"


def _of_expiry(policy: ExpiryPolicy, event_types: Collection[str]) -> Iterator[str]:
    for field in _meaningless(policy, ExpiryPolicy(mode=policy.mode), _EXPIRY_FIELDS[policy.mode]):
        yield f"{field} says nothing of an expiry that is {policy.mode}; leave it away"
    if policy.months < 0 or policy.days < 0:
        yield "points expire after they become active; give 0 months and days or more"
    if policy.rounding is Rounding.WEEK:
        yield "points are not usable to the end of a week; round to the end of a month or more, or give days"
    if policy.mode is ExpiryMode.CALENDAR and not policy.dates:
        yield "points that expire on days of the year need at least one; give its month and day"
    for month, day in policy.dates:
        # 2024 had a 29 February; in other years that date is the last day of the month.
        if not (1 <= month <= 12 and 1 <= day <= monthrange(2024, month)[1]):
            yield f"no month {month} has a day {day}; give a day of the year"
    if policy.mode is ExpiryMode.SLIDING and not policy.activity_types:
        yield "points that last while the customer is active need to know what counts; give activity_types"
    for name in policy.activity_types:
        if name not in COUNTABLE and name not in event_types:
            yield f"{name} does not count as activity; name a declared event type or one of {', '.join(COUNTABLE)}"


def _meaningless(
    policy: PendingPolicy | ExpiryPolicy, plain: PendingPolicy | ExpiryPolicy, meant: Collection[str]
) -> Iterator[str]:
    for field in fields(policy):
        if field.name not in meant and getattr(policy, field.name) != getattr(plain, field.name):
            yield field.name
