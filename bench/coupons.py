"""Campaigns and codes to be used up, and the requests that use them."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from bench.payload import PLACEHOLDER, Once, Payload
from bench.requests import PROGRAM, Requests, account, customer
from bench.stage import Stage, personal_keys
from fealty import connect
from fealty.v1 import coupon_campaigns_pb2, coupons_pb2, values_pb2
from storage.coupons.generating import steps
from storage.coupons.keys import KEY
from storage.coupons.sealing import CodeSeals
from storage.engine import keyring
from storage.engine.database import connection
from storage.engine.ids import parse_typeid
from storage.engine.unit import run

# Codes of a step of a generation, beside which nobody waits here.
STEP = 50_000
ORDER_MINOR = 50_00


def campaign(here: Stage, name: str, uses_max: int = 0, shared: bool = False) -> str:
    """A campaign that takes 5.00 off any order; answers its resource name."""
    terms = coupon_campaigns_pb2.CouponTerms(
        amount_off=values_pb2.Money(currency_code="USD", amount_minor=5_00),
        uses_max=uses_max,
        unlimited_for_customer=shared,
    )
    made = coupon_campaigns_pb2.CouponCampaign(display_name=name, terms=terms)
    request = coupon_campaigns_pb2.CreateCouponCampaignRequest(
        parent=f"programs/{PROGRAM}", campaign_id=name, campaign=made, request_id=name
    )
    with connect(here.target, here.token) as fealty:
        return fealty.coupon_campaigns.CreateCouponCampaign(request).campaign.name


def shared(here: Stage, parent: str, code: str) -> str:
    """One code for many; answers it."""
    request = coupon_campaigns_pb2.CreateSharedCouponRequest(parent=parent, code=code, request_id=code)
    with connect(here.target, here.token) as fealty:
        fealty.coupon_campaigns.CreateSharedCoupon(request)
    return code


def begun(here: Stage, parent: str, count: int) -> UUID:
    """An operation that makes so many codes of a campaign, of which no step was taken yet."""
    request = coupon_campaigns_pb2.GenerateCouponsRequest(
        parent=parent, count=count, request_id=f"{parent.rpartition('/')[2]}-{count}-{next(_numbers)}"
    )
    with connect(here.target, here.token) as fealty:
        operation = fealty.coupon_campaigns.GenerateCoupons(request).operation.name
    identity = parse_typeid("operation", operation.rpartition("/")[2])
    assert identity is not None
    return identity


def generate(here: Stage, parent: str, count: int) -> None:
    """Makes so many codes of a campaign, as a worker does."""
    operation, seals = begun(here, parent, count), _seals(here)
    while not run(here.database, lambda unit: steps.step(unit, operation, seals, STEP)):
        pass


def unused(here: Stage, parent: str, count: int) -> list[str]:
    """So many codes of a campaign that nobody used, in the clear; those that lack are made now."""
    seals = _seals(here)
    with connection(here.database) as books:
        rows = books.execute(_UNUSED, (parent.rpartition("/")[2], count)).fetchall()
    found = [seals.unseal(PROGRAM, bytes(code)) for (code,) in rows]
    if len(found) < count:
        generate(here, parent, count - len(found))
        return unused(here, parent, count)
    return found


def redemptions(codes: Sequence[str], customers: int, spend_points: int = 0) -> Once:
    """Requests that use each code once, each by another customer than the one before."""
    return Once(*(_redemption(code, n % customers, spend_points) for n, code in enumerate(codes)))


def redemptions_of(codes: Sequence[str], customers: int) -> Payload:
    """Requests that use the codes in turns, as often as is asked."""
    turns = zip(itertools.cycle(codes), range(customers), strict=False)
    return Payload(*(_redemption(code, n, 0) for code, n in turns))


def validations(codes: Iterable[str], customers: int) -> Requests:
    """Requests that ask whether each code could be used."""
    return Requests(
        [
            coupons_pb2.ValidateCouponsRequest(
                customer=customer(n % customers), order=_order(f"o-{n}"), coupons=[coupons_pb2.CouponUse(code=code)]
            ).SerializeToString()
            for n, code in enumerate(codes)
        ]
    )


def lookups(codes: Iterable[str]) -> Requests:
    """Requests that look each code up."""
    parent = f"programs/{PROGRAM}"
    return Requests([coupons_pb2.LookupCouponRequest(parent=parent, code=code).SerializeToString() for code in codes])


def _redemption(code: str, number: int, spend_points: int) -> bytes:
    return coupons_pb2.RedeemCouponsRequest(
        customer=customer(number),
        order=_order(PLACEHOLDER),
        coupons=[coupons_pb2.CouponUse(code=code)],
        account=account(number) if spend_points else "",
        spend_points=spend_points,
        request_id=PLACEHOLDER,
    ).SerializeToString()


def _order(order_id: str) -> coupons_pb2.Order:
    money = values_pb2.Money(currency_code="USD", amount_minor=ORDER_MINOR)
    return coupons_pb2.Order(order_id=order_id, amount=money)


def key(here: Stage) -> bytes:
    """The key under which codes are sealed there."""
    path: Path = personal_keys(here.postgres)
    with connection(here.database) as books:
        return KEY.find(books, keyring.load(path))


def _seals(here: Stage) -> CodeSeals:
    return CodeSeals(key(here))


_numbers = itertools.count(1)

_UNUSED = """
SELECT c.code FROM coupon c JOIN coupon_campaign o ON o.id = c.campaign
WHERE o.campaign_id = %s AND c.uses = 0 AND c.stock IS NULL LIMIT %s
"""
