"""How a file is written: every field that was promised, numbers as numbers, times twice, and nothing that runs."""

import csv
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.json_format import MessageToDict

from fealty import plain, plain_value
from fealty.v1 import activity_pb2, audit_pb2
from rules.access import Role
from rules.spreadsheets import runs
from storage.activity.exporting.csv import COLUMNS
from tests.server.club import NAME, Club
from tests.server.exported import CSV, NDJSON, asked, cells, exported, objects, whole
from tests.server.logged import Activity, listed, lived, until
from tests.server.serving import Served, customer

# What the four products say that each entry of theirs has, and where it stands here.
PROMISED = {
    "description": "description",
    "user, name and type": "actor_name actor_type actor",
    "subject": "subject",
    "event type": "event",
    "timestamp": "record_time occur_time",
    "date and time, in the configured time zone": "local_record_time local_occur_time",
    "IP address": "ip_address",
    "changes, old and new values": "changes",
    "action": "action",
    "page URL": "page_url",
    "browser and version": "browser",
    "category": "category",
    "type": "type",
    "source": "source",
    "related system object": "subject",
    "module": "module",
    "points earned or spent": "points",
    "details": "details",
    "outcome": "outcome reason",
}


def test_every_field_that_was_promised_has_a_column() -> None:
    """Loyalife: "the filtered trail as CSV with all fields"."""
    assert {name for names in PROMISED.values() for name in names.split()} <= set(COLUMNS)
    assert len(set(COLUMNS)) == len(COLUMNS)


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns"])
async def test_a_line_of_json_says_what_is_listed(club: Club, zone: str) -> None:
    """In the contract's own names: whoever reads one can read the other, and no value is rounded."""
    log = await lived(club)
    shown = await listed(club.admin, ascending=True, filter_text=until(log), time_zone=zone)
    found = objects(whole(await exported(club.admin, kind=NDJSON, filter_text=until(log), time_zone=zone)))
    assert found == [_plainly(one) for one in shown]
    assert any(type(change.get("before")) is int for one in found for change in one.get("changes", ()))


def _plainly(one: Activity) -> dict[str, Any]:
    """What the contract's message says, as the file is to say it."""
    told = MessageToDict(one, preserving_proto_field_name=True)
    for name, enum in _ENUMS.items():
        told |= {name: told[name].removeprefix(f"{enum}_")} if name in told else {}
    told["actor"]["type"] = told["actor"]["type"].removeprefix("ACTOR_TYPE_")
    for name in ("record_time", "occur_time"):
        at = getattr(one, name).ToDatetime(UTC)
        told[name] = f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
    told |= {"details": plain(one.details)} if one.details else {}
    if one.changes:
        told["changes"] = [_change(change) for change in one.changes]
    return told


def _change(change: audit_pb2.Change) -> dict[str, Any]:
    kind = activity_pb2.ChangeKind.Name(change.kind).removeprefix("CHANGE_KIND_")
    sides = {side: plain_value(getattr(change, side)) for side in ("before", "after") if change.HasField(side)}
    return {"field": change.field, "kind": kind, **sides}


_ENUMS = {
    "category": "ACTIVITY_CATEGORY",
    "type": "ACTIVITY_TYPE",
    "event": "ACTIVITY_EVENT",
    "source": "ACTIVITY_SOURCE",
    "module": "ADMIN_MODULE",
    "outcome": "ACTIVITY_OUTCOME",
}


async def test_a_spreadsheet_finds_numbers_sentences_and_both_times(club: Club) -> None:
    """Points that were spent are negative, and stay a number that can be summed."""
    log = await lived(club)
    found = cells(whole(await exported(club.admin, filter_text=until(log), time_zone="Asia/Kathmandu")))
    assert [line["description"] for line in found] == [one.description for one in log]
    spent = next(line for line in found if line["action"] == "points.spent" and line["outcome"] == "SUCCEEDED")
    assert (spent["points"], spent["actor_name"], spent["actor_type"]) == ("-20", "till", "SERVICE")
    earned = next(line for line in found if line["action"] == "transaction.recorded")
    assert (earned["points"], earned["amount_minor"], earned["currency"]) == ("100", "100", "EUR")
    assert earned["changes"].startswith("plain.active: ")
    assert next(line for line in found if line["outcome"] == "REFUSED")["reason"] == "CUSTOMER_SUSPENDED"
    updated = next(line for line in found if line["action"] == "program.updated")
    assert updated["changes"].endswith("→ Club of clubs")
    assert json.loads(earned["details"])["points"] == 100
    for line in found:
        for utc, local in (("record_time", "local_record_time"), ("occur_time", "local_occur_time")):
            at = datetime.fromisoformat(line[local])
            assert at == datetime.fromisoformat(line[utc])
            assert at.utcoffset() == at.astimezone(ZoneInfo("Asia/Kathmandu")).utcoffset() == timedelta(minutes=345)
            assert line[utc].endswith("Z")


