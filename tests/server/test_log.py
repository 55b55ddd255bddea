"""The activity log as whoever reads it asks for it: filters, the timelines made of them, pages, totals and times."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import grpc.aio
import pytest
from grpc import StatusCode

from fealty import plain
from fealty.v1 import activity_pb2, audit_pb2, values_pb2
from rules.access import Role
from server.convert import filter_text
from tests.server.club import ADA, BEN, NAME, Club
from tests.server.logged import Activity, answer, listed, lived, until
from tests.server.serving import told


def _word(enum: Any, prefix: str) -> Callable[[int], str]:
    return lambda number: str(enum.Name(number)).removeprefix(prefix)


def _ends(field: str) -> set[str]:
    parts = field.split(".")
    return {".".join(parts[start:]) for start in range(len(parts))}


def _text(value: values_pb2.Value) -> Iterable[str]:
    found = plain({"value": value})["value"]
    if isinstance(found, bool):
        return [str(found).lower()]
    return [str(found)] if isinstance(found, str | int) else []


def _detail(one: Activity, *names: str) -> list[str]:
    return [one.details[name].text for name in names if name in one.details]


_EVENT = _word(activity_pb2.ActivityEvent, "ACTIVITY_EVENT_")
# Each field of a line by what an activity that it finds shows of it.
SHOWN: dict[str, Callable[[Activity], Iterable[str]]] = {
    "category": lambda one: [_word(activity_pb2.ActivityCategory, "ACTIVITY_CATEGORY_")(one.category)],
    "type": lambda one: [_word(activity_pb2.ActivityType, "ACTIVITY_TYPE_")(one.type)],
    "event": lambda one: [_EVENT(one.event)] if one.event else [],
    "action": lambda one: [one.action],
    "outcome": lambda one: [_word(activity_pb2.ActivityOutcome, "ACTIVITY_OUTCOME_")(one.outcome)],
    "actor": lambda one: filter(None, [one.actor.name, one.actor.display_name]),
    "actor_type": lambda one: [_word(activity_pb2.ActorType, "ACTOR_TYPE_")(one.actor.type)],
    "role": lambda one: one.actor.roles,
    "source": lambda one: [_word(activity_pb2.ActivitySource, "ACTIVITY_SOURCE_")(one.source)],
    "module": lambda one: [_word(activity_pb2.AdminModule, "ADMIN_MODULE_")(one.module)] if one.module else [],
    "subject": lambda one: [one.subject],
    "subject_kind": lambda one: [one.subject.split("/")[-2]] if "/" in one.subject else [],
    "customer": lambda one: ["/".join(one.subject.split("/")[:4])] if "/customers/" in one.subject else [],
    "related": lambda one: _detail(one, "related", "transaction"),
    "address": lambda one: filter(None, [one.actor.ip_address]),
    "request_id": lambda one: filter(None, [one.request_id]),
    "trace_id": lambda one: filter(None, [one.trace_id]),
    "reason_code": lambda one: _detail(one, "reason_code", "reason"),
    "changed_field": lambda one: set().union(*(_ends(change.field) for change in one.changes)),
    "before": lambda one: [text for change in one.changes for text in _text(change.before)],
    "after": lambda one: [text for change in one.changes for text in _text(change.after)],
}


@pytest.mark.parametrize("word", SHOWN)
async def test_each_field_finds_exactly_what_a_reader_would_pick_by_hand(club: Club, word: str) -> None:
    """As a message and as a line; one value, or several of which one is enough."""
    log = await lived(club)
    values = sorted({value for one in log for value in SHOWN[word](one)})
    assert values
    for some in ([values[0]], [values[-1]], values[::2]):
        line = f"{until(log)} AND {word} = ({' OR '.join(map(_quoted, some))})"
        picked = [one for one in log if set(SHOWN[word](one)) & set(some)]
        assert picked
        assert await listed(club.admin, ascending=True, filter_text=line) == picked
        assert await listed(club.admin, filter=filter_text.parse(line)) == picked[::-1]


def _quoted(text: str) -> str:
    return f'"{text}"'


async def test_a_filter_and_a_line_must_both_match(club: Club) -> None:
    """A screen sets the one, and whoever sits before it types the other."""
    log = await lived(club)
    orders = audit_pb2.ActivityFilter(categories=["ACTIVITY_CATEGORY_ORDERS", "ACTIVITY_CATEGORY_SYSTEM"])
    found = await listed(club.admin, filter=orders, filter_text=f"{until(log)} AND category = ORDERS AND after = 100")
    assert found == [one for one in log[::-1] if one.category == 1 and "100" in SHOWN["after"](one)]
    assert found


async def test_the_timeline_of_a_customer_is_told_from_its_beginning(club: Club) -> None:
    """By category, type and source, as whoever serves a customer wants to see what led to what."""
    log = await lived(club)
    timeline = await listed(club.admin, ADA, ascending=True, filter_text=until(log))
    assert timeline == [one for one in log if one.subject.startswith(ADA)]
    assert timeline[0].action == "customer.created"
    chosen = await listed(
        club.admin, ADA, ascending=True, filter_text=f"{until(log)} AND type = (ORDER OR DATA) AND source = API"
    )
    assert chosen == [one for one in timeline if one.type in (3, 13) and one.source == 4]
    assert 0 < len(chosen) < len(timeline)


async def test_the_trail_of_the_administrators_is_what_has_a_module(club: Club) -> None:
    """Who changed what, module by module: what tills do has none."""
    log = await lived(club)
    modules = activity_pb2.AdminModule.keys()[1:]
    wanted = audit_pb2.ActivityFilter(modules=modules, end_time=log[-1].record_time)
    trail = await listed(club.admin, ascending=True, filter=wanted)
    assert trail == [one for one in log[:-1] if one.module]
    assert {one.action for one in trail} >= {"program.created", "customer.suspended", "program.clock_advanced"}


async def test_the_entries_of_one_record_are_found_in_its_own_view(club: Club) -> None:
    """A purchase shows what became of it: recorded, returned, and what was refused."""
    name = (await club.earn(100, transaction_id="t-1")).transaction.name
    await club.earn(50, transaction_id="t-2")
    await club.refund(name, amount_minor=30)
    await told(club.refund(name, amount_minor=1_000))
    record = audit_pb2.ActivityFilter(subjects=[name])
    found = await listed(club.admin, ADA, ascending=True, filter=record)
    assert [one.action for one in found] == ["transaction.recorded", "transaction.refunded", "transaction.refunded"]
    assert found == (await listed(club.admin, filter=record))[::-1]


ONE_DAY = values_pb2.Date(year=2026, month=1, day=31)
NO_DAY = values_pb2.Date(year=2026, month=2, day=31)
EARLIER = values_pb2.Date(year=2026, month=1, day=30)
# Filters that nothing can match, and that no calendar knows: which field is told.
CONTRADICTIONS: list[tuple[str, dict[str, Any], str]] = [
    (NAME, {"start_date": ONE_DAY, "end_date": EARLIER}, "filter.end_date"),
    (NAME, {"start_time": {"seconds": 9}, "end_time": {"seconds": 8}}, "filter.end_time"),
    (NAME, {"start_date": ONE_DAY, "end_time": {"seconds": 8}}, "filter.end_time"),
    (NAME, {"start_date": NO_DAY}, "filter.start_date"),
    (NAME, {"customers": ["programs/coffee/customers/ada"]}, "filter.customers"),
    (ADA, {"customers": [ADA, BEN]}, "filter.customers"),
    (NAME, {"subjects": ["programs/coffee"]}, "filter.subjects"),
    ("-", {"subjects": [ADA, NAME], "subject_kinds": ["lots"]}, "filter.subject_kinds"),
    ("-", {"categories": ["ACTIVITY_CATEGORY_UNSPECIFIED"]}, "filter.categories[0]"),
    ("-", {"subject_kinds": ["customer"]}, "filter.subject_kinds[0]"),
    ("-", {"customers": ["ada"]}, "filter.customers[0]"),
]


@pytest.mark.parametrize(("parent", "fields", "field"), CONTRADICTIONS)
async def test_a_filter_that_nothing_can_match_is_told_so(
    club: Club, parent: str, fields: dict[str, Any], field: str
) -> None:
    """An empty page would be taken for "nothing happened"."""
    refused = await told(answer(club.admin, parent, filter=audit_pb2.ActivityFilter(**fields)))
    assert (refused.code, refused.reason, refused.fields) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", [field])


async def test_what_can_be_and_is_not_has_the_right_empty_answer(club: Club) -> None:
    """A range of no length, an actor that nobody is, a customer to whom nothing happened."""
    for fields in (
        {"start_time": {"seconds": 9}, "end_time": {"seconds": 9}},
        {"actors": ["nobody", "callers/nobody"]},
        {"customers": [BEN], "actions": ["customer.closed"]},
    ):
        found = await answer(club.admin, filter=audit_pb2.ActivityFilter(**fields), want_total=True)
        assert found == audit_pb2.ListActivitiesResponse(total=0)


LINES = [
    ("-", "", "category = ORDERS AND"),
    ("-", "category = SYSTEM", "category = ORDERS"),
    ("-", "record_time >= 2026-01-31", "record_time < 2026-01-30"),
    ("-", "", "record_time >= 2026-01-31 AND record_time < 2026-01-31"),
    ("-", "", "customer = ada"),
    ("-", "", f"address = ({' OR '.join('a' for _ in range(21))})"),
    (NAME, "", "customer = programs/coffee/customers/ada"),
]


@pytest.mark.parametrize(("parent", "first", "line"), LINES)
async def test_a_line_that_nothing_can_match_is_told_so(club: Club, parent: str, first: str, line: str) -> None:
    """Also where only the filter beside it makes it so."""
    refused = await told(answer(club.admin, parent, filter=filter_text.parse(first), filter_text=line))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ["filter_text"])


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "Europe", "'", "Z" * 64])
async def test_a_zone_that_does_not_exist_is_told_so(club: Club, zone: str) -> None:
    """For days, and for the times that are shown."""
    for fields in (
        {"filter": audit_pb2.ActivityFilter(time_zone=zone)},
        {"filter_text": f"time_zone = {_quoted(zone)}"},
        {"time_zone": zone},
    ):
        refused = await told(answer(club.admin, **fields))
        assert (refused.code, refused.reason) == (StatusCode.INVALID_ARGUMENT, "TIME_ZONE_UNKNOWN")
    name = (await listed(club.admin))[0].name
    refused = await told(club.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=name, time_zone=zone)))
    assert refused.reason == "TIME_ZONE_UNKNOWN"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue", "Asia/Kathmandu", ""])
async def test_days_are_those_of_the_zone_that_is_named(club: Club, zone: str) -> None:
    """ "Today" ends at another instant everywhere: that of the filter, else of the request, else of UTC."""
    log = await listed(club.admin, ascending=True)
    days = [one.record_time.ToDatetime(UTC).astimezone(ZoneInfo(zone or "UTC")).date() for one in log]
    named = f" AND time_zone = {zone}" if zone else ""
    for line, found in (
        (f"record_time >= {days[0]} AND record_time <= {days[-1]} AND {until(log)}", log),
        (f"record_time < {days[0]}", []),
        (f"record_time > {days[-1]}", []),
    ):
        assert await listed(club.admin, ascending=True, filter_text=line + named) == found
    # The zone of the request does for both.
    line = f"record_time = {days[0]} AND {until(log)}"
    shown = await listed(club.admin, ascending=True, time_zone=zone, filter_text=line)
    assert [one.name for one in shown] == [one.name for one, day in zip(log, days, strict=True) if day == days[0]]


HOSTILE = ["' OR '1'='1", "'); DROP TABLE activity; --", "%", "_", "\\", '"', "$1", "%s", "{order}", "a\nb", "é𐍈"]


@pytest.mark.parametrize("word", ["action", "actor", "subject", "address", "changed_field", "before", "after"])
async def test_operators_and_quotes_are_data(club: Club, word: str) -> None:
    """Nobody may ask the database another question than the one that the contract has."""
    await club.earn(100)
    for text in HOSTILE:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        for asked in ({"filter_text": f'{word} = "{quoted}"'}, {"filter": filter_text.parse(f'{word} = "{quoted}"')}):
            assert await listed(club.admin, "-", **asked) == []
    assert len(await listed(club.admin)) > 2


async def test_what_somebody_looks_for_is_not_kept(club: Club) -> None:
    """A name that was typed into a filter would stand in the log for ever."""
    texts = [field.name for field in audit_pb2.ActivityFilter.DESCRIPTOR.fields if field.type == field.TYPE_STRING]
    for name in texts:
        value: Any = "Featherstone" if name in ("time_zone", "text") else ["Featherstone"]
        with suppress(grpc.aio.AioRpcError):
            await listed(club.admin, filter=audit_pb2.ActivityFilter(**{name: value}))
    for line in ("actor = Featherstone", "Featherstone", 'category = "Featherstone"', "time_zone = Featherstone"):
        with suppress(grpc.aio.AioRpcError):
            await listed(club.admin, filter_text=line)
    kept = club.served.rows("SELECT body FROM activity WHERE action = 'activity.listed'")
    assert len(kept) == len(texts) + 4
    assert "Featherstone" not in str(kept)


async def test_what_is_about_a_customer_and_not_named_so_is_found_by_its_name(club: Club) -> None:
    """A legal hold is its program's by name, and its customer's in the log."""
    hold = (await club.legal_hold()).name
    for parent in (NAME, ADA):
        [placed] = await listed(club.admin, parent, filter_text=f"subject = {hold}")
        assert (placed.action, placed.subject) == ("legalhold.placed", hold)


async def test_whoever_looks_at_all_that_his_key_sees_is_seen_in_that_program(club: Club) -> None:
    """Those whose log it is must find out who read it; also whoever was denied to."""
    bound = club.served.client(club.served.key("checker", Role.AUDITOR, "club"))
    await listed(bound, "-")
    [seen] = await listed(club.admin, filter_text="actor = checker")
    assert (seen.action, seen.subject, seen.actor.display_name) == ("activity.listed", NAME, "checker")
    till = club.served.client(club.served.key("curious", Role.SERVICE, "club"))
    assert (await told(till.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="-")))).reason
    [denied] = await listed(club.admin, filter_text="actor = curious AND outcome = DENIED")
    assert denied.action == "activity.listed"
