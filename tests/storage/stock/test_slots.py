"""Stocks: exactly as many are had as there are, however many ask at once, and nobody waits for a neighbour's slot."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from storage.engine.database import Database
from storage.engine.nouns import PassedOver
from storage.engine.unit import transaction
from storage.engine.workspace import Workspace
from storage.stock import commands, nouns
from storage.stock.commands import SLOTS_MAX, _parts
from storage.stock.records import SLOTS
from tests.storage.scene import Scene


@pytest.fixture
def scene(database: Database) -> Scene:
    """A program, whose stocks these are."""
    return Scene(database)


@pytest.fixture
def books(scene: Scene) -> Iterator[Any]:
    """A connection of a test's own."""
    with _other(scene) as found:
        yield found


def _other(scene: Scene) -> Any:
    return scene.another_connection()


def _made(scene: Scene, capacity: int | None) -> int:
    with _other(scene) as books, books.transaction():
        return commands.create(books, scene.program.id, capacity)


def _load(workspace: Workspace, books: Any, stock: int, waits: bool = False) -> bool:
    """Takes in hand what can be had of a stock; says no where it was passed over."""
    [passed_over] = books.execute(_LOCK, (stock, waits)).fetchone()
    [loaded] = books.execute(_LOAD, (stock,)).fetchone()
    nouns.put(workspace, Raw(json.dumps(loaded).encode()))
    return not passed_over


def _hold(books: Any, stock: int) -> Workspace | None:
    """What a transaction has in hand of a stock; None where it was passed over."""
    workspace = Workspace(datetime.now(UTC))
    return workspace if _load(workspace, books, stock) else None


def _write(books: Any, workspace: Workspace, stock: int) -> None:
    """What `flush` does, on a connection of the test's own."""
    for slot, held in workspace.within(SLOTS, (stock,)).items():
        books.execute("UPDATE stock_slot SET taken = %s WHERE stock = %s AND slot = %s", (held.taken, stock, slot))


def _had(scene: Scene, stock: int, asked: int, group: int) -> list[bool]:
    """What each of so many who ask in groups is told; those passed over ask again, and wait at last."""
    answers: list[bool] = []
    while len(answers) < asked:
        with transaction(scene.database) as unit:
            _load(unit, unit.connection, stock, waits=True)
            for _ in range(min(group, asked - len(answers))):
                try:
                    answers.append(nouns.take(unit, stock))
                except PassedOver:
                    break
    return answers


def test_exactly_as_many_are_had_as_there_are(scene: Scene) -> None:
    """One too many is a gift card sold twice; one too few is an offer that was announced and not kept."""
    stock = _made(scene, 100)
    with ThreadPoolExecutor(4) as tills:
        told = [one for part in tills.map(lambda _: _had(scene, stock, 50, 7), range(4)) for one in part]
    assert (told.count(True), told.count(False)) == (100, 100)
    with _other(scene) as books:
        assert commands.taken(books, stock) == 100


def test_two_at_once_take_from_slots_of_their_own(scene: Scene, books: Any) -> None:
    """A campaign that everybody uses at once would else stand in a row before one counter."""
    for capacity in (None, 1_000, 2):
        stock = _made(scene, capacity)
        with _other(scene) as other, books.transaction(), other.transaction():
            assert nouns.take(_held(books, stock), stock)
            assert nouns.take(_held(other, stock), stock)


def test_nobody_is_refused_before_all_slots_were_looked_at(scene: Scene, books: Any) -> None:
    """What a neighbour holds may be given back: who asks meanwhile is asked to wait, not sent away."""
    stock = _made(scene, 2)
    with _other(scene) as other:
        with books.transaction():
            mine = _held(books, stock)
            assert nouns.take(mine, stock)
            with other.transaction():
                theirs = _held(other, stock)
                assert nouns.take(theirs, stock)
                with pytest.raises(PassedOver):
                    nouns.take(theirs, stock)
                with _other(scene) as third, third.transaction():
                    assert _hold(third, stock) is None
            _write(books, mine, stock)
        with other.transaction():
            again = _held(other, stock)
            assert nouns.take(again, stock)
            assert not nouns.take(again, stock)


def test_what_is_given_back_can_be_had_again_by_anybody(scene: Scene, books: Any) -> None:
    """It may go to a slot that nothing was taken of: only the sum counts."""
    stock = _made(scene, 40)
    assert _had(scene, stock, 41, 41) == [True] * 40 + [False]
    with books.transaction():
        mine = _held(books, stock)
        for _ in range(3):
            nouns.give_back(mine, stock)
        _write(books, mine, stock)
    with books.transaction():
        commands.give_back(books, {stock: 4})
        assert commands.taken(books, stock) == 33
    assert _had(scene, stock, 8, 8) == [True] * 7 + [False]


@pytest.mark.parametrize(
    ("before", "after", "left"), [(10, 30, 25), (30, 10, 5), (10, 3, 0), (None, 20, 15), (5, 5, 0), (7, 0, 0)]
)
def test_a_stock_that_grows_or_shrinks_keeps_what_was_taken(
    scene: Scene, before: int | None, after: int, left: int
) -> None:
    """Where more was taken than there is now, nobody loses what they have, and nobody gets more."""
    stock = _made(scene, before)
    assert _had(scene, stock, 5, 2) == [True] * 5
    with _other(scene) as books, books.transaction():
        commands.resize(books, stock, after)
    told = _had(scene, stock, left + 1, 50)
    assert told == [True] * left + [False]


