"""With the first wall taken away the second one holds: what names no program, and so asks for all, shows one's own.

What names one is in test_guarded.py.
"""

import pytest

from fealty.v1 import audit_pb2, programs_pb2
from storage.activity import words
from storage.engine.unit import run
from tests.server.club import NAME, Club
from tests.server.exported import NDJSON, exported, whole
from tests.server.serving import activities, purchase
from tests.server.strangers import torn_down

ALL = "-"
MANY = 1_000


async def test_the_log_and_the_list_of_programs_hold_nothing_foreign(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By time, by words, counted, ranked, exported: each is a query of its own that might forget to ask."""
    await club.till.transactions.RecordTransaction(purchase())
    await club.earn(100, transaction_id="t1")
    await club.activity(action="zebra.ridden")
    [foreign] = await activities(club.admin, parent=NAME, action="zebra.ridden")
    await club.served.app.books.settle(MANY)
    run(club.served.database, lambda unit: words.advance(unit.connection, MANY))
    before = await _shown(club)
    with torn_down(monkeypatch):
        behind = await _shown(club)
        for found in behind.values():
            assert NAME not in found
            assert "zebra" not in found
        assert foreign.name not in behind["listed"]
    assert all(NAME in found for found in before.values())
    assert "zebra" in before["words"]
    # What is its own it sees.
    assert "programs/coffee" in behind["listed"]
    assert "programs/coffee" in behind["programs"]
    assert "programs/coffee" in behind["exported"]


async def _shown(club: Club) -> dict[str, str]:
    admin = club.admin
    counted = audit_pb2.AnalyzeActivitiesRequest(parent=ALL, parts=[audit_pb2.ANALYSIS_PART_SUBJECTS])
    return {
        "listed": str(await activities(admin, parent=ALL, category="ACTIVITY_CATEGORY_ORDERS")),
        "words": str(await activities(admin, parent=ALL, text="zebra")),
        "counted": str((await admin.audit.AnalyzeActivities(counted)).subjects),
        "programs": str((await admin.programs.ListPrograms(programs_pb2.ListProgramsRequest())).programs),
        "exported": whole(await exported(admin, ALL, NDJSON)).decode(),
    }
