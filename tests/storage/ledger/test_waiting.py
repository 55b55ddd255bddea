"""Rows in somebody else's hands: who needs them waits, in order and not for ever; nobody else notices."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rules.refusals import GroupRefused
from storage.engine.database import Busy, Database
from storage.engine.requests import Answer
from storage.ledger.acts.transactions import RecordTransaction
from storage.ledger.commands import AllOrNothing
from storage.ledger.group import Group
from storage.ledger.writer import Writer
from tests.storage.blocking import with_writer, written
from tests.storage.scene import Scene, answered

pytestmark = pytest.mark.long

ADA = "account WHERE customer = (SELECT id FROM customer WHERE customer_id = 'ada')"


@pytest.fixture
def scene(database: Database) -> Scene:
    """Three customers with points."""
    made = Scene(database, "ada", "ben", "cyd")
    for name in ("ada", "ben", "cyd"):
        made.earn(1000, name=name)
    return made


@contextmanager
def held(scene: Scene, rows: str) -> Iterator[None]:
    """While the context is open, a neighbour has rows locked, in the hardest way there is."""
    neighbour = scene.another_connection()
    with neighbour.transaction():
        neighbour.execute(f"SELECT FROM {rows} FOR UPDATE".encode())
        yield
    neighbour.close()


@pytest.mark.parametrize("rows", [ADA, "customer WHERE customer_id = 'ada'"])
def test_a_row_that_is_held_makes_only_those_wait_who_need_it(scene: Scene, rows: str) -> None:
    """One stuck transaction would otherwise stop every write of every program of this process."""
    # Her first points of another card open an account, for which her own row is needed.
    card = "slow" if rows.startswith("customer") else "plain"

    async def use(writer: Writer) -> None:
        with held(scene, rows):
            waiting = writer.submit([scene.purchase(1, name="ada", card=card)])
            for _ in range(5):
                others = await asyncio.gather(*(writer.submit([scene.spending(1, name)]) for name in ("ben", "cyd")))
                assert all(isinstance(outcome, Answer) for [outcome] in others)
            assert not waiting.done()
        [outcome] = await waiting
        assert answered(outcome).value.points == 1

    with_writer(scene, use)
    assert scene.balance("ben").active == scene.balance("cyd").active == 995
    scene.assert_conserved()


def test_what_waits_for_a_customer_is_done_in_the_order_in_which_it_came(scene: Scene) -> None:
    """A till that earns and then spends must not hear that there was nothing to spend."""

    async def use(writer: Writer) -> None:
        with held(scene, ADA):
            waiting = []
            for _ in range(20):
                # Nothing is left of what she had: each spending needs the purchase before it.
                waiting += [writer.submit([scene.purchase(500, "ada")]), writer.submit([scene.spending(500, "ada")])]
                # In all four times as long as a patient lane waits at once.
                await asyncio.sleep(0.05)
        assert all(isinstance(outcome, Answer) for [outcome] in await asyncio.gather(*waiting))

    scene.do(scene.spending(1000, "ada"))
    with_writer(scene, use)
    assert [entry.entry.amount for entry in scene.entries("ada")][:40] == [-500, 500] * 20
    scene.assert_conserved()


def test_who_waits_to_its_deadline_hears_that_the_row_was_busy(scene: Scene) -> None:
    """ "The database is away" would send an operator looking in the wrong place."""

    async def use(writer: Writer) -> None:
        with held(scene, ADA):
            deadline = time.monotonic() + 1.5
            many = [writer.submit([scene.spending(10, "ada", deadline=deadline)]) for _ in range(40)]
            assert all(isinstance(outcome, Busy) for [outcome] in await asyncio.gather(*many))
            assert time.monotonic() < deadline
            assert all(state.stalled_s == 0.0 for state in writer.states)

    with_writer(scene, use)
    assert scene.balance("ada").active == 1000


def test_a_lane_that_waits_for_held_rows_is_not_taken_for_hung(scene: Scene) -> None:
    """A healthy server would be restarted for as long as somebody in psql forgets a transaction."""

    async def use(writer: Writer) -> None:
        with held(scene, "account"):
            waiting = [writer.submit([scene.purchase(1, name)]) for name in ("ada", "ben", "cyd")]
            await asyncio.sleep(0.5)
            assert sum(state.waiting for state in writer.states) == 3
            stalled = max(state.stalled_s for state in writer.states)
        assert stalled < 0.5
        assert all(isinstance(outcome, Answer) for [outcome] in await asyncio.gather(*waiting))

    with_writer(scene, use)


def test_what_is_passed_over_while_a_server_stops_is_answered(scene: Scene) -> None:
    """A future that nobody resolves is a caller that waits for ever."""

    async def use(writer: Writer) -> None:
        with held(scene, ADA):
            waiting = writer.submit([scene.purchase(1, "ada")])
            await asyncio.sleep(0)
            await writer.close()
            assert waiting.done()

    with_writer(scene, use)


def test_a_process_gets_its_turn_at_an_account_that_another_has_all_the_time(scene: Scene) -> None:
    """Passing over what is taken must not mean being passed over for ever."""

    async def use(writer: Writer) -> None:
        other = Writer(scene.database)
        spent = asyncio.Event()

        async def hog() -> int:
            count = 0
            while not spent.is_set():
                await asyncio.gather(*(other.submit([scene.purchase(1, "ada")]) for _ in range(32)))
                count += 32
            return count

        hogging = asyncio.gather(*(hog() for _ in range(3)))
        for _ in range(20):
            [outcome] = await writer.submit([scene.spending(1, "ada")])
            assert isinstance(outcome, Answer)
        spent.set()
        earned = sum(await hogging)
        await other.close()
        assert earned

    with_writer(scene, use)
    scene.assert_conserved()


def test_who_only_wants_to_know_what_would_happen_waits_for_no_row(scene: Scene) -> None:
    """A preview that takes locks is a way to stop other people's work without leaving a trace."""
    with held(scene, ADA):
        [[outcome]] = written(scene, [[scene.spending(10, "ada", validate_only=True)]])
        assert answered(outcome).value.balance.active == 990
    assert scene.balance("ada").active == 1000


