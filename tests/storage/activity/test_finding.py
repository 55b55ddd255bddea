"""Activities found by their words: those that somebody would find who reads every sentence, and no others."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rules import sentences
from rules.access import Role, in_role
from rules.words import wanted
from storage.activity import blocks, finding, pages, words
from storage.activity.commands import Outcome, Scope, record
from storage.activity.filters import Filter
from storage.activity.look import Search
from storage.activity.pages import Page
from storage.activity.queries import Activity
from storage.customers.records import CustomerRow
from storage.engine.database import Connection, Database, connection
from storage.engine.unit import transaction
from storage.programs.records import ProgramRow
from tests.storage.activity import living
from tests.storage.activity.living import READER
from tests.storage.activity.positioning import assign

# One log for all examples of a test: a question changes nothing.
SAME_LOG = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
MANY = 10_000
TYPED = (
    *("ada", "BEN", "customer", "till-7", "till", "7", "of", "tried", "r-1", "12.50", "€12.50", "plain"),
    *("insufficient_points", "programs/coffee/customers/ada", "operator", "(ada)", "nothing-such", "the"),
    *('"customer ada"', '"of customer"', '"ada customer"', '"fealty tried to"', '"because there were not"'),
)


@pytest.fixture
def log(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[Activity]:
    """The whole log, in the order of positions, all of it taken; in small blocks, so that there are many."""
    monkeypatch.setattr(blocks, "BLOCK", 4)
    monkeypatch.setattr(words, "BLOCK", 4)
    living.lived(database, 90)
    tell(database, random.Random(5), 70)
    taken(database)
    return everything(database)


@pytest.fixture
def books(database: Database) -> Iterator[Connection]:
    """A connection."""
    with connection(database) as opened:
        yield opened


def tell(database: Database, chance: random.Random, count: int) -> None:
    """Acts with ids and reasons in their details."""
    programs = {row.program_id: int(row.id) for row in ProgramRow.select()}
    customers = {(row.program, row.customer_id): int(row.id) for row in CustomerRow.select()}
    for _ in range(count):
        with transaction(database) as unit:
            program, customer = chance.choice(("coffee", "tea")), chance.choice(("ada", "ben"))
            name = f"programs/{program}/customers/{customer}/transactions/till-{chance.randint(1, 9)}"
            details = {
                "amount_minor": 1250,
                "currency": "EUR",
                "card": "plain",
                "points": 12,
                "transaction": f"till-{chance.randint(1, 9)}",
                "expires_at": "2026-03-01T00:00:00Z",
            }
            outcome = chance.choice(list(Outcome))
            if outcome is Outcome.REFUSED:
                details["reason"] = "INSUFFICIENT_POINTS"
            origin = living._origin(chance, ["operator"])
            scope = Scope(programs[program], customers[programs[program], customer])
            record(unit, origin, name, scope, outcome=outcome, details=details, request_id=f"r-{chance.randint(1, 40)}")


def taken(database: Database) -> None:
    """Gives positions, and takes the words of everything."""
    assign(database)
    size = 50
    while size == 50:
        with transaction(database) as unit:
            size = words.advance(unit.connection, 50)


def everything(database: Database) -> list[Activity]:
    """All activities in the order of positions."""
    with connection(database) as books:
        found = {one.id: one for one in pages.page(books, Search(), READER, None, MANY, MANY).activities}
        return [found[row[0]] for row in books.execute("SELECT activity FROM activity_place ORDER BY position")]


def found_by_reading(one: Activity, text: str) -> bool:
    """Whether somebody finds it who reads: said once more, for the letters that are in these logs."""
    body = one.body
    sentence = sentences.activity(body, one.actor_name, one.nouns)
    named = [body["request_id"], *(value for key, value in body["details"].items() if key != "expires_at")]
    subject = body["subject"].split("/")
    named += subject[3::2] or subject[-1:]
    read = _read(" ".join([sentence, *(value for value in named if isinstance(value, str))]))
    whole = set(read).union(*(re.findall(r"\w+", word) for word in read if not re.fullmatch(r"[\d.]+", word)))
    *_, last = [text.replace("programs/coffee/customers/", "")]
    phrases = [_read(phrase) for phrase in re.findall('"(.*?)"', last)]
    said = " ".join(["", *_read(sentence), ""])
    return whole.issuperset(_read(last)) and all(f" {' '.join(phrase)} " in said for phrase in phrases)


def _read(text: str) -> list[str]:
    pieces = re.split(r"[\s/]+", text.lower())
    return [word for word in (piece.strip("()[]{}:;,.'\"€→-") for piece in pieces) if word]


def _all(books: Connection, search: Search, size: int, looked_max: int, caller: Any = READER) -> list[Page]:
    found = [pages.page(books, search, caller, None, size, looked_max)]
    while (after := found[-1].following) is not None:
        found.append(pages.page(books, search, caller, after, size, looked_max))
        assert found[-1].following != after
    return found


def _ids(found: Sequence[Page]) -> list[Any]:
    return [activity.id for page in found for activity in page.activities]


@SAME_LOG
@example(  # What a page is cut at has one program's part of a block before it, and another's behind it.
    typed=["ada"],
    whose=("", ""),
    besides=Filter(customers=(("coffee", "ada"), ("tea", "ada"))),
    between=(None, None),
    ascending=False,
    size=1000,
    looked_max=40,
    looks_max=9,
    rare_max=0,
)
@given(
    typed=st.lists(st.sampled_from(TYPED), min_size=1, max_size=3),
    whose=st.sampled_from([("", ""), ("coffee", ""), ("tea", ""), ("coffee", "ada"), ("tea", "ben")]),
    besides=st.sampled_from(
        [
            Filter(),
            Filter(outcomes=("REFUSED", "SUCCEEDED")),
            Filter(categories=("ORDERS",), sources=("API",)),
            Filter(customers=(("coffee", "ada"), ("tea", "ada"))),
        ]
    ),
    between=st.tuples(st.none() | st.integers(0, 200), st.none() | st.integers(0, 200)),
    ascending=st.booleans(),
    size=st.sampled_from([3, 1000]),
    looked_max=st.sampled_from([5, 40, MANY]),
    looks_max=st.sampled_from([9, 50_000]),
    rare_max=st.sampled_from([0, 5, 256]),
)
def test_pages_of_words_are_what_a_reader_would_find(
    log: list[Activity],
    books: Connection,
    typed: list[str],
    whose: tuple[str, str],
    besides: Filter,
    between: tuple[int | None, int | None],
    ascending: bool,
    size: int,
    looked_max: int,
    looks_max: int,
    rare_max: int,
) -> None:
    """Of all, of a program or of a customer, both ways, with any other filter, however little a page looks at."""
    with pytest.MonkeyPatch.context() as limits:
        limits.setattr(blocks, "LOOKS_MAX", looks_max)
        limits.setattr(blocks, "RARE_MAX", rare_max)
        limits.setattr(finding, "SENTENCES_MAX", looked_max)
        at = [None if number is None else log[min(number, len(log) - 1)].recorded_at for number in between]
        asked = [
            Filter(text=wanted(typed[0])),
            replace(besides, recorded_from=at[0], recorded_before=at[1]),
            *(Filter(text=wanted(text)) for text in typed[1:]),
        ]
        found = _all(books, Search(*whose, asked, ascending), size, looked_max)
        counted = pages.total(books, Search(*whose, asked, ascending), READER, 40, MANY)
    scoped = {entry.id for entry in living.entries() if _is_of(entry, whose, asked[1])}
    picked = [one.id for one in log if one.id in scoped and all(found_by_reading(one, text) for text in typed)]
    assert _ids(found) == (picked if ascending else picked[::-1])
    assert all(len(page.activities) <= size and page.complete_at for page in found)
    assert counted.number <= min(len(picked), 40)
    assert counted.is_lower_bound or counted.number == len(picked)
    assert looks_max < 50_000 or looked_max < MANY or counted.number == min(len(picked), 40)


def _is_of(entry: living.Entry, whose: tuple[str, str], besides: Filter) -> bool:
    return whose[0] in ("", entry.program) and whose[1] in ("", entry.customer) and living.matches(entry, besides)


def test_what_is_typed_here_finds_some_and_not_all(log: list[Activity]) -> None:
    """Words that find nothing anywhere prove nothing."""
    found = {text: sum(found_by_reading(one, text) for one in log) for text in TYPED}
    assert {text for text, count in found.items() if not count} == {"nothing-such", '"ada customer"'}
    assert max(found.values()) < len(log)
    assert all(words.matches(one, wanted(text)) == found_by_reading(one, text) for one in log for text in TYPED)


def test_a_key_of_one_program_looks_at_nothing_of_another(log: list[Activity], books: Connection) -> None:
    """Not even how long it takes may tell it what words there are."""
    caller = in_role("caller_1", "till", Role.AUDITOR, "tea")
    of_tea = {entry.id for entry in living.entries() if entry.program == "tea"}
    found = _ids(_all(books, Search(filters=[Filter(text=wanted("ada"))]), 1000, MANY, caller))
    assert found
    assert of_tea.issuperset(found)
    books.execute("DELETE FROM activity_word WHERE program = (SELECT id FROM program WHERE program_id = 'tea')")
    with books.transaction():
        before = _read_of_words(books)
        assert _ids(_all(books, Search(filters=[Filter(text=wanted("ada"))]), 1000, MANY, caller)) == []
        assert _read_of_words(books) == before


def _read_of_words(books: Connection) -> int:
    of_words = "FROM pg_stat_xact_user_tables WHERE relname = 'activity_word'"
    [(number,)] = books.execute(f"SELECT seq_tup_read + idx_tup_fetch {of_words}")
    return int(number)
