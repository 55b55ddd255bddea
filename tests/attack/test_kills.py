"""Kills, and the reckoning after them. A reckoning that finds nothing is worth what it can find."""

import random
from collections.abc import Iterator

import pytest

from attack import club
from attack.kills import kills
from attack.reckoning import counted, replayed
from attack.stage import Stage, stage
from attack.tills import Act, Servers, Till
from tests.conftest import SETTINGS, open_folder

STEPS = 60
KILLS = 5
ACCOUNTS = [club.account(club.CLUB, name) for name in club.TILL_CUSTOMERS]


@pytest.fixture(scope="module")
def servers(here: Stage) -> Iterator[Servers]:
    """A server, as its callers know it."""
    with here.scene() as scene:
        made = Servers([scene.target], here.keys.administrator)
        yield made
        made.close()


@pytest.fixture(scope="module")
def acts(servers: Servers) -> list[Act]:
    """All that happened to the accounts of the tills: they are nobody else's."""
    till = Till(servers, 0, random.Random(1))
    for _ in range(STEPS):
        till.step()
    assert len(till.acts) + till.refused == STEPS
    assert {act.method for act in till.acts} == {"RecordTransaction", "SpendPoints"}
    return till.acts


@pytest.mark.thorough
@pytest.mark.process
def test_kills_of_all_processes_under_load_lose_nothing() -> None:
    """What a caller was told is done is done, once, whatever died in the meantime; and everything comes back."""
    with open_folder() as folder, stage(folder, SETTINGS) as here:
        result = kills(here, KILLS, random.Random(7))
    assert result.faults == []
    assert result.kills.total() == KILLS
    assert result.acknowledged > 0


def test_books_that_hold_what_was_told_are_found_right(servers: Servers, acts: list[Act]) -> None:
    """Nothing is said against them, by replay or by count."""
    assert list(replayed(servers, acts)) == []
    assert list(counted(servers, ACCOUNTS, acts)) == []


def test_an_act_that_nobody_was_told_of_is_found(servers: Servers, acts: list[Act]) -> None:
    """A retry that was made twice looks like this: one entry more than answers."""
    [*others, last] = acts
    found = list(counted(servers, ACCOUNTS, others))
    assert all(last.request.account in fault for fault in found)
    assert any("1 times more than somebody was told" in fault for fault in found)
    assert any("acknowledged were" in fault for fault in found)


def test_an_acknowledged_act_that_is_not_in_the_books_is_found(servers: Servers, acts: list[Act]) -> None:
    """The worst that can happen to a book of points."""
    purchase = next(act for act in acts if act.method == "RecordTransaction")
    lost = purchase.response.__class__()
    lost.CopyFrom(purchase.response)
    lost.transaction.name += "-lost"
    found = list(counted(servers, ACCOUNTS, [*acts, purchase._replace(response=lost)]))
    assert any(fault.endswith("-lost was acknowledged and is not in the books") for fault in found)


def test_two_answers_with_one_result_are_found(servers: Servers, acts: list[Act]) -> None:
    """Two callers were told of the same spending: one of them is wrong."""
    assert any("with the same result" in fault for fault in counted(servers, ACCOUNTS, [*acts, acts[0]]))


def test_a_replay_that_is_answered_anew_or_otherwise_is_found(servers: Servers, acts: list[Act]) -> None:
    """Whoever asks again must hear the first answer, to the point."""
    # Of an account that is in no count: asking for what was never made makes it.
    unknown = acts[0]._replace(request=club.purchase(club.account(club.CLUB, "c0")), method="RecordTransaction")
    [fault] = replayed(servers, [unknown])
    assert fault.endswith("was acknowledged and is not known")
    other = acts[0].response.__class__()
    other.CopyFrom(acts[0].response)
    other.balance.active += 1
    [fault] = replayed(servers, [acts[0]._replace(response=other)])
    assert "answered otherwise than before" in fault
