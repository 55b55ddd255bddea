"""Counts of the log are those of whoever reads all of it and counts by hand, whatever is asked, wherever sums stand."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.access import Role, in_role
from rules.periods import Period, bounds
from rules.refusals import CustomerNotFound, ProgramNotFound
from storage.activity import counts, pages, ranks, rollup
from storage.activity.counts import Basis, Counts
from storage.activity.filters import Filter
from storage.activity.look import Search
from storage.activity.records import ActivityRow
from storage.activity.sums import Group
from storage.engine.database import Connection, Database, connection
from tests.storage.activity import living
from tests.storage.activity.living import READER, Entry, act_by_chance, entries, lived, matches
from tests.storage.activity.positioning import assign
from tests.storage.activity.summing import advance_all

SAME_LOG = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
MANY = 10_000
# What Fealty itself does is always the same; what callers record may be anything.
EVENTS = {kind.action: kind.event for kind in living.KINDS if kind.action != "visit.started"}

# Clocks change in Prague on 30 March, by half an hour on Lord Howe on 6 April.
FIRST, LAST = datetime(2025, 3, 28, 20, tzinfo=UTC), datetime(2025, 4, 8, 3, tzinfo=UTC)
ZONES = ("UTC", "Europe/Prague", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Kiritimati")


class Log(NamedTuple):
    """The whole log, the oldest first, and what was recorded of each entry's event."""

    entries: list[Entry]
    kind_events: dict[Any, str | None]

    def __repr__(self) -> str:
        """Short: it is shown with each example that fails."""
        return f"Log({len(self.entries)})"


@pytest.fixture
def log(database: Database) -> Log:
    """One that spreads over days: most of it is counted, some was given a position since, and some was not yet; and
    some was recorded by a version that did not say what an act was to what it was about."""
    lived(database, 0)
    chance = random.Random(11)
    span = int((LAST - FIRST).total_seconds())
    at = partial(_at, chance, span)
    for step in range(4):
        act_by_chance(database, chance, 70, at)
        _record_as_before(database)
        assign(database)
        advance_all(database, 50 + step)
    act_by_chance(database, chance, 40, at)
    act_by_chance(database, chance, 10)
    assign(database)
    act_by_chance(database, chance, 40, at)
    return Log(entries(), {row.id: row.kind_event for row in ActivityRow.select()})


def _at(chance: random.Random, span: int) -> datetime:
    # Also on the bounds of days and quarters.
    found = FIRST + timedelta(seconds=chance.randrange(span), microseconds=chance.randrange(10**6))
    return chance.choice((found, found, found.replace(minute=chance.choice((0, 15, 45)), second=0, microsecond=0)))


def _record_as_before(database: Database) -> None:
    with connection(database) as books:
        books.execute(
            "INSERT INTO activity SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),"
            " 'kind_event', NULL, 'written_by', pg_current_xact_id()::text::bigint))).* FROM activity a"
            " WHERE action = ANY(%s) LIMIT 5",
            [list(EVENTS)],
        )


@pytest.fixture
def books(database: Database) -> Iterator[Connection]:
    """A connection."""
    with connection(database) as opened:
        yield opened


def _some(values: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.just(()) | st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=2).map(tuple)


# By an entry of the log, where a range can cut something off, or not far from one: its number, how many seconds away,
# and whether at the beginning of a quarter.
_Cut: TypeAlias = tuple[int, int, bool]
_CUTS: st.SearchStrategy[_Cut | None] = st.none() | st.tuples(
    st.integers(0, 399), st.sampled_from((0, 1, -450, 900, -90_000)), st.booleans()
)


@st.composite
def filters(draw: st.DrawFn) -> tuple[Filter, _Cut | None, _Cut | None]:
    """One that sums can answer, or one that they cannot, and between which instants it asks."""
    events = draw(_some(["CREATED", "UPDATED"]))
    asked: dict[str, Any] = {
        "categories": draw(_some({kind.category for kind in living.KINDS})),
        "types": draw(_some(kind.type for kind in living.KINDS)),
        "actions": draw(_some(kind.action for kind in living.KINDS)),
        "outcomes": draw(_some(["SUCCEEDED", "DENIED", "REFUSED", "NONE"])),
        "actor_types": draw(_some(["SERVICE", "SYSTEM"])),
        "sources": draw(_some(["API", "PLATFORM"])),
        "modules": draw(_some(["MEMBERS", "PROGRAM_SETTINGS"])),
        "addresses": draw(_some(["10.0.0.1", "2001:db8::7"])),
        "actor_names": draw(_some(["till", "nobody"])),
        "customers": draw(_some([("coffee", "ada"), ("tea", "ada")])),
    }
    asking = draw(st.lists(st.sampled_from(sorted(asked)), max_size=2))
    if draw(st.booleans()):
        asked["events"] = events
        asked["actions_of_events"] = tuple(action for action, event in EVENTS.items() if event in events)
        asking += ["events", "actions_of_events"]
    return Filter(**{name: asked[name] for name in asking}), draw(_CUTS), draw(_CUTS)


