"""Cards: what their points wait for, how long they last, and what may be done with them."""

from datetime import date

from fealty.v1 import cards_pb2, values_pb2
from fealty.v1 import programs_pb2 as pb
from rules.calendar import Rounding
from rules.cards import (
    HOLD_TTL_MAX_S,
    Card,
    CardKind,
    EarnRate,
    ExpiryMode,
    ExpiryPolicy,
    PendingMode,
    PendingPolicy,
    RefundPolicy,
)
from rules.refusals import SettingsInvalid

_ROUNDINGS = {
    cards_pb2.EXPIRY_ROUNDING_UNSPECIFIED: Rounding.DAY,
    cards_pb2.EXPIRY_ROUNDING_END_OF_MONTH: Rounding.MONTH,
    cards_pb2.EXPIRY_ROUNDING_END_OF_QUARTER: Rounding.QUARTER,
    cards_pb2.EXPIRY_ROUNDING_END_OF_HALF_YEAR: Rounding.HALF_YEAR,
    cards_pb2.EXPIRY_ROUNDING_END_OF_YEAR: Rounding.YEAR,
}
_ROUNDING_NUMBERS = {rounding: number for number, rounding in _ROUNDINGS.items()}

_STARTS = {
    cards_pb2.PENDING_ROUNDING_UNSPECIFIED: Rounding.DAY,
    cards_pb2.PENDING_ROUNDING_START_OF_WEEK: Rounding.WEEK,
    cards_pb2.PENDING_ROUNDING_START_OF_MONTH: Rounding.MONTH,
}
_START_NUMBERS = {rounding: number for number, rounding in _STARTS.items()}

# A caller that leaves a choice away has made the usual one, which is shown by its name from then on.
_KINDS = {
    cards_pb2.CARD_KIND_UNSPECIFIED: CardKind.POINTS,
    cards_pb2.CARD_KIND_POINTS: CardKind.POINTS,
    cards_pb2.CARD_KIND_STAMPS: CardKind.STAMPS,
}
KIND_NUMBERS = {kind: number for number, kind in _KINDS.items()}

_REFUNDS = {
    cards_pb2.REFUND_POLICY_UNSPECIFIED: RefundPolicy.WITHIN_BALANCE,
    cards_pb2.REFUND_POLICY_ONLY_PENDING: RefundPolicy.ONLY_PENDING,
    cards_pb2.REFUND_POLICY_WITHIN_BALANCE: RefundPolicy.WITHIN_BALANCE,
    cards_pb2.REFUND_POLICY_UNLIMITED: RefundPolicy.UNLIMITED,
}
_REFUND_NUMBERS = {policy: number for number, policy in _REFUNDS.items()}


def card(given: pb.Card) -> Card:
    """The card in a message. Raises SettingsInvalid where a date in it is none."""
    rate = given.earn_rate
    return Card(
        given.card_id,
        given.display_name,
        given.decimals,
        EarnRate(rate.points, rate.per_amount_minor, rate.currency_code, rate.whole_steps),
        _pending(given.pending_policy) if given.HasField("pending_policy") else None,
        _expiry(given.expiry_policy) if given.HasField("expiry_policy") else None,
        _KINDS[given.kind],
        given.stamps_per_reward,
        _REFUNDS[given.refund_policy],
        given.rollback_days,
        given.hold_ttl_max_s or HOLD_TTL_MAX_S,
        given.transfer_daily_points,
        given.transfer_daily_count,
        given.state == cards_pb2.CARD_STATE_ARCHIVED,
    )


