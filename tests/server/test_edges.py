"""Names, instants, texts and choices at the edges, in the requests of the deep ledger."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from fealty import plain
from fealty.v1 import lots_pb2, points_pb2, receipt_pb2
from server import limits
from server.policy import Method, methods
from tests.server.club import ADA, NAME, WHY, Club, account
from tests.server.serving import Served, fresh, told, told_by

INSTANTS = [
    Timestamp(seconds=-1),
    Timestamp(seconds=limits.INSTANT_MAX_S),
    Timestamp(seconds=-62135596801),
    Timestamp(seconds=2**62),
    Timestamp(nanos=1_000_000_000),
]
UNARY = [method for method in methods() if not method.streams and not method.server_streams]


def _named(method: Method) -> str:
    return method.name


@pytest.mark.parametrize("method", UNARY, ids=_named)
async def test_a_wrong_name_and_an_unknown_choice_are_refused_by_every_method(server: Served, method: Method) -> None:
    """Whatever a method takes by name must be one, and whatever it lets choose must be among the choices."""
    fields = method.request.DESCRIPTOR.fields_by_name
    for field in fields.values():
        request = method.request()
        if field.name in ("name", "account", "parent", "card", "to_account", "into", "request_id"):
            setattr(request, field.name, "programs/club/elsewhere/é")
        elif field.enum_type is not None and not field.is_repeated:
            setattr(request, field.name, 99)
        elif field.enum_type is not None:
            getattr(request, field.name).append(99)
        else:
            continue
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await server.admin.send(method.path, request.SerializeToString())
        answer = told_by(failed.value)
        assert answer.reason == "INVALID_REQUEST"
        assert field.name in {name.partition("[")[0] for name in answer.fields}


async def test_an_instant_is_of_the_years_that_the_books_count_in(club: Club) -> None:
    """In every field of the deep ledger that takes one: 1970 to 2199, and nothing before or after."""
    spent_on = f"{account()}/entries/1"
    fields: list[Callable[[Timestamp], Awaitable[Any]]] = [
        lambda at: club.earn(occur_time=at),
        lambda at: club.event("visit", occur_time=at),
        lambda at: club.balance(at=at),
        lambda at: club.till.points.RollBackSpending(
            points_pb2.RollBackSpendingRequest(
                name=spent_on,
                policy=points_pb2.ROLLBACK_POLICY_EXTEND_TO,
                extend_to_time=at,
                reason=WHY,
                request_id=fresh(),
            )
        ),
        lambda at: club.admin.lots.RedateLots(
            lots_pb2.RedateLotsRequest(parent=account(), expire_time=at, reason=WHY, request_id=fresh())
        ),
        lambda at: club.admin.lots.RedateLots(
            lots_pb2.RedateLotsRequest(
                parent=f"{NAME}/cards/plain", never=True, expire_before_time=at, reason=WHY, request_id=fresh()
            )
        ),
    ]
    for ask in fields:
        for instant in INSTANTS:
            assert (await told(ask(instant))).reason == "INVALID_REQUEST", instant


async def test_a_purchase_from_before_the_program_is_one(club: Club) -> None:
    """Receipts of earlier years are brought in when a shop begins; the balance of then knows of them."""
    first = Timestamp(seconds=0)
    bought = await club.earn(100, occur_time=first)
    assert bought.transaction.occur_time == first
    assert (await club.balance(at=first)).active == 100
    assert (await club.event("visit", occur_time=first)).event.occur_time == first


REASONS: list[dict[str, str]] = [
    {"code": ""},
    {"code": "goodwill"},
    {"code": "A" * 65},
    {"code": "OK", "note": "x" * 501},
    {"code": "OK", "acting_user": "u" * 65},
    {"code": "OK", "acting_user": "gwen@example.com"},
    {"code": "OK", "acting_user": "Gwendolyn Featherstone"},
]


@pytest.mark.parametrize("reason", REASONS, ids=str)
async def test_a_reason_is_a_word_of_its_own_and_an_id(club: Club, reason: dict[str, str]) -> None:
    """What stands in the record for ever is no place for addresses and names."""
    request = points_pb2.AdjustPointsRequest(
        account=account(), points=1, reason=receipt_pb2.Reason(**reason), request_id=fresh()
    )
    answer = await told(club.admin.points.AdjustPoints(request))
    assert answer.reason == "INVALID_REQUEST"
    assert all(field.startswith("reason") for field in answer.fields)
    assert not await club.history()


PROPERTIES: list[dict[str, str]] = [
    {f"p{number}": "" for number in range(33)},
    {"p": "x" * 501},
    {"Big": "x"},
    {"p" * 33: "x"},
    {"": "x"},
]


async def test_an_event_carries_so_many_properties_and_no_more(club: Club) -> None:
    """An event is a line of a history, not a document."""
    for properties in PROPERTIES:
        answer = await told(club.event("visit", properties=properties))
        assert (answer.reason, answer.fields[0].partition("[")[0]) == ("INVALID_REQUEST", "properties")
    most = {f"p{number}": "x" * 500 for number in range(32)}
    recorded = (await club.event("visit", properties=most)).event
    assert plain(recorded.details)["properties"] == most


async def test_a_text_that_is_too_long_is_named(club: Club) -> None:
    """With its field; one that is just long enough is kept whole."""
    await club.earn(10)
    for reference, reason in (("x" * 129, "INVALID_REQUEST"), ("x" * 128, "")):
        if reason:
            assert (await told(club.spend(1, reference=reference))).fields == ["reference"]
            assert (await told(club.hold(1, reference=reference))).fields == ["reference"]
        else:
            await club.spend(1, reference=reference)
            assert (await club.hold(1, reference=reference)).reference == reference
    for transaction_id in ("", "x" * 129, "#1", "a~b", "a/b", "ž"):
        assert (await told(club.earn(1, transaction_id=transaction_id))).fields == ["transaction_id"]
    for source in ("Till", "till~1", "x" * 33):
        assert (await told(club.earn(1, source=source))).fields == ["source"]


async def test_what_belongs_to_another_customer_cannot_be_named(club: Club) -> None:
    """A purchase that is paid for, or that an event is about, is the customer's own; so is the account that gains."""
    other = f"{NAME}/customers/ben/transactions/t1"
    await club.earn(10)
    for call in (
        club.spend(1, transaction=other),
        club.hold(1, transaction=other),
        club.event("visit", transaction=other),
        club.event("visit", account=f"{NAME}/customers/ben/accounts/plain", points=1),
    ):
        answer = await told(call)
        assert (answer.reason, len(answer.fields)) == ("INVALID_REQUEST", 1)