def test_a_stock_without_a_limit_becomes_one_again(scene: Scene) -> None:
    """It is counted all the same: a limit that is set later knows what was used before."""
    stock = _made(scene, 5)
    with _other(scene) as books, books.transaction():
        commands.resize(books, stock, None)
    assert all(_had(scene, stock, 300, 100))
    with _other(scene) as books:
        assert commands.taken(books, stock) == 300


@given(st.integers(0, 10_000), st.integers(1, SLOTS_MAX))
def test_the_parts_of_a_stock_are_the_whole(count: int, slots: int) -> None:
    """None is lost between slots, and none is there twice."""
    parts = [part for part in _parts(count, slots) if part is not None]
    assert (sum(parts), len(parts)) == (count, slots)
    assert max(parts) - min(parts) <= 1


def test_nobody_is_refused_while_others_only_hold_what_is_free(scene: Scene, books: Any) -> None:
    """Who needs several is told how many there may be, takes those in hand, and is asked to wait for the rest."""
    stock = _made(scene, 10)
    with _other(scene) as other, books.transaction(), other.transaction():
        other.execute("SELECT FROM stock_slot WHERE stock = %s AND slot > 0 FOR NO KEY UPDATE", (stock,))
        mine = _held(books, stock)
        assert nouns.left(mine, stock) == 10
        assert nouns.take(mine, stock)
        assert nouns.left(mine, stock) == 9
        with pytest.raises(PassedOver):
            nouns.take(mine, stock)


def test_who_only_asks_counts_what_it_gives_back(scene: Scene, books: Any) -> None:
    """It holds no slots, and yet is told what a redemption would do that first gives back what has ended."""
    stock = _made(scene, 1)
    assert _had(scene, stock, 1, 1) == [True]
    asking = Workspace(datetime.now(UTC))
    [loaded] = books.execute(_LOAD, (stock,)).fetchone()
    nouns.put(asking, Raw(json.dumps(loaded).encode()))
    assert not nouns.take(asking, stock, counts=False)
    mark = asking.mark()
    nouns.give_back(asking, stock, counts=False)
    assert nouns.left(asking, stock) == 1
    assert nouns.take(asking, stock, counts=False)
    assert not nouns.take(asking, stock, counts=False)
    asking.return_to(mark)
    assert nouns.left(asking, stock) == 0


@pytest.mark.parametrize("by", ["hot", "cold"])
@pytest.mark.parametrize(("after", "back", "left"), [(10, 30, 0), (10, 90, 0), (10, 95, 5), (99, 3, 2), (0, 100, 0)])
def test_a_lowered_limit_is_in_force_also_where_more_was_taken(
    scene: Scene, by: str, after: int, back: int, left: int
) -> None:
    """Else a campaign that was cut from 100 to 10 would go on for as long as people bring things back."""
    stock = _made(scene, 100)
    assert all(_had(scene, stock, 100, 100))
    with _other(scene) as books, books.transaction():
        commands.resize(books, stock, after)
        if by == "cold":
            commands.give_back(books, {stock: back})
    given = back if by == "cold" else 0
    while given < back:
        with transaction(scene.database) as unit:
            _load(unit, unit.connection, stock, waits=given % 2 == 0)
            for _ in range(min(7, back - given)):
                try:
                    nouns.give_back(unit, stock)
                except PassedOver:
                    break
                given += 1
    assert _had(scene, stock, left + 1, 50) == [True] * left + [False]
    with _other(scene) as books:
        [sums] = books.execute("SELECT sum(capacity), sum(taken) FROM stock_slot WHERE stock = %s", (stock,))
        assert sums == (after, 100 - back + left)


def test_a_debt_is_paid_before_anything_is_free(scene: Scene, books: Any) -> None:
    """What is given back to a slot without debt could be had again; so whoever holds none in debt waits for one."""
    stock = _made(scene, 16)
    assert all(_had(scene, stock, 16, 16))
    with books.transaction():
        commands.resize(books, stock, 14)
    with _other(scene) as other:
        with other.transaction():
            other.execute("SELECT FROM stock_slot WHERE stock = %s AND taken > capacity FOR NO KEY UPDATE", (stock,))
            with books.transaction():
                mine = _held(books, stock)
                with pytest.raises(PassedOver):
                    nouns.give_back(mine, stock)
        with books.transaction():
            mine = _held(books, stock)
            nouns.give_back(mine, stock)
            nouns.give_back(mine, stock)
            assert nouns.left(mine, stock) == 0
            nouns.give_back(mine, stock)
            assert nouns.left(mine, stock) == 1


def _held(books: Any, stock: int) -> Workspace:
    found = _hold(books, stock)
    assert found is not None
    return found


_LOCK: Any = f"SELECT {nouns.FUNCTIONS['lock_slots']}(ARRAY[%s::bigint], %s)"
_LOAD: Any = f"SELECT {nouns.FUNCTIONS['load_slots']}(ARRAY[%s::bigint])"
