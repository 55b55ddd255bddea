"""The sweep: it announces, drops exactly what was announced, leaves what later proofs stand on, and can be stopped."""

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from rules.activity import Kind
from rules.retention import Effect
from rules.words import wanted
from storage.activity import pages, positions, words
from storage.activity.commands import Outcome
from storage.activity.filters import Filter
from storage.activity.look import Search
from storage.activity.queries import one_by_one
from storage.engine.database import Database, connection
from storage.engine.unit import Unit, run, transaction
from storage.ledger.addresses import CustomerName
from storage.retention import due, sweep
from storage.retention.commands import LiftLegalHold, PlaceLegalHold, UpdateRetention
from storage.retention.queries import Rule
from tests.storage import members
from tests.storage.retention.past import DAY, LIMITS, LOOK, YEAR, dropped, recorded, swept
from tests.storage.scene import CALLER, Scene, asked

ORDER = Kind("transaction.recorded", "ORDERS", "ORDER")
STARTED = Kind("process.started", "SYSTEM", "CONFIGURATION", event="")
# What a drop changes.
GONE = "'body' - 'body_hash' - 'dropped_by'"
ANNOUNCED, DROPPED = "retention.announced", "retention.dropped"


@pytest.fixture
def scene(database: Database) -> Scene:
    """Two customers, of whom nothing old is known yet."""
    return Scene(database, "ada", "ben")


def test_what_is_due_goes_and_nothing_else(scene: Scene) -> None:
    """Every class of entry, a day too old and a day too young: of a program, and of none."""
    due, kept = set(), set()
    for kind, outcome, in_program in (
        (LOOK, Outcome.SUCCEEDED, True),
        (ORDER, Outcome.REFUSED, True),
        (STARTED, Outcome.SUCCEEDED, True),
        (STARTED, Outcome.SUCCEEDED, False),
    ):
        due |= set(recorded(scene, YEAR + DAY, kind, outcome, in_program=in_program, number=9))
        kept |= set(recorded(scene, YEAR - DAY, kind, outcome, in_program=in_program))
    kept |= set(recorded(scene, 20 * YEAR, ORDER, customer="ada"))
    swept(scene.database)
    assert dropped(scene) == due
    assert not kept & dropped(scene)


def test_what_is_left_keeps_its_place_its_times_and_the_hash_of_what_it_said(scene: Scene) -> None:
    """Whoever has the body can prove that it was this one; and the order of the log has no gap."""
    made = recorded(scene, YEAR + DAY, customer="ada", number=3)
    with transaction(scene.database) as unit:
        positions.assign(unit.connection, 1_000)
    columns = (
        "id, program, customer, occurred_at, recorded_at, action, category, type, source, actor, outcome, written_by"
    )
    query = f"SELECT {columns} FROM activity WHERE id = ANY(%s) ORDER BY recorded_at"
    before, bodies = scene.rows(query, [made]), _bodies(scene, made)
    placed = scene.rows("SELECT * FROM activity_place ORDER BY position")
    swept(scene.database)
    assert scene.rows(query, [made]) == before
    assert scene.rows("SELECT * FROM activity_place ORDER BY position")[: len(placed)] == placed
    hashes = dict(scene.rows("SELECT id, body_hash FROM activity WHERE id = ANY(%s)", [made]))
    assert hashes == {identity: sha256(body.encode()).digest() for identity, body in bodies.items()}