async def test_a_choice_without_what_belongs_to_it_is_refused(club: Club) -> None:
    """An instant with the wrong policy, or none with the right one: somebody meant something else."""
    extend, grace = points_pb2.ROLLBACK_POLICY_EXTEND_TO, points_pb2.ROLLBACK_POLICY_GRACE
    wrong: list[dict[str, Any]] = [
        {"policy": extend},
        {"policy": grace},
        {"extend_to_time": Timestamp(seconds=1)},
        {"grace_days": 3},
        {"policy": grace, "grace_days": 367},
        {"policy": grace, "grace_days": 3, "extend_to_time": Timestamp(seconds=1)},
    ]
    for fields in wrong:
        request = points_pb2.RollBackSpendingRequest(
            name=f"{account()}/entries/1", reason=WHY, request_id=fresh(), **fields
        )
        assert (await told(club.till.points.RollBackSpending(request))).reason == "INVALID_REQUEST", fields
    redates: list[dict[str, Any]] = [
        {"parent": account()},
        {"parent": NAME, "never": True},
        {"parent": account(), "never": False},
        {"parent": ADA, "never": True},
    ]
    for fields in redates:
        redate = lots_pb2.RedateLotsRequest(reason=WHY, request_id=fresh(), **fields)
        assert (await told(club.admin.lots.RedateLots(redate))).reason == "INVALID_REQUEST", fields
