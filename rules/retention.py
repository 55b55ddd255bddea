"""For how long the contents of an activity are kept: of which class it is, and when it is due to be dropped.

The log itself enforces the same (storage/migrations/0014_retention.py): what a rule here forgot, it refuses. Words are
those of the contract's enums without their prefix; days have 24 hours.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from rules.activity import CATEGORIES

# In place of a number of days.
FOR_EVER = 0
DAYS_DEFAULT = 365
# Before the first activity of anybody.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# Instants are kept in whole ones.
_TICK = timedelta(microseconds=1)

# What these are of changes no customer; they tell who looked at what, and who tried.
READ_TYPES = frozenset({"AUTH", "ACCESS", "SECURITY", "COMPLIANCE", "REPORT", "EXPORT"})
# What was dropped, by which rule, and what was held back from that, is known for as long as the log is.
_OF_RETENTION = frozenset(
    {"retention.announced", "retention.dropped", "retention.updated", "legalhold.placed", "legalhold.lifted"}
)


class Effect(StrEnum):
    """What an activity was to the books. CHANGE: it changed something, or tells that something happened elsewhere.
    READ: it changed nothing, as a reading or a call that came to nothing."""

    CHANGE = "CHANGE"
    READ = "READ"


class Kept(NamedTuple):
    """What is kept alike: activities of a category and an effect."""

    category: str
    effect: Effect

    @property
    def field(self) -> str:
        """What the log calls its days."""
        return f"{self.category.lower()}.{self.effect.lower()}_days"


ALL = tuple(Kept(category, effect) for category in CATEGORIES for effect in Effect)


class Cell(NamedTuple):
    """A part of the log: what is kept alike, recorded at or after `since` and before `until`."""

    category: str
    effect: Effect
    days: int
    since: datetime
    until: datetime


def effect_of(activity_type: str, outcome: str) -> Effect:
    """Of an activity of that type, which ended so."""
    return Effect.CHANGE if outcome == "SUCCEEDED" and activity_type not in READ_TYPES else Effect.READ


def is_kept_for_ever(action: str, outcome: str) -> bool:
    """Whether no policy is asked: of what retention itself did."""
    return outcome == "SUCCEEDED" and action in _OF_RETENTION


def default_days(kept: Kept) -> int:
    """Where a program says nothing else: what changed a customer's balance or profile, or happened to them elsewhere,
    for ever; all that is the system's, and all reading, for a year."""
    return DAYS_DEFAULT if kept.category == "SYSTEM" or kept.effect is Effect.READ else FOR_EVER


def policy(given: Mapping[Kept, int]) -> dict[Kept, int]:
    """The days of everything, where a program gave some."""
    return {kept: given.get(kept, default_days(kept)) for kept in ALL}


def due_before(now: datetime, days: int) -> datetime:
    """What was recorded before this instant is due now, and nothing else is."""
    return BEGINNING if days == FOR_EVER else now - timedelta(days) + _TICK


def due_cells(
    given: Mapping[Kept, int], swept: Mapping[Kept, datetime], now: datetime, every: timedelta = timedelta(0)
) -> list[Cell]:
    """What is due now of a program that gave these days, and was not looked at: `swept` says up to when it was. Parts
    that would be shorter than `every` are left until they are not."""
    cells = []
    for kept, days in policy(given).items():
        since, until = swept.get(kept, BEGINNING), due_before(now, days)
        if until > since and until - since >= every:
            cells.append(Cell(*kept, days, since, until))
    return cells


def still_due(cells: Iterable[Cell], given: Mapping[Kept, int], now: datetime) -> list[Cell]:
    """What is left of cells under the days that hold now: they may have grown since the cells were cut."""
    days = policy(given)
    cut = []
    for cell in cells:
        now_days = days[Kept(cell.category, cell.effect)]
        until = min(cell.until, due_before(now, now_days))
        if until > cell.since:
            cut.append(cell._replace(days=now_days, until=until))
    return cut