def _instant(log: Log, cut: _Cut | None) -> datetime | None:
    if cut is None:
        return None
    number, seconds, whole = cut
    at: datetime = log.entries[min(number, len(log.entries) - 1)].recorded_at + timedelta(seconds=seconds)
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0) if whole else at


def _count(
    books: Connection, search: Search, period: Period = Period.DAY, zone: str = "UTC", looked_max: int = MANY
) -> Counts:
    divided = lambda first, last: list(bounds(first, last, period, ZoneInfo(zone)))  # noqa: E731
    return counts.count(books, search, READER, divided, looked_max)


def _picked(log: Log, search: Search) -> list[Entry]:
    return [
        one
        for one in log.entries
        if search.program in ("", one.program)
        and search.customer in ("", one.customer)
        and all(matches(one, wanted) for wanted in search.filters)
    ]


def _group(log: Log, entry: Entry) -> Group:
    body = entry.body
    what = (body["action"], log.kind_events[entry.id], body["category"], body["type"], body["module"])
    return Group(*what, body["source"], body["outcome"], body["actor"]["type"])


def _period(at: datetime, period: Period, zone: str) -> tuple[Any, ...]:
    local = at.astimezone(ZoneInfo(zone))
    day: date = local.date()
    return {
        Period.HOUR: (day, local.hour, local.utcoffset()),
        Period.DAY: (day,),
        Period.WEEK: tuple(day.isocalendar()[:2]),
        Period.MONTH: (day.year, day.month),
    }[period]


@SAME_LOG
@given(
    asked=st.lists(filters(), max_size=2),
    whose=st.sampled_from([("", ""), ("", ""), ("coffee", ""), ("tea", ""), ("coffee", "ada")]),
    period=st.sampled_from(list(Period)),
    zone=st.sampled_from(ZONES),
)
def test_counts_of_any_filter_are_those_of_whoever_counts_by_hand(
    log: Log, books: Connection, asked: Any, whose: tuple[str, str], period: Period, zone: str
) -> None:
    """Of all, of a program and of a customer; what is in a sum already, what is not yet, and what a range cuts."""
    wanted = [
        replace(one, recorded_from=_instant(log, since), recorded_before=_instant(log, before))
        for one, since, before in asked
    ]
    search = Search(*whose, wanted)
    found = _count(books, search, period, zone)
    picked = _picked(log, search)
    assert {group: number for group, number in found.groups.items() if number} == Counter(
        _group(log, one) for one in picked
    )
    assert found.basis.is_all
    assert found.basis.since is None
    numbers = {_period(bar.begins, period, zone): bar.number for bar in found.bars if bar.number}
    assert numbers == Counter(_period(one.recorded_at, period, zone) for one in picked)
    _assert_whole(found, search, picked)


def _assert_whole(found: Counts, search: Search, picked: list[Entry]) -> None:
    """No time is left out between the bars, and they begin and end where the filter does."""
    bars = found.bars
    assert all(before.ends == after.begins for before, after in pairwise(bars))
    first = max((one.recorded_from for one in search.filters if one.recorded_from), default=None)
    last = min((one.recorded_before for one in search.filters if one.recorded_before), default=found.as_of)
    if first is None and picked:
        assert bars[0].begins <= picked[0].recorded_at < bars[0].ends
    if first is not None and first < last:
        assert bars[0].begins <= first < bars[0].ends
    if bars:
        assert bars[-1].begins < last <= bars[-1].ends
    else:
        assert not picked
        assert first is None or first >= last


