"""A customer that was merged acts no more, whoever asks and however close together; and what cannot be is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from rules.refusals import (
    CustomerMerged,
    CustomerNotFound,
    CustomerStateWrong,
    InsufficientPoints,
    MergeImpossible,
    RequestIdReused,
)
from storage.engine.database import Database
from storage.engine.requests import Answer
from storage.ledger.addresses import Address
from storage.ledger.queries import GetBalance
from tests.storage import members
from tests.storage.blocking import Ledger, Reader
from tests.storage.customers.test_merge import live
from tests.storage.members import assert_conserved, merge
from tests.storage.scene import Scene

BEN = "programs/coffee/customers/ben"


@pytest.fixture
def scene(database: Database) -> Scene:
    """Three customers, and cards of every kind."""
    made = Scene(database, "ada", "ben", "cyd")
    members.more_cards(made)
    return made


ACTS: dict[str, Callable[[Scene], Any]] = {
    "earn": lambda scene: scene.earn(5),
    "earn with a card that it never had": lambda scene: scene.earn(5, card="by_hand"),
    "spend": lambda scene: scene.do(scene.spending(5)),
    "receive": lambda scene: members.transfer(scene, 5, "ben", "ada"),
    "hold": lambda scene: members.hold(scene, 5),
    "release": lambda scene: members.release(scene, 1, "ada"),
    "roll back": lambda scene: members.roll_back(scene, 2, "ada"),
    "refund": lambda scene: members.refund(scene, "coffee", "ada"),
    "merge again": lambda scene: merge(scene, "ada", "cyd"),
    "merge into it": lambda scene: merge(scene, "cyd", "ada"),
}


@pytest.mark.parametrize("act", ACTS)
def test_whoever_names_it_afterwards_is_told_whom_to_name(scene: Scene, act: str) -> None:
    """Tills remember accounts and carts hold numbers: none of them may act for somebody who is no more."""
    scene.earn(100, transaction_id="coffee")
    scene.earn(50, name="ben")
    members.spend_entry(scene, 10)
    members.hold(scene, 5)
    merge(scene)
    before = scene.contents()
    with pytest.raises(CustomerMerged) as refused:
        ACTS[act](scene)
    assert refused.value.facts == {"customer": "ada", "target": BEN}
    assert scene.contents() == before


def test_its_balance_and_its_history_are_asked_of_the_one_that_goes_on(scene: Scene) -> None:
    """Zero would be a lie to somebody who had points yesterday."""
    scene.earn(100)
    merge(scene)
    [found] = Reader(scene.database).run([GetBalance(Address("coffee", "ada", "plain"))])
    assert isinstance(found, CustomerMerged)


def test_what_cannot_be_merged_is_refused_and_nothing_happens(scene: Scene) -> None:
    """Each for its own reason, so that whoever asked knows what to do first."""
    before = scene.contents()
    with pytest.raises(MergeImpossible, match="one and the same"):
        merge(scene, "ada", "ada")
    with pytest.raises(CustomerNotFound):
        merge(scene, "ada", "nobody")
    with pytest.raises(MergeImpossible, match="different programs"):
        merge(scene, into_program="tea")
    assert scene.contents() == before
    for name in ("ada", "ben"):
        members.suspend(scene, name)
        with pytest.raises(CustomerStateWrong) as refused:
            merge(scene)
        assert refused.value.facts == {"customer": name, "state": "SUSPENDED", "wanted": "ACTIVE"}
        members.reactivate(scene, name)
    request_id = str(uuid4())
    merge(scene, request_id=request_id)
    with pytest.raises(RequestIdReused):
        merge(scene, "cyd", request_id=request_id)


def test_asked_again_it_answers_what_it_answered_even_at_the_same_moment(scene: Scene) -> None:
    """A caller that lost the answer must not hear that the customer was merged already: by whom?"""
    live(scene)
    request_id = str(uuid4())
    with ThreadPoolExecutor(3) as callers:
        answers = list(callers.map(lambda _: merge(scene, request_id=request_id), range(3)))
    assert sorted(answer.replayed for answer in answers) == [False, True, True]
    assert len({(answer.value.accounts, answer.value.customer, answer.activity) for answer in answers}) == 1
    before = scene.contents()
    assert merge(scene, request_id=request_id) == next(one for one in answers if one.replayed)
    assert scene.contents() == before
    assert_conserved(scene)


@pytest.mark.parametrize("turns", range(3))
def test_spending_while_it_happens_takes_a_point_once(scene: Scene, turns: int) -> None:
    """Tills go on while somebody merges: each purchase is with the one or the other, and none is lost."""
    for name in ("ada", "ben"):
        scene.earn(500, name=name)

    def spend(name: str) -> list[Any]:
        ledger = Ledger(scene.database)
        return [ledger.run([scene.spending(7, name), scene.purchase(5, name)]) for _ in range(15)]

    with ThreadPoolExecutor(3) as everybody:
        tills = [everybody.submit(spend, name) for name in ("ada", "ben")]
        merged = everybody.submit(merge, scene, *(("ada", "ben") if turns % 2 else ("ben", "ada")))
        done = [outcome for till in tills for both in till.result() for outcome in both]
        merged.result()
    refused = [outcome for outcome in done if not isinstance(outcome, Answer)]
    assert all(isinstance(outcome, CustomerMerged | InsufficientPoints) for outcome in refused)
    spent = sum(getattr(one.value, "points", 0) or one.value.entry.amount for one in done if isinstance(one, Answer))
    assert members.sums(scene, ("ada", "ben")) == (0, 1000 + spent, 0, 0)
    assert_conserved(scene)