def message(card: Card) -> pb.Card:
    """A card as the contract shows it."""
    rate = card.earn_rate
    return pb.Card(
        card_id=card.card_id,
        display_name=card.display_name,
        decimals=card.decimals,
        earn_rate=pb.EarnRate(
            points=rate.points,
            per_amount_minor=rate.per_amount_minor,
            currency_code=rate.currency_code,
            whole_steps=rate.whole_steps,
        ),
        pending_policy=None if card.pending is None else _pending_message(card.pending),
        expiry_policy=None if card.expiry_policy is None else _expiry_message(card.expiry_policy),
        kind=KIND_NUMBERS[card.kind],
        stamps_per_reward=card.stamps_per_reward,
        refund_policy=_REFUND_NUMBERS[card.refund_policy],
        rollback_days=card.rollback_days,
        hold_ttl_max_s=card.hold_ttl_max_s,
        transfer_daily_points=card.transfer_daily_points,
        transfer_daily_count=card.transfer_daily_count,
        state=cards_pb2.CARD_STATE_ARCHIVED if card.archived else cards_pb2.CARD_STATE_ACTIVE,
    )


def _pending(policy: cards_pb2.PendingPolicy) -> PendingPolicy:
    match policy.WhichOneof("mode"):
        case "delay":
            return PendingPolicy(PendingMode.DELAY, policy.delay.days, _STARTS[policy.delay.rounding])
        case "fixed_date":
            return PendingPolicy(PendingMode.FIXED_DATE, date=_date(policy.fixed_date.date))
        case "event":
            event = policy.event
            return PendingPolicy(PendingMode.EVENT, event.days, _STARTS[event.rounding], event_type=event.event_type)
        case _:
            return PendingPolicy(PendingMode.BY_HAND)


def _pending_message(policy: PendingPolicy) -> cards_pb2.PendingPolicy:
    start = _START_NUMBERS[policy.rounding]
    match policy.mode:
        case PendingMode.DELAY:
            delay = cards_pb2.PendingDelay(days=policy.days, rounding=start)
            return cards_pb2.PendingPolicy(delay=delay)
        case PendingMode.FIXED_DATE:
            day = policy.date
            assert day is not None
            shown = values_pb2.Date(year=day.year, month=day.month, day=day.day)
            return cards_pb2.PendingPolicy(fixed_date=cards_pb2.PendingDate(date=shown))
        case PendingMode.EVENT:
            event = cards_pb2.PendingEvent(event_type=policy.event_type, days=policy.days, rounding=start)
            return cards_pb2.PendingPolicy(event=event)
        case PendingMode.BY_HAND:
            return cards_pb2.PendingPolicy(by_hand=cards_pb2.PendingByHand())


def _expiry(policy: cards_pb2.ExpiryPolicy) -> ExpiryPolicy:
    rounding = _ROUNDINGS[policy.rounding]
    match policy.WhichOneof("mode"):
        case "calendar":
            dates = tuple((day.month, day.day) for day in policy.calendar.dates)
            return ExpiryPolicy(policy.months, rounding, policy.days, ExpiryMode.CALENDAR, dates=dates)
        case "sliding":
            types = tuple(policy.sliding.activity_types)
            return ExpiryPolicy(policy.months, rounding, policy.days, ExpiryMode.SLIDING, activity_types=types)
        case _:
            return ExpiryPolicy(policy.months, rounding, policy.days)


def _expiry_message(policy: ExpiryPolicy) -> cards_pb2.ExpiryPolicy:
    shown = cards_pb2.ExpiryPolicy(months=policy.months, rounding=_ROUNDING_NUMBERS[policy.rounding], days=policy.days)
    if policy.mode is ExpiryMode.CALENDAR:
        shown.calendar.dates.extend(cards_pb2.MonthDay(month=month, day=day) for month, day in policy.dates)
    elif policy.mode is ExpiryMode.SLIDING:
        shown.sliding.activity_types.extend(policy.activity_types)
    return shown


def _date(day: values_pb2.Date) -> date:
    # Each number is within its limits by the contract; whether they are a date together only a calendar knows.
    try:
        return date(day.year, day.month, day.day)
    except ValueError as error:
        given = f"{day.year:04}-{day.month:02}-{day.day:02}"
        raise SettingsInvalid(what=f"there is no {given}; give a day that its month has") from error
