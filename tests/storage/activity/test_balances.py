"""What records tell of balances."""

import json
from collections import defaultdict

import pytest

from rules.accounts import BALANCE
from storage.engine.database import Database
from tests.storage.deep import Deep

# In the order of the acts: ids grow where one transaction makes several.
BODIES = (
    "SELECT c.customer_id, a.body FROM activity a JOIN customer c ON c.id = a.customer ORDER BY a.recorded_at, a.id"
)
STANDS = """
SELECT c.customer_id, a.card_id, json_build_array(a.pending, a.active, a.held, a.debt)
FROM account a JOIN customer c ON c.id = a.customer
"""


@pytest.mark.parametrize("seed", range(4))
def test_records_tell_every_balance_from_its_first_point_on(database: Database, seed: int) -> None:
    """Whoever disputes a balance is shown how it came about, act by act: each begins where the one before it ended, and
    the last ends at what stands in the books."""
    scene = Deep(database, "ada", "ben", "cleo")
    scene.live(seed, 150)
    told: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(BALANCE, 0))
    for customer, body in scene.rows(BODIES):
        for change in json.loads(body)["changes"]:
            card, _, figure = change["field"].rpartition(".")
            if figure in BALANCE:
                assert change["kind"] == "NUMBER"
                assert told[customer, card][figure] == change["before"], body
                told[customer, card][figure] = change["after"]
    stands = {(customer, card): figures for customer, card, figures in scene.rows(STANDS) if any(figures)}
    assert {key: list(figures.values()) for key, figures in told.items() if any(figures.values())} == stands


def test_no_two_bodies_share_a_nonce(database: Database) -> None:
    """A hash proves a body that was dropped; without a nonce whoever has the hash would find the body by trying."""
    scene = Deep(database)
    scene.live(1, 20)
    nonces = [json.loads(body)["nonce"] for body in scene.bodies()]
    assert {len(bytes.fromhex(nonce)) for nonce in nonces} == {16}
    assert len(set(nonces)) == len(nonces) > 20
