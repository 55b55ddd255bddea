"""Coupons and redemptions of the program `club`, put into the books by hand as those who make and redeem leave them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from fealty.v1 import coupon_campaigns_pb2
from fealty.v1 import coupons_pb2 as pb
from rules.coupons.codes import normalise
from storage.engine.ids import new_uuid, parse_typeid, typeid
from tests.server.campaigning import SPRING, created, day
from tests.server.club import ADA, NAME, Club
from tests.server.serving import START

SOON = START + timedelta(hours=1)


def coupon(club: Club, campaign: str = SPRING, code: str = "", customer: str = "", **columns: Any) -> str:
    """A coupon of a campaign, generated unless other columns are given; its resource name."""
    text = normalise(code or uuid4().hex)
    identity = new_uuid()
    row = {
        "id": identity,
        "code": club.served.app.books.codes.seal("club", text),
        "last_four": text.last_four,
        "origin": "GENERATED",
        "added_at": START,
        "customer": _customer(club, customer) if customer else None,
        **columns,
    }
    _insert(club, "coupon", campaign, row)
    return f"{campaign}/coupons/{typeid('coupon', identity.int)}"


def batch(club: Club, campaign: str = SPRING, number: int = 1, **columns: Any) -> str:
    """A batch of a campaign, published unless told otherwise; its resource name."""
    row = {
        "number": number,
        "origin": "GENERATED",
        "pattern": "####-####-####@",
        "created_at": START,
        "published_at": START,
        **columns,
    }
    _insert(club, "coupon_batch", campaign, row)
    return f"{campaign}/batches/{number}"


def redemption(club: Club, name: str, customer: str = ADA, state: str = "REDEEMED", **columns: Any) -> str:
    """A redemption of a coupon, for order `o1` unless told otherwise, and what the coupon's row says of it; its
    resource name."""
    campaign, _, number = name.partition("/coupons/")
    identity = new_uuid()
    is_reserved, is_over = state == "RESERVED", state not in ("RESERVED", "REDEEMED")
    row = {
        "id": identity,
        "coupon": _uuid(number),
        "customer": _customer(club, customer),
        "order_id": "o1",
        "state": state,
        "version": 1,
        "created_at": START,
        "expires_at": SOON,
        "redeemed_at": START if state in ("REDEEMED", "ROLLED_BACK") else None,
        "ended_at": START if is_over else None,
        **columns,
    }
    _insert(club, "redemption", campaign, row)
    if not is_over:
        club.served.execute(
            "UPDATE coupon SET reserved = reserved + %s, uses = uses + %s, balance_minor = balance_minor - %s"
            " WHERE id = %s AND stock IS NULL",
            int(is_reserved),
            int(not is_reserved),
            columns.get("discount_minor") or 0,
            _uuid(number),
        )
        club.served.execute(
            "UPDATE stock_slot SET taken = taken + 1 WHERE (stock, slot) = (SELECT s.stock, s.slot FROM stock_slot s"
            " JOIN coupon c ON c.stock = s.stock WHERE c.id = %s AND s.taken < coalesce(s.capacity, 9) LIMIT 1)",
            _uuid(number),
        )
    return f"{customer}/redemptions/{typeid('redemption', identity.int)}"


def _insert(club: Club, table: str, campaign: str, row: dict[str, Any]) -> None:
    """A row of something of a campaign, which the campaign's own activity made."""
    [(program, number, activity)] = club.served.rows(
        "SELECT program, id, activity FROM coupon_campaign WHERE campaign_id = %s", campaign.rpartition("/")[2]
    )
    row = {"program": program, "campaign": number, "activity": activity, **row}
    row = {name: Jsonb(value) if name == "lines" else value for name, value in row.items()}
    values = ", ".join("%s" for _ in row)
    club.served.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})", *row.values())


def _customer(club: Club, name: str) -> int:
    [(number,)] = club.served.rows(
        "SELECT c.id FROM customer c JOIN program p ON p.id = c.program WHERE p.program_id = %s AND c.customer_id = %s",
        NAME.rpartition("/")[2],
        name.rpartition("/")[2],
    )
    return int(number)


def _uuid(number: str) -> UUID:
    found = parse_typeid("coupon", number)
    assert found is not None
    return found


def after(hours: float) -> datetime:
    """An instant so many hours after START."""
    return START + timedelta(hours=hours)


async def get(club: Club, name: str) -> pb.Coupon:
    """A coupon as a till reads it."""
    return (await club.till.coupons.GetCoupon(pb.GetCouponRequest(name=name))).coupon


async def listed(club: Club, parent: str = SPRING, **more: Any) -> list[pb.Coupon]:
    """All coupons of a list, page by page."""
    found: list[pb.Coupon] = []
    request = pb.ListCouponsRequest(parent=parent, **more)
    while True:
        page = await club.till.coupons.ListCoupons(request)
        found += page.coupons
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


async def redemptions(club: Club, parent: str, **more: Any) -> list[pb.Redemption]:
    """All redemptions of a list, page by page."""
    found: list[pb.Redemption] = []
    request = pb.ListRedemptionsRequest(parent=parent, **more)
    while True:
        page = await club.till.coupons.ListRedemptions(request)
        found += page.redemptions
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


async def statistics(club: Club, name: str = SPRING) -> coupon_campaigns_pb2.CouponStatistics:
    """How a campaign stands."""
    request = coupon_campaigns_pb2.GetCouponStatisticsRequest(name=name)
    return (await club.till.coupon_campaigns.GetCouponStatistics(request)).statistics


async def batches_of(club: Club, parent: str = SPRING, **more: Any) -> coupon_campaigns_pb2.ListCouponBatchesResponse:
    """A page of batches."""
    request = coupon_campaigns_pb2.ListCouponBatchesRequest(parent=parent, **more)
    return await club.till.coupon_campaigns.ListCouponBatches(request)


async def one_of_each_state(club: Club) -> dict[int, str]:
    """A coupon in each state, the oldest first, of a campaign that ends on 31 January."""
    await created(club, uses_per_code=2, last_day=day(2025, 1, 31))
    used, parted, reserved = (coupon(club, customer=ADA) for _ in range(3))
    for _ in range(2):
        redemption(club, used)
        redemption(club, reserved, state="RESERVED")
    redemption(club, parted)
    return {
        pb.COUPON_STATE_USED_UP: used,
        pb.COUPON_STATE_PARTIALLY_REDEEMED: parted,
        pb.COUPON_STATE_RESERVED: reserved,
        pb.COUPON_STATE_EXPIRED: coupon(club, customer=ADA, expires_at=START),
        pb.COUPON_STATE_VOIDED: coupon(club, customer=ADA, voided_at=START),
        pb.COUPON_STATE_ASSIGNED: coupon(club, customer=ADA),
        pb.COUPON_STATE_AVAILABLE: coupon(club),
    }
