"""What PostgreSQL itself refuses, whoever asks and whatever our code has become."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.types.json import Jsonb

from storage.engine.database import open_database
from tests.databases import fresh_database
from tests.storage.scene import Scene

APPEND_ONLY = ["activity", "entry", "split", "refund", "pin", "redating", "program_version"]
APPEND_ONLY += ["cancellation", "write_off", "movement", "reward_version"]
CHANGES = ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
# Every row of the books that says that points came, went, or will.
POINTS = ["transaction", "lot", "entry", "hold", "shortfall", "cancellation", "write_off"]
# Figures that contradict each other, of a customer who has 60 points, of them 10 set aside, and lacks 15.
CONTRADICTIONS = {
    "more set aside than there is": "UPDATE account SET held = 61",
    "a debt beside free points": "UPDATE account SET debt = 1",
    "points from nowhere": "UPDATE account SET active = active + 1",
    "points that went nowhere": "UPDATE account SET spent = spent + 1",
    "more pinned than is left": "UPDATE lot SET held = remaining + 1",
    "more cancelled than was given": "UPDATE lot SET cancelled = points + 1",
    "more left than was not cancelled": "UPDATE lot SET cancelled = points - remaining + 1",
    "more rolled back than was spent": "UPDATE spending SET rolled_back = points + 1",
    "more restored than was rolled back": "UPDATE spending SET restored = rolled_back + 1",
    "more refunded than was paid": "UPDATE transaction SET refunded_minor = amount_minor + 1",
    "more claimed than was earned": "UPDATE transaction SET refunded_points = points + 1",
    "more captured than was set aside": "UPDATE hold SET captured = points + 1",
    "more missing than was asked for": "UPDATE shortfall SET remaining = points + 1",
    "more written off than was missing": "UPDATE shortfall SET written_off = points + 1",
    "points of somebody closed": "UPDATE account SET state = 'CLOSED'",
    "an entry of nothing": 'INSERT INTO entry SELECT (jsonb_populate_record(e, \'{"seq": 99, "amount": 0}\')).*'
    " FROM entry e LIMIT 1",
    "a movement to itself": "INSERT INTO movement SELECT account, 1, account, 2, 'TRANSFER' FROM entry LIMIT 1",
    "an event of which nothing is told": "INSERT INTO activity SELECT (jsonb_populate_record(a, jsonb_build_object("
    "'id', gen_random_uuid(), 'details', NULL))).* FROM activity a WHERE event IS NOT NULL LIMIT 1",
}


@pytest.fixture(scope="module")
def scene(server_url: str, template: str) -> Iterator[Scene]:
    """A customer with a history. All tests here share it: what they try must leave no trace."""
    with fresh_database(server_url, template) as url:
        made = Scene(open_database(url))
        made.earn(100)
        made.do(made.spending(40))
        made.do(made.hold(10))
        made.earn(20, transaction_id="refunded")
        made.do(made.spending(70))
        made.do(made.refund("refunded"))
        made.do(made.adjustment(50))
        made.do(made.write_off(1, 5))
        made.earn(30, card="slow")
        made.do(made.lot(1, False, card="slow"))
        yield made
        made.database.close()


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_cannot_be_changed_not_even_by_the_owner(scene: Scene, table: str, change: str, role: str) -> None:
    """`session_replication_role = replica` is the well-known way around triggers; these fire always."""
    [[column]] = scene.rows(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", [f'"{table}"']
    )
    before = scene.contents()
    with scene.another_connection() as books:
        books.execute(f"SET session_replication_role = {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            books.execute(change.format(table, column, column).encode())
    assert scene.contents() == before


@pytest.mark.parametrize("table", POINTS)
def test_no_points_without_an_activity(scene: Scene, table: str) -> None:
    """A row of points names the record of who made it, and that record exists: else nobody could explain it."""
    [[nullable]] = scene.rows(
        "SELECT is_nullable FROM information_schema.columns WHERE table_name = %s AND column_name = 'activity'", [table]
    )
    assert nullable == "NO"
    copied = f"INSERT INTO {table} SELECT (jsonb_populate_record(x, %s)).* FROM {table} x LIMIT 1"
    fresh = {"transaction_id": "another", "number": 99, "seq": 99}
    with scene.another_connection() as books:
        for activity, refusal in (
            (None, psycopg.errors.NotNullViolation),
            ("00000000-0000-7000-8000-000000000000", psycopg.errors.ForeignKeyViolation),
        ):
            row = Jsonb({**fresh, "activity": activity})
            with pytest.raises(refusal):
                books.execute(copied.encode(), [row])


def test_every_allocation_belongs_to_an_entry_and_a_lot(scene: Scene) -> None:
    """Points that were taken from nowhere could never be explained."""
    with scene.another_connection() as books:
        for seq, lot in ((99, 1), (1, 99)):
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                books.execute(
                    "INSERT INTO split SELECT account, %s, %s, program, ordinal, amount FROM allocation LIMIT 1",
                    (seq, lot),
                )


@pytest.mark.parametrize("figure", ["pending", "active", "held", "debt", "earned", "spent", "expired", "revoked"])
def test_no_figure_of_an_account_is_ever_negative(scene: Scene, figure: str) -> None:
    """The last line, where a rule of ours were wrong."""
    with scene.another_connection() as books, pytest.raises(psycopg.errors.CheckViolation):
        books.execute(f"UPDATE account SET {figure} = -1".encode())


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_figures_that_contradict_each_other_cannot_be_written(scene: Scene, contradiction: str) -> None:
    """What no rule of ours would say, no bug of ours can write down."""
    with scene.another_connection() as books, pytest.raises(psycopg.errors.CheckViolation):
        books.execute(CONTRADICTIONS[contradiction].encode())


@pytest.mark.parametrize("remaining", [-1, 101])
def test_a_lot_never_holds_more_than_it_was_given_nor_less_than_nothing(scene: Scene, remaining: int) -> None:
    """The same for what one purchase gave."""
    with scene.another_connection() as books, pytest.raises(psycopg.errors.CheckViolation):
        books.execute("UPDATE lot SET remaining = %s", [remaining])
