"""Exports in the hands of workers: whoever is killed, the file is the one that a stream would have sent."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr, ValidationError

from rules.access import Role
from storage.activity.exporting import operations as exports
from storage.activity.exporting import pieces
from storage.activity.exporting.csv import Csv
from storage.activity.exporting.fields import Reader
from storage.activity.exporting.operations import ExportRequest, StartExport
from storage.activity.exporting.pieces import Size
from storage.activity.filters import Filter
from storage.activity.look import Search
from storage.engine.commands import Reason, carry_out
from storage.engine.database import Database, connection
from storage.engine.unit import Unit, transaction
from storage.operations.commands import CancelOperation
from storage.operations.queries import Operation
from storage.tasks.commands import claim
from tests.workers.acting import Holder, figure, make_due, open_tasks, rows
from tests.workers.customers import CALLER, asked, buy, create_program, enrol
from tests.workers.processes import Processes, eventually
from workers.actors.exports import export
from workers.broker import Broker
from workers.files import File
from workers.outage import Outage
from workers.relay import Relay
from workers.settings import WorkerSettings
from workers.tasks import Actor, Runner

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
CUSTOMERS = [f"customer-{number}" for number in range(12)]
ASKED = ExportRequest(
    Search("coffee", filters=[Filter(subject_kinds=("transactions",))]), "CSV", "Europe/Prague", "", True
)


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "SIZE", Size(rows=5, looked=20_000, piece_bytes=1 << 20))


def test_a_file_is_written_whole_and_told_with_its_digest(database: Database, tmp_path: Path) -> None:
    """Under its name once it is; what was asked is forgotten, because it may name persons."""
    begun = _begin(database)
    buy(database, "coffee", CUSTOMERS, 7)
    _work(database, export(tmp_path))
    [path] = tmp_path.iterdir()
    data = path.read_bytes()
    assert data == _expected(database)
    assert path.name == f"{begun.name.rpartition('/')[2]}.csv"
    assert path.stat().st_mode & 0o077 == 0
    told = {"rows": 12, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert rows(database, "SELECT state, figures FROM operation") == [("SUCCEEDED", told)]
    assert rows(database, "SELECT asked, rows, bytes FROM activity_export") == [(None, 12, len(data))]
    assert rows(database, "SELECT state FROM task") == [("DONE",)]
    [(body,)] = rows(database, "SELECT body FROM activity WHERE action = 'operation.succeeded'")
    assert str(told["sha256"]) in str(body)


def test_a_worker_killed_in_the_middle_of_a_step_leaves_a_file_that_the_next_goes_on_with(
    database: Database, messages: Broker, processes: Processes, holder: Holder, tmp_path: Path
) -> None:
    """What it had written and nobody knew of is cut off, and written again."""
    _begin(database)
    folder = tmp_path / "exports"
    folder.mkdir()
    with transaction(database) as unit:
        unit.connection.execute("UPDATE task SET actor = 'export_slowly', queue = 'test'")
    relay = Relay(database, messages, send_again_after=timedelta(milliseconds=500))
    holder.hold()
    killed = processes.worker(FEALTY_EXPORT_DIR=str(folder))
    assert relay.send_due() == 1
    eventually(holder.held)
    killed.send_signal(SIGKILL)
    killed.wait()
    [(known,)] = rows(database, "SELECT bytes FROM activity_export")
    [part] = folder.iterdir()
    assert part.stat().st_size > known > 0
    holder.release()
    processes.worker(FEALTY_EXPORT_DIR=str(folder))
    eventually(
        lambda: (relay.send_due(), figure(database, "SELECT count(*) FROM operation WHERE ended_at IS NOT NULL"))[1]
    )
    [path] = folder.iterdir()
    assert path.read_bytes() == _expected(database)
    [(figures,)] = rows(database, "SELECT figures FROM operation")
    assert figures["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("lost", ["file", "end", "memory", "name"])
def test_a_file_that_is_not_as_the_books_know_it_is_mended(database: Database, tmp_path: Path, lost: str) -> None:
    """A folder that another host does not share, a disk that was full, a process that was started anew, a worker that
    died after it gave the file its name."""
    _begin(database)
    actor = export(tmp_path)
    for _ in ("the set is fixed", "a page", "another"):
        _step(database, actor)
    [part] = tmp_path.iterdir()
    match lost:
        case "file":
            part.unlink()
        case "end":
            part.write_bytes(part.read_bytes()[:-1])
        case "memory":
            actor = export(tmp_path)
        case "name":
            part.rename(part.with_suffix(""))
    _work(database, actor)
    [path] = tmp_path.iterdir()
    assert path.read_bytes() == _expected(database)
    [(figures,)] = rows(database, "SELECT figures FROM operation")
    assert figures["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert figures["rows"] == 12


def test_the_digest_is_of_what_is_there_where_a_step_was_not_committed(database: Database, tmp_path: Path) -> None:
    """Another worker wrote it again, in other words: a digest of the first would call the file forged."""
    _begin(database)
    actor, another = export(tmp_path), export(tmp_path)
    _step(database, actor)
    _step_in_vain(database, actor)
    [part] = tmp_path.iterdir()
    before = part.read_bytes()
    with transaction(database) as unit:
        # With their name each line is longer: that it was written anew is not to be told by its length.
        unit.connection.execute(
            "INSERT INTO caller (id, type, name, created_at, activity)"
            " SELECT 'tests', 'SERVICE', 'Tests', now(), id FROM activity LIMIT 1"
        )
    _step(database, another)
    assert part.read_bytes() != before
    _work(database, actor)
    [path] = tmp_path.iterdir()
    [(figures,)] = rows(database, "SELECT figures FROM operation")
    assert figures["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("end", ["CANCELLED", "FAILED"])
def test_a_whole_file_goes_where_its_export_ended_otherwise(database: Database, tmp_path: Path, end: str) -> None:
    """It got its name in a step that was not committed: under it, nobody would know it from one that is theirs."""
    begun = _begin(database)
    actor = export(tmp_path)
    for _ in ("the set is fixed", "a page", "another"):
        _step(database, actor)
    _step_in_vain(database, actor)
    assert [path.suffix for path in tmp_path.iterdir()] == [".csv"]
    if end == "CANCELLED":
        carry_out(database, CancelOperation(begun.name, asked(Reason("MISTAKE"))))
        _work(database, actor)
    else:
        _work(database, _failing(actor))
    assert rows(database, "SELECT state FROM operation") == [(end,)]
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_of_a_cancelled_export_waits_for_a_worker_that_can_remove_it(
    database: Database, tmp_path: Path
) -> None:
    """One without the folder would leave half a log lying there for ever; where nobody has begun it, none waits."""
    begun = _begin(database)
    actor = export(tmp_path)
    _step(database, actor)
    _step(database, actor)
    carry_out(database, CancelOperation(begun.name, asked(Reason("MISTAKE"))))
    _work(database, export(None))
    assert open_tasks(database) == 1
    make_due(database)
    _work(database, actor)
    assert list(tmp_path.iterdir()) == []
    carry_out(database, CancelOperation(_begin(database, "tea").name, asked(Reason("MISTAKE"))))
    _work(database, export(None))
    assert open_tasks(database) == 0


def test_an_export_that_is_cancelled_or_given_up_leaves_no_file(database: Database, tmp_path: Path) -> None:
    """Half a log that nobody asked for any more is only a leak."""
    begun = _begin(database)
    actor = export(tmp_path)
    _step(database, actor)
    _step(database, actor)
    assert list(tmp_path.iterdir())
    carry_out(database, CancelOperation(begun.name, asked(Reason("MISTAKE"))))
    _work(database, actor)
    assert list(tmp_path.iterdir()) == []
    assert rows(database, "SELECT state, asked FROM operation JOIN activity_export ON operation = id") == [
        ("CANCELLED", None)
    ]
    _begin(database, "tea")
    _work(database, _failing(actor))
    assert rows(database, "SELECT state, error FROM operation WHERE state <> 'CANCELLED'") == [("FAILED", "OSError")]
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_an_export_waits(database: Database, tmp_path: Path) -> None:
    """For a worker that has one: it is no failure of the export."""
    _begin(database)
    _work(database, export(None))
    assert rows(database, "SELECT operation.state, last_error FROM operation, task") == [("RUNNING", None)]
    make_due(database)
    _work(database, export(tmp_path))
    assert rows(database, "SELECT state FROM operation") == [("SUCCEEDED",)]


def test_a_folder_that_cannot_be_written_is_said_at_the_start(tmp_path: Path) -> None:
    """Not hours later, by an export that failed."""
    assert WorkerSettings(redis_url=SecretStr("x"), export_dir=tmp_path).export_dir == tmp_path
    with pytest.raises(ValidationError, match="no folder"):
        WorkerSettings(redis_url=SecretStr("x"), export_dir=tmp_path / "none")


def test_the_digest_of_a_long_file_is_computed_in_parts(tmp_path: Path) -> None:
    """A step that reads gigabytes would hold the operation for as long."""
    File(tmp_path, "log").append(0, b"x" * 3_000_000)
    found = File(tmp_path, "log")
    assert [found.catch_up(3_000_000, 1_200_000) for _ in range(3)] == [False, False, True]
    found.append(3_000_000, b"y")
    assert found.finish(b"y") == hashlib.sha256(b"x" * 3_000_000 + b"y").hexdigest()


def _begin(database: Database, program: str = "coffee") -> Operation:
    """An export of twelve purchases, asked for; what comes after is not in it."""
    create_program(database, program, MONDAY)
    enrol(database, program, CUSTOMERS)
    buy(database, program, CUSTOMERS, 10)
    made = ASKED._replace(search=Search(program, filters=ASKED.search.filters))
    assert CALLER.roles == (Role.ADMINISTRATOR,)
    return carry_out(database, StartExport(made, ("subject_kinds",), asked(Reason("AUDIT")))).value


def _expected(database: Database) -> bytes:
    """The file as one look would give it."""
    with transaction(database) as unit:
        [(upto, before)] = unit.connection.execute("SELECT upto, before FROM activity_export").fetchall()
    with connection(database) as books:
        size = Size(1_000, 20_000, 1 << 30)
        form = Csv(Reader(ZoneInfo("Europe/Prague"), "", True, lambda _: ""))
        page = pieces.read(books, ASKED.search, CALLER, pieces.Bound(upto, before), None, form, size)
    return form.header + b"".join(piece.data for piece in page.pieces)


def _step(database: Database, actor: Actor) -> None:
    with transaction(database) as unit:
        [(operation,)] = unit.connection.execute("SELECT id FROM operation").fetchall()
        assert not actor.step(unit, {"operation": str(operation)})


def _step_in_vain(database: Database, actor: Actor) -> None:
    """Its commit fails."""
    [(operation,)] = rows(database, "SELECT id FROM operation")
    with pytest.raises(OSError, match="no room"), transaction(database) as unit:
        _after_a_step(actor)(unit, {"operation": str(operation)})


def _failing(actor: Actor) -> Actor:
    """The same after whose steps something fails: it is given up at once."""
    return Actor(
        actor.name, actor.queue, _after_a_step(actor), 1, actor.retry_min, actor.retry_max, given_up=actor.given_up
    )


def _after_a_step(actor: Actor) -> Any:
    def step(unit: Unit, args: Any) -> bool:
        actor.step(unit, args)
        raise OSError("no room")

    return step


def _work(database: Database, actor: Actor) -> None:
    with transaction(database) as unit:
        [task] = claim(unit.connection, 10, timedelta(hours=1))
    Runner(actor, database, Event(), Outage("database")).run(task.id)
