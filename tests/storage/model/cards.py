"""The program that the model knows, in whole days of UTC: one card for each way to wait, to last and to refund, the
changes that its administrators make, and what the settings of a card say of an instant."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from rules.cards import CardKind, ExpiryMode, RefundPolicy
from rules.programs import Card, EarnRate, EventType, ExpiryPolicy, PendingMode, PendingPolicy, Settings

# Days for which points of each card can be used, wait by themselves, or wait for a delivery (None: none of it).
LASTS = 10
WAITS = 3
RATE = EarnRate(1, 1, "EUR")
TTL_MAX_S = 5 * 86_400
VISITS = ("transaction.recorded", "points.spent", "visited")
FAITHFUL = ExpiryPolicy(days=LASTS, mode=ExpiryMode.SLIDING, activity_types=VISITS)
DELIVERED = PendingPolicy(PendingMode.EVENT, event_type="delivered")
QUICK = Card(
    "quick", "Quick", 0, RATE, None, ExpiryPolicy(days=LASTS), hold_ttl_max_s=TTL_MAX_S, transfer_daily_points=60
)
OWING = replace(
    QUICK, card_id="owing", pending=PendingPolicy(PendingMode.DELAY, WAITS), refund_policy=RefundPolicy.UNLIMITED
)
LOYAL = replace(
    QUICK,
    card_id="loyal",
    pending=DELIVERED,
    expiry_policy=FAITHFUL,
    refund_policy=RefundPolicy.ONLY_PENDING,
    transfer_daily_points=0,
    transfer_daily_count=1,
)
STAMPS = replace(
    QUICK,
    card_id="stamps",
    earn_rate=EarnRate(2, 50, "EUR", True),
    kind=CardKind.STAMPS,
    stamps_per_reward=5,
    transfer_daily_count=1,
)
CARDS = (QUICK, OWING, LOYAL, STAMPS)
EVENTS = (EventType("delivered", "Delivered"), EventType("visited", "Visited"))
GIFT = EventType("won", "Won", 25, "quick")
SETTINGS = Settings("Model", "UTC", CARDS, (*EVENTS, GIFT))
NAMES = ("ada", "ben")
# Of each card there is a reward of its name; stamps fill two cards or, once fewer do, none.
PRICE = 10
Key = tuple[str, str]

# What becomes of a setting of a card, whichever card it is; points that fill a reward contradict themselves.
CHANGES: dict[str, tuple[Any, ...]] = {
    "earn_rate": (RATE, EarnRate(3, 2, "EUR"), EarnRate(5, 40, "EUR", True)),
    "pending": (
        None,
        PendingPolicy(PendingMode.DELAY, 1),
        PendingPolicy(PendingMode.FIXED_DATE, date=date(2025, 1, 9)),
        PendingPolicy(PendingMode.BY_HAND),
        DELIVERED,
        replace(DELIVERED, days=2),
    ),
    "expiry_policy": (
        None,
        ExpiryPolicy(days=2),
        ExpiryPolicy(days=1, mode=ExpiryMode.CALENDAR, dates=((1, 5), (1, 20), (2, 10))),
        replace(FAITHFUL, days=3, activity_types=("hold.captured", "won")),
        FAITHFUL,
    ),
    "refund_policy": tuple(RefundPolicy),
    "rollback_days": (0, 1),
    "hold_ttl_max_s": (86_400,),
    "transfer_daily_points": (0, 40),
    "transfer_daily_count": (1, 2),
    "stamps_per_reward": (3,),
    "won": (GIFT, replace(GIFT, points=7, card_id="stamps"), replace(GIFT, points=0, card_id="")),
}


class Change(NamedTuple):
    """Another value for a setting, one of those above."""

    card_id: str
    field: str
    which: int


def earned(card: Card, amount: int) -> int:
    """The points of an amount, in whole steps or in parts of them."""
    rate = card.earn_rate
    steps = amount // rate.per_amount_minor
    part = 0 if rate.whole_steps else amount % rate.per_amount_minor
    return steps * rate.points + part * rate.points // rate.per_amount_minor


def begins(card: Card, at: datetime) -> datetime | None:
    """When points of a purchase start to count, None where somebody or something decides."""
    pending = card.pending
    if pending is None:
        return at
    if pending.date is not None:
        return max(at, datetime.combine(pending.date, time(), UTC))
    return midnight(at, pending.days) if pending.mode is PendingMode.DELAY else None


def matures(card: Card, at: datetime) -> datetime:
    """When points start to count for which something happened that they waited for."""
    return midnight(at, card.pending.days) if card.pending is not None and card.pending.days else at


def ends(card: Card, since: datetime) -> datetime | None:
    """When points that count since then are over, None where that is never, or moves on with what the customer does."""
    policy = card.expiry_policy
    if policy is None or policy.activity_types:
        return None
    end = midnight(since, policy.days)
    while policy.dates and ((end - timedelta(days=1)).month, (end - timedelta(days=1)).day) not in policy.dates:
        end += timedelta(days=1)
    return end


def midnight(since: datetime, days: int) -> datetime:
    """The end of the day that many days later; the model's program lives in UTC."""
    return since.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days + 1)


def changed(settings: Settings, asked: Iterable[Change]) -> dict[str, Any]:
    """What an administrator gives new values who asks for some changes; the gift belongs to no card."""
    cards, event_types = {card.card_id: card for card in settings.cards}, settings.event_types
    for change in asked:
        values = CHANGES[change.field]
        value = values[change.which % len(values)]
        if change.field == "won":
            event_types = (*EVENTS, value)
        else:
            cards[change.card_id] = replace(cards[change.card_id], **{change.field: value})
    return {"cards": tuple(cards.values()), "event_types": event_types}
