"""Certificates that end are announced early, and each stage of it once."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from storage.engine.database import Database
from storage.engine.unit import transaction
from storage.passes import expiring
from tests.wallet.apple.service import TEAM, TOPIC, Standing, authorities
from tests.workers.acting import make_due, rows
from tests.workers.mailing import all_sent
from wallet import accounts
from workers.actors.passes import build
from workers.actors.passes.certificates import plan_watch, watch_certificates
from workers.outage import Outage
from workers.settings import WorkerSettings
from workers.tasks import Runner

SAID = "SELECT body FROM activity WHERE body::json ->> 'action' = 'certificate.expiring' ORDER BY recorded_at"


def watch(database: Database, folder: Path) -> list[str]:
    """One day's look; answers the lines of the worker's log."""
    with transaction(database) as unit:
        plan_watch(unit)
    make_due(database)
    [task] = all_sent(database)
    with capture_logs() as logged:
        Runner(watch_certificates(lambda: accounts.load(folder)), database, Event(), Outage("database")).run(task)
    return [str(line["event"]) for line in logged]


@pytest.mark.parametrize(("days", "is_said"), [(31, False), (29, True), (13, True), (6, True), (0.5, True)])
def test_a_certificate_that_ends_soon_is_said_every_day_and_recorded_once(
    database: Database, apple: Standing, days: float, is_said: bool
) -> None:
    """A log line is overlooked once; auditors want to see that it was known, and not 30 times."""
    ends_after(apple.folder, days)
    for _ in range(2):
        assert watch(database, apple.folder) == (["certificate ends soon"] if is_said else [])
    told = [json.loads(body) for (body,) in rows(database, SAID)]
    assert [(one["subject"], one["details"]["file"], one["details"]["days_left"]) for one in told] == (
        [(f"certificates/{TOPIC}", "certificate.pem", int(days))] if is_said else []
    )


def test_each_stage_is_recorded(database: Database) -> None:
    """30, 14, 7 days and one; of a renewed certificate all of them again."""
    ends = datetime(2027, 6, 1, tzinfo=UTC)
    with transaction(database) as unit:
        done = [
            expiring.note(unit, TOPIC, "certificate.pem", at, stage, stage)
            for at in (ends, ends + timedelta(days=395))
            for stage in (30, 14, 7, 1)
        ]
        unit.write()
        assert not expiring.note(unit, TOPIC, "certificate.pem", ends, 7, 6)
    assert done == [True] * 8
    versions = rows(database, "SELECT DISTINCT substr(id::text, 15, 1) FROM activity")
    assert versions == [("7",)]


def test_an_account_that_cannot_be_used_is_said_to_be_and_stops_nobody_else(
    database: Database, apple: Standing
) -> None:
    """Its sentence says what to do."""
    (apple.folder / "apple" / "pass.com.example.broken").mkdir()
    ends_after(apple.folder, 5)
    assert watch(database, apple.folder) == ["account of a wallet cannot be used", "certificate ends soon"]


def test_a_worker_says_at_its_start_what_is_wrong_with_accounts(apple: Standing) -> None:
    """Whoever has just put a certificate there looks into this log."""
    (apple.folder / "apple" / "pass.com.example.broken").mkdir()
    ends_after(apple.folder, 5)
    with capture_logs() as logged:
        build(WorkerSettings(redis_url=SecretStr("unused"), wallet_dir=apple.folder))
    assert [(line["log_level"], line["event"]) for line in logged] == [
        ("error", "account of a wallet cannot be used"),
        ("warning", "certificate ends soon"),
    ]


def ends_after(folder: Path, days: float) -> None:
    """Has the account a certificate that ends then."""
    place = folder / "apple" / TOPIC
    leaf = authorities()[0].pass_type(TOPIC, TEAM, life=timedelta(days=days, minutes=1))
    leaf.write(place / "certificate.pem", place / "key.pem")
