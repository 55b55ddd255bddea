"""Words and counts made anew by whoever runs Fealty, while clocks and servers go on."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from storage.activity import rollup
from storage.activity.rebuilding import Index, begin
from storage.activity.records import ActivityRow
from storage.engine.database import Database, connection
from storage.engine.unit import run, transaction
from tests.storage.activity.positioning import act, assign, one
from tests.storage.activity.summing import advance_all, sums
from tests.storage.activity.test_words import kept, subjects, take
from tests.storage.scene import Scene


@pytest.fixture
def taken(database: Database) -> Database:
    """A log whose words are taken, and which is counted."""
    Scene(database, "ada")
    for number in range(30):
        act(database, f"lot-{number % 7}")
    assign(database)
    take(database)
    advance_all(database, 100)
    return database


def _counts(database: Database) -> dict[tuple[Any, ...], list[int]]:
    return {kind: counts for kind, counts in sums(database).items() if "index.rebuilt" not in kind}


def test_what_is_made_anew_is_as_it_was(taken: Database) -> None:
    """Of both, of all entries: whoever runs it because of a doubt must be able to believe what comes."""
    words, found, counts = len(kept(taken)), subjects(taken, "lot-3"), _counts(taken)
    with connection(taken) as books:
        entries = one(books, "SELECT count(*) FROM activity")
    assert run(taken, lambda unit: begin(unit, list(Index))) == entries
    assert (kept(taken), sums(taken)) == ([], {})
    take(taken)
    advance_all(taken, 100)
    assert (len(kept(taken)), subjects(taken, "lot-3"), _counts(taken)) == (words, found, counts)
    assert len(found) == 4


@pytest.mark.parametrize("index", Index)
def test_one_can_be_made_anew_without_the_other(taken: Database, index: Index) -> None:
    """Words take twice as long as counts."""
    run(taken, lambda unit: begin(unit, [index]))
    assert bool(kept(taken)) == (index is not Index.WORDS)
    assert bool(sums(taken)) == (index is not Index.COUNTS)


def test_it_stands_in_the_log_with_who_did_it(taken: Database) -> None:
    """For some minutes searches found too little: an auditor asks why."""
    run(taken, lambda unit: begin(unit, [Index.COUNTS]))
    row = ActivityRow.get(ActivityRow.action == "index.rebuilt")
    body = json.loads(row.body)
    assert (row.actor, row.actor_type, body["subject"]) == ("operator", "ADMINISTRATOR", "log")
    assert body["details"] == {"indexes": ["counts"]}


def test_the_step_that_a_clock_has_in_hand_is_waited_for_and_forgotten_too(taken: Database) -> None:
    """Otherwise what it wrote would stand there, and be counted once more."""
    before = _counts(taken)
    act(taken, "lot-1")
    assign(taken)
    begins = threading.Event()

    def anew() -> None:
        begins.set()
        try:
            run(taken, lambda unit: begin(unit, [Index.COUNTS]))
        finally:
            taken.close()

    with ThreadPoolExecutor(1) as other:
        with transaction(taken) as unit:
            assert rollup.advance(unit.connection, 100) == 1
            begun = other.submit(anew)
            begins.wait()
            _await_waiting(unit.connection)
        begun.result()
    assert sums(taken) == {}
    advance_all(taken, 100)
    counted = _counts(taken)
    assert sum(day[-1] for day in counted.values()) == sum(day[-1] for day in before.values()) + 2


def _await_waiting(books: Any) -> None:
    deadline = time.monotonic() + 30.0
    while not one(books, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
        assert time.monotonic() < deadline
