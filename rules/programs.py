"""The settings of a program, what each means, and which changes of them are allowed."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rules import calendar
from rules.calendar import Rounding
from rules.cards import (
    COUNTABLE,
    Card,
    CardKind,
    EarnRate,
    ExpiryMode,
    ExpiryPolicy,
    PendingMode,
    PendingPolicy,
    RefundPolicy,
    check_card,
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

# A card is a part of the settings: who has these need not know in which file it stands.
__all__ = [
    "COUNTABLE",
    "Card",
    "CardKind",
    "EarnRate",
    "EventType",
    "ExpiryMode",
    "ExpiryPolicy",
    "PendingMode",
    "PendingPolicy",
    "RefundPolicy",
    "Settings",
    "Term",
    "check_awaited",
    "check_begins",
    "check_change",
    "check_clock",
    "check_settings",
    "keep_states",
    "taken_away",
    "time_zone",
]


class Term(NamedTuple):
    """From when to when points can be used: `activates_at <= now < expires_at`.

    Without `activates_at` they wait, for an event of the type `awaits` or, where that is empty, for somebody to accept
    them; their expiry is then not known yet. Points that slide expire with their account
    (Settings.sliding_expiry_at).
    """

    activates_at: datetime | None
    expires_at: datetime | None
    slides: bool = False
    awaits: str = ""


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event that the program knows. Recording one gives `points` units of the card, where there are any."""

    event_type: str
    display_name: str
    points: int = 0
    card_id: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a program's administrators decide. Immutable: a change makes the next version."""

    display_name: str
    time_zone: str
    cards: tuple[Card, ...]
    event_types: tuple[EventType, ...] = ()
    archived: bool = False

    def card(self, card_id: str, program: str) -> Card:
        """The card of that id. Raises CardNotFound."""
        for card in self.cards:
            if card.card_id == card_id:
                return card
        raise CardNotFound(program=program, card=card_id)

    def event_type(self, name: str) -> EventType:
        """The declared type of that name. Raises EventTypeUnknown."""
        for declared in self.event_types:
            if declared.event_type == name:
                return declared
        raise EventTypeUnknown(event_type=name)

    def term(self, card: Card, occurred_at: datetime) -> Term:
        """When points of a purchase at `occurred_at` become active, and when they expire.

        Both follow from the purchase alone, never from when it was processed: a late worker changes nothing.
        """
        pending = card.pending
        activates_at = occurred_at
        if pending is not None:
            if pending.mode in (PendingMode.EVENT, PendingMode.BY_HAND):
                return Term(None, None, card.slides, pending.event_type)
            # Never before the purchase, even where a date lies beyond the end of the calendar.
            activates_at = max(occurred_at, self._waited_until(pending, occurred_at))
        return Term(activates_at, self.usable_until(card, activates_at), card.slides)

    def matures_at(self, card: Card, event_at: datetime) -> datetime:
        """When points that waited for an event become active: at once, or after the days in which it can be cancelled.

        At once too where the card's policy, changed since, waits for no event.
        """
        pending = card.pending
        if pending is None or pending.mode is not PendingMode.EVENT:
            return event_at
        if not pending.days and pending.rounding is Rounding.DAY:
            return event_at
        return max(event_at, self._waited_until(pending, event_at))

    def usable_until(self, card: Card, activated_at: datetime) -> datetime | None:
        """When points that became active then expire; None where they never do, or with their account's activity."""
        policy = card.expiry_policy
        if policy is None or policy.mode is ExpiryMode.SLIDING:
            return None
        return self._end(policy, activated_at)

    def sliding_expiry_at(self, card: Card, activity_type: str, at: datetime) -> datetime | None:
        """When the account's sliding points expire after an activity of that type, None where it does not count.

        An empty type always counts: that is how long points last that became active at that instant.
        """
        policy = card.expiry_policy
        if policy is None or policy.mode is not ExpiryMode.SLIDING:
            return None
        if activity_type and activity_type not in policy.activity_types:
            return None
        return self._end(policy, at)

    def _waited_until(self, pending: PendingPolicy, since: datetime) -> datetime:
        zone = time_zone(self.time_zone)
        if pending.date is not None:
            return calendar.start_of_day(pending.date, zone)
        return calendar.end_of_pending(calendar.local_day(since, zone), pending.days, zone, pending.rounding)

    def _end(self, policy: ExpiryPolicy, since: datetime) -> datetime | None:
        zone = time_zone(self.time_zone)
        day = calendar.local_day(since, zone)
        if day >= calendar.FAR_AWAY:
            return None
        if policy.mode is ExpiryMode.CALENDAR:
            return calendar.yearly_expiry(day, policy.dates, policy.months, policy.days, zone)
        return calendar.expiry(day, policy.months, policy.rounding, zone, policy.days)


