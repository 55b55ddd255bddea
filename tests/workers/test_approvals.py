"""What nobody decided on is over by the clock; that it is, stands in the log once a worker comes by."""

import pytest

from storage.engine.database import Database, connection
from storage.engine.unit import run, transaction
from tests.storage.approvals.submitting import ask_somebody
from tests.storage.scene import Scene
from tests.workers.acting import rows
from workers.actors import approvals


def test_what_has_expired_is_noted_once_and_what_was_asked_for_is_gone(database: Database) -> None:
    """Words about people are not kept for longer than somebody may decide on them."""
    scene = Scene(database, "ada")
    expired, open_ = ask_somebody(scene), ask_somebody(scene)
    assert not _is_planned(database)
    with connection(database) as books:
        oldest = "SELECT id FROM approval_request ORDER BY created_at LIMIT 1"
        books.execute(f"UPDATE approval_request SET expires_at = now() WHERE id = ({oldest})".encode())
    assert _is_planned(database)
    assert run(database, lambda unit: approvals.expire(unit, {}))
    assert run(database, lambda unit: approvals.expire(unit, {}))
    columns = "state, sealed IS NULL, end_activity IS NOT NULL"
    found = rows(database, f"SELECT {columns} FROM approval_request ORDER BY created_at")
    assert found == [("EXPIRED", True, True), ("PENDING", False, False)]
    told = rows(database, "SELECT body::json ->> 'subject' FROM activity WHERE action = 'approval.expired'")
    assert told == [(expired,)]
    assert open_ != expired


def test_batches_are_gone_through_to_the_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A holiday's requests expire on one day."""
    scene = Scene(database, "ada")
    for _ in range(5):
        ask_somebody(scene)
    with connection(database) as books:
        books.execute("UPDATE approval_request SET expires_at = now()")
    monkeypatch.setattr(approvals, "APPROVALS_BATCH", 2)
    steps = [run(database, lambda unit: approvals.expire(unit, {})) for _ in range(3)]
    assert steps == [False, False, True]
    assert rows(database, "SELECT DISTINCT state FROM approval_request") == [("EXPIRED",)]


def _is_planned(database: Database) -> bool:
    with transaction(database) as unit:
        approvals.plan_expiry(unit)
    return bool(rows(database, "SELECT FROM task WHERE actor = 'expire_approvals'"))
