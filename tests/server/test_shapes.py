"""Requests at the edges of their shape: wrong fields, instants beyond reason, texts and numbers that fit nowhere."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from fealty.v1 import audit_pb2, customers_pb2, points_pb2, programs_pb2, transactions_pb2
from server import limits
from tests.server.serving import (
    PLAIN,
    SLOW,
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


async def test_each_field_that_is_shaped_wrongly_is_named(server: Served) -> None:
    """With its path into the message, so that a form can mark it; a screenful at most."""
    line = transactions_pb2.TransactionLine(product_id="", quantity=-1)
    answer = await told(server.till.transactions.RecordTransaction(purchase(-5, lines=[line], transaction_id="#")))
    assert answer.reason == "INVALID_REQUEST"
    assert set(answer.fields) == {"amount.amount_minor", "lines[0].product_id", "lines[0].quantity", "transaction_id"}
    many = [transactions_pb2.TransactionLine() for _ in range(200)]
    answer = await told(server.till.transactions.RecordTransaction(purchase(lines=many)))
    assert len(answer.fields) == limits.VIOLATIONS_SHOWN_MAX


async def test_a_wrong_name_is_answered_with_a_right_one_and_with_what_was_wrong(server: Served) -> None:
    """A pattern of a hundred characters tells nobody which of his eight parts it is."""
    answer = await told(server.till.points.GetBalance(points_pb2.GetBalanceRequest(account="programs/coffee/ada")))
    assert answer.message == (
        "The request is shaped wrongly: account must be programs/{program}/customers/{customer}/accounts/{card}, such"
        " as programs/coffee/customers/anna/accounts/points; it has something else where customers is to stand."
    )
    long = f"programs/coffee/customers/{'x' * 3000}/accounts/plain"
    assert len((await told(server.till.points.GetBalance(points_pb2.GetBalanceRequest(account=long)))).message) < 500


async def test_a_rule_of_a_whole_message_is_told_by_the_field_to_change(server: Served) -> None:
    """Also beside the rules of its fields: who mends one thing at a time sends a request five times."""
    wrong = points_pb2.RollBackSpendingRequest(name="x", grace_days=3)
    wrong.extend_to_time.seconds = -1
    answer = await told(server.till.points.RollBackSpending(wrong))
    assert set(answer.fields) == {"name", "grace_days", "extend_to_time", "reason", "request_id"}
    empty = programs_pb2.CreateProgramRequest(program=programs_pb2.Program(), request_id=fresh())
    answer = await told(server.admin.programs.CreateProgram(empty))
    assert set(answer.fields) == {"program.display_name", "program.time_zone", "program.cards"}


REQUEST_IDS = [fresh(), "1", "x" * 64, "order 7 / till #3 ~", "key_1F2D@shop"]


async def test_a_request_is_called_whatever_its_caller_likes(server: Served) -> None:
    """Printable and short is enough; case and spaces tell requests apart."""
    made = {}
    for number, request_id in enumerate([*REQUEST_IDS, "KEY_1f2d@shop"]):
        call = purchase(number + 1, transaction_id=f"t{number}", request_id=request_id)
        first = await server.till.transactions.RecordTransaction(call)
        again = await server.till.transactions.RecordTransaction(call)
        assert (again.transaction, again.receipt.replayed) == (first.transaction, True)
        made[first.receipt.activity] = request_id
    assert len(made) == len(REQUEST_IDS) + 1
    for wrong in ("", "x" * 65, "a\nb", "a\tb", "ž", "\x7f"):
        assert (await told(server.till.transactions.RecordTransaction(purchase(request_id=wrong)))).fields == [
            "request_id"
        ]


async def test_what_two_callers_choose_never_collides(server: Served) -> None:
    """Everybody begins to count at 1."""
    asked = [purchase(5, request_id="1", transaction_id="a"), purchase(7, request_id="1", transaction_id="b")]
    one = await server.till.transactions.RecordTransaction(asked[0])
    other = await server.admin.transactions.RecordTransaction(asked[1])
    assert (one.transaction.points, other.transaction.points) == (5, 7)
    assert (await told(server.till.transactions.RecordTransaction(asked[1]))).reason == "REQUEST_ID_REUSED"
    spent = await server.till.points.SpendPoints(spending(1, request_id="1"))
    assert not spent.receipt.replayed


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
            server.admin.transactions.RecordTransaction(purchase(occur_time=instant)),
            server.admin.transactions.RecordTransaction(purchase(account=SLOW, occur_time=instant)),
            activities(server.admin, start_time=instant),
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
            bought = await server.admin.transactions.RecordTransaction(purchase(account=account))
            assert bought.transaction.expire_time.seconds > bought.transaction.activate_time.seconds > clock.seconds


WITH_NUL: list[Callable[[Client], Awaitable[Any]]] = [
    lambda c: c.transactions.RecordTransaction(
        purchase(lines=[transactions_pb2.TransactionLine(product_id="a\0b", quantity=1, amount_minor=1)])
    ),
    lambda c: c.points.SpendPoints(spending(reference="a\0b")),
    lambda c: c.points.GetBalance(points_pb2.GetBalanceRequest(account=PLAIN.replace("ada", "a\0a"))),
    lambda c: c.customers.CreateCustomer(customer("ben", display_name="a\0b")),
    lambda c: c.customers.CreateCustomer(
        customer("ben", external_ids=[customers_pb2.ExternalId(source="crm", external_id="\0")])
    ),
    lambda c: c.programs.CreateProgram(program("tea", display_name="a\0b")),
    lambda c: c.programs.GetProgram(programs_pb2.GetProgramRequest(name="programs/a\0b")),
    lambda c: activities(c, action="a\0b"),
    lambda c: c.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="-", filter_text="action = a\0b")),
]


async def test_a_text_that_no_database_can_hold_is_the_callers_fault(server: Served) -> None:
    """PostgreSQL keeps no NUL character; a till that sends one must hear which field, not "a fault of ours"."""
    for call in WITH_NUL:
        answer = await told(call(server.admin))
        assert answer.reason == "INVALID_REQUEST"
        assert answer.fields