@lru_cache(maxsize=1024)
def time_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name. Raises TimeZoneUnknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimeZoneUnknown(time_zone=name) from error


def check_settings(settings: Settings) -> None:
    """Raises TimeZoneUnknown, and SettingsInvalid where settings contradict themselves."""
    time_zone(settings.time_zone)
    names = Counter(declared.event_type for declared in settings.event_types)
    cards = {card.card_id for card in settings.cards}
    for declared in settings.event_types:
        name = declared.event_type
        if names[name] > 1:
            raise SettingsInvalid(what=f"event type {name} is declared twice; keep one of them")
        if name in COUNTABLE:
            raise SettingsInvalid(what=f"{name} is what Fealty calls an activity of its own; choose another event type")
        if bool(declared.points) != bool(declared.card_id):
            raise SettingsInvalid(what=f"event type {name} needs points and a card_id, or neither; give both or none")
        if declared.points and declared.card_id not in cards:
            raise SettingsInvalid(what=f"event type {name} gives points of the card {declared.card_id}, which is none")
    for card in settings.cards:
        check_card(card, names)


def check_begins(cards: Iterable[Card]) -> None:
    """Raises SettingsInvalid where a new card would be archived already."""
    for card in cards:
        if card.archived:
            raise SettingsInvalid(what=f"card {card.card_id} would begin as archived; make it, then archive it")


def check_change(old: Settings, new: Settings) -> None:
    """Raises CardFixed where accounts would lose the card they are counted in, or it would be archived by the way; and
    what check_settings and check_begins raise."""
    check_settings(new)
    kept = {card.card_id: (card.kind, card.decimals, card.archived) for card in new.cards}
    for card in old.cards:
        if kept.pop(card.card_id, None) != (card.kind, card.decimals, card.archived):
            raise CardFixed(card=card.card_id)
    check_begins(card for card in new.cards if card.card_id in kept)


def keep_states(old: Settings, cards: Iterable[Card], which: Collection[str]) -> tuple[Card, ...]:
    """Cards of a change; those of some ids stay as archived as they are, whatever the change says."""
    archived = {card.card_id: card.archived for card in old.cards}
    return tuple(
        replace(card, archived=archived.get(card.card_id, False)) if card.card_id in which else card for card in cards
    )


def taken_away(old: Settings, new: Settings) -> list[str]:
    """The event types that a change declares no more."""
    kept = {declared.event_type for declared in new.event_types}
    return [declared.event_type for declared in old.event_types if declared.event_type not in kept]


def check_awaited(waiting: Mapping[str, int]) -> None:
    """Raises EventTypeAwaited where lots wait for event types that are to be taken away; `waiting` counts them."""
    for event_type, lots in waiting.items():
        if lots:
            raise EventTypeAwaited(event_type=event_type, lots=lots)


def check_clock(program: str, test_clock_at: datetime | None, to: datetime) -> None:
    """Raises NoTestClock, ClockMovesBack."""
    if test_clock_at is None:
        raise NoTestClock(program=program)
    if to < test_clock_at:
        raise ClockMovesBack(now=test_clock_at.isoformat())