class Broken(RecordTransaction):
    """A purchase with a fault that shows when half of it is done."""

    def decide(self, group: Group) -> Answer[Any]:
        """Does all of it, and then fails."""
        super().decide(group)
        raise ZeroDivisionError


@pytest.mark.parametrize("together", [False, True])
def test_a_command_with_a_fault_fails_alone_and_leaves_nothing_behind(scene: Scene, together: bool) -> None:
    """One bug in one act must not take down whoever happens to share its transaction."""
    broken: Any = Broken._make(scene.purchase(7, "ben", transaction_id="broken"))
    faulty = AllOrNothing((scene.purchase(5, "ben"), broken)) if together else broken
    [outcomes] = written(scene, [[scene.purchase(10, "ben"), faulty, scene.purchase(20, "ben")]])
    assert answered(outcomes[0]).value.balance.active == 1010
    assert isinstance(outcomes[1], ZeroDivisionError)
    assert answered(outcomes[2]).value.balance.active == 1030
    assert scene.rows("SELECT count(*) FROM transaction WHERE transaction_id = 'broken'") == [(0,)]
    scene.assert_conserved()


def test_an_answer_that_cannot_be_read_any_more_fails_its_own_replay_only(scene: Scene) -> None:
    """Kept answers outlive the code that wrote them; a bad one must not poison every group it lands in."""
    once = scene.purchase(10, "ben")
    scene.do(once)
    scene.execute("UPDATE request SET response = 'garbage' WHERE request_id = %s", [once.context.request.request_id])
    [[replayed, other]] = written(scene, [[once, scene.purchase(20, "ben")]])
    assert isinstance(replayed, Exception)
    assert answered(other).value.balance.active == 1030


def test_all_or_nothing_waits_as_one(scene: Scene) -> None:
    """Half of it done while the other half waits would be neither all nor nothing."""

    async def use(writer: Writer) -> None:
        with held(scene, ADA):
            both = AllOrNothing((scene.purchase(1, "ben"), scene.purchase(1, "ada")))
            waiting = writer.submit([both])
            done, _ = await asyncio.wait([waiting], timeout=0.5)
            assert not done
            assert scene.balance("ben").active == 1000
        [outcomes] = await waiting
        assert isinstance(outcomes, list)
        assert [answered(outcome).value.points for outcome in outcomes] == [1, 1]

    with_writer(scene, use)


def test_an_all_or_nothing_that_is_refused_costs_its_neighbours_nothing(scene: Scene) -> None:
    """Each of its own refusals names the one that refused it."""
    together = AllOrNothing((scene.purchase(1, "ben"), scene.spending(5000, "ben"), scene.purchase(1, "ben")))
    [[outcomes, after]] = written(scene, [[together, scene.purchase(3, "ben")]])
    assert [isinstance(outcome, GroupRefused) for outcome in outcomes] == [True, False, True]
    assert answered(after).value.balance.active == 1003
