"""Codes of coupons, in every call that takes one, right and wrong: nobody finds one in a table, a log line or an error.

Who runs the database sees codes sealed, logs and activities a fingerprint and the last four symbols.
"""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
import pytest

from fealty.v1 import coupon_campaigns_pb2, ingest_pb2, options_pb2
from fealty.v1 import coupons_pb2 as pb
from rules.access import Role
from rules.coupons.codes import ALPHABET, Pattern, make
from server.policy import Method, methods
from tests.databases import SEEN
from tests.server.campaigning import SPRING, created
from tests.server.club import ADA, NAME, Club, money
from tests.server.couponing import coupon
from tests.server.serving import START, Client, fresh
from tests.server.test_validating import order

[CODE] = make(Pattern(), 1)
TYPED = f"{CODE[:4]}-{CODE[4:8]} {CODE[8:]}".lower()
# One symbol is wrong, too many are typed, and what is no code at all.
SLIPPED = CODE[:-1] + ALPHABET[(ALPHABET.index(CODE[-1]) + 1) % len(ALPHABET)]
WRONG = (SLIPPED, f"{CODE}{CODE}{CODE}{CODE}", f"{TYPED}!", f"{CODE}\0", f"{CODE} {'x' * 60}")
# All but what may be told, as it stands, typed, and as bytes that were made readable.
PART = CODE[:8]
FORMS = (
    PART,
    f"{PART[:4]}-{PART[4:]}",
    PART.encode().hex().upper(),
    base64.b64encode(PART.encode()).decode()[:9].upper(),
)


def _lookup(code: str) -> Any:
    return pb.LookupCouponRequest(parent=NAME, code=code)


def _shared(code: str) -> Any:
    return coupon_campaigns_pb2.CreateSharedCouponRequest(parent=SPRING, code=code, request_id=fresh())


def _assign(code: str) -> Any:
    return pb.AssignCouponRequest(customer=ADA, code=code, request_id=fresh())


def _used(request: type[Any], **more: Any) -> Callable[[str], Any]:
    return lambda code: request(customer=ADA, order=order(), coupons=[pb.CouponUse(code=code)], **more)


REQUESTS: dict[str, Callable[[str], Any]] = {
    "LookupCoupon": _lookup,
    "CreateSharedCoupon": _shared,
    "AssignCoupon": _assign,
    "ValidateCoupons": _used(pb.ValidateCouponsRequest),
    "ReserveCoupons": _used(pb.ReserveCouponsRequest, request_id="3f2b6c1e-2b0a-4f4e-9d0a-0d4a6e1c9b01"),
    "RedeemCoupons": _used(pb.RedeemCouponsRequest, request_id="3f2b6c1e-2b0a-4f4e-9d0a-0d4a6e1c9b02"),
}
ITEMS = {"AssignCoupon": "assign_coupon", "ReserveCoupons": "reserve_coupons", "RedeemCoupons": "redeem_coupons"}
# These take one in a file or a filter, or answer it: they have tests of their own.
ELSEWHERE = {"ImportCoupons"}


def _takes_secrets(method: Method) -> bool:
    extension: Any = options_pb2.data_class

    def has(descriptor: Any) -> bool:
        return any(
            field.GetOptions().Extensions[extension] == options_pb2.DATA_CLASS_SECRET for field in descriptor.fields
        )

    return has(method.request.DESCRIPTOR) and "coupon" in method.path.lower()


def test_every_call_that_takes_a_code_is_here() -> None:
    """A new one is searched from its first day, since the contract says what is secret."""
    assert {method.name for method in methods() if _takes_secrets(method)} - ELSEWHERE == set(REQUESTS)


async def _said(call: Awaitable[Any]) -> str:
    """What a call answers, or all that its caller is told of its failure. Who assigns a coupon is to hand its code out:
    that is left out."""
    try:
        answer = await call
        if isinstance(answer, pb.AssignCouponResponse):
            answer.code = ""
        for result in getattr(answer, "results", ()):
            if result.HasField("coupon_assigned"):
                result.coupon_assigned.code = ""
        return str(answer)
    except grpc.aio.AioRpcError as error:
        return f"{error} {error.trailing_metadata()}"


async def _said_of(club: Club, client: Client, name: str, code: str) -> str:
    """The same of a call with a code, of its repetition, of another with its id, and of an item of a stream."""
    service = club.admin.coupon_campaigns if name == "CreateSharedCoupon" else client.coupons
    request = REQUESTS[name](code)
    said = [await _said(getattr(service, name)(request)) for _ in range(2)]
    if hasattr(request, "order"):
        request.order.amount.amount_minor += 1
        said.append(await _said(getattr(service, name)(request)))
        request.order.amount.currency_code = "no currency"
        said.append(await _said(getattr(service, name)(request)))
    if name in ITEMS:
        item = ingest_pb2.Item(**{ITEMS[name]: REQUESTS[name](code)})
        stream = client.ingest.BatchIngest(iter([ingest_pb2.BatchIngestRequest(items=[item])]))
        said.append(await _said(stream.read()))
    return "".join(said)


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("state", ["good", "voided", "unknown"])
async def test_no_table_log_line_or_error_holds_a_code(
    club: Club, capfd: pytest.CaptureFixture[str], name: str, state: str
) -> None:
    """A code is money: whoever reads it somewhere can spend it before its owner does."""
    await created(club, amount_off=money(500), unlimited_for_customer=True)
    if state != "unknown":
        coupon(club, code=CODE, voided_at=START if state == "voided" else None)
    storefront = club.served.client(club.served.key("storefront", Role.STOREFRONT, "club"))
    said = ""
    for client in (club.till, storefront):
        for code in (TYPED, *WRONG):
            said += await _said_of(club, client, name, code)
    assert "COUPON" in said.upper()
    searched = {table: str(club.served.rows(f'SELECT * FROM "{table}"')) for (table,) in club.served.rows(SEEN)}
    searched["what was said"] = said + "".join(capfd.readouterr())
    found = [place for place, text in searched.items() if any(form in text.upper() for form in FORMS)]
    assert not found
