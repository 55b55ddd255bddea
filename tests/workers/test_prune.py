"""Pruning: what is old goes, in bounded steps; what is young or open stays."""

from threading import Event

import pytest

from storage.attempts.exchange import KEPT
from storage.engine.database import Database, connection
from storage.engine.requests import RETENTION
from storage.engine.unit import transaction
from tests.workers.acting import rows
from workers.actors import prune
from workers.limits import TASK_RETENTION
from workers.outage import Outage
from workers.tasks import Runner

pytestmark = pytest.mark.usefixtures("_old_and_young")


@pytest.fixture
def _old_and_young(database: Database) -> None:
    """Ten of each, a day beyond their retention and a day within it; of attempts, an hour."""
    with connection(database) as books:
        for name, state, finished in (("done", "DONE", True), ("failed", "FAILED", True), ("open", "READY", False)):
            for age, days in (("old", 1), ("young", -1)):
                books.execute(_TASKS, (f"{name} {age} ", state, TASK_RETENTION, days, finished))
        for age, days in (("old", 1), ("young", -1)):
            books.execute(_REQUESTS, (age, RETENTION, days))
            books.execute(_ATTEMPTS, (KEPT, days / 24, days))


def test_what_is_older_than_its_retention_is_removed_and_nothing_else(database: Database) -> None:
    """An answer that goes too early makes a retry a second purchase; an open task that goes is lost work."""
    with transaction(database) as unit:
        assert prune.prune(unit, {})
    assert _kept(database) == [("done young", 10), ("failed young", 10), ("open old", 10), ("open young", 10)]
    assert rows(database, "SELECT method, count(*) FROM request GROUP BY method") == [("young", 10)]
    assert rows(database, "SELECT failures, count(*) FROM attempt GROUP BY failures") == [(-1, 10)]


def test_a_prune_goes_step_by_step(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month of requests in one transaction would hold their locks, and be lost as a whole when stopped."""
    monkeypatch.setattr(prune, "PRUNE_BATCH", 8)
    with transaction(database) as unit:
        assert not prune.prune(unit, {})
    assert dict(rows(database, "SELECT method, count(*) FROM request GROUP BY method")) == {"old": 2, "young": 10}
    with transaction(database) as unit:
        prune.plan_prune(unit)
    [(task,)] = rows(database, "SELECT id::text FROM task WHERE actor = 'prune'")
    Runner(prune.PRUNE, database, Event(), Outage("database")).run(task)
    assert dict(rows(database, "SELECT method, count(*) FROM request GROUP BY method")) == {"young": 10}
    assert ("done old", 10) not in _kept(database)


def _kept(database: Database) -> list[tuple[str, int]]:
    kept = "SELECT rtrim(unique_key, '0123456789 ') AS kind, count(*) FROM task WHERE actor = 'x' GROUP BY 1 ORDER BY 1"
    return rows(database, kept)


_TASKS = """
INSERT INTO task (id, actor, queue, args, unique_key, state, due_at, created_at, finished_at)
SELECT gen_random_uuid(), 'x', 'x', '{}', %s || n, %s, at, at, CASE WHEN finished THEN at END
FROM generate_series(1, 10) AS n, (SELECT now() - %s - %s * interval '1 day' AS at, %s AS finished) AS given
"""

_REQUESTS = """
INSERT INTO request (caller, method, request_id, content_hash, response, recorded_at)
SELECT 'x', %s, gen_random_uuid(), '', '', now() - %s - %s * interval '1 day' FROM generate_series(1, 10)
"""

_ATTEMPTS = """
INSERT INTO attempt (key, window_at, failures)
SELECT gen_random_uuid()::text::bytea, now() - %s - %s * interval '1 day', %s FROM generate_series(1, 10)
"""
