"""Sums of the log: each activity counts once in each that it belongs to, and they can be made anew."""

import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.activity import rollup
from storage.activity.records import ActivityRow
from storage.engine.database import Database
from storage.engine.unit import transaction
from tests.databases import by_owner
from tests.storage.activity.living import act_by_chance, lived
from tests.storage.activity.positioning import act, assign, begun
from tests.storage.activity.summing import advance, advance_all, sums

FIRST = datetime(2025, 2, 28, 22, 50, tzinfo=UTC)
# The first and the last instants of days and of quarters, and some between.
INSTANTS = [FIRST + timedelta(minutes=5) * step - timedelta(microseconds=step % 2) for step in range(300)]


def _recounted() -> dict[tuple[Any, ...], list[int]]:
    """The sums that the whole log has, made from it by hand."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in ActivityRow.select():
        at = row.recorded_at.astimezone(UTC)
        kind = tuple(getattr(row, name) for name in rollup.DIMENSIONS)
        for program in {row.program, rollup.ALL} - {None}:
            found[(program, at.date(), *kind, at.hour * 4 + at.minute // 15)] += 1
    keys = {key[:-1] for key in found}
    return {key: [sum(found[(*key, part)] for part in range(upto + 1)) for upto in range(96)] for key in keys}


@pytest.fixture
def filled(database: Database) -> Database:
    """A log over two days, of which nothing is counted yet."""
    lived(database, 0)
    chance = random.Random(5)
    act_by_chance(database, chance, 250, lambda: chance.choice(INSTANTS))
    assign(database)
    return database


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8, deadline=None)
@given(steps=st.lists(st.integers(1, 90), min_size=1, max_size=6))
def test_sums_are_those_of_a_recount_however_they_were_come_by(filled: Database, steps: list[int]) -> None:
    """In whatever steps, and begun anew in the middle of them: a sum that is off by one is believed by nobody."""
    with transaction(filled) as unit:
        rollup.begin_anew(unit.connection)
    assert sums(filled) == {}
    for limit in steps:
        advance(filled, limit)
    advance_all(filled, 100)
    assert sums(filled) == _recounted()
    assert advance(filled, 100) == 0


def test_a_step_that_is_stopped_counts_nothing_and_is_done_again(filled: Database) -> None:
    """A clock may be killed at any instant."""
    advance(filled, 40)
    before = sums(filled)
    with suppress(InterruptedError), transaction(filled) as unit:
        assert rollup.advance(unit.connection, 40) == 40
        raise InterruptedError
    assert sums(filled) == before
    advance_all(filled, 40)
    assert sums(filled) == _recounted()


def test_what_commits_late_counts_in_the_quarter_in_which_it_was_recorded(database: Database) -> None:
    """The follower was there already, and does not look back: positions bring it what it missed."""
    lived(database, 0)
    with begun(database, "late") as commit:
        act(database, "early")
        assign(database)
        advance_all(database, 100)
        commit()
    assign(database)
    assert advance(database, 100) == 1
    assert sums(database) == _recounted()


def test_sums_made_anew_need_no_bodies(filled: Database, database_url: str) -> None:
    """Retention drops bodies: what was counted of them before must not be lost with them."""
    advance_all(filled, 100)
    before = sums(filled)
    by_owner(database_url, "ALTER TABLE activity DISABLE TRIGGER only_dropped")
    by_owner(database_url, "UPDATE activity SET body = NULL, body_hash = '', dropped_by = id")
    with transaction(filled) as unit:
        rollup.begin_anew(unit.connection)
    advance_all(filled, 100)
    assert sums(filled) == before
