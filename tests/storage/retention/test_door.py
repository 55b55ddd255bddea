"""The log refuses to lose what is not due, held, kept for ever or not announced: whoever asks for it, and however."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from rules.access import ActorType
from rules.activity import CATEGORIES, Kind
from rules.retention import FOR_EVER, Effect, Kept, default_days, effect_of, is_kept_for_ever
from storage.activity.commands import Outcome
from storage.engine.database import Busy, Database
from storage.ledger.addresses import CustomerName
from storage.retention.commands import LiftLegalHold, PlaceLegalHold, UpdateRetention
from storage.retention.queries import Rule
from tests.storage import members
from tests.storage.retention.past import DAY, LOOK, YEAR, dropped, recorded
from tests.storage.scene import Scene, asked

DROP = "SELECT drop_bodies(%s, %s::uuid[])"
TYPES = ["ORDER", "DATA", "BOOKING", "AUTH", "ACCESS", "SECURITY", "COMPLIANCE", "REPORT", "EXPORT", "CONFIGURATION"]


@pytest.fixture
def scene(database: Database) -> Scene:
    """Two customers, of whom nothing old is known yet."""
    return Scene(database, "ada", "ben")


@pytest.fixture
def books(scene: Scene) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    """A connection of somebody else's."""
    with scene.another_connection() as held:
        yield held


def announced(scene: Scene, program: int | None = None) -> UUID:
    """An open announcement of everything there ever was in the program."""
    [activity] = recorded(scene, timedelta(0), Kind("retention.announced", "SYSTEM", "COMPLIANCE"))
    scene.execute(
        "INSERT INTO retention_sweep (activity, program, cells, since, until, announced, at_time, at_id)"
        " VALUES (%s, %s, '[]', '1970-01-01Z', 'infinity', 1, '1970-01-01Z', gen_random_uuid())",
        [activity, scene.program.id if program is None else program],
    )
    return activity


def refused(books: "psycopg.Connection[tuple[Any, ...]]", by: UUID, *ids: UUID) -> bool:
    """Whether the door stays shut for all of these."""
    try:
        with books.transaction():
            books.execute(DROP, [by, list(ids)])
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


def test_at_the_instant_it_is_due_and_a_microsecond_before_it_is_not(scene: Scene) -> None:
    """Early for nobody: the database's own clock decides, in the transaction that drops."""
    by = announced(scene)
    with scene.another_connection() as books:
        for late, is_refused in ((timedelta(microseconds=1), True), (timedelta(0), False)):
            with books.transaction():
                [(identity,)] = books.execute(_COPY, [late]).fetchall()
                assert refused(books, by, identity) is is_refused


def test_all_of_a_batch_stays_where_one_of_it_is_not_due(scene: Scene, books: Any) -> None:
    """Whoever asks for too much has made a mistake, and nobody knows which."""
    by = announced(scene)
    old, young = recorded(scene, YEAR + DAY)[0], recorded(scene, YEAR - DAY)[0]
    assert refused(books, by, old, young)
    assert dropped(scene) == set()
    assert not refused(books, by, old)
    assert dropped(scene) == {old}


@pytest.mark.parametrize("held", ["ada", ""])
def test_what_is_held_stays_until_every_hold_is_lifted(scene: Scene, books: Any, held: str) -> None:
    """A court is told that nothing is missing: also where two holds were placed, and one was lifted."""
    by = announced(scene)
    [old] = recorded(scene, YEAR + DAY, customer="ada")
    holds = [scene.carry_out(PlaceLegalHold(CustomerName("coffee", held), asked(number))).value for number in range(2)]
    for hold in holds:
        assert refused(books, by, old)
        scene.carry_out(LiftLegalHold(hold.name, asked(hold.name)))
    assert not refused(books, by, old)


@pytest.mark.parametrize("held", ["ada", "ben"])
def test_a_hold_on_one_of_two_who_were_merged_is_on_both(scene: Scene, books: Any, held: str) -> None:
    """They are one person, whose record is in two places."""
    by = announced(scene)
    old = [*recorded(scene, YEAR + DAY, customer="ada"), *recorded(scene, YEAR + DAY, customer="ben")]
    scene.carry_out(PlaceLegalHold(CustomerName("coffee", held), asked("case")))
    members.merge(scene)
    assert all(refused(books, by, one) for one in old)


def test_what_changed_a_customer_and_what_retention_did_stay(scene: Scene, books: Any) -> None:
    """Of permanent class by default, and for ever whatever anybody sets."""
    by = announced(scene)
    [change] = recorded(scene, 50 * YEAR, Kind("customer.updated", "CUSTOMERS", "DATA"))
    [told] = recorded(scene, 50 * YEAR, Kind("retention.dropped", "SYSTEM", "COMPLIANCE"))
    assert refused(books, by, change)
    assert refused(books, by, told)
    scene.carry_out(
        UpdateRetention(
            "coffee", "", (Rule("CUSTOMERS", Effect.CHANGE, 1), Rule("SYSTEM", Effect.READ, 1)), asked("short")
        )
    )
    assert refused(books, by, told)
    assert not refused(books, by, change)


