"""Two callers who want the same at the same moment: one gets it, the other hears why not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
import pytest

from fealty.v1 import holds_pb2, lots_pb2, points_pb2, transactions_pb2
from tests.server.club import ADA, WHY, Club, account
from tests.server.serving import fresh, told_by

Call = Callable[[], Awaitable[Any]]


async def _capture(club: Club) -> Call:
    await club.earn(100)
    name = (await club.hold(60)).name
    return lambda: club.till.holds.CaptureHold(holds_pb2.CaptureHoldRequest(name=name, request_id=fresh()))


async def _roll_back(club: Club) -> Call:
    await club.earn(100)
    name = (await club.spend(60)).entry.name
    return lambda: club.till.points.RollBackSpending(
        points_pb2.RollBackSpendingRequest(name=name, reason=WHY, request_id=fresh())
    )


async def _refund(club: Club) -> Call:
    await club.earn(100, transaction_id="t1")
    return lambda: club.refund(f"{ADA}/transactions/t1")


async def _accept(club: Club) -> Call:
    name = (await club.earn(100, "hand")).transaction.name
    return lambda: club.till.transactions.AcceptTransaction(
        transactions_pb2.AcceptTransactionRequest(name=name, request_id=fresh())
    )


async def _cancel(club: Club) -> Call:
    await club.earn(100, "hand")
    name = f"{account('hand')}/lots/1"
    return lambda: club.admin.lots.CancelLot(lots_pb2.CancelLotRequest(name=name, reason=WHY, request_id=fresh()))


async def _spend_all(club: Club) -> Call:
    await club.earn(100)
    return lambda: club.spend(100)


async def _suspend(club: Club) -> Call:
    return club.suspend


async def _merge(club: Club) -> Call:
    await club.earn(100)
    return club.merge


RACES: dict[str, tuple[Callable[[Club], Awaitable[Call]], str]] = {
    "captures of a hold": (_capture, "HOLD_ALREADY_CAPTURED"),
    "rollbacks of a spending": (_roll_back, "ALREADY_ROLLED_BACK"),
    "refunds of a purchase": (_refund, "REFUND_EXCEEDS_TRANSACTION"),
    "acceptances of a purchase": (_accept, "TRANSACTION_STATE"),
    "cancellations of a lot": (_cancel, "LOT_STATE"),
    "spendings of everything": (_spend_all, "INSUFFICIENT_POINTS"),
    "suspensions": (_suspend, "CUSTOMER_STATE"),
    "merges": (_merge, "CUSTOMER_MERGED"),
}


@pytest.mark.parametrize("name", RACES)
async def test_of_two_at_once_exactly_one_succeeds(club: Club, name: str) -> None:
    """Whether they meet in one transaction or in two that wait for each other."""
    prepare, reason = RACES[name]
    call = await prepare(club)
    assert await _outcomes(call(), call()) == ["", reason]


@pytest.mark.parametrize("name", ["captures of a hold", "rollbacks of a spending", "refunds of a purchase"])
async def test_of_two_in_a_row_before_a_lock_exactly_one_succeeds(club: Club, name: str) -> None:
    """The first waits for a neighbour's lock when the second comes: they are decided in transactions of their own."""
    prepare, reason = RACES[name]
    call = await prepare(club)
    with club.served.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM account FOR UPDATE")
        first = asyncio.ensure_future(call())
        for _ in range(1000):
            if club.served.rows("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                break
            await asyncio.sleep(0.01)
        second = asyncio.ensure_future(call())
        await asyncio.sleep(0.05)
    assert await _outcomes(first, second) == ["", reason]


async def test_the_same_request_twice_at_once_is_done_once_and_answered_twice(club: Club) -> None:
    """A client that did not wait for its own retry; both must hear the same."""
    await club.earn(100)
    request = holds_pb2.CreateHoldRequest(account=account(), points=60, request_id=fresh())
    answers = await asyncio.gather(*(club.till.holds.CreateHold(request) for _ in range(5)))
    assert {answer.hold.name for answer in answers} == {f"{account()}/holds/1"}
    assert sorted(answer.receipt.replayed for answer in answers) == [False, True, True, True, True]
    assert (await club.balance()).held == 60


async def _outcomes(*calls: Awaitable[Any]) -> list[str]:
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    reasons = [told_by(one).reason if isinstance(one, grpc.aio.AioRpcError) else "" for one in outcomes]
    assert not [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, grpc.aio.AioRpcError)]
    return sorted(reasons)
