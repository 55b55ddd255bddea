"""The gate before a server outside: while it is away, one at a time tries it."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from workers.failures import NotNow
from workers.gate import Gate


def test_a_server_that_is_there_is_asked_by_all() -> None:
    """The usual case costs nothing."""
    gate = Gate("server", 10)
    for _ in range(3):
        gate.check()
    gate.open()
    gate.check()


def test_while_it_is_away_one_tries_and_the_others_wait() -> None:
    """A server that is silent would hold every thread of the worker, one after the other."""
    gate = Gate("server", 10)
    gate.shut("silent")
    assert 4 < _waits_s(gate) <= 5
    _pass_time(gate)
    gate.check()
    assert 9 < _waits_s(gate) <= 10
    gate.open()
    gate.check()


def test_who_tries_and_dies_is_followed_by_another() -> None:
    """Else all mails would wait for somebody who is no more."""
    gate = Gate("server", 10)
    gate.shut("silent")
    for _ in range(2):
        _pass_time(gate)
        gate.check()


def test_pauses_double_up_to_a_limit_and_begin_anew() -> None:
    """A restart costs seconds; a server that is away for a day is no load, and is noticed soon when it is back."""
    gate = Gate("server", 10)
    for pause_s in (5, 10, 20, 40, 80, 160, 300, 300):
        assert gate.shut("away").after <= timedelta(seconds=pause_s)
        assert pause_s - 1 < _waits_s(gate) <= pause_s
        _pass_time(gate)
        gate.check()
    gate.open()
    gate.shut("away")
    assert _waits_s(gate) <= 5


def test_those_who_were_under_way_do_not_prolong_the_pause() -> None:
    """Four threads that find out at once have found out one thing."""
    gate = Gate("server", 10)
    with capture_logs() as logged:
        for _ in range(4):
            assert gate.shut("away").after <= timedelta(seconds=5)
    assert [(line["event"], line["reason"]) for line in logged] == [("server away", "away")]
    gate.open()
    gate.check()


def _waits_s(gate: Gate) -> float:
    with pytest.raises(NotNow) as refused:
        gate.check()
    return refused.value.after.total_seconds()


def _pass_time(gate: Gate) -> None:
    gate._try_at = 0.0
