"""The stage: what is compared there must be Fealty as it is deployed, and the comparison must do what it says."""

from collections.abc import Iterator

import pytest

from bench.processor import spent_s
from bench.requests import purchases
from bench.row import clean
from bench.server import NOTHING, PLAIN, RECORD
from bench.stage import Stage, stage
from storage.engine.database import connection

CUSTOMERS = 20


@pytest.fixture(scope="module")
def here() -> Iterator[Stage]:
    """A small one, and short loads on it."""
    with stage(0.2, customers=CUSTOMERS) as here:
        yield here


def purchases_kept(here: Stage) -> int:
    """How many are in the books."""
    with connection(here.database) as books:
        [(count,)] = books.execute("SELECT count(*) FROM transaction")
        return int(count)


def test_processes_that_share_a_port_all_answer(here: Stage) -> None:
    """Two against one would otherwise be one against one. 16 connections fall to one of two once in 30,000 times."""
    with here.served_by(2) as both:
        before_s = [spent_s([process]) for process in both.server]
        clean(both.unary(RECORD, purchases(range(CUSTOMERS)), in_flight=32, connections=16))
        used_s = [spent_s([process]) - before for process, before in zip(both.server, before_s, strict=True)]
    assert len(used_s) == 2
    assert min(used_s) > 0.01 * sum(used_s)


@pytest.mark.parametrize("path", [RECORD, PLAIN])
def test_both_ways_to_record_a_purchase_keep_each_one_that_they_acknowledge(here: Stage, path: str) -> None:
    """The usual way is compared by what it does, not by how fast it does nothing."""
    before = purchases_kept(here)
    found = clean(here.unary(path, purchases(range(CUSTOMERS)), in_flight=8))
    assert purchases_kept(here) - before >= found.calls > 0


def test_a_call_that_does_nothing_costs_the_server_and_not_postgresql(here: Stage) -> None:
    """It is what every row of processor time is held against."""
    nothing = clean(here.unary(NOTHING, purchases(range(CUSTOMERS)), in_flight=8)).processor_us
    earned = clean(here.unary(RECORD, purchases(range(CUSTOMERS)), in_flight=8)).processor_us
    assert 0 < nothing["server"] < earned["server"]
    assert nothing["PostgreSQL"] < earned["PostgreSQL"]
