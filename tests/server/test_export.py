"""The log as a file: exactly what is listed, fixed at the start, the same in one piece as in many, and recorded."""

import asyncio
from typing import Any

import pytest
from grpc import StatusCode

from fealty import plain
from fealty.v1 import activity_pb2, audit_pb2
from rules.access import PERMISSIONS, Permission, Role
from server import limits
from server.paging import Pages
from storage.access.commands import create_key, revoke_key
from storage.engine.unit import run
from tests.server.club import ADA, BEN, NAME, Club
from tests.server.exported import CSV, NDJSON, asked, broken_after, cells, export_told, exported, objects, whole
from tests.server.logged import Activity, listed, lived, until
from tests.server.serving import Served, activities, customer, program

SUCCEEDED, FAILED = activity_pb2.ACTIVITY_OUTCOME_SUCCEEDED, activity_pb2.ACTIVITY_OUTCOME_FAILED


@pytest.mark.parametrize("kind", [CSV, NDJSON])
@pytest.mark.parametrize(
    "asking",
    [
        {},
        {"parent": ADA},
        {"parent": "-"},
        {"filter_text": "outcome = (REFUSED OR DENIED)"},
        {
            "filter": audit_pb2.ActivityFilter(
                categories=[activity_pb2.ACTIVITY_CATEGORY_ORDERS], changed_fields=["active"]
            )
        },
        {"filter_text": f"customer = {BEN} AND type = DATA"},
        {"filter_text": "action = nothing.happened"},
    ],
)
async def test_what_is_exported_is_what_is_listed(club: Club, kind: Any, asking: dict[str, Any]) -> None:
    """A file that has other entries than the screen is evidence of nothing."""
    await lived(club)
    parent = asking.get("parent", NAME)
    more = {name: value for name, value in asking.items() if name != "parent"}
    expected = [one.name for one in await listed(club.admin, parent, ascending=True, **more)]
    data = whole(await exported(club.admin, parent, kind, **more))
    found = [line["name"] for line in (cells(data) if kind == CSV else objects(data))]
    # Listing them was recorded, and is in the file.
    assert [name for name in found if name in expected] == expected
    assert len(set(found) - set(expected)) <= 1


async def test_a_file_calls_a_program_by_its_own_name(server: Served) -> None:
    """Also where its id ends with what stands for all programs."""
    await server.admin.programs.CreateProgram(program("coffee-", display_name="Dash club"))
    await exported(server.admin, "programs/coffee-")
    [found] = [
        line for line in cells(whole(await exported(server.admin, "programs/coffee-"))) if "exported" in line["action"]
    ]
    assert found["description"].startswith("1 activity of program Dash club exported")


