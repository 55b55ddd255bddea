"""What happened elsewhere, in the books: it waits for nobody but for who changes its customer, and moves nothing."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from rules.refusals import CustomerMerged, CustomerNotFound, ProgramNotFound
from storage.engine.database import Database, connection
from storage.engine.session import session
from storage.engine.slots import LATER
from storage.engine.sockets import blocking
from storage.ledger import batch
from tests.storage import members
from tests.storage.blocking import Ledger
from tests.storage.scene import Scene, answered

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

# Takes its time, and then looks whether the customer is still who it was when the record was decided.
_STRICT = """
CREATE FUNCTION strict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.action = 'booking.created' THEN
        PERFORM pg_sleep(0.005);
        IF EXISTS (SELECT FROM customer WHERE id = NEW.customer AND state = 'MERGED') THEN
            RAISE EXCEPTION 'recorded of a customer that is merged';
        END IF;
    END IF;
    RETURN NEW;
END $$
"""


@pytest.fixture
def scene(database: Database) -> Scene:
    """Two customers."""
    return Scene(database, "ada", "ben")


def _at_once(scene: Scene, *commands: Any) -> list[Any]:
    """Their outcomes where nothing is waited for, as in a writer's first lane."""
    with connection(scene.database) as books:
        return blocking(batch.Ledger().run(session(books), commands))


def test_it_waits_for_no_account(scene: Scene) -> None:
    """A long refund of a customer must not hold up the doors that count his visits."""
    scene.earn(100)
    with scene.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM account FOR UPDATE")
        [outcome] = _at_once(scene, scene.activity())
    assert answered(outcome).activity


def test_several_processes_record_of_one_customer_at_once(scene: Scene) -> None:
    """A customer is kept as it is, not kept for oneself."""
    with scene.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM customer FOR SHARE")
        [outcome] = _at_once(scene, scene.activity())
    assert answered(outcome).activity


def test_whose_customer_is_being_changed_waits_alone(scene: Scene) -> None:
    """Its neighbours in the group, of others and of the program, do not notice."""
    commands = [scene.activity(), scene.activity(name="ben"), scene.activity(name="", action="report.made")]
    with scene.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM customer WHERE customer_id = 'ada' FOR NO KEY UPDATE")
        first, second, third = _at_once(scene, *commands)
    assert first is LATER
    assert answered(second).activity
    assert answered(third).activity


def test_what_waits_for_a_merge_hears_of_it(scene: Scene) -> None:
    """It was asked for while the customer was itself; recorded of who is no more, it would be in nobody's timeline."""
    holder = scene.another_connection()
    with ThreadPoolExecutor(1) as writer:
        with holder.transaction():
            holder.execute("SELECT FROM customer WHERE customer_id = 'ada' FOR NO KEY UPDATE")
            waiting = writer.submit(Ledger(scene.database).run, [scene.activity()])
            while scene.rows(WAITING) == [(0,)]:
                pass
            holder.execute(
                "UPDATE customer c SET state = 'MERGED', merged_into = t.id FROM customer t"
                " WHERE c.customer_id = 'ada' AND t.customer_id = 'ben'"
            )
        [outcome] = waiting.result()
    holder.close()
    assert isinstance(outcome, CustomerMerged)
    assert outcome.facts["target"] == "programs/coffee/customers/ben"
    assert not scene.rows("SELECT FROM activity WHERE action = 'booking.created'")


def test_none_is_recorded_of_a_customer_while_it_is_merged(scene: Scene) -> None:
    """However merges, their undoing and records meet: who is recorded of is itself until that is committed."""
    scene.execute(_STRICT)
    scene.execute("CREATE TRIGGER strict BEFORE INSERT ON activity FOR EACH ROW EXECUTE FUNCTION strict()")
    stop = Event()

    def record_on() -> int:
        ledger, done = Ledger(scene.database), 0
        while not stop.is_set():
            [outcome] = ledger.run([scene.activity()])
            done += not isinstance(outcome, CustomerMerged)
            assert isinstance(outcome, CustomerMerged) or answered(outcome).activity
        return done

    with ThreadPoolExecutor(2) as writers:
        recording = [writers.submit(record_on) for _ in range(2)]
        try:
            for _ in range(8):
                members.merge(scene)
                members.unmerge(scene)
        finally:
            stop.set()
        done = sum(one.result() for one in recording)
    assert done > 0
    assert scene.rows("SELECT count(*) FROM activity WHERE action = 'booking.created'") == [(done,)]


def test_of_whom_there_is_not_nothing_is_recorded(scene: Scene) -> None:
    """A typing error in a name must not become an entry of nobody's."""
    assert type(scene.refused(scene.activity(name="eve"))) is CustomerNotFound
    command = scene.activity(name="")
    assert type(scene.refused(command._replace(name=command.name._replace(program="cocoa")))) is ProgramNotFound