def test_what_is_left_of_many_is_read_at_once(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """An export of old entries would take ten times as long as one of new ones."""
    made = recorded(scene, YEAR + DAY, number=20)
    swept(scene.database)
    found = scene.rows("SELECT id, body, occurred_at, recorded_at FROM activity WHERE id = ANY(%s)", [made])
    with connection(scene.database), caplog.at_level("DEBUG", "peewee"):
        read = [activity.body["action"] for _, activity in one_by_one(found)]
    assert read == [LOOK.action] * 20
    assert len(caplog.records) == 1


def test_it_says_what_it_will_drop_before_it_does_and_how_much_it_was_after(scene: Scene) -> None:
    """Range, count and policy: an auditor sees from the log alone that nothing else went."""
    recorded(scene, YEAR + DAY, number=20)
    recorded(scene, YEAR + DAY, ORDER, Outcome.REFUSED, number=2)
    while not _told(scene, ANNOUNCED):
        swept(scene.database, steps=1)
    assert dropped(scene) == set()
    [announced] = _told(scene, ANNOUNCED)
    told = announced["details"]
    assert told["count"] == 22
    assert {(rule["category"], rule["effect"], rule["days"], rule["count"]) for rule in told["rules"]} == {
        ("CUSTOMERS", "READ", 365, 20),
        ("ORDERS", "READ", 365, 2),
    }
    [(oldest, now)] = scene.rows("SELECT min(recorded_at), now() FROM activity")
    assert datetime.fromisoformat(told["since"]) <= oldest < datetime.fromisoformat(told["until"]) <= now - YEAR
    swept(scene.database)
    [ended] = _told(scene, DROPPED)
    assert (ended["cause"], ended["details"]) == (announced["id"], {"count": 22})
    by = scene.rows("SELECT DISTINCT dropped_by FROM activity WHERE body IS NULL")
    assert by == [(UUID(announced["id"]),)]


@pytest.mark.parametrize("announced", [5, 1_000])
def test_the_plan_is_what_the_sweep_then_drops(scene: Scene, announced: int) -> None:
    """An operator reads the plan, and lets it happen: by program, category and effect, also in many small parts."""
    recorded(scene, YEAR + DAY, number=13, customer="ada")
    recorded(scene, YEAR + 2 * DAY, number=4, customer="ben")
    recorded(scene, YEAR + DAY, STARTED, in_program=False, number=3)
    scene.carry_out(PlaceLegalHold(CustomerName("coffee", "ben"), asked("case")))
    with connection(scene.database) as books:
        planned = due.plan(books)
    assert {(one.program, one.category, one.effect, one.days): (one.due, one.held) for one in planned if one.due} == {
        ("coffee", "CUSTOMERS", Effect.READ, 365): (17, 4),
        ("", "SYSTEM", Effect.CHANGE, 365): (3, 0),
    }
    swept(scene.database, LIMITS._replace(announced=announced))
    assert len(dropped(scene)) == sum(one.due - one.held for one in planned) == 16
    assert sum(told["details"]["count"] for told in _told(scene, ANNOUNCED)) == 16
    with connection(scene.database) as books:
        assert sum(one.due for one in due.plan(books)) == 0


@pytest.mark.parametrize("steps", range(1, 12))
def test_stopped_after_any_step_it_goes_on_where_it_was(scene: Scene, steps: int) -> None:
    """Nothing is announced twice, nothing left out; and what it said it dropped is what it dropped."""
    due = set(recorded(scene, YEAR + DAY, number=20)) | set(recorded(scene, YEAR + DAY, STARTED, in_program=False))
    swept(scene.database, steps=steps)
    with pytest.raises(InterruptedError):
        run(scene.database, _interrupted)
    swept(scene.database)
    assert dropped(scene) == due
    counts = [[told["details"]["count"] for told in _told(scene, action)] for action in (ANNOUNCED, DROPPED)]
    assert [sorted(count) for count in counts] == [[1, 20], [1, 20]]


def test_what_was_swept_is_not_looked_at_again(scene: Scene) -> None:
    """Each day only the day: else every sweep would read the log of all years."""
    recorded(scene, YEAR + DAY, number=20)
    first = swept(scene.database)
    assert swept(scene.database) == 0 < first
    [(until, now)] = scene.rows("SELECT min(until), now() FROM retention_swept")
    assert abs(now - YEAR - until) < timedelta(minutes=5)


def test_a_hold_between_announcement_and_drop_holds(scene: Scene) -> None:
    """From the moment it is placed; and what is held is dropped after it was lifted."""
    adas, bens = (recorded(scene, YEAR + DAY, customer=name, number=9) for name in ("ada", "ben"))
    while not _told(scene, ANNOUNCED):
        swept(scene.database, steps=1)
    hold = scene.carry_out(PlaceLegalHold(CustomerName("coffee", "ada"), asked("case"))).value
    swept(scene.database)
    assert dropped(scene) == set(bens)
    assert _told(scene, DROPPED)[0]["details"] == {"count": 9}
    scene.carry_out(LiftLegalHold(hold.name, asked("over")))
    swept(scene.database)
    assert dropped(scene) == {*adas, *bens}


@pytest.mark.parametrize("steps", range(1, 5))
def test_a_hold_that_is_lifted_during_a_sweep_leaves_nothing_behind(scene: Scene, steps: int) -> None:
    """What the sweep had passed over by then is due as well, and nobody would look at it again."""
    old = recorded(scene, YEAR + DAY, customer="ada", number=16) + recorded(scene, YEAR + DAY, number=3)
    hold = scene.carry_out(PlaceLegalHold(CustomerName("coffee", "ada"), asked("case"))).value
    while not _told(scene, ANNOUNCED):
        swept(scene.database, steps=1)
    swept(scene.database, steps=steps)
    scene.carry_out(LiftLegalHold(hold.name, asked("over")))
    swept(scene.database)
    assert dropped(scene) == set(old)


def test_what_a_merge_held_is_swept_once_it_is_undone(scene: Scene) -> None:
    """A hold holds whoever is merged with whom it names; parted again, nothing is kept for longer than was promised."""
    members.merge(scene)
    old = recorded(scene, YEAR + DAY, customer="ada", number=3)
    scene.carry_out(PlaceLegalHold(CustomerName("coffee", "ben"), asked("case")))
    swept(scene.database)
    assert not dropped(scene)
    members.unmerge(scene)
    swept(scene.database)
    assert dropped(scene) == set(old)


def test_longer_days_between_announcement_and_drop_keep_it(scene: Scene) -> None:
    """Whoever notices at the last moment is not too late; made shorter again, it goes."""
    old = recorded(scene, YEAR + DAY, number=9)
    while not _told(scene, ANNOUNCED):
        swept(scene.database, steps=1)
    for days, gone in ((730, set()), (0, set()), (30, set(old))):
        scene.carry_out(UpdateRetention("coffee", "", (Rule("CUSTOMERS", Effect.READ, days),), asked(days)))
        swept(scene.database)
        assert dropped(scene) == gone


def test_what_lay_beside_goes_too(scene: Scene) -> None:
    """Notes are about people, and so are personal values: longer than the entry itself, nobody may keep them."""
    old, young = recorded(scene, YEAR + DAY, note="called twice"), recorded(scene, DAY, note="called once")
    for activity in (*old, *young):
        scene.execute("INSERT INTO personal_value VALUES (%s, 'email', 'after', '')", [activity])
    swept(scene.database)
    assert scene.rows("SELECT activity FROM activity_note") == [(young[0],)]
    assert scene.rows("SELECT activity FROM personal_value") == [(young[0],)]


def test_its_words_go_with_it(scene: Scene) -> None:
    """What an entry said must not be told by looking for it; and its words must not pile up for ever."""
    old, young = (recorded(scene, ago, request_id=word) for ago, word in ((YEAR + DAY, "early"), (DAY, "late")))
    with transaction(scene.database) as unit:
        positions.assign(unit.connection, 100)
    with transaction(scene.database) as unit:
        words.advance(unit.connection, 100)
    assert [_found(scene, word) for word in ("early", "late")] == [old, young]
    swept(scene.database)
    assert [_found(scene, word) for word in ("early", "late")] == [[], young]
    kept = {word for (word,) in scene.rows("SELECT word FROM activity_word")}
    assert (words.digest("early") in kept, words.digest("late") in kept) == (False, True)


def _found(scene: Scene, word: str) -> list[UUID]:
    search = Search(filters=[Filter(text=wanted(word))])
    with connection(scene.database) as books:
        return [one.id for one in pages.page(books, search, CALLER, None, 10, 100).activities]


def _interrupted(unit: Unit) -> None:
    """A step in the middle of which the worker dies."""
    sweep.step(unit, LIMITS)
    unit.write()
    raise InterruptedError


def _told(scene: Scene, action: str) -> list[Any]:
    rows = scene.rows("SELECT body FROM activity WHERE action = %s ORDER BY recorded_at", [action])
    return [json.loads(body) for (body,) in rows]


def _bodies(scene: Scene, ids: list[UUID]) -> dict[UUID, str]:
    return dict(scene.rows("SELECT id, body FROM activity WHERE id = ANY(%s)", [ids]))
