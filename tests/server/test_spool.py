"""Records that the books could not take: none is lost, none is there twice; where none can be kept, nothing is done."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from grpc import StatusCode

from fealty.v1 import customers_pb2, points_pb2
from rules.access import ActorType
from rules.activity import Kind, Origin
from server.interceptors.spooling import Spooling
from storage.activity.commands import Outcome
from storage.activity.recorder import Act
from storage.activity.spool import Spool, SpoolFull
from storage.engine.ids import new_uuid_text
from tests.server.serving import PLAIN, Served, activities, spending, told

CHECKOUT = Path(__file__).parents[2]
NAME = "programs/coffee/customers/ada"
ORIGIN = Origin(
    ActorType.SERVICE, "caller_x", "API", Kind("points.spent", "ORDERS", "ORDER"), "/x", "10.0.0.1", roles=("SERVICE",)
)
# A server that dies right after it wrote one record, and in the middle of the next.
DYING = """
import os, sys, time
from pathlib import Path
from storage.activity.spool import Spool
from tests.server.test_spool import act
spool = Spool(Path(sys.argv[1]))
spool.append([act("before it died")])
os.write(spool._file, b'{"origin":["SERV')
print("written", flush=True)
time.sleep(60)
"""


def act(reference: str) -> Act:
    """A refused call as a spool has it."""
    details = {"code": "FAILED_PRECONDITION", "reason": reference, "requested": 2**60}
    at = datetime(2025, 1, 1, 12, tzinfo=UTC)
    return Act(ORIGIN, Outcome.REFUSED, NAME, "coffee", "ada", details, "r-1", new_uuid_text(), at)


def test_what_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    """Nothing of it may change on the way: it is a record."""
    acts = [act("one"), act("two")]
    spool = Spool(tmp_path / "spool")
    spool.append(acts[:1])
    spool.append(acts[1:])
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "spool").iterdir()] == [0o600]
    # Another process does not take what somebody still writes.
    assert list(Spool(tmp_path / "spool").waiting()) == []
    spool.close()
    files = Spool(tmp_path / "spool").waiting()
    assert next(files) == acts
    # Whoever took it in comes back, and only then is it gone.
    assert spool.size > 0
    assert list(files) == []
    assert spool.size == 0


def test_a_line_that_was_cut_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full for a moment: who was told that a record is kept must find it."""
    spool, write = Spool(tmp_path), os.write
    one, three = act("one"), act("three")
    spool.append([one])
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, lines: write(file, lines[: len(lines) // 2]))
        with pytest.raises(OSError, match="bytes could be written"):
            spool.append([act("two")])
    spool.append([three])
    spool.close()
    assert [kept for acts in spool.waiting() for kept in acts] == [one, three]


def test_a_spool_is_bounded(tmp_path: Path) -> None:
    """A disk that is full stops PostgreSQL too."""
    spool = Spool(tmp_path / "spool", bytes_max=1_000)
    spool.append([act("one")])
    with pytest.raises(SpoolFull):
        spool.append([act("one")] * 3)
    assert 0 < spool.size <= 1_000


@pytest.mark.process
async def test_what_a_killed_process_left_is_taken_in_once_by_the_next(server: Served, tmp_path: Path) -> None:
    """Its caller was told that the call failed, and the log must know of it; the line that it died in was no record."""
    command = [sys.executable, "-c", DYING, str(tmp_path)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == b"written\n"
        os.kill(dying.pid, signal.SIGKILL)
    for _ in range(2):
        # The second finds the file again, as where the first was killed before it removed it.
        content = {path: path.read_bytes() for path in tmp_path.iterdir()}
        spooling = Spooling(server.app.books, Spool(tmp_path))
        spooling.begin()
        while list(tmp_path.iterdir()):
            await asyncio.sleep(0.01)
        await spooling.close()
        for path, lines in content.items():
            path.write_bytes(lines)
    [found] = await activities(server.admin, parent=NAME, outcome="ACTIVITY_OUTCOME_REFUSED")
    assert (found.details["reason"].text, found.details["requested"].number) == ("before it died", 2**60)
    assert (found.occur_time.ToDatetime(UTC).year, found.actor.ip_address) == (2025, "10.0.0.1")


@pytest.fixture
def without_records(server: Served) -> Iterator[Served]:
    """A server whose books do not take records of refused calls, and whose disk takes none either."""
    server.execute(
        "CREATE FUNCTION no_record() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no'' ; END'"
    )
    server.execute(
        "CREATE TRIGGER no_record BEFORE INSERT ON activity FOR EACH ROW WHEN (NEW.outcome = 'REFUSED')"
        " EXECUTE FUNCTION no_record()"
    )
    server.settings.spool_dir.write_text("no folder")
    yield server
    server.settings.spool_dir.unlink()


async def test_where_nothing_can_be_recorded_nothing_is_changed_or_shown(without_records: Served) -> None:
    """Whoever fills the disk would else act unseen. What needs no record goes on, and so does all as soon as it can."""
    server = without_records
    assert (await told(server.till.points.SpendPoints(spending(80)))).reason == "INSUFFICIENT_POINTS"
    read = customers_pb2.GetCustomerRequest(name=NAME)
    for call in (server.till.points.SpendPoints(spending(80)), server.till.customers.GetCustomer(read)):
        answer = await told(call)
        assert (answer.code, answer.reason) == (StatusCode.UNAVAILABLE, "UNAVAILABLE")
        assert "recorded nowhere" in answer.message
    assert (await server.till.points.GetBalance(points_pb2.GetBalanceRequest(account=PLAIN))).balance.active == 0
    server.execute("DROP TRIGGER no_record ON activity")
    while True:
        found = await told(server.till.points.SpendPoints(spending(80)))
        if found.reason == "INSUFFICIENT_POINTS":
            break
        await asyncio.sleep(0.1)
    refused = await activities(server.admin, parent=NAME, outcome="ACTIVITY_OUTCOME_REFUSED")
    assert [one.details["reason"].text for one in refused] == ["INSUFFICIENT_POINTS"] * 2