async def test_a_file_ends_where_it_was_fixed(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded while somebody downloads would make the file no end, and no two files the same."""
    log = await lived(club)
    monkeypatch.setattr(limits, "EXPORT_ROWS", 2)
    call: Any = club.admin.audit.ExportActivities(asked(kind=NDJSON))
    responses = [await call.read()]
    await club.move(minutes=1)
    responses += [response async for response in call]
    assert [line["name"] for line in objects(whole(responses))] == [one.name for one in log] + [
        one.name for one in await listed(club.admin, filter_text="action = activity.listed", ascending=True)
    ][:1]


@pytest.mark.parametrize("kind", [CSV, NDJSON])
async def test_the_pieces_of_a_broken_stream_are_the_file_of_one_that_was_not(
    club: Club, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it breaks, and however often; whatever happens in between."""
    log = await lived(club)
    line = until(log)
    unbroken = whole(await exported(club.admin, kind=kind, filter_text=line))
    monkeypatch.setattr(limits, "EXPORT_ROWS", 3)
    monkeypatch.setattr(limits, "EXPORT_PIECE_BYTES", 600)
    found = await broken_after(club.admin, 1, kind, filter_text=line)
    for messages in (1, 2, 3, 1):
        await club.move(minutes=1)
        found += await broken_after(club.admin, messages, kind, filter_text=line, resume_token=found[-1].resume_token)
    found += await exported(club.admin, kind=kind, filter_text=line, resume_token=found[-1].resume_token)
    assert whole(found) == unbroken
    assert 3 < len(found[-1].end.parts) <= 6
    again = await exported(club.admin, kind=kind, filter_text=line, resume_token=found[-1].resume_token)
    assert [one.end for one in again] == [found[-1].end]


async def test_what_is_committed_late_is_in_no_part(
    club: Club, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that began before the export and ends after it stands in the middle, by its instant: a stream that has
    not passed it would send it, and one that has would not."""
    log = await lived(club)
    monkeypatch.setattr(limits, "EXPORT_ROWS", 2)
    [(columns,)] = server.rows(
        "SELECT string_agg(column_name, ', ') FROM information_schema.columns"
        " WHERE table_name = 'activity' AND column_name NOT IN ('id', 'written_by')"
    )
    with server.another_connection() as late, late.transaction():
        copied = f"INSERT INTO activity (id, {columns}) SELECT gen_random_uuid(), {columns} FROM activity a"
        late.execute(f"{copied} WHERE a.id = (SELECT id FROM activity WHERE body LIKE '%spent%' LIMIT 1)".encode())
        found = await broken_after(club.admin, 2, NDJSON)
    found += await exported(club.admin, kind=NDJSON, resume_token=found[-1].resume_token)
    assert [line["name"] for line in objects(whole(found))][: len(log)] == [one.name for one in log]


def _told(log: list[Activity], action: str) -> list[tuple[int, dict[str, Any]]]:
    return [(one.outcome, dict(plain(one.details))) for one in log if one.action == action]


async def test_an_export_is_recorded_before_it_shows_anything_and_at_its_end(club: Club) -> None:
    """Whoever took the log away, and which bytes they took, must be known: with the digest a file can be held against
    the record."""
    log = await lived(club)
    wanted = audit_pb2.ActivityFilter(subjects=[ADA])
    responses = await exported(club.admin, filter=wanted, filter_text=until(log))
    data, end = whole(responses), responses[-1].end
    after = await listed(club.admin)
    [(outcome, begun)] = _told(after, "export.started")
    assert outcome == SUCCEEDED
    # Without a count: none before anything was read would say that there was nothing.
    del begun["upto"]
    assert begun == {"format": "CSV", "filter": ["subjects", "filter_text"], "resumed": False}
    [(outcome, ended)] = _told(after, "activity.exported")
    assert (outcome, ended["whole"], ended["count"], ended["bytes"]) == (SUCCEEDED, True, len(cells(data)), len(data))
    assert ended["parts"] == [{"bytes": part.bytes, "sha256": part.sha256} for part in end.parts]
    told = [one.description for one in after if one.action in ("activity.exported", "export.started")]
    assert told == [
        f"{end.rows} activities of program Club of clubs exported as CSV (Administrator admin).",
        "Export of activities of program Club of clubs as CSV begun (Administrator admin).",
    ]


async def test_a_broken_export_is_recorded_with_what_was_sent(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thief who hangs up before the end has what came until then."""
    await lived(club)
    monkeypatch.setattr(limits, "EXPORT_ROWS", 1)
    found = await broken_after(club.admin, 3, NDJSON)
    while not (ended := _told(await listed(club.admin), "activity.exported")):
        await asyncio.sleep(0.02)
    [(outcome, details)] = ended
    assert (outcome, details["whole"]) == (FAILED, False)
    assert details["count"] >= found[-1].rows > 0


async def test_whoever_does_not_read_holds_nothing_and_is_cut_off(
    club: Club, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that is left open keeps the database from tidying up, for as long as somebody's laptop sleeps."""
    await lived(club)
    server.execute(_MANY)
    monkeypatch.setattr(limits, "STREAM_IDLE_MAX_S", 3.0)
    call = club.admin.audit.ExportActivities(asked(kind=NDJSON))
    await call.read()
    quiet = 0
    while quiet < 20:
        quiet = 0 if server.rows(_AT_WORK) else quiet + 1
        await asyncio.sleep(0.02)
    assert not _told(await listed(club.admin), "activity.exported")
    while not (ended := _told(await listed(club.admin), "activity.exported")):
        await asyncio.sleep(0.05)
    assert ended[0][0] == FAILED
    found = [response async for response in _rest(call)]
    assert sum(response.rows > 0 for response in found) < 100
    assert await call.code() is StatusCode.DEADLINE_EXCEEDED


async def _rest(call: Any) -> Any:
    from grpc.aio import AioRpcError

    try:
        async for response in call:
            yield response
    except AioRpcError:
        return


_AT_WORK = """
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND (state = 'active' OR xact_start IS NOT NULL)
"""

# 60,000 entries, some 60 MB as a file: no buffer on the way holds them.
_MANY = """
INSERT INTO activity (id, program, customer, occurred_at, recorded_at, action, category, type, source, module,
    actor_type, actor, outcome, event, points, subject, details, body)
SELECT gen_random_uuid(), program, customer, occurred_at, recorded_at, action, category, type, source, module,
    actor_type, actor, outcome, event, points, subject, details, body
FROM (SELECT * FROM activity WHERE action = 'points.spent' LIMIT 1) AS a, generate_series(1, 60000)
"""


@pytest.mark.parametrize("role", Role)
async def test_only_whose_business_it_is_take_the_log_away(server: Served, role: Role) -> None:
    """And of it only what is theirs."""
    await server.admin.programs.CreateProgram(program("tea"))
    client = server.client(server.key("who", role, "tea"))
    if Permission.ACTIVITIES_EXPORT not in PERMISSIONS[role]:
        assert (await export_told(client, "programs/tea")).reason == "PERMISSION_MISSING"
        return
    assert (await export_told(client, "programs/coffee")).reason == "PROGRAM_NOT_FOUND"
    for parent in ("programs/tea", "-"):
        data = whole(await exported(client, parent))
        assert b"coffee" not in data
        assert cells(data)[0]["action"] == "program.created"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"parent": "programs/cocoa"}, "PROGRAM_NOT_FOUND"),
        ({"parent": f"{NAME}/customers/eve"}, "CUSTOMER_NOT_FOUND"),
        ({"filter_text": f"customer = {NAME}/customers/eve"}, "CUSTOMER_NOT_FOUND"),
        ({"time_zone": "Europe/Nowhere"}, "TIME_ZONE_UNKNOWN"),
        ({"kind": 0}, "INVALID_REQUEST"),
        ({"kind": 77}, "INVALID_REQUEST"),
        ({"filter_text": "outcome ="}, "INVALID_REQUEST"),
        ({"resume_token": "x"}, "CURSOR_MISMATCH"),
    ],
)
async def test_an_export_that_cannot_be_is_refused(club: Club, more: dict[str, Any], reason: str) -> None:
    """With the same words as everywhere."""
    assert (await export_told(club.admin, **more)).reason == reason


