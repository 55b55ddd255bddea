"""The program that the model knows, in whole days of UTC: one card for each way to wait, to last and to refund."""

from dataclasses import replace

from rules.cards import ExpiryMode, RefundPolicy
from rules.programs import Card, EarnRate, EventType, ExpiryPolicy, PendingMode, PendingPolicy, Settings

# Days for which points of each card can be used, wait by themselves, or wait for a delivery (None: none of it).
LASTS = 10
WAITS = 3
RATE = EarnRate(1, 1, "EUR")
TTL_MAX_S = 5 * 86_400
QUICK = Card("quick", "Quick", 0, RATE, None, ExpiryPolicy(days=LASTS), hold_ttl_max_s=TTL_MAX_S)
OWING = replace(
    QUICK, card_id="owing", pending=PendingPolicy(PendingMode.DELAY, WAITS), refund_policy=RefundPolicy.UNLIMITED
)
LOYAL = replace(
    QUICK,
    card_id="loyal",
    pending=PendingPolicy(PendingMode.EVENT, event_type="delivered"),
    expiry_policy=ExpiryPolicy(
        days=LASTS, mode=ExpiryMode.SLIDING, activity_types=("transaction.recorded", "points.spent", "visited")
    ),
    refund_policy=RefundPolicy.ONLY_PENDING,
)
GIFT = 25
CARDS = (QUICK, OWING, LOYAL)
EVENTS = (EventType("delivered", "Delivered"), EventType("visited", "Visited"), EventType("won", "Won", GIFT, "quick"))
SETTINGS = Settings("Model", "UTC", CARDS, EVENTS)
NAMES = ("ada", "ben")
Key = tuple[str, str]
