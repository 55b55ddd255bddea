"""Workers need the file of personal keys for tasks that make codes, and for no others."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from rules.coupons.codes import Code
from storage.engine import keyring
from storage.engine.database import Database
from storage.engine.keyring import new_key
from storage.engine.unit import Unit, transaction
from storage.tasks.commands import claim
from tests.personal import CODES, KEY, key_file
from tests.workers.acting import make_due, plan_tasks, rows
from workers.codes import WorkerSeals
from workers.outage import Outage
from workers.settings import WorkerSettings
from workers.tasks import Actor, Runner

CODE = Code("SUMMER7XKQWM")
TASK = "SELECT state, attempts, last_error FROM task"


class _Sealing:
    """An actor that seals a code."""

    def __init__(self, path: Path | None) -> None:
        self.sealed: list[bytes] = []
        self._seals = WorkerSeals(path)
        self.actor = Actor("seal", "test", self._step, 3, timedelta(hours=1), timedelta(hours=1))

    def _step(self, unit: Unit, args: Mapping[str, Any]) -> bool:
        self.sealed.append(self._seals.of(unit).seal("coffee", CODE))
        return True

    def run(self, database: Database) -> list[Any]:
        """Runs the task that is due; what the log says."""
        make_due(database)
        with transaction(database) as unit:
            [task] = [claimed.id for claimed in claim(unit.connection, 10, timedelta(hours=1))]
        with capture_logs() as logged:
            Runner(self.actor, database, Event(), Outage("database")).run(task)
        return logged


def test_a_worker_with_the_file_seals_as_the_server_does(database: Database) -> None:
    """What it makes, customers type into a shop that asks the server."""
    sealing = _Sealing(key_file())
    plan_tasks(database, sealing.actor)
    assert sealing.run(database) == []
    assert sealing.sealed == [CODES.seal("coffee", CODE)]


def test_where_the_file_is_missing_the_step_fails_and_says_so_until_somebody_brings_it(
    database: Database, tmp_path: Path
) -> None:
    """It lies on the server's host and was forgotten here: the task waits, and nothing needs to be restarted."""
    path = tmp_path / "personal.key"
    sealing = _Sealing(path)
    plan_tasks(database, sealing.actor)
    said, failed = sealing.run(database)
    assert (said["event"], said["log_level"]) == ("codes cannot be made here", "error")
    assert f"there is no file of personal keys at {path}" in said["error"]
    assert (failed["event"], failed["error"]) == ("task failed", "KeyringError")
    assert rows(database, TASK) == [("READY", 1, "KeyringError")]
    keyring.write(path, [new_key()])
    assert KEY.id in sealing.run(database)[0]["error"]
    keyring.write(path, [KEY])
    assert sealing.run(database) == []
    assert sealing.sealed == [CODES.seal("coffee", CODE)]
    assert rows(database, "SELECT state FROM task") == [("DONE",)]


def test_a_file_that_nobody_named_is_asked_for_by_its_setting(database: Database) -> None:
    """A worker that was started by something else than `fealty worker`."""
    sealing = _Sealing(None)
    plan_tasks(database, sealing.actor)
    assert "FEALTY_PERSONAL_KEY_FILE" in sealing.run(database)[0]["error"]


def test_the_file_is_named_by_the_setting_of_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And is not looked at before it is needed: most workers live on hosts that do not have it."""
    monkeypatch.setenv("FEALTY_PERSONAL_KEY_FILE", str(tmp_path / "none"))
    assert WorkerSettings(redis_url=SecretStr("unused")).personal_key_file == tmp_path / "none"