async def test_a_token_is_of_its_caller_its_request_and_these_books(club: Club, server: Served) -> None:
    """Gone on with by another it could give a file that nobody was allowed to have, or none that fits."""
    [first, *_] = await exported(club.admin)
    token = first.resume_token
    other = server.client(server.key("other", Role.AUDITOR))
    for client, more in (
        (other, {}),
        (club.admin, {"kind": NDJSON}),
        (club.admin, {"time_zone": "Europe/Prague"}),
        (club.admin, {"filter_text": "outcome = DENIED"}),
    ):
        assert (await export_told(client, resume_token=token, **more)).reason == "CURSOR_MISMATCH"
    [(secret,)] = server.rows("SELECT value FROM server_secret WHERE name = 'page-token'")
    tokens = Pages(bytes(secret))
    place = tokens.position(asked(), token)
    [(newest,)] = server.rows("SELECT position FROM activity_placed")
    ahead = place.replace(f'"bound":[{newest},', f'"bound":[{newest + 1},')
    assert ahead != place
    assert (await export_told(club.admin, resume_token=tokens.token(asked(), ahead))).reason == "CURSOR_MISMATCH"
    strange = tokens.token(asked(), '{"of":"another release"}')
    assert (await export_told(club.admin, resume_token=strange)).reason == "CURSOR_MISMATCH"
    many = place.replace('"parts":[', '"parts":[' + ",".join(['[1,"x"]'] * limits.EXPORT_PARTS_MAX) + ",")
    assert (await export_told(club.admin, resume_token=tokens.token(asked(), many))).fields == ["resume_token"]
    assert len(tokens.token(asked(), many)) < 16_384


