"""What counts as a fault: the exit code hangs on it, and so does the worth of a table without any."""

import math
import time
from dataclasses import replace

import pytest

from attack.attacks import ATTACKS
from attack.probe import HEALTH, READ, WRITE, Figures, Sample, figures
from attack.raw import counted
from attack.stage import Scene, Stage
from attack.table import lines
from attack.trial import FOR_EVER, Attack, Breach, Excuse, Row, judge, trial

ENDED = 100.0
AWAY = Excuse(frozenset({"UNAVAILABLE"}), (WRITE, READ), recovered_s=5.0)
AFTERWARDS = Sample(WRITE, ENDED + 10, 0.1, "OK")


def nothing(scene: Scene, seconds: float) -> str:
    """An attack that does nothing."""
    return "nothing"


def failed(at: float, code: str = "UNAVAILABLE", kind: str = WRITE) -> Sample:
    """A call of the probe that failed."""
    return Sample(kind, at, 0.1, code)


def judged(*samples: Sample, excuse: Excuse = AWAY, survived: bool = True) -> list[str]:
    """What is said against a server whose probe saw that."""
    return judge(Attack("none", "nothing", nothing, excuse, survived=survived), [*samples, AFTERWARDS], ENDED)


def test_without_an_excuse_every_failed_call_is_a_fault() -> None:
    """Refusing is not surviving."""
    assert judged(failed(50), failed(51, kind=HEALTH), excuse=Excuse()) == [
        "1 health calls failed with UNAVAILABLE",
        "1 write calls failed with UNAVAILABLE",
    ]


@pytest.mark.parametrize(
    ("sample", "excused"),
    [
        (failed(50), True),
        (failed(ENDED + 4), True),
        (failed(ENDED + 6), False),
        (failed(50, "INTERNAL"), False),
        (failed(50, kind=HEALTH), False),
    ],
)
def test_an_excuse_covers_its_codes_its_kinds_and_its_time(sample: Sample, excused: bool) -> None:
    """An outage explains UNAVAILABLE for a while; it explains neither a fault of ours nor one that lasts."""
    assert (judged(sample) == []) is excused


def test_a_server_that_answers_nobody_afterwards_has_not_survived() -> None:
    """All calls may be excused while it lasts, and then there must be one that succeeds."""
    attack = Attack("none", "nothing", nothing, replace(AWAY, recovered_s=FOR_EVER))
    assert judge(attack, [failed(50)], ENDED) == ["no call succeeded after it"]
    assert judge(replace(attack, survived=False), [failed(50)], ENDED) == []


def test_figures_are_of_calls_that_succeeded_and_count_those_that_failed() -> None:
    """Refusals are quick; a server that refuses everybody would have the best p99."""
    samples = [Sample(READ, 0, number / 1000, "OK") for number in range(1, 101)]
    found = figures([*samples, failed(1, kind=READ), failed(1)], READ)
    assert found == Figures(101, 50.0, 99.0, 100.0, found.failed)
    assert counted(found.failed) == "1 UNAVAILABLE"
    assert math.isnan(figures([], READ).p99_ms)


def test_a_breach_and_a_dead_server_are_faults_of_the_trial(here: Stage) -> None:
    """What the probe cannot see, the attack itself must be able to say; and a server that is gone is no empty row."""

    def kill(scene: Scene, seconds: float) -> str:
        time.sleep(1.0)  # calls that were due before have their answers by then: else they would be lost, too
        scene.server.kill()
        raise Breach("it broke")

    row = trial(Attack("kill", "a kill", kill), here, 0.0, alone_s=0.5, after_s=0.5)
    assert row.alone[WRITE].failed.total() == 0
    assert row.alone[WRITE].calls > 0
    assert row.beside[WRITE].failed["UNAVAILABLE"] > 0
    assert row.faults[0] == "it broke"
    assert row.faults[1].startswith("the server ended")


def test_the_table_has_a_cell_for_every_column(here: Stage) -> None:
    """It is pasted into docs/operating.md as it is."""
    none = figures([], WRITE)
    row = Row(ATTACKS[0], {WRITE: none, READ: none}, {WRITE: none, READ: none, HEALTH: none}, 1.0, "held", ["failed"])
    head, rule, only = lines([row])
    assert head.count("|") == rule.count("|") == only.count("|")
    assert "FAULT: failed" in only
