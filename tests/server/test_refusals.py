"""Every reason for a "no" that a caller can provoke: its code, its facts, and that nothing was changed by it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from fealty.v1 import activity_pb2, audit_pb2, customers_pb2, points_pb2, programs_pb2
from fealty.v1.errors_pb2 import ErrorReason
from server import limits
from tests.server.serving import (
    PLAIN,
    SLOW,
    START,
    Client,
    Served,
    activities,
    customer,
    fresh,
    program,
    purchase,
    spending,
    timestamp,
    told,
)

REUSED = fresh()
BOTH = {"external_ids": [customers_pb2.ExternalId(source="crm", external_id="7")]}


def _update_program(client: Client, **more: Any) -> Awaitable[Any]:
    mask = more.pop("mask", None)
    changed = programs_pb2.Program(**{"name": "programs/coffee", **more})
    return client.programs.UpdateProgram(
        programs_pb2.UpdateProgramRequest(program=changed, update_mask=mask, request_id=fresh())
    )


def _advance(client: Client, name: str, to: datetime) -> Awaitable[Any]:
    return client.programs.AdvanceTestClock(
        programs_pb2.AdvanceTestClockRequest(name=name, to_time=timestamp(to), request_id=fresh())
    )


async def _page_of_another_list(client: Client) -> None:
    for _ in range(2):
        await client.points.RecordTransaction(purchase())
    first = await client.points.ListEntries(points_pb2.ListEntriesRequest(parent=PLAIN, page_size=1))
    other = points_pb2.ListEntriesRequest(parent=PLAIN.replace("plain", "slow"), page_token=first.next_page_token)
    await client.points.ListEntries(other)


async def _reused(client: Client) -> None:
    for points in (1, 2):
        await client.points.RecordTransaction(purchase(points, request_id=REUSED))


async def _twice(client: Client) -> None:
    for points in (1, 2):
        await client.points.RecordTransaction(purchase(points, transaction_id="receipt-1"))


async def _external_id_twice(client: Client) -> None:
    for name in ("ben", "cyd"):
        await client.customers.CreateCustomer(customer(name, **BOTH))


def _live(client: Client) -> Awaitable[Any]:
    return client.programs.CreateProgram(program("tea", test_clock_time=None))


async def _move_live_clock(client: Client) -> None:
    await _live(client)
    await _advance(client, "programs/tea", START)


PROVOKED: dict[str, tuple[StatusCode, dict[str, str], Callable[[Client], Awaitable[Any]]]] = {
    "INVALID_REQUEST": (
        StatusCode.INVALID_ARGUMENT,
        {},
        lambda client: client.points.RecordTransaction(purchase(account="wrong", request_id="wrong")),
    ),
    "REQUEST_ID_REUSED": (StatusCode.INVALID_ARGUMENT, {}, _reused),
    "PAGE_TOKEN_MISMATCH": (StatusCode.INVALID_ARGUMENT, {}, _page_of_another_list),
    "UPDATE_MASK_INVALID": (
        StatusCode.INVALID_ARGUMENT,
        {"path": "name"},
        lambda client: _update_program(client, mask=FieldMask(paths=["name"])),
    ),
    "CURRENCY_MISMATCH": (
        StatusCode.INVALID_ARGUMENT,
        {"expected": "EUR", "given": "JPY"},
        lambda client: client.points.RecordTransaction(
            purchase(amount=points_pb2.Money(currency_code="JPY", amount_minor=5))
        ),
    ),
    "TIME_ZONE_UNKNOWN": (
        StatusCode.INVALID_ARGUMENT,
        {"time_zone": "Mars/Olympus"},
        lambda client: _update_program(client, time_zone="Mars/Olympus"),
    ),
    "PROGRAM_NOT_FOUND": (
        StatusCode.NOT_FOUND,
        {"program": "cocoa"},
        lambda client: client.programs.GetProgram(programs_pb2.GetProgramRequest(name="programs/cocoa")),
    ),
    "CUSTOMER_NOT_FOUND": (
        StatusCode.NOT_FOUND,
        {"program": "coffee"},
        lambda client: client.points.SpendPoints(spending(account=PLAIN.replace("ada", "eve"))),
    ),
    "CARD_NOT_FOUND": (
        StatusCode.NOT_FOUND,
        {"program": "coffee", "card": "gold"},
        lambda client: client.points.GetBalance(points_pb2.GetBalanceRequest(account=PLAIN.replace("plain", "gold"))),
    ),
    "PROGRAM_EXISTS": (
        StatusCode.ALREADY_EXISTS,
        {"program": "coffee"},
        lambda client: client.programs.CreateProgram(program("coffee")),
    ),
    "CUSTOMER_EXISTS": (
        StatusCode.ALREADY_EXISTS,
        {"customer": "ada"},
        lambda client: client.customers.CreateCustomer(customer("ada")),
    ),
    "EXTERNAL_ID_TAKEN": (StatusCode.ALREADY_EXISTS, {"source": "crm"}, _external_id_twice),
    "DUPLICATE_TRANSACTION": (StatusCode.ALREADY_EXISTS, {"transaction": "receipt-1"}, _twice),
    "INSUFFICIENT_POINTS": (
        StatusCode.FAILED_PRECONDITION,
        {"requested": "10", "spendable": "0"},
        lambda client: client.points.SpendPoints(spending(10)),
    ),
    "OCCURS_IN_FUTURE": (
        StatusCode.FAILED_PRECONDITION,
        {"now": START.isoformat()},
        lambda client: client.points.RecordTransaction(purchase(occur_time=timestamp(START + timedelta(days=1)))),
    ),
    "NO_TEST_CLOCK": (StatusCode.FAILED_PRECONDITION, {"program": "tea"}, _move_live_clock),
    "CLOCK_MOVES_BACK": (
        StatusCode.FAILED_PRECONDITION,
        {"now": START.isoformat()},
        lambda client: _advance(client, "programs/coffee", START - timedelta(seconds=1)),
    ),
    "CARD_FIXED": (
        StatusCode.FAILED_PRECONDITION,
        {"card": "plain"},
        lambda client: _update_program(client, cards=program("x").program.cards[1:]),
    ),
    "AMOUNT_TOO_LARGE": (
        StatusCode.FAILED_PRECONDITION,
        {"limit": str(2**53)},
        lambda client: _too_large(client),
    ),
    "STALE_ETAG": (
        StatusCode.ABORTED,
        {},
        lambda client: _update_program(client, display_name="X", etag='"1-0"'),
    ),
    "DEADLINE_PASSED": (StatusCode.DEADLINE_EXCEEDED, {}, lambda client: _late(client)),
}
# Provoked in test_keys.py, test_overload.py, test_wire.py and test_outage.py, with more around them.
ELSEWHERE = {"KEY_INVALID", "PERMISSION_MISSING", "OVERLOADED", "MALFORMED_REQUEST", "METHOD_UNKNOWN", "INTERNAL"}
ELSEWHERE |= {"UNAVAILABLE"}


async def _too_large(client: Client) -> None:
    rate = programs_pb2.EarnRate(points=1_000_000_000, per_amount_minor=1, currency_code="EUR")
    cards = program("x").program.cards
    cards[0].earn_rate.CopyFrom(rate)
    await _update_program(client, cards=cards)
    await client.points.RecordTransaction(purchase(1_000_000_000_000))


async def _late(client: Client) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "DEADLINE_MAX_S", 0.0)
        await client.points.RecordTransaction(purchase())


@pytest.mark.parametrize("reason", PROVOKED)
async def test_each_refusal_has_its_code_its_reason_and_its_facts_and_is_recorded(server: Served, reason: str) -> None:
    """Callers branch on these; operators look for them in the log."""
    code, facts, provoke = PROVOKED[reason]
    answer = await told(provoke(server.admin))
    assert (answer.code, answer.reason) == (code, reason)
    assert facts.items() <= answer.facts.items()
    assert answer.message.endswith(".") or answer.fields
    recorded = (await activities(server.admin))[0]
    assert activity_pb2.ActivityOutcome.Name(recorded.outcome).rpartition("_")[2] in ("REFUSED", "INVALID", "FAILED")
    assert recorded.details["reason"] == reason
    assert recorded.details["code"] == code.name
    assert recorded.actor.name


def test_every_reason_of_the_contract_is_provoked_somewhere() -> None:
    """A reason that nothing gives is a promise that nobody keeps."""
    reasons = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118
    assert reasons == PROVOKED.keys() | ELSEWHERE


async def test_each_field_that_is_shaped_wrongly_is_named(server: Served) -> None:
    """With its path into the message, so that a form can mark it; a screenful at most."""
    line = points_pb2.TransactionLine(product_id="", quantity=-1)
    answer = await told(server.till.points.RecordTransaction(purchase(-5, lines=[line], transaction_id="#")))
    assert answer.reason == "INVALID_REQUEST"
    assert set(answer.fields) == {"amount.amount_minor", "lines[0].product_id", "lines[0].quantity", "transaction_id"}
    many = [points_pb2.TransactionLine() for _ in range(200)]
    answer = await told(server.till.points.RecordTransaction(purchase(lines=many)))
    assert len(answer.fields) == limits.VIOLATIONS_SHOWN_MAX


INSTANTS = [
    Timestamp(seconds=-62135596800),
    Timestamp(seconds=253402300799, nanos=999_999_999),
    Timestamp(seconds=-62135596801),
    Timestamp(seconds=253402300800),
    Timestamp(seconds=2**62),
    Timestamp(nanos=-1),
    Timestamp(nanos=1_000_000_000),
]


async def test_an_instant_beyond_reason_is_the_callers_fault_not_ours(server: Served) -> None:
    """A client that sends 0 or a number of milliseconds must hear so, in every field that takes an instant."""
    for instant in INSTANTS:
        calls: list[Awaitable[Any]] = [
            server.admin.points.RecordTransaction(purchase(occur_time=instant)),
            server.admin.points.RecordTransaction(purchase(account=SLOW, occur_time=instant)),
            server.admin.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="-", start_time=instant)),
            server.admin.programs.AdvanceTestClock(
                programs_pb2.AdvanceTestClockRequest(name="programs/coffee", to_time=instant, request_id=fresh())
            ),
            server.admin.programs.CreateProgram(program("tea", test_clock_time=instant)),
        ]
        for call in calls:
            assert (await told(call)).reason == "INVALID_REQUEST", instant


async def test_purchases_work_at_the_edges_of_time(server: Served) -> None:
    """Where the accepted range ends, the calendar must still count: in the earliest zone and in the latest."""
    for number, zone in enumerate(("Pacific/Kiritimati", "Pacific/Niue")):
        for year in (1970, 2199):
            name = f"edge-{number}-{year}"
            clock = timestamp(datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC))
            await server.admin.programs.CreateProgram(program(name, time_zone=zone, test_clock_time=clock))
            made = customer("ada")
            made.parent = f"programs/{name}"
            await server.admin.customers.CreateCustomer(made)
            account = f"programs/{name}/customers/ada/accounts/slow"
            bought = await server.admin.points.RecordTransaction(purchase(account=account))
            assert bought.transaction.expire_time.seconds > bought.transaction.activate_time.seconds > clock.seconds


WITH_NUL: list[Callable[[Client], Awaitable[Any]]] = [
    lambda c: c.points.RecordTransaction(
        purchase(lines=[points_pb2.TransactionLine(product_id="a\0b", quantity=1, amount_minor=1)])
    ),
    lambda c: c.points.SpendPoints(spending(reference="a\0b")),
    lambda c: c.points.GetBalance(points_pb2.GetBalanceRequest(account=PLAIN.replace("ada", "a\0a"))),
    lambda c: c.customers.CreateCustomer(customer("ben", display_name="a\0b")),
    lambda c: c.customers.CreateCustomer(
        customer("ben", external_ids=[customers_pb2.ExternalId(source="crm", external_id="\0")])
    ),
    lambda c: c.programs.CreateProgram(program("tea", display_name="a\0b")),
    lambda c: c.programs.GetProgram(programs_pb2.GetProgramRequest(name="programs/a\0b")),
    lambda c: c.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="-", action="a\0b")),
]


async def test_a_text_that_no_database_can_hold_is_the_callers_fault(server: Served) -> None:
    """PostgreSQL keeps no NUL character; a till that sends one must hear which field, not "a fault of ours"."""
    for call in WITH_NUL:
        answer = await told(call(server.admin))
        assert answer.reason == "INVALID_REQUEST"
        assert answer.fields
