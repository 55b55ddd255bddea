"""What stood between two readings, or between two commands of a bundle."""

import asyncio
import time
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest

from rules.refusals import InsufficientPoints
from storage.engine.database import Database
from storage.engine.requests import Answer
from storage.engine.session import Session
from storage.ledger import loading, queries
from storage.ledger import nouns as ledger_nouns
from storage.ledger.limits import PATIENT
from storage.ledger.writer import Writer
from tests.storage.scene import Scene, answered


@pytest.fixture
def scene(database: Database) -> Scene:
    """Ada and Ben."""
    return Scene(database, "ada", "ben")


def test_a_purchase_of_nothing_that_is_corrected_can_be_accepted_in_the_same_bundle(scene: Scene) -> None:
    """Its lot is made by the correction: nobody could name it before."""
    scene.do(scene.purchase(0, card="slow", transaction_id="t"))
    for outcome in scene.all_or_nothing(scene.correction("t", 100), scene.decision("t", True)):
        assert isinstance(outcome, Answer)
    assert scene.balance(card="slow").active == 100


def test_a_bundle_that_is_only_asked_about_is_told_what_would_come_of_it(scene: Scene) -> None:
    """Who tries a file before sending it would hear of points that are missing, which the file itself gives."""
    before = scene.contents()
    asked = scene.all_or_nothing(scene.purchase(100, validate_only=True), scene.spending(100, validate_only=True))
    assert [answered(one).activity for one in asked] == [None, None]
    assert scene.contents() == before
    for outcome in scene.all_or_nothing(scene.purchase(100), scene.spending(100)):
        assert isinstance(outcome, Answer)


@pytest.mark.parametrize("kind", ["balance", "preview"])
def test_what_is_read_beside_a_change_was_true_at_some_instant(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Sweeps settle accounts just when they fall due, and somebody looks at his points just then."""
    scene.do(scene.purchase(100, card="slow"))
    scene.advance(timedelta(days=11))
    load_lots, changes = ledger_nouns.load_lots, [lambda: scene.do(scene.spending(40, card="slow"))]

    async def between(session: Session, workspace: Any, asked: Any) -> None:
        if changes:
            other = Thread(target=changes.pop())  # So over another connection.
            other.start()
            other.join()
        await load_lots(session, workspace, asked)

    monkeypatch.setattr(queries if kind == "balance" else loading, "load_lots", between)
    if kind == "balance":
        assert scene.balance(card="slow").spendable in (100, 60)
    else:
        assert answered(scene.group(scene.spending(50, card="slow", validate_only=True))[0]).value.balance.active == 10


def test_points_that_an_account_cannot_have_are_refused_without_a_look_at_its_lots(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller may ask for more points than there are; an account of 20,000 lots must not be read for that."""
    scene.earn(100)
    looked_for: list[int] = []
    load_lots = ledger_nouns.load_lots

    async def noted(session: Session, workspace: Any, asked: Any) -> None:
        looked_for.extend(demand for _, _, demand, _ in asked)
        await load_lots(session, workspace, asked)

    monkeypatch.setattr(loading, "load_lots", noted)
    assert isinstance(scene.refused(scene.spending(2**53)), InsufficientPoints)
    assert looked_for == [0]
    # What the group itself gives is found all the same.
    for outcome in scene.group(scene.purchase(900), scene.spending(1000)):
        assert isinstance(outcome, Answer)


def test_a_customer_of_whom_thousands_wait_keeps_nobody_else_from_writing(scene: Scene) -> None:
    """One caller could fill the queue of a row that somebody holds, and so stop all others."""
    other = scene.another_connection()
    deadline = time.monotonic() + 30

    async def write() -> Any:
        writer = Writer(scene.database)
        waiting = [writer.submit([scene.purchase(1, deadline=deadline)])]
        await asyncio.sleep(0.5)
        for _ in range(PATIENT.waiting_max // 500 + 1):
            waiting.append(writer.submit([scene.purchase(1, deadline=deadline) for _ in range(500)]))
        [outcome] = await writer.submit([scene.purchase(1, "ben", deadline=deadline)])
        for one in waiting:
            one.cancel()
        await writer.close()
        return outcome

    with other.transaction():
        other.execute("SELECT FROM account JOIN customer c ON c.id = customer WHERE customer_id = 'ada' FOR UPDATE")
        other.execute("SELECT FROM customer WHERE customer_id = 'ada' FOR UPDATE")
        assert isinstance(asyncio.run(write()), Answer)
    other.close()