HOSTILE = ["=1+1", " \t@SUM(A1)", "\ufeff=cmd|' /C calc'!A0", '+"x",\r\n=2', "\uff1d1", "-2+3", "'=1"]


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_text_of_the_log_runs_in_a_spreadsheet(club: Club, server: Served, text: str) -> None:
    """Whoever opens an export is an administrator, and whoever wrote into the log may be anybody. A program reads what
    was written, letter by letter."""
    [(kept,)] = server.rows("SELECT body FROM activity WHERE action = 'program.created' AND program = 2")
    body = json.loads(kept)
    body |= dict.fromkeys(("action", "subject", "request_id", "trace_id", "purpose"), text)
    body["actor"] |= {"agent": text, "ip": text, "page_url": text, "id": text, "forwarded_for": [text]}
    body["details"] = {text: text, "reason": text, "currency": text, "points": -7}
    body["changes"] = [{"field": text, "before": text, "after": -5, "kind": "TEXT"}]
    server.execute(_COPY, "x", json.dumps(body))
    data = whole(await exported(club.admin, filter_text='action = "x"'))
    [raw] = csv.DictReader(StringIO(data.decode(), newline=""), strict=True)
    assert [name for name, cell in raw.items() if runs(cell) and not cell.startswith("'")] == []
    [line] = cells(data)
    assert line["subject"] == line["page_url"] == line["purpose"] == line["forwarded_for"] == text
    assert line["changes"] == f"{text}: {text} → -5"
    assert json.loads(line["details"]) == body["details"]
    [told] = objects(whole(await exported(club.admin, kind=NDJSON, filter_text='action = "x"')))
    assert (told["subject"], told["actor"]["user_agent"], told["details"]) == (text, text, body["details"])


_COPY = """
INSERT INTO activity (id, program, customer, occurred_at, recorded_at, action, category, type, source, module,
    actor_type, actor, outcome, event, points, subject, details, body)
SELECT gen_random_uuid(), program, customer, occurred_at, recorded_at, %s, category, type, source, module,
    actor_type, actor, outcome, event, points, subject, details, %s
FROM activity WHERE action = 'program.created' AND program = 2
"""


async def test_what_is_about_a_person_is_not_in_it(server: Served) -> None:
    """A file travels; GetActivity shows such values one at a time, to those who may see them."""
    await server.till.customers.CreateCustomer(customer("gwen", display_name="Gwendolyn", email="gwen@example.com"))
    auditor = server.client(server.key("auditor", Role.AUDITOR))
    for client in (server.admin, auditor):
        for kind in (CSV, NDJSON):
            data = whole(await exported(client, "programs/coffee", kind)).decode()
            assert "email: withheld" in data if kind == CSV else '{"field":"email","kind":"WITHHELD"}' in data
            assert not any(word in data for word in ("Gwendolyn", "gwen@", "$personal"))


async def test_memory_does_not_grow_with_the_file(club: Club, server: Served) -> None:
    """A server that holds a file has room for one caller's."""
    await club.earn(1)
    peaks = []
    for count in (3_000, 12_000):
        server.execute(_MORE.format(count=count))
        tracemalloc.start()
        size = rows = 0
        async for response in club.admin.audit.ExportActivities(asked(NAME, NDJSON)):
            size += len(response.data)
            rows = response.rows
            assert len(response.data) < 200_000
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rows >= count
    assert size > 12_000_000
    assert max(peaks) < 9_000_000, peaks


_MORE = """
INSERT INTO activity (id, program, customer, occurred_at, recorded_at, action, category, type, source, module,
    actor_type, actor, outcome, event, points, subject, details, body)
SELECT gen_random_uuid(), program, customer, occurred_at, recorded_at, action, category, type, source, module,
    actor_type, actor, outcome, event, points, subject, details, body
FROM (SELECT * FROM activity WHERE action = 'transaction.recorded' LIMIT 1) AS a, generate_series(1, {count})
"""
