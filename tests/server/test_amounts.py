"""Numbers at the edges: nothing, less than nothing, and as much as there can be."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fealty.v1 import cards_pb2, holds_pb2, lots_pb2, points_pb2, programs_pb2, reports_pb2, transactions_pb2
from tests.server.club import BEN, RATE, WHY, Club, account
from tests.server.serving import fresh, program, purchase, told

MOST = 2**53
MONEY_MOST = 10**12
# The largest that a name takes.
HUGE = 10**18 - 1
BEYOND = (-(2**63), -1, MOST + 1, 2**63 - 1)

Call = Callable[[Club, int], Awaitable[Any]]


def _spend(club: Club, number: int) -> Awaitable[Any]:
    return club.spend(number)


def _hold(club: Club, number: int) -> Awaitable[Any]:
    return club.hold(number)


def _capture(club: Club, number: int) -> Awaitable[Any]:
    request = holds_pb2.CaptureHoldRequest(name=f"{account()}/holds/1", points=number, request_id=fresh())
    return club.till.holds.CaptureHold(request)


def _adjust(club: Club, number: int) -> Awaitable[Any]:
    request = points_pb2.AdjustPointsRequest(account=account(), points=number, reason=WHY, request_id=fresh())
    return club.admin.points.AdjustPoints(request)


def _transfer(club: Club, number: int) -> Awaitable[Any]:
    request = points_pb2.TransferPointsRequest(
        account=account(), to_account=account("plain", BEN), points=number, request_id=fresh()
    )
    return club.till.points.TransferPoints(request)


def _roll_back(club: Club, number: int) -> Awaitable[Any]:
    request = points_pb2.RollBackSpendingRequest(
        name=f"{account()}/entries/1", points=number, reason=WHY, request_id=fresh()
    )
    return club.till.points.RollBackSpending(request)


def _write_off(club: Club, number: int) -> Awaitable[Any]:
    request = reports_pb2.WriteOffShortfallRequest(
        name=f"{account()}/shortfalls/1", points=number, reason=WHY, request_id=fresh()
    )
    return club.admin.reports.WriteOffShortfall(request)


def _event(club: Club, number: int) -> Awaitable[Any]:
    return club.event("visit", account=account(), points=number)


def _line(club: Club, number: int) -> Awaitable[Any]:
    line = transactions_pb2.TransactionLine(product_id="tea", quantity=1, amount_minor=1, points=number)
    return club.earn(1, lines=[line])


# Each field that takes units, with what the most of it is answered by where there is nothing.
UNITS: dict[str, tuple[Call, str]] = {
    "SpendPoints": (_spend, "INSUFFICIENT_POINTS"),
    "CreateHold": (_hold, "INSUFFICIENT_POINTS"),
    "CaptureHold": (_capture, "HOLD_NOT_FOUND"),
    "TransferPoints": (_transfer, "INSUFFICIENT_POINTS"),
    "RollBackSpending": (_roll_back, "SPENDING_NOT_FOUND"),
    "WriteOffShortfall": (_write_off, "SHORTFALL_NOT_FOUND"),
    "RecordEvent": (_event, ""),
    "RecordTransaction.lines": (_line, ""),
}


@pytest.mark.parametrize("name", UNITS)
async def test_a_number_of_points_that_cannot_be_is_refused_for_its_shape(club: Club, name: str) -> None:
    """2^53 is the most that every JSON reader and spreadsheet keeps; one more is a mistake of somebody's."""
    call, reason = UNITS[name]
    for number in BEYOND:
        answer = await told(call(club, number))
        assert answer.reason == "INVALID_REQUEST", number
        assert any("points" in field for field in answer.fields)
    if reason:
        assert (await told(call(club, MOST))).reason == reason
    else:
        await call(club, MOST)
        assert (await club.balance()).active == MOST


@pytest.mark.parametrize("name", ["SpendPoints", "CreateHold", "TransferPoints"])
async def test_nothing_cannot_be_spent_held_or_given(club: Club, name: str) -> None:
    """An act that does nothing is a mistake of its caller's; it must not look like a success."""
    assert (await told(UNITS[name][0](club, 0))).reason == "INVALID_REQUEST"


async def test_an_adjustment_reaches_both_ends_and_no_further(club: Club) -> None:
    """All that an account can hold, taken away again to the last unit."""
    for number in (0, MOST + 1, -MOST - 1, 2**63 - 1, -(2**63)):
        assert (await told(_adjust(club, number))).reason == "INVALID_REQUEST"
    assert (await told(_adjust(club, -1))).reason == "INSUFFICIENT_POINTS"
    assert (await _adjust(club, MOST)).balance.active == MOST
    answer = await told(_adjust(club, 1))
    assert (answer.reason, answer.facts["limit"]) == ("AMOUNT_TOO_LARGE", str(MOST))
    assert (await told(club.earn(1))).reason == "AMOUNT_TOO_LARGE"
    assert (await _transfer(club, MOST)).received.active_after == MOST
    assert (await told(_adjust(club, -MOST))).reason == "INSUFFICIENT_POINTS"
    await _adjust(club, MOST)
    assert (await _adjust(club, -MOST)).balance.active == 0


