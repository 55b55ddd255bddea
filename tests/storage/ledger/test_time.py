"""Time passes by the program's clock, and it does not matter who notices first."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.accounts import EntryKind
from storage.engine.database import Database
from tests.storage.scene import START, Scene

# A purchase of 1 January is pending to the end of the 11th, then usable to the end of 12 February, in Prague.
ACTIVE_FROM = datetime(2025, 1, 11, 23, tzinfo=UTC)
EXPIRES_AT = datetime(2025, 2, 12, 23, tzinfo=UTC)


@pytest.fixture
def scene(database: Database) -> Scene:
    """Two customers."""
    return Scene(database, "ada", "ben")


def test_a_purchase_says_when_its_points_come_and_go(scene: Scene) -> None:
    """What the till prints on the receipt."""
    recorded = scene.earn(100, card="slow")
    assert (recorded.state, recorded.activates_at, recorded.expires_at) == ("PENDING", ACTIVE_FROM, EXPIRES_AT)
    assert (recorded.balance.pending, recorded.balance.spendable, recorded.balance.as_of) == (100, 0, START)


def test_a_year_passes_in_a_moment_and_the_balance_follows(scene: Scene) -> None:
    """With no worker and no call in between: a read alone knows what time has done."""
    scene.earn(100, card="slow")
    for moved, pending, active, expired in (
        (ACTIVE_FROM - timedelta(microseconds=1) - START, 100, 0, 0),
        (timedelta(microseconds=1), 0, 100, 0),
        (EXPIRES_AT - ACTIVE_FROM - timedelta(microseconds=1), 0, 100, 0),
        (timedelta(microseconds=1), 0, 0, 100),
        (timedelta(days=365), 0, 0, 100),
    ):
        scene.advance(moved)
        balance = scene.balance(card="slow")
        assert (balance.pending, balance.active, balance.expired) == (pending, active, expired)
    assert scene.entries(card="slow") == []


def test_a_spending_settles_first_and_cannot_touch_what_expired(scene: Scene) -> None:
    """The till that comes a second after midnight must not spend yesterday's points."""
    scene.earn(100, card="slow")
    scene.earn(50, card="slow", occurred_at=START - timedelta(days=40))
    scene.advance(timedelta(days=12))
    spent = scene.do(scene.spending(30, card="slow")).value
    assert (spent.balance.expired, spent.balance.spendable) == (50, 70)
    history = [(entry.entry.kind, entry.entry.amount) for entry in reversed(scene.entries(card="slow"))]
    assert history == [
        (EntryKind.EARN, 50),
        (EntryKind.EXPIRY, -50),
        (EntryKind.ACTIVATION, 100),
        (EntryKind.SPEND, -30),
    ]
    scene.assert_conserved()


def test_a_sweep_writes_what_a_reader_already_saw(scene: Scene) -> None:
    """It only makes it early: the balance is the same before and after, the history is written down."""
    scene.earn(100, card="slow")
    scene.advance(timedelta(days=60))
    before = scene.balance(card="slow")
    scene.sweep()
    assert scene.balance(card="slow") == before
    assert [entry.entry.occurred_at for entry in scene.entries(card="slow")] == [EXPIRES_AT, ACTIVE_FROM]
    scene.assert_conserved()


@pytest.mark.parametrize("limit", [1, 100])
def test_a_program_with_sweeps_and_one_without_end_up_the_same(scene: Scene, limit: int) -> None:
    """Workers make things early, never make things true: figures, lots, entries and records are equal."""
    alone = Scene(scene.database, "ada", "ben", program="tea")
    for days in (0, 3, 9, 1, 20, 30, 2, 200):
        for program in (scene, alone):
            program.advance(timedelta(days=days))
            if program is scene:
                program.sweep(limit)
            for name in ("ada", "ben"):
                program.earn(100 + days, name=name, card="slow")
                if days % 3 == 0:
                    program.group(program.spending(60, name, "slow"))
    assert _lives(scene) == _lives(alone)
    scene.assert_conserved()


def test_a_second_sweep_finds_nothing_left_to_do(scene: Scene) -> None:
    """Tasks are sent at least once: the same sweep twice must write nothing twice."""
    scene.earn(100, card="slow")
    scene.advance(timedelta(days=60))
    scene.sweep()
    before = scene.contents()
    scene.sweep()
    assert scene.contents() == before


def test_settling_is_recorded_as_an_act_of_time(scene: Scene) -> None:
    """The log must not say that a till expired points because it came by first."""
    scene.earn(100, card="slow")
    scene.advance(timedelta(days=60))
    scene.earn(1, card="slow")
    rows = scene.rows(
        "SELECT a.action, a.actor_type, a.source, a.occurred_at FROM entry e JOIN activity a ON a.id = e.activity"
        " ORDER BY e.seq"
    )
    assert rows == [
        ("points.activated", "SYSTEM", "AUTOMATED", ACTIVE_FROM),
        ("points.expired", "SYSTEM", "AUTOMATED", EXPIRES_AT),
    ]


def test_moving_the_clock_plans_one_sweep(scene: Scene) -> None:
    """However often it is moved, one open task is enough; the task is written with the move."""
    assert scene.rows("SELECT count(*) FROM task") == [(0,)]
    for _ in range(3):
        scene.advance(timedelta(days=1))
    assert scene.rows("SELECT actor, args ->> 'program', state FROM task") == [
        ("sweep_program", str(scene.program.id), "READY")
    ]


def _lives(scene: Scene) -> dict[str, list[tuple[object, ...]]]:
    """All that is kept of a program's accounts but ids and the instants of recording."""
    of_program = (
        "JOIN account a ON a.id = x.account JOIN customer c ON c.id = a.customer"
        f" WHERE a.program = {scene.program.id} ORDER BY c.customer_id"
    )
    return {
        "account": scene.rows(
            "SELECT x.pending, x.active, x.held, x.debt, x.earned, x.spent, x.expired, x.version, x.lots, x.entries"
            f" FROM (SELECT *, id AS account FROM account) AS x {of_program}"
        ),
        "lot": scene.rows(
            f"SELECT x.number, x.state, x.points, x.remaining, x.activates_at, x.expires_at FROM lot x {of_program}, 1"
        ),
        "entry": scene.rows(
            f"SELECT x.seq, x.kind, x.amount, x.active_after, x.occurred_at FROM entry x {of_program}, 1"
        ),
        "allocation": scene.rows(f"SELECT x.seq, x.lot, x.amount FROM allocation x {of_program}, 1, 2"),
        "activity": scene.rows(
            "SELECT x.action, x.occurred_at FROM activity x JOIN customer c ON c.id = x.customer"
            " WHERE x.program = %s AND x.action <> 'act.done' ORDER BY c.customer_id, x.occurred_at, x.action",
            [scene.program.id],
        ),
    }