@pytest.mark.parametrize("whose", [("", ""), ("coffee", "")], ids=["all", "program"])
def test_what_no_sum_can_answer_is_counted_of_the_newest_and_said_so(
    log: Log, books: Connection, whose: tuple[str, str]
) -> None:
    """ "37 of the 40 that were looked at" is an answer; "37" of 4,000 is none."""
    # All of them: but whether they are, only they can tell.
    search = Search(*whose, [Filter(addresses=living.ADDRESSES)])
    scoped = _picked(log, Search(*whose))
    newest = scoped[-30:]
    found = _count(books, search, looked_max=30)
    assert found.basis == Basis(30, is_all=False, since=newest[0].recorded_at)
    assert found.groups == Counter(_group(log, one) for one in newest if matches(one, search.filters[0]))
    assert found.bars[0].begins <= newest[0].recorded_at < found.bars[0].ends
    for looked_max in (len(scoped), len(scoped) + 1):
        assert _count(books, search, looked_max=looked_max).basis == Basis(len(scoped), is_all=True)


def test_so_many_behind_the_sums_that_not_all_are_looked_at_are_said_to_be(
    database: Database, log: Log, books: Connection
) -> None:
    """While no clock runs, or everything is counted anew: what is missing must not pass for nothing."""
    assert _count(books, Search(), looked_max=90).basis.is_all
    less = _count(books, Search(), looked_max=89)
    assert (less.basis.is_all, less.basis.since) == (False, None)
    assert sum(less.groups.values()) == len(log.entries) - 1


@pytest.mark.parametrize("whose", [("", ""), ("tea", ""), ("tea", "ben")], ids=["all", "program", "customer"])
def test_who_did_the_most_and_to_what_is_what_one_counts_by_hand(
    log: Log, books: Connection, whose: tuple[str, str]
) -> None:
    """With the names that callers have today; what a call was about that named nothing is nothing."""
    search = Search(*whose, [Filter(outcomes=("SUCCEEDED", "REFUSED"))])
    picked = _picked(log, search)
    acted = Counter((one.body["actor"]["id"], one.body["actor"]["type"], one.actor_name) for one in picked)
    touched = Counter(one.body["subject"] for one in picked if one.body["subject"])
    found = ranks.rank(books, search, READER, True, True, MANY, MANY)
    assert {(one.id, one.type, one.name): one.number for one in found.actors} == acted
    assert dict(found.subjects) == touched
    some = ranks.rank(books, search, READER, True, True, 3, MANY)
    assert [one.number for one in some.actors] == sorted(acted.values(), reverse=True)[:3]
    assert (some.actors, some.subjects) == (found.actors[:3], found.subjects[:3])
    assert ranks.rank(books, search, READER, False, False, 3, 20).basis.looked == 20
    assert found.basis == Basis(len(_picked(log, Search(*whose))), is_all=True)


def test_a_key_of_one_program_counts_only_what_is_its_programs(log: Log, books: Connection) -> None:
    """Whatever it asks for, and however."""
    caller = in_role("caller_1", "till", Role.AUDITOR, "tea")
    of_tea = [one for one in log.entries if one.program == "tea"]
    none: list[datetime] = []
    for asked in ([], [Filter(addresses=living.ADDRESSES)]):
        found = counts.count(books, Search(filters=asked), caller, lambda *_: none, MANY)
        assert sum(found.groups.values()) == len(of_tea)
        ranked = ranks.rank(books, Search(filters=asked), caller, True, False, MANY, MANY)
        assert sum(one.number for one in ranked.actors) == len(of_tea)
    for refused, search in (
        (ProgramNotFound, Search("coffee")),
        (ProgramNotFound, Search(filters=[Filter(customers=(("coffee", "ada"),))])),
        (CustomerNotFound, Search("tea", "eve")),
    ):
        with pytest.raises(refused):
            counts.count(books, search, caller, lambda *_: none, MANY)


def test_counts_are_those_of_the_list(log: Log, books: Connection) -> None:
    """Two numbers for one question would make both worthless."""
    for wanted in (Filter(), Filter(modules=("MEMBERS",)), Filter(actor_names=("till",)), Filter(events=("CREATED",))):
        search = Search("coffee", filters=[replace(wanted, recorded_before=LAST)])
        total = pages.total(books, search, READER, MANY, MANY)
        assert sum(_count(books, search).groups.values()) == total.number > 0


def test_what_is_counted_ahead_is_not_looked_through(log: Log, database: Database, books: Connection) -> None:
    """Of a year there are millions of entries, and some thousand sums."""
    assign(database)
    advance_all(database, MANY)
    whole = [Filter(recorded_from=FIRST.replace(minute=15), recorded_before=LAST, outcomes=("SUCCEEDED",))]
    for program in ("", "coffee"):
        found = _count(books, Search(program, filters=whole))
        assert found.basis == Basis(0, is_all=True)
        assert sum(found.groups.values()) == len(_picked(log, Search(program, filters=whole)))
    assert rollup.reached(books) == len(log.entries)
