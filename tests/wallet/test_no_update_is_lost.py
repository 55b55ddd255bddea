"""Whatever is lost on the way, a phone ends with what its cards say.

A phone with five cards, changes in transactions of up to 150 ms, several at a time, pushes of which a third is lost,
requests and answers of which a tenth is, refreshes that are killed before their commit, cards that are opened long
after they were sent: tests/wallet/phones/world.py. Most runs are in memory: there a model stands for the database (what
is visible when, and who waits for whom), and all that is decided is decided by the product (rules/passes/updates.py).
The last test runs the same phone on PostgreSQL and the product's own statements.

The wrong designs are those that others have (reference §2.3), and ours without one of its parts: that they are caught
says that a fault of ours would be. `make phones` runs ours ten thousand times.
"""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rules.passes import updates
from rules.passes.updates import http_date, is_newer, is_unmodified, next_modified, parse_tag
from storage.engine.database import Database
from tests.storage.passes.carrying import LOYALTY, issue, listed, phone, template
from tests.storage.scene import Scene
from tests.wallet.phones.books import Books
from tests.wallet.phones.endpoints import Endpoints
from tests.wallet.phones.table import OURS, WRONG, line
from tests.wallet.phones.world import CALM, CARDS, HASTY, Pace, World
from tests.wallet.web.serving import serving

RUNS = 200
RUNS_ON_POSTGRESQL = 4
RUNS_OVER_HTTP = 2
SHORT = Pace(1.5, 0.05)


@pytest.mark.parametrize("pace", [CALM, HASTY], ids=["calm", "hasty"])
def test_no_card_is_stale_for_ever(pace: Pace) -> None:
    """The promise: nobody shows a card at a till that says something that is no longer so, and stays so."""
    assert line(OURS, range(RUNS), pace).stale == []


@pytest.mark.parametrize("design", WRONG)
def test_a_design_that_loses_updates_is_caught(design: str) -> None:
    """A simulation that finds nothing wrong with these would find nothing wrong with anything."""
    assert len(line(design, range(RUNS), HASTY).stale) >= 2


def test_no_card_is_stale_for_ever_on_postgresql(database: Database) -> None:
    """With the product's own statements, and transactions that are really open at the same time."""
    scene = Scene(database, *(f"c{card}" for card in range(CARDS)))
    for run in range(RUNS_ON_POSTGRESQL):
        books = Books(scene, run)
        world = World(books, run, SHORT)
        assert world.run() == []
        assert len(world.phone.shown) == CARDS
        books.close()


@pytest.mark.long
def test_no_card_is_stale_for_ever_over_the_public_endpoints(database: Database, tmp_path: Path) -> None:
    """All that a phone meets, but for the network between."""
    scene = Scene(database, *(f"c{card}" for card in range(CARDS)))
    with serving(database, tmp_path) as public:
        for run in range(RUNS_OVER_HTTP):
            books = Endpoints(scene, run, public)
            assert World(books, run, SHORT).run() == []
            books.close()


def test_a_fault_is_caught_on_postgresql(database: Database) -> None:
    """As most of these runs are, where nobody notes what was handed out before it was a revision."""
    scene = Scene(database, *(f"c{card}" for card in range(CARDS)))
    stale = []
    for run in range(RUNS_ON_POSTGRESQL):
        books = Books(scene, run, notes=False)
        stale.append(World(books, run, SHORT).run())
        books.close()
    assert any(stale)


def test_the_statement_that_lists_agrees_with_the_rule(database: Database) -> None:
    """The runs in memory ask the rule; phones are answered by the statement."""
    scene = Scene(database)
    rng = random.Random(12)
    revisions = {}
    for number in range(20):
        made = issue(scene, template(scene, replace(LOYALTY, organization_name=str(number)), f"t{number}"))
        revisions[made] = rng.randrange(1, 60)
        query = "INSERT INTO pass_content VALUES (%s, %s, now(), '', now(), now()) RETURNING pass"
        scene.rows(query, [made, revisions[made]])
    # Of a tag beyond it the rule knows nothing.
    scene.execute("UPDATE pass_counter SET revision = %s", [2**63 - 1])
    device = phone(scene, *revisions)
    for asked in ("", "x", "-1", *map(str, range(0, 62, 3)), str(2**63 - 1), str(2**63)):
        wanted = [(revision, made) for made, revision in revisions.items() if is_newer(revision, parse_tag(asked))]
        found = listed(scene, device, asked)
        assert found.passes == tuple(made for _, made in sorted(wanted))
        assert found.tag == (updates.tag(max(wanted)[0]) if wanted else "")


def test_w9_a_phone_that_has_the_newest_is_told_so() -> None:
    """To the second, whatever fraction the database has of it."""
    at = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
    assert http_date(at) == "Sun, 01 Mar 2026 12:00:05 GMT"
    assert is_unmodified(http_date(at), at)
    assert is_unmodified(http_date(at + timedelta(seconds=1)), at)
    assert not is_unmodified(http_date(at - timedelta(seconds=1)), at)
    assert is_unmodified("Sunday, 01-Mar-26 12:00:05 GMT", at)
    for given in (None, "", "yesterday", "Sun, 01 Mar 2026", "Sun, 99 Mar 2026 12:00:05 GMT", "\x00", "1" * 5_000):
        assert not is_unmodified(given, at), given


def test_last_modified_of_a_burst_runs_ahead_of_the_clock_and_waits_for_it() -> None:
    """A second for each revision: what phones were told is never told again as something else."""
    now = datetime(2026, 3, 1, 12, 0, 5, 900_000, tzinfo=UTC)
    first = next_modified(now, now - timedelta(days=1))
    assert first == now.replace(microsecond=0)
    second = next_modified(now, first)
    assert second == first + timedelta(seconds=1)
    assert next_modified(now + timedelta(hours=1), second) == (now + timedelta(hours=1)).replace(microsecond=0)
