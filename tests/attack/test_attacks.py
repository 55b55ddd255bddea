"""The attacks that once stopped a server, each short: an honest caller beside them must not notice.

`make attack` does them all, at length, with figures. Nothing here asserts how fast something is: a call of the probe
fails when it is refused, or has no answer after the seconds that a till waits.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from attack.attacks import ATTACKS
from attack.stage import Scene, Stage
from attack.trial import Attack, Row, trial

BY_NAME = {attack.name: attack for attack in ATTACKS}
ALONE_S, AFTER_S = 0.5, 1.0
SECONDS = 4.0
# Longer than the lock timeout of our connections, so that it cannot pass for patience.
LOCKED_S = 6.0
# A session that was lost while it held locks holds them until PostgreSQL gives it up, 15 s after its last word.
LOCKS_LOST_S = 13.0


def attacked(here: Stage, attack: Attack, seconds: float = SECONDS) -> Row:
    """What came of a short attack."""
    return trial(replace(attack, seconds_min=0.0), here, seconds, ALONE_S, AFTER_S)


@pytest.mark.parametrize("name", ["headers_one_connection", "headers_many_connections"])
def test_calls_whose_message_never_comes_take_no_permit_of_others(here: Stage, name: str) -> None:
    """One connection without a key stopped the server: gRPC counts calls from their headers on, before we see them."""
    assert attacked(here, BY_NAME[name]).faults == []


@pytest.mark.thorough
def test_idle_streams_of_one_caller_leave_permits_for_others(here: Stage) -> None:
    """A permit is for work; a caller that only holds it must run out of its own share first."""
    assert attacked(here, BY_NAME["idle_streams"]).faults == []


@pytest.mark.thorough
def test_locked_rows_stop_only_those_who_need_them(here: Stage) -> None:
    """An operator in psql, or one stuck neighbour, stopped every write of the process, in every program. Here an
    account, a customer and a program are locked at once."""
    locked = [BY_NAME[name] for name in ("locked_account", "locked_customer", "locked_program")]

    def run(scene: Scene, seconds: float) -> str:
        with ThreadPoolExecutor(len(locked)) as pool:
            return "; ".join(pool.map(lambda attack: attack.run(scene, seconds), locked))

    assert attacked(here, replace(locked[0], run=run), LOCKED_S).faults == []


@pytest.mark.thorough
def test_a_silent_database_is_given_up_and_found_again(here: Stage) -> None:
    """A connection whose other end is gone is silent for ever. Who waits for it waits for ever, and nobody restarts
    a server whose process is well."""
    attack = BY_NAME["silent_then_lost"]
    patient = replace(attack, excuse=replace(attack.excuse, recovered_s=LOCKS_LOST_S))
    assert attacked(here, patient).faults == []


@pytest.mark.thorough
def test_a_server_ends_when_told_to_even_while_its_database_is_silent(here: Stage) -> None:
    """A deployment in the middle of an outage must not hang on the outage."""
    assert attacked(here, BY_NAME["silent_stop"]).faults == []


def test_no_attack_has_anothers_name() -> None:
    """An attack is asked for by its name."""
    assert len(BY_NAME) == len(ATTACKS)
