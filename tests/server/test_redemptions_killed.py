"""`kill -9` of the server in the middle of redemptions: once is once, and each caller gets its answer."""

import asyncio
import os
import signal
from typing import Any
from uuid import UUID

import grpc
import grpc.aio
import pytest

import fealty
from fealty.v1 import coupons_pb2 as pb
from fealty.v1 import values_pb2
from rules.access import Role
from storage.access.commands import create_key
from storage.coupons.queries import campaign_name, coupon_name
from storage.engine.database import Database
from storage.engine.unit import run
from tests.server.processes import LIMIT_S, running
from tests.server.serving import Client, fresh, settings_of, told_by
from tests.storage.coupons.till import RedemptionState, Till

pytestmark = pytest.mark.process

NAMES = tuple(f"customer-{number}" for number in range(20))
CALLS = 200


@pytest.fixture
def till(database: Database) -> Till:
    """Twenty customers and a coupon that can be used once, beside others."""
    made = Till(database, *NAMES)
    made.campaign()
    return made


async def test_killed_among_200_redemptions_one_is_made_and_all_are_answered(
    runner: asyncio.Runner, till: Till, database_url: str
) -> None:
    """A till whose call broke off asks again by the same id: it hears what happened, and nothing happens twice."""
    coupon, others = till.coupon(), [till.coupon() for _ in range(CALLS)]
    requests = [_request(till, coupon, number) for number in range(CALLS)]
    # Work of its own for the server, so that it is killed with some of it done.
    beside = [_request(till, other, number) for number, other in enumerate(others)]
    key = run(till.database, lambda unit: create_key(unit, "till", Role.SERVICE)).key.text
    settings = settings_of(database_url)
    async with running(settings) as process, fealty.connect_async(settings.address, key) as connection:
        first = [_redeemed(connection, one) for pair in zip(requests, beside, strict=True) for one in pair]
        answering = [asyncio.ensure_future(one) for one in first]
        while sum(one.done() for one in answering) < 20:
            await asyncio.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait, LIMIT_S)
        before = await asyncio.gather(*answering, return_exceptions=True)
    told_before = {id_of(one): one for one in before if isinstance(one, pb.RedeemCouponsResponse)}
    assert len(told_before) < 2 * CALLS, "nothing was left to be asked again"
    # On another port: a client remembers for a while that nobody answered on this one.
    settings = settings_of(database_url)
    async with running(settings), fealty.connect_async(settings.address, key) as connection:
        again = await asyncio.gather(*(_redeemed(connection, one) for one in requests), return_exceptions=True)
        rest = await asyncio.gather(*(_redeemed(connection, one) for one in beside), return_exceptions=True)
    [winner] = [one for one in again if isinstance(one, pb.RedeemCouponsResponse)]
    losers = [told_by(one).reason for one in again if isinstance(one, grpc.aio.AioRpcError)]
    assert losers == ["COUPON_USED_UP"] * (CALLS - 1)
    assert till.standing_of(coupon).uses == 1
    assert not [one for one in rest if isinstance(one, BaseException)]
    for one in (winner, *rest):
        assert isinstance(one, pb.RedeemCouponsResponse)
        if (known := told_before.get(id_of(one))) is not None:
            assert one.redemptions == known.redemptions
    assert till.redemptions(RedemptionState.REDEEMED) == till.redemptions() == CALLS + 1
    till.assert_conserved()


async def _redeemed(connection: Any, request: pb.RedeemCouponsRequest) -> pb.RedeemCouponsResponse:
    answer: pb.RedeemCouponsResponse = await Client(connection.channel).coupons.RedeemCoupons(request)
    return answer


def id_of(answer: pb.RedeemCouponsResponse) -> str:
    """By what an answer is known: the redemption that it tells of."""
    return str(answer.redemptions[0].name)


def _request(till: Till, coupon: tuple[str, ...], number: int) -> pb.RedeemCouponsRequest:
    [(identity,)] = till.rows("SELECT id FROM coupon WHERE code = decode(%s, 'hex')", [coupon[2]])
    name = coupon_name(campaign_name("coffee", "spring"), UUID(str(identity)).int)
    amount = values_pb2.Money(currency_code="EUR", amount_minor=2_000)
    return pb.RedeemCouponsRequest(
        customer=f"programs/coffee/customers/{NAMES[number % len(NAMES)]}",
        order=pb.Order(order_id=f"{coupon[2][:8]}-{number}", amount=amount),
        coupons=[pb.CouponUse(name=name)],
        request_id=fresh(),
    )
