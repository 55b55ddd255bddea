"""Processor time is what a call is judged by where a machine is shared: none may be missed, and none taken twice."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time

import pytest

from bench.load import Unary, run
from bench.processor import spent_s
from tests.bench.test_wire import Books, decimal, serving

# The kernel counts children that have ended in ticks of 10 ms, user and system time each.
TICKS_S = 0.02

WORK = "import time\nwhile time.process_time() < 0.2: pass\nused = time.process_time()"
# Says what was used, by the one that used it, and lives until it is told to end.
SAY = "print(used, flush=True)\ninput()"
BY_ITSELF = f"{WORK}\n{SAY}"
BY_A_THREAD = f"""
import threading
def work():
    global used
    {WORK.replace(chr(10), chr(10) + "    ")}
thread = threading.Thread(target=work)
thread.start()
thread.join()
{SAY}
"""
BY_A_CHILD_THAT_ENDED = f"""
import subprocess, sys
used = float(subprocess.check_output([sys.executable, "-c", {f"{WORK}{chr(10)}print(used)"!r}], text=True))
{SAY}
"""
BY_A_CHILD_THAT_LIVES = f"""
import subprocess, sys
command, pipe = [sys.executable, "-c", {BY_ITSELF!r}], subprocess.PIPE
child = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
used = float(child.stdout.readline())
{SAY}
child.communicate("")
"""


@contextmanager
def running(program: str) -> Iterator[tuple[int, float]]:
    """A process that has done its work, and the processor time that this took."""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.pid, float(process.stdout.readline())
        process.communicate("\n")


@pytest.mark.parametrize("program", [BY_ITSELF, BY_A_THREAD, BY_A_CHILD_THAT_ENDED, BY_A_CHILD_THAT_LIVES])
@pytest.mark.process
def test_all_that_a_process_and_its_children_used_counts(program: str) -> None:
    """PostgreSQL works in processes that come and go, the server in threads."""
    with running(program) as (process, used_s):
        assert used_s >= 0.2
        assert spent_s([process]) >= used_s - TICKS_S


@pytest.mark.process
def test_what_a_process_used_counts_once_however_it_was_found() -> None:
    """A child that ended stands in its parent's account, and must not stand in its own beside it."""
    with running(BY_A_CHILD_THAT_ENDED) as (process, used_s), running(BY_ITSELF) as (other, _):
        together = spent_s([process, other])
        assert together == pytest.approx(spent_s([process]) + spent_s([other]), abs=TICKS_S)
        assert spent_s([process]) < 2 * used_s


@pytest.mark.process
def test_a_load_says_what_each_call_took_of_the_server_while_it_was_measured() -> None:
    """Warm-up, and what the client itself takes, are no part of a call."""
    watched = {"server": (os.getpid(),)}
    with serving(Books()) as (target, _):
        before_s = process_time()
        work = Unary(
            target, "/books/keep", decimal, in_flight=4, connections=2, warmup_s=0.9, duration_s=0.3, watched=watched
        )
        found = run(work)
        used_s = process_time() - before_s
    assert 0 < found.processor_us["server"] * found.calls < used_s * 1e6 * 0.6
