"""Answers are kept by the names of their fields: what one release kept, another reads, or says why it cannot."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.engine.answers import AnswerUnreadable, changed, keep, read
from storage.engine.commands import CommandContext, carry_out
from storage.engine.database import Database
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.ledger.acts.spendings import Spent
from tests.storage.scene import Scene, answered, asked

ACTIVITY = "0199a8f0-7c7e-7c7e-8c7e-0199a8f07c7e"


class Size(StrEnum):
    """Of a cup."""

    SMALL = "SMALL"
    LARGE = "LARGE"


@dataclass(frozen=True)
class Recipe:
    """What is JSON with names already."""

    shots: int
    milk: str = ""


class Cup(NamedTuple):
    """Part of an order."""

    size: Size
    price: int | None
    recipe: Recipe = Recipe(1)


class Order(NamedTuple):
    """Every kind of value that an answer has."""

    id: UUID
    paid: bool
    first: Cup
    gift: Cup | None
    cups: tuple[Cup, ...]
    spilt: list[Cup]
    pairs: tuple[tuple[int, int], ...]
    counts: dict[str, int]
    words: dict[str, Any]
    placed_at: datetime
    ready_at: datetime | None = None
    waiting: Cup = Cup(Size.SMALL, None)


INSTANTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=2))]))
CUPS = st.builds(
    Cup,
    st.sampled_from(Size),
    st.none() | st.integers(-(2**53), 2**53),
    st.builds(Recipe, st.integers(0, 9), st.text()),
)
ORDERS = st.builds(
    Order,
    st.uuids(),
    st.booleans(),
    CUPS,
    st.none() | CUPS,
    st.lists(CUPS, max_size=3).map(tuple),
    st.lists(CUPS, max_size=3),
    st.lists(st.tuples(st.integers(0, 9), st.integers(-9, 9)), max_size=3).map(tuple),
    st.dictionaries(st.text(), st.integers(0, 9), max_size=3),
    st.dictionaries(st.text(), st.none() | st.text() | st.integers(0, 9), max_size=3),
    INSTANTS,
    st.none() | INSTANTS,
    CUPS,
)


@given(ORDERS, st.none() | st.just(ACTIVITY))
def test_whatever_is_kept_is_read_as_it_was(order: Order, activity: str | None) -> None:
    """A replay that differs in a type or a microsecond from the first answer is another answer."""
    found, found_activity = read(keep(order, activity), Order)
    assert (found, found_activity) == (order, activity)
    assert [type(one) for one in found] == [type(one) for one in order]
    assert type(found.first.size) is Size
    assert isinstance(found.first.recipe, Recipe)


def test_it_is_kept_by_names_with_a_version() -> None:
    """Whoever looks into the table, or writes the next upgrade, reads what each figure is."""
    assert json.loads(keep(Cup(Size.LARGE, 3), ACTIVITY)) == {
        "v": 1,
        "activity": ACTIVITY,
        "value": {"size": "LARGE", "price": 3, "recipe": {"shots": 1, "milk": ""}},
    }


# The answer of one command in three releases.
class Stamped(NamedTuple):
    """As it began."""

    points: int
    cup: Cup


class StampedAtTill(NamedTuple):
    """With a field more: its default says all that there is to say."""

    points: int
    cup: Cup
    till: str = "unknown"


@changed({1: lambda was: {**was, "stamps": was["points"]}})
class StampedInStamps(NamedTuple):
    """With a field that is called otherwise."""

    stamps: int
    cup: Cup
    till: str = "unknown"


@changed({2: lambda was: {**was, "stamps": was["stamps"] * 10}})
class StampedInTenths(NamedTuple):
    """With a field that means something else, a month later: what was kept in version 1 is pruned."""

    stamps: int
    cup: Cup
    till: str = "unknown"


class Sheet(NamedTuple):
    """What has them inside."""

    all: tuple[StampedAtTill, ...]
    best: StampedAtTill | None


class SheetInStamps(NamedTuple):
    """The same with what they became."""

    all: tuple[StampedInStamps, ...]
    best: StampedInStamps | None


CUP = Cup(Size.SMALL, 250)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (Stamped(7, CUP), StampedInStamps(7, CUP, "unknown")),
        (StampedAtTill(7, CUP, "left"), StampedInStamps(7, CUP, "left")),
        (StampedInStamps(7, CUP, "left"), StampedInStamps(7, CUP, "left")),
    ],
)
def test_a_command_whose_answer_changed_twice_replays_those_of_each_release(
    database: Database, kept: Any, expected: StampedInStamps
) -> None:
    """Nobody who retries must notice a deploy, or two."""
    how = asked("a stamp")
    carry_out(database, _Stamp(how, type(kept), kept))
    found = carry_out(database, _Stamp(how, StampedInStamps, None))
    assert found == Answer(expected, ACTIVITY, replayed=True)


def test_a_type_inside_an_answer_is_upgraded_where_it_stands() -> None:
    """Most answers have a balance: a change of its type is declared with it, and not with each of them."""
    one, two = StampedAtTill(1, CUP), StampedAtTill(2, CUP)
    found, _ = read(keep(Sheet((one, two), two), ACTIVITY), SheetInStamps)
    assert found == SheetInStamps((StampedInStamps(1, CUP), StampedInStamps(2, CUP)), StampedInStamps(2, CUP))


def test_an_upgrade_is_made_from_its_own_version_and_no_other() -> None:
    """A figure that is made tenfold twice is another figure."""
    now = StampedInTenths(70, CUP)
    assert read(keep(StampedInStamps(7, CUP), None), StampedInTenths) == (now, None)
    assert read(keep(now, None), StampedInTenths) == (now, None)


def test_a_server_of_before_leaves_out_what_it_does_not_know() -> None:
    """While a deploy is under way the retry may come to either."""
    assert read(keep(StampedAtTill(7, CUP, "left"), ACTIVITY), Stamped) == (Stamped(7, CUP), ACTIVITY)


@pytest.mark.parametrize(
    ("kept", "kind", "why"),
    [
        (keep(StampedInStamps(7, CUP), None), StampedAtTill, "StampedAtTill was kept in version 2, by a newer server"),
        (
            keep(StampedAtTill(7, CUP), None),
            StampedInTenths,
            "StampedInTenths was kept in version 1, which nobody reads",
        ),
        (keep(CUP, None), Stamped, "Stamped was kept without 'points', which has no default"),
        ('{"v":1,"activity":null,"value":{"size":"HUGE","price":1}}', Cup, "Cup: Invalid enum value 'HUGE'"),
        ('{"v":1,"activity":null,"value":7}', Cup, "Cup was kept as int"),
        ('{"v":2,"activity":null,"value":{}}', Cup, "Cup: Invalid value 2"),
        ('[["HUGE",1],null]', Cup, "Cup: Invalid enum value 'HUGE'"),
    ],
)
def test_what_cannot_be_read_is_said_and_never_guessed(kept: str, kind: type[Any], why: str) -> None:
    """A figure of another name, or of none, would be believed."""
    with pytest.raises(AnswerUnreadable, match=why):
        read(kept, kind)


def test_what_was_kept_by_position_is_read_with_what_was_added_since() -> None:
    """Every answer of the month before names came is one."""
    kept = '[[7,["SMALL",250,{"shots":2}]],"0199a8f0-7c7e-7c7e-8c7e-0199a8f07c7e"]'
    assert read(kept, StampedAtTill) == (StampedAtTill(7, Cup(Size.SMALL, 250, Recipe(2)), "unknown"), ACTIVITY)


@dataclass
class Saucer:
    """A value with names that has one by position in it."""

    under: Cup


@pytest.mark.parametrize("hint", [dict[str, Cup], tuple[Cup, int], Cup | Stamped, Saucer, list[dict[str, Cup]]])
def test_what_would_be_kept_by_position_is_no_answer(hint: Any) -> None:
    """It would be found out a month after the next change, by a caller."""
    kind: Any = NamedTuple("kind", [("tray", hint)])
    with pytest.raises(TypeError, match="tray would be kept by position"):
        keep(kind(None), None)
    with pytest.raises(TypeError, match="the value of an answer is a NamedTuple"):
        keep([CUP], None)


def test_an_answer_that_cannot_be_read_fails_alone_and_nothing_is_done_twice(database: Database) -> None:
    """A fault of ours must not become a second spending, nor stop the till beside it."""
    scene = Scene(database, "ada")
    scene.earn(100)
    spending, other = scene.spending(30), scene.spending(5)
    scene.do(spending)
    [(kept,)] = scene.rows("SELECT response FROM request WHERE request_id = %s", [spending.context.request.request_id])
    scene.execute("UPDATE request SET response = replace(response, 'recorded_at', 'written_at')")
    failed, done = scene.group(spending, other)
    assert isinstance(failed, AnswerUnreadable)
    assert answered(done).value.balance.active == 65
    scene.execute("UPDATE request SET response = replace(response, 'written_at', 'recorded_at')")
    assert scene.do(spending) == Answer(*read(kept, Spent), replayed=True)
    assert scene.balance().active == 65


class _Stamp(NamedTuple):
    """A command of one release; without a `result` it must have been done before."""

    context: CommandContext
    kind: type[Any]
    result: Any

    def answers(self) -> type[Any]:
        return self.kind

    def decide(self, unit: Unit) -> Answer[Any]:
        assert self.result is not None, "it was done before"
        return Answer(self.result, ACTIVITY)
