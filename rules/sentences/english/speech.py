"""How English says figures, instants and names."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rules import calendar
from rules.cards import CardKind
from rules.figures import decimal
from rules.programs import time_zone
from rules.refusals import TimeZoneUnknown

# Not those of the locale: the same act is told in the same words wherever the server runs.
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

# Ids that Fealty gave because nobody chose one: they mean nothing to people.
_MADE_UP = re.compile(r"[a-z]+_[0-9a-hjkmnp-tv-z]{26}")


def points(number: int, kind: CardKind = CardKind.POINTS, decimals: int = 0, word: str = "") -> str:
    """`12.50 points`, `1 stamp`; `3 pending points` with the word for them. `number` is in the smallest unit."""
    noun = "stamp" if kind is CardKind.STAMPS else "point"
    plural = "" if number == 10**decimals else "s"
    return f"{decimal(number, decimals)} {word}{' ' if word else ''}{noun}{plural}"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 lot`, `2 lots`; with a plural where it has no s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def capital(sentence: str) -> str:
    """With a capital at its beginning."""
    return sentence[:1].upper() + sentence[1:]


def known(identity: str) -> str:
    """An id that somebody chose; empty where Fealty did."""
    return "" if _MADE_UP.fullmatch(identity) else identity


def named(noun: str, identity: str) -> str:
    """`customer ada`, or `a customer` where its id says nothing to people."""
    shown = known(identity)
    return f"{noun} {shown}" if shown else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def short(name: str) -> str:
    """`…7q2f1d`: the end of a name that Fealty made up, enough to tell one of a list from the others."""
    return f"…{name[-6:]}"


def masked(address: str) -> str:
    """`a…@example.com`: enough to tell one's colleagues apart, and not to write to them."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}"


def month_and_day(month: int, day: int) -> str:
    """`31 December`."""
    return f"{day} {_MONTHS[month - 1]}"


def day(at: datetime, zone: ZoneInfo) -> str:
    """`3 March 2026`, where `zone` is."""
    local = calendar.local_day(at, zone)
    return f"{month_and_day(local.month, local.day)} {local.year}"


def until(at: datetime, zone: ZoneInfo) -> str:
    """The last day before an end that is the start of a day, `the end of 3 March 2026`; else the minute."""
    if calendar.start_of_day(calendar.local_day(at, zone), zone) == at:
        return f"the end of {day(at - timedelta(microseconds=1), zone)}"
    return moment(at, zone)


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`12:10 on 3 March 2026`."""
    return f"{at.astimezone(zone):%H:%M} on {day(at, zone)}"


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name; UTC where this machine's database has no such zone any more."""
    try:
        return time_zone(name)
    except TimeZoneUnknown:
        return time_zone("UTC")
