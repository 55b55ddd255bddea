"""The log in pages, with any filter: what a reader would pick by hand, and never a look at all of it at once."""

import random
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.access import Role, in_role
from rules.refusals import CustomerNotFound, ProgramNotFound
from storage.access.records import CallerRow
from storage.activity import pages
from storage.activity.filters import Filter
from storage.activity.look import Position, Search
from storage.activity.pages import Page, Total
from storage.engine.database import Connection, Database, connection
from tests.storage.activity import living
from tests.storage.activity.living import READER, Entry, act_by_chance, entries, lived, matches

# One log for all examples of a test: a question changes nothing.
SAME_LOG = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
MANY = 10_000


@pytest.fixture
def log(database: Database) -> list[Entry]:
    """The whole log, the oldest first."""
    return lived(database)


@pytest.fixture
def books(database: Database) -> Iterator[Connection]:
    """A connection."""
    with connection(database) as opened:
        yield opened


def _some(values: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.just(()) | st.lists(st.sampled_from(list(values)), min_size=1, max_size=3).map(tuple)


_SUBJECTS = [f"programs/coffee/customers/ada{below}" for below in living.BELOW] + ["programs/tea", "database", "%"]
_TEXTS = ["12", "true", "0", "Europe/Prague", "'; --", '["12"]', "null", ""]
_SECONDS = st.none() | st.integers(-2, 400)


@st.composite
def filters(draw: st.DrawFn) -> tuple[Filter, int | None, int | None]:
    """A filter, and between which of the entries it asks."""
    asked = Filter(
        categories=draw(_some({kind.category for kind in living.KINDS})),
        types=draw(_some([kind.type for kind in living.KINDS])),
        events=draw(_some(["CREATED", "UPDATED", "DELETED"])),
        actions=draw(_some([kind.action for kind in living.KINDS])),
        outcomes=draw(_some(["SUCCEEDED", "DENIED", "REFUSED", "NONE"])),
        actors=draw(_some(["operator", "caller_x"])),
        actor_names=draw(_some(["till", "desk", "nobody", "' OR 1 = 1"])),
        actor_types=draw(_some(["SERVICE", "SYSTEM"])),
        roles=draw(_some(["SERVICE", "ADMINISTRATOR", "%"])),
        sources=draw(_some(["API", "PLATFORM"])),
        modules=draw(_some(["MEMBERS", "PROGRAM_SETTINGS"])),
        subjects=draw(_some(_SUBJECTS)),
        subject_kinds=draw(_some(["customers", "accounts", "cards", "programs", "lots"])),
        customers=draw(_some([("coffee", "ada"), ("coffee", "ben"), ("tea", "ada")])),
        related=draw(_some(living.RELATED)),
        request_ids=draw(_some(["r-1", "r-2", "r"])),
        trace_ids=draw(_some(["t-1", "t-2", "t"])),
        reason_codes=draw(_some(living.CODES)),
        addresses=draw(_some(["10.0.0.1", "2001:db8::7", "10.0.0"])),
        changed_fields=draw(_some(["active", "points.active", "time_zone", "zone", "email", "%", "_%", "it's"])),
        values_before=draw(_some(_TEXTS)),
        values_after=draw(_some(_TEXTS)),
    )
    # Of all fields together nothing is ever left: ask of some.
    asking = set(draw(st.lists(st.sampled_from([field.name for field in fields(Filter)]), max_size=3)))
    kept = {field.name: getattr(asked, field.name) for field in fields(Filter) if field.name in asking}
    return Filter(**kept), draw(_SECONDS), draw(_SECONDS)


def _between(log: list[Entry], wanted: Filter, first: int | None, last: int | None) -> Filter:
    """The filter with instants at which entries were recorded."""
    at = [None if number is None else log[min(max(number, 0), len(log) - 1)].recorded_at for number in (first, last)]
    return replace(wanted, recorded_from=at[0], recorded_before=at[1])


def _all(books: Connection, search: Search, size: int, looked_max: int = MANY) -> list[Page]:
    found = [pages.page(books, search, READER, None, size, looked_max)]
    while (after := found[-1].following) is not None:
        found.append(pages.page(books, search, READER, after, size, looked_max))
        assert found[-1].following != after
    return found


def _ids(found: list[Page]) -> list[Any]:
    return [activity.id for page in found for activity in page.activities]


@SAME_LOG
@given(
    asked=st.lists(filters(), max_size=2),
    whose=st.sampled_from([("", ""), ("coffee", ""), ("tea", ""), ("coffee", "ada"), ("tea", "ben")]),
    ascending=st.booleans(),
    size=st.sampled_from([1, 3, 50, 1000]),
    looked_max=st.sampled_from([2, 20, 100, MANY]),
)
def test_pages_of_any_filter_are_what_a_reader_would_pick_by_hand(
    log: list[Entry], books: Connection, asked: Any, whose: Any, ascending: bool, size: int, looked_max: int
) -> None:
    """Of all, of a program or of a customer, both ways, whatever the pages' size, and however little each looks at."""
    wanted = [_between(log, *one) for one in asked]
    search = Search(whose[0], whose[1], wanted, ascending)
    found = _all(books, search, size, looked_max)
    scoped = [one for one in log if whose[0] in ("", one.program) and whose[1] in ("", one.customer)]
    picked = [one.id for one in scoped if all(matches(one, each) for each in wanted)]
    assert _ids(found) == (picked if ascending else picked[::-1])
    assert all(len(page.activities) <= size for page in found)
    # As many pages as it takes, and none for nothing: each is full, or has looked at all that it may.
    assert len(found) <= 1 + len(picked) // size + len(log) // looked_max
    counted = pages.total(books, search, READER, 40, looked_max)
    assert counted.number == min(len(picked), 40) or (counted.is_lower_bound and counted.number < len(picked))
    assert counted.is_lower_bound or counted.number == len(picked)


@pytest.mark.parametrize("ascending", [False, True], ids=["newest first", "oldest first"])
@pytest.mark.parametrize("whose", [("", ""), ("coffee", ""), ("coffee", "ada")], ids=["all", "program", "customer"])
def test_what_is_recorded_meanwhile_shifts_nothing(
    database: Database, log: list[Entry], books: Connection, whose: tuple[str, str], ascending: bool
) -> None:
    """A list by number of the row would show an entry twice, or leave one out, with every purchase."""
    search = Search(whose[0], whose[1], [Filter(outcomes=("SUCCEEDED", "DENIED"))], ascending)
    then = _ids(_all(books, search, MANY))
    chance = random.Random(3)
    found: list[Any] = []
    after: Position | int | None = None
    while True:
        page = pages.page(books, search, READER, after, 5, 20)
        found += [activity.id for activity in page.activities]
        after = page.following
        if after is None:
            break
        if len(found) < len(then):
            act_by_chance(database, chance, 20)
    assert len(set(found)) == len(found)
    assert [identity for identity in found if identity in set(then)] == then
    # What is new comes where the order has it: at the end, or before the beginning, where nobody looks any more.
    now = _ids(_all(books, search, MANY))
    assert found == (now if ascending else then)
    assert len(now) > len(then)


def test_a_page_looks_at_no_more_than_it_may(log: list[Entry], books: Connection) -> None:
    """Who asks for what is not there must not make the database read all that is."""
    search = Search("coffee", filters=[Filter(related=("bookings/0",))])
    of_coffee = [entry for entry in log if entry.program == "coffee"]
    first = pages.page(books, search, READER, None, 10, 20)
    assert first.activities == []
    assert first.following == Position(of_coffee[-20].recorded_at, of_coffee[-20].id)
    assert pages.page(books, search, READER, None, 10, len(of_coffee)) == Page([], None)
    assert pages.page(books, search, READER, None, 10, len(of_coffee) - 1).following is not None


def test_a_customer_with_more_entries_than_a_page_looks_at_is_listed_all_the_same(
    log: list[Entry], books: Connection
) -> None:
    """The index of customers is in another order: only few entries can be sorted for each page."""
    of_ada = [entry.id for entry in log if (entry.program, entry.customer) == ("coffee", "ada")]
    search = Search("coffee", "ada", ascending=True)
    for looked_max in (len(of_ada) - 1, len(of_ada), len(of_ada) + 1):
        assert _ids(_all(books, search, 7, looked_max)) == of_ada


def test_a_full_page_has_looked_at_no_more_than_it_shows_and_passed_over(log: list[Entry], books: Connection) -> None:
    """Asking the whole log for a page of five would take longer with every purchase."""
    books.execute("ANALYZE activity")
    wanted = Search("coffee", filters=[Filter(addresses=living.ADDRESSES[:2])])
    with books.transaction():
        before = _fetched(books)
        shown = pages.page(books, wanted, READER, None, 5, 20_000).activities
        fetched = _fetched(books) - before
    assert len(shown) == 5
    last = (shown[-1].recorded_at, shown[-1].id)
    passed = [one for one in log if one.program == "coffee" and (one.recorded_at, one.id) >= last]
    # Each by its key, then itself; and one match more, which tells that another page follows.
    assert len(passed) <= fetched <= 2 * (len(passed) + living.AT_ONCE)


def _fetched(books: Connection) -> int:
    of_activities = "FROM pg_stat_xact_user_tables WHERE relname = 'activity'"
    [(number,)] = books.execute(f"SELECT seq_tup_read + idx_tup_fetch {of_activities}")
    return int(number)


def test_a_total_is_exact_up_to_its_limit_and_says_when_it_is_not(log: list[Entry], books: Connection) -> None:
    """ "37 entries" that are 4,000 would be believed."""
    coffee = Search("coffee")
    number = sum(entry.program == "coffee" for entry in log)
    assert pages.total(books, coffee, READER, MANY, MANY) == Total(number, is_lower_bound=False)
    assert pages.total(books, coffee, READER, number, MANY) == Total(number, is_lower_bound=False)
    assert pages.total(books, coffee, READER, number - 1, MANY) == Total(number - 1, is_lower_bound=True)
    assert pages.total(books, coffee, READER, MANY, 30) == Total(30, is_lower_bound=True)


def test_a_key_of_one_program_finds_only_what_is_its_programs(log: list[Entry], books: Connection) -> None:
    """Whatever it asks for, and however."""
    caller = in_role("caller_1", "till", Role.AUDITOR, "tea")
    of_tea = [entry.id for entry in log if entry.program == "tea"]
    found = pages.page(books, Search(ascending=True), caller, None, MANY, MANY)
    assert [activity.id for activity in found.activities] == of_tea
    with pytest.raises(ProgramNotFound):
        pages.page(books, Search("coffee"), caller, None, 1, 1)
    with pytest.raises(ProgramNotFound):
        pages.page(books, Search(filters=[Filter(customers=(("coffee", "ada"),))]), caller, None, 1, 1)
    with pytest.raises(CustomerNotFound):
        pages.page(books, Search(filters=[Filter(customers=(("tea", "eve"),))]), caller, None, 1, 1)


def test_what_one_request_did_is_found_together(log: list[Entry], database: Database, books: Connection) -> None:
    """Two callers may choose the same id, and so may one caller in two programs; hours later it is another request."""
    one = next(entry for entry in log if entry.program and entry.body["request_id"] and entry.actor_name)
    [found] = [row for row in _everything(books, one.program) if row.id == one.id]
    same = [
        entry.id
        for entry in log
        if (entry.program, entry.body["request_id"], entry.body["actor"]["id"], entry.id == one.id)
        == (one.program, one.body["request_id"], one.body["actor"]["id"], False)
    ]
    minute = timedelta(minutes=1)
    assert len(same) > 1
    assert _same(books, found, one.program, minute, MANY, 100) == same
    assert _same(books, found, one.program, minute, MANY, 1) == same[:1]
    at_once = [entry.id for entry in log if entry.recorded_at == one.recorded_at]
    assert _same(books, found, one.program, timedelta(0), MANY, 100) == [id for id in same if id in at_once]
    assert set(_same(books, found, one.program, minute, 10, 100)) < set(same)
    unnamed = found._replace(body={**found.body, "request_id": ""})
    assert _same(books, unnamed, one.program, minute, MANY, 100) == []
    assert CallerRow.select().count() == 2


def _everything(books: Connection, program: str) -> list[Any]:
    return pages.page(books, Search(program), READER, None, MANY, MANY).activities


def _same(books: Connection, *asked: Any) -> list[Any]:
    return [activity.id for activity in pages.same_request(books, *asked)]


def test_the_log_that_these_tests_read_has_some_of_everything(log: list[Entry]) -> None:
    """A filter that matches nothing anywhere proves nothing."""
    assert entries() == log
    for wanted in (
        Filter(changed_fields=("active",), values_after=("12",)),
        Filter(changed_fields=("it's",)),
        Filter(values_before=("'; --",)),
        Filter(actor_names=("till",), addresses=("10.0.0.1",), subject_kinds=("accounts",)),
        Filter(modules=("MEMBERS",), customers=(("tea", "ada"),)),
    ):
        assert 0 < sum(matches(entry, wanted) for entry in log) < len(log)