async def test_money_is_neither_negative_nor_beyond_reason(club: Club) -> None:
    """Nothing at all is a purchase: somebody got something as a gift."""
    for amount in (-1, MONEY_MOST + 1, 2**63 - 1, -(2**63)):
        assert (await told(club.earn(amount))).reason == "INVALID_REQUEST"
    free = await club.earn(0, transaction_id="t0")
    assert (free.transaction.points, free.transaction.lot) == (0, "")
    assert (await club.earn(MONEY_MOST)).balance.active == MONEY_MOST
    refunded = await club.refund(free.transaction.name)
    assert (refunded.refund.amount_minor, refunded.refund.points) == (0, 0)
    assert refunded.transaction.state == transactions_pb2.TRANSACTION_STATE_REFUNDED


async def test_a_refund_is_of_something(club: Club) -> None:
    """Absent is all that is left; a nought that was sent is a mistake."""
    name = (await club.earn(100, transaction_id="t1")).transaction.name
    for amount in (0, -1, MONEY_MOST + 1):
        assert (await told(club.refund(name, amount_minor=amount))).reason == "INVALID_REQUEST"
    assert (await club.refund(name, amount_minor=100)).balance.active == 0


NUMBERED: dict[str, Callable[[Club, str], Awaitable[Any]]] = {
    "GetLot": lambda club, at: club.till.lots.GetLot(lots_pb2.GetLotRequest(name=f"{at}/lots/{HUGE}")),
    "ActivateLot": lambda club, at: club.admin.lots.ActivateLot(
        lots_pb2.ActivateLotRequest(name=f"{at}/lots/{HUGE}", reason=WHY, request_id=fresh())
    ),
    "GetHold": lambda club, at: club.till.holds.GetHold(holds_pb2.GetHoldRequest(name=f"{at}/holds/{HUGE}")),
    "CaptureHold": lambda club, at: club.till.holds.CaptureHold(
        holds_pb2.CaptureHoldRequest(name=f"{at}/holds/{HUGE}", request_id=fresh())
    ),
    "RollBackSpending": lambda club, at: club.till.points.RollBackSpending(
        points_pb2.RollBackSpendingRequest(name=f"{at}/entries/{HUGE}", reason=WHY, request_id=fresh())
    ),
    "WriteOffShortfall": lambda club, at: club.admin.reports.WriteOffShortfall(
        reports_pb2.WriteOffShortfallRequest(name=f"{at}/shortfalls/{HUGE}", reason=WHY, request_id=fresh())
    ),
}


@pytest.mark.parametrize("name", NUMBERED)
async def test_a_number_in_a_name_may_be_as_large_as_the_contract_allows(club: Club, name: str) -> None:
    """Eighteen digits that count nothing are not found; they are no fault of ours."""
    await club.earn(1)
    assert (await told(NUMBERED[name](club, account()))).reason.endswith("_NOT_FOUND")


async def test_stamps_are_whole_in_every_way(club: Club) -> None:
    """A tenth of a stamp, and a card that is half full, are both nothing that anybody can hand out."""
    card = programs_pb2.Card(
        card_id="half", earn_rate=RATE, decimals=1, kind=cards_pb2.CARD_KIND_STAMPS, stamps_per_reward=10
    )
    answer = await told(club.admin.programs.CreateProgram(program("stamps", cards=[card])))
    assert (answer.reason, "leave decimals away" in answer.facts["what"]) == ("SETTINGS_INVALID", True)
    await club.earn(35, "stamps")
    for points in (1, 9, 11):
        assert (await told(club.spend(points, "stamps"))).reason == "PRECISION_TOO_FINE"
        assert (await told(club.hold(points, "stamps"))).reason == "PRECISION_TOO_FINE"
    assert (await club.spend(20, "stamps")).balance.rewards == 1


async def test_an_account_has_its_own_end(club: Club) -> None:
    """What one account cannot hold does not keep another from it, nor a purchase that earns nothing."""
    await _adjust(club, MOST)
    assert (await told(club.till.transactions.RecordTransaction(purchase(1, account())))).reason == "AMOUNT_TOO_LARGE"
    assert (await club.earn(0)).balance.active == MOST
    assert (await club.earn(1, customer=BEN)).balance.active == 1