def test_nothing_goes_that_was_not_announced(scene: Scene, books: Any) -> None:
    """The log says what it will lose before it does: by an announcement of this program that is still open."""
    [old] = recorded(scene, YEAR + DAY)
    assert refused(books, uuid4(), old)
    elsewhere, ended = announced(scene, program=0), announced(scene)
    scene.execute("UPDATE retention_sweep SET ended_at = now() WHERE activity = %s", [ended])
    assert refused(books, elsewhere, old)
    assert refused(books, ended, old)
    assert not refused(books, announced(scene), old)


@pytest.mark.parametrize(
    "change",
    [
        "body = NULL, body_hash = sha256('another'), dropped_by = %(by)s",
        "body = NULL, body_hash = sha256(convert_to(body, 'UTF8')), dropped_by = %(by)s, actor = 'nobody'",
        "body = '{}'",
        "customer = NULL",
        "id = gen_random_uuid()",
    ],
)
def test_a_drop_changes_nothing_but_the_body(scene: Scene, books: Any, change: str) -> None:
    """What is left of an entry is what later proofs stand on: its hash above all."""
    by, [old] = announced(scene), recorded(scene, YEAR + DAY)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        books.execute(f"UPDATE activity SET {change} WHERE id = %(old)s".encode(), {"by": by, "old": old})


def test_what_was_dropped_is_not_dropped_again_nor_written_anew(scene: Scene, books: Any) -> None:
    """A body that came back could be another."""
    by, [old] = announced(scene), recorded(scene, YEAR + DAY)
    body, digest = _body(scene, old)
    assert books.execute(DROP, [by, [old]]).fetchone() == (1,)
    assert books.execute(DROP, [by, [old]]).fetchone() == (0,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        books.execute("UPDATE activity SET body = %s, body_hash = NULL, dropped_by = NULL WHERE id = %s", [body, old])
    assert scene.rows("SELECT body_hash FROM activity WHERE id = %s", [old]) == [(digest,)]


def test_who_drops_and_who_holds_back_wait_for_each_other(scene: Scene, books: Any) -> None:
    """A hold that was answered is seen by every drop after it, and none is placed in the middle of one."""
    by, [old] = announced(scene), recorded(scene, YEAR + DAY, customer="ada")
    with scene.another_connection() as other:
        other.execute("SET lock_timeout = '50ms'")
        with books.transaction():
            books.execute("SELECT FROM program FOR NO KEY UPDATE")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute(DROP, [by, [old]])
    with books.transaction():
        books.execute(DROP, [by, [old]])
        with pytest.raises(Busy):
            scene.carry_out(PlaceLegalHold(CustomerName("coffee", "ada"), asked("case")))
    assert dropped(scene) == {old}


def test_no_table_of_the_callers_own_takes_the_place_of_ours(scene: Scene, books: Any) -> None:
    """The door has its owner's rights: what it asks must be what it was built to ask."""
    by, [young] = announced(scene), recorded(scene, DAY)
    books.execute(
        "CREATE TEMP TABLE retention_rule AS SELECT %s::int AS program, 'CUSTOMERS' AS category, 'READ' AS effect,"
        " 1 AS days",
        [scene.program.id],
    )
    assert refused(books, by, young)


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_database_judges_as_the_rules_do(scene: Scene, category: str) -> None:
    """The rules say what is due; the log refuses what it finds is not. Where they differ, a sweep would never end."""
    for kind in TYPES:
        for outcome in Outcome:
            for action in ("customer.read", "retention.updated", "legalhold.placed", "retention.x", "legalhold.x"):
                effect = effect_of(kind, outcome)
                found = scene.rows(
                    "SELECT activity_effect(%s, %s), is_kept_for_ever(%s, %s), retention_days(%s, %s)",
                    [kind, outcome, action, outcome, category, effect],
                )
                days = default_days(Kept(category, effect))
                assert found == [(effect, is_kept_for_ever(action, outcome), days)]
                assert days != FOR_EVER or effect is Effect.CHANGE


def _body(scene: Scene, activity: UUID) -> tuple[str, bytes]:
    found = "SELECT body, sha256(convert_to(body, 'UTF8')) FROM activity WHERE id = %s"
    [(body, digest)] = scene.rows(found, [activity])
    return body, digest


# An activity that is as old as may be in this transaction, or younger by as much as is given.
_COPY = f"""
INSERT INTO activity (id, program, occurred_at, recorded_at, action, category, type, source, actor_type, actor, outcome,
                      body)
SELECT gen_random_uuid(), id, now(), now() - interval '8760 hours' + %s, '{LOOK.action}', '{LOOK.category}',
       '{LOOK.type}', 'API', '{ActorType.SERVICE}', 'x', 'SUCCEEDED', '{{}}'
FROM program RETURNING id
"""
