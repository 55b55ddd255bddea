"""Which settings of a program make sense, which changes of them are allowed, and what is found in them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import TypeAdapter

from rules.calendar import Rounding
from rules.programs import (
    COUNTABLE,
    Card,
    CardKind,
    EarnRate,
    EventType,
    ExpiryMode,
    ExpiryPolicy,
    PendingMode,
    PendingPolicy,
    RefundPolicy,
    Settings,
    check_awaited,
    check_change,
    check_clock,
    check_settings,
    taken_away,
    time_zone,
)
from rules.refusals import (
    CardFixed,
    CardNotFound,
    ClockMovesBack,
    EventTypeAwaited,
    EventTypeUnknown,
    NoTestClock,
    SettingsInvalid,
    TimeZoneUnknown,
)

RATE = EarnRate(points=100, per_amount_minor=1000, currency_code="EUR")
CARD = Card("points", "Points", 2, RATE)
STAMPS = Card("stamps", "Stamps", 0, RATE, kind=CardKind.STAMPS, stamps_per_reward=10)
SETTINGS = Settings("Coffee club", "Europe/Prague", (CARD,))
DELIVERED = EventType("order.delivered", "Order delivered")
REVIEW = EventType("review", "Review written", points=50, card_id="points")


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "Europe", "a" * 64, "\0"])
def test_what_is_no_time_zone_is_refused_by_name(name: str) -> None:
    """The library answers with five kinds of exception; a caller gets one."""
    with pytest.raises(TimeZoneUnknown):
        time_zone(name)


def test_a_card_is_never_taken_away_and_keeps_its_kind_and_decimals() -> None:
    """Accounts are counted in it: without it, balances would mean nothing."""
    extra = Card("extra", "Extra", 0, EarnRate(1, 1000, "EUR"))
    settings = replace(SETTINGS, cards=(CARD, extra))
    stamps = replace(extra, kind=CardKind.STAMPS, stamps_per_reward=10)
    for cards in ((CARD,), (CARD, replace(extra, decimals=1)), (CARD, replace(extra, card_id="other")), (CARD, stamps)):
        with pytest.raises(CardFixed) as refused:
            check_change(settings, replace(settings, cards=cards))
        assert refused.value.facts == {"card": "extra"}


def test_anything_else_of_a_card_may_change_and_cards_may_be_added() -> None:
    """New settings hold from now on; what was earned keeps its terms."""
    changed = replace(
        CARD,
        display_name="Beans",
        earn_rate=replace(RATE, points=5),
        pending=PendingPolicy(PendingMode.BY_HAND),
        refund_policy=RefundPolicy.UNLIMITED,
        rollback_days=30,
    )
    check_change(SETTINGS, replace(SETTINGS, display_name="Tea club", cards=(changed, replace(CARD, card_id="extra"))))


def test_settings_that_contradict_themselves_are_refused_at_creation_and_at_every_change() -> None:
    """They would otherwise be found out at the next purchase."""
    waiting = replace(CARD, pending=PendingPolicy(PendingMode.EVENT, event_type="order.delivered"))
    for settings, refusal in (
        (replace(SETTINGS, time_zone="Europe/Atlantis"), TimeZoneUnknown),
        (replace(SETTINGS, cards=(CARD, replace(STAMPS, decimals=2))), SettingsInvalid),
        (replace(SETTINGS, cards=(waiting,)), SettingsInvalid),
    ):
        with pytest.raises(refusal):
            check_settings(settings)
        with pytest.raises(refusal):
            check_change(SETTINGS, settings)
    check_settings(replace(SETTINGS, cards=(waiting, STAMPS), event_types=(DELIVERED, REVIEW)))


def test_an_event_type_that_points_wait_for_cannot_be_taken_away() -> None:
    """Nothing could ever name it again, and the points would wait for ever."""
    waiting = replace(CARD, pending=PendingPolicy(PendingMode.EVENT, event_type="order.delivered"))
    settings = replace(SETTINGS, cards=(waiting,), event_types=(DELIVERED, REVIEW))
    check_change(settings, replace(settings, event_types=(DELIVERED,)))
    with pytest.raises(SettingsInvalid, match=r"order\.delivered"):
        check_change(settings, replace(settings, event_types=(REVIEW,)))


def test_an_event_type_that_lots_wait_for_is_not_taken_away() -> None:
    """Their card may have another policy by now; they wait all the same, and nothing could name that type again."""
    settings = replace(SETTINGS, event_types=(DELIVERED, REVIEW))
    assert taken_away(settings, replace(settings, event_types=(replace(REVIEW, points=5),))) == ["order.delivered"]
    assert taken_away(SETTINGS, settings) == []
    check_awaited({"order.delivered": 0})
    with pytest.raises(EventTypeAwaited) as refused:
        check_awaited({"review": 0, "order.delivered": 2})
    assert refused.value.facts == {"event_type": "order.delivered", "lots": "2"}


@pytest.mark.parametrize(
    ("event_types", "word"),
    [
        ((DELIVERED, REVIEW, replace(DELIVERED, display_name="Other")), "declared twice"),
        ((replace(REVIEW, card_id="miles"),), "miles"),
        ((replace(REVIEW, card_id=""),), "both or none"),
        ((replace(DELIVERED, card_id="points"),), "both or none"),
        *(((EventType(name, "Mine"),), "choose another") for name in COUNTABLE),
    ],
)
def test_an_event_type_is_declared_once_and_gives_points_of_a_card_that_is_there(
    event_types: tuple[EventType, ...], word: str
) -> None:
    """Of two declarations nobody could say which one holds; points of no card are points of no account."""
    with pytest.raises(SettingsInvalid, match=word):
        check_settings(replace(SETTINGS, event_types=event_types))


def test_settings_come_back_from_the_books_as_they_were_written() -> None:
    """They are kept as JSON, which knows no tuples, dates and enums; a purchase is decided by what comes back."""
    cards = (
        replace(CARD, pending=PendingPolicy(PendingMode.FIXED_DATE, date=date(2025, 12, 1))),
        replace(STAMPS, pending=PendingPolicy(PendingMode.EVENT, 14, Rounding.WEEK, event_type="order.delivered")),
        replace(CARD, expiry_policy=ExpiryPolicy(3, mode=ExpiryMode.CALENDAR, dates=((6, 30), (12, 31)))),
        replace(CARD, expiry_policy=ExpiryPolicy(6, mode=ExpiryMode.SLIDING, activity_types=COUNTABLE)),
    )
    settings = replace(SETTINGS, cards=cards, event_types=(DELIVERED, REVIEW))
    books = TypeAdapter(Settings)
    assert books.validate_python(books.dump_python(settings, mode="json")) == settings
    assert books.validate_json(books.dump_json(settings)) == settings


def test_settings_written_before_a_field_was_known_have_its_usual_value() -> None:
    """Programs of an older version are read by a newer one."""
    rate = {"points": 100, "per_amount_minor": 1000, "currency_code": "EUR"}
    card = {"card_id": "points", "display_name": "Points", "decimals": 2, "earn_rate": rate}
    plain = {"display_name": "Coffee club", "time_zone": "Europe/Prague", "cards": [card]}
    assert TypeAdapter(Settings).validate_python(plain) == SETTINGS
    assert SETTINGS.cards[0].refund_policy is RefundPolicy.WITHIN_BALANCE
    assert SETTINGS.cards[0].hold_ttl_max_s == timedelta(days=1).total_seconds()


def test_a_card_that_is_not_the_programs_is_not_found() -> None:
    """With the names that the caller used."""
    assert SETTINGS.card("points", "coffee") is CARD
    with pytest.raises(CardNotFound) as refused:
        SETTINGS.card("stamps", "coffee")
    assert refused.value.facts == {"program": "coffee", "card": "stamps"}


def test_an_event_type_that_was_not_declared_is_not_known() -> None:
    """A till that misspells one hears of it, instead of counting for nothing."""
    settings = replace(SETTINGS, event_types=(DELIVERED, REVIEW))
    assert settings.event_type("review") is REVIEW
    with pytest.raises(EventTypeUnknown) as refused:
        settings.event_type("reviews")
    assert refused.value.facts == {"event_type": "reviews"}


def test_only_a_test_clock_moves_and_only_forward() -> None:
    """A live program has no clock to move; and what has expired cannot come back."""
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    check_clock("coffee", noon, noon)
    check_clock("coffee", noon, noon + timedelta(days=400))
    with pytest.raises(NoTestClock):
        check_clock("coffee", None, noon)
    with pytest.raises(ClockMovesBack):
        check_clock("coffee", noon, noon - timedelta(microseconds=1))