async def test_a_key_that_is_revoked_ends_an_export(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream lasts long: a stolen key must not last as long."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 0.0)
    monkeypatch.setattr(limits, "EXPORT_ROWS", 1)
    made = run(server.database, lambda unit: create_key(unit, "stolen", Role.AUDITOR))
    await server.till.customers.CreateCustomer(customer("ben"))
    server.execute(_MANY.replace("points.spent", "customer.created"))
    client = server.client(made.key.text)
    call = client.audit.ExportActivities(asked("programs/coffee"))
    await call.read()
    assert run(server.database, lambda unit: revoke_key(unit, made.key.id))
    async for _ in _rest(call):
        pass
    assert await call.code() is StatusCode.UNAUTHENTICATED
    [ended] = [one for one in await activities(server.admin, action="activity.exported") if "count" in one.details]
    assert ended.details["whole"].flag is False


async def test_an_export_ends_well_where_the_server_must_and_goes_on_elsewhere(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time, without an error; the file is not whole, and nobody is told that it is."""
    log = await lived(club)
    line = until(log)
    unbroken = whole(await exported(club.admin, filter_text=line))
    with monkeypatch.context() as patched:
        patched.setattr(limits, "EXPORT_MAX_S", 0.0)
        found = await exported(club.admin, filter_text=line)
    assert not any(one.HasField("end") for one in found)
    found += await exported(club.admin, filter_text=line, resume_token=found[-1].resume_token)
    assert whole(found) == unbroken


async def test_a_server_that_stops_before_the_set_is_fixed_gives_no_token(
    club: Club, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a token to half a set the file would be gone on with elsewhere, and end as whole without the other half."""
    log = await lived(club)
    monkeypatch.setattr(limits, "WATCH_POSITIONS_MAX", 1)
    for servicer in server.app.servicers:
        if hasattr(servicer, "end_streams"):
            servicer.end_streams()
    stopped = await export_told(club.admin)
    assert (stopped.code, stopped.reason) == (StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert server.rows("SELECT max(position) FROM activity_place")[0][0] < len(log)


async def test_where_nothing_matches_for_long_it_says_that_it_lives(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else balancers cut it; and what was looked through need not be again."""
    log = await lived(club)
    monkeypatch.setattr(limits, "WATCH_HEARTBEAT_S", 0.0)
    monkeypatch.setattr(limits, "LOG_LOOKED_MAX", 1)
    line = f'{until(log)} AND after = "Club of clubs"'
    found = await exported(club.admin, kind=NDJSON, filter_text=line)
    tokens = [one.resume_token for one in found]
    assert len(set(tokens)) > 5
    whole_ = whole(found)
    cut = next(number for number, one in enumerate(found) if number > 2 and not one.data)
    rest = await exported(club.admin, kind=NDJSON, filter_text=line, resume_token=tokens[cut])
    assert b"".join(one.data for one in [*found[: cut + 1], *rest]) == whole_
