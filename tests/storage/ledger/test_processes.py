"""Several processes write to the same accounts at once: the books come out as if they had waited for each other."""

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from storage.engine.database import Database
from tests.storage.ledger.writing import GROUP_SIZE, GROUPS, write
from tests.storage.scene import Scene

pytestmark = pytest.mark.process

PROCESSES = 3
FRIENDS = ("ada", "ben", "cyd")
ALL = ("buy", "spend", "hold", "capture", "transfer")


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        pytest.param(("ada",), ("buy", "spend", "hold", "capture"), id="one hot account"),
        pytest.param(FRIENDS, ("transfer",), id="crossing transfers"),
        pytest.param(FRIENDS, ALL, id="everything"),
    ],
)
def test_processes_on_the_same_accounts_lose_nothing_and_never_wait_in_a_ring(
    database: Database, database_url: str, names: tuple[str, ...], kinds: tuple[str, ...]
) -> None:
    """Locks are taken in the order of accounts, whichever way points go: a deadlock would fail a group. What each
    process was told adds up to what is there; no entry is missing, and none is there twice."""
    scene = Scene(database, *FRIENDS)
    for name in FRIENDS:
        scene.earn(500, name)
    sums: Counter[str] = Counter()
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as processes:
        for one in [processes.submit(write, database_url, "coffee", seed, names, kinds) for seed in range(PROCESSES)]:
            sums.update(one.result())
    refused = sum(count for reason, count in sums.items() if reason[0].isupper())
    assert sums["done"] + refused == PROCESSES * GROUPS * GROUP_SIZE
    assert refused < sums["done"]
    balances = [scene.balance(name) for name in FRIENDS]
    assert sum(balance.active for balance in balances) == 1500 + sums["active"]
    assert sum(balance.held for balance in balances) == sums["held"]
    assert sum(balance.moved for balance in balances) == 0
    assert scene.rows("SELECT coalesce(sum(amount), 0)::int FROM entry WHERE kind = 'TRANSFER_IN'") == [
        (sums["transferred"],)
    ]
    for name in FRIENDS:
        seqs = [entry.entry.seq for entry in reversed(scene.entries(name))]
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(seqs) == len(scene.entries(name))
    scene.assert_conserved()
