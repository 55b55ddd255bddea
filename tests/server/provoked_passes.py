"""How to come to each refusal of passes and of links to them."""

from collections.abc import Awaitable, Callable
from typing import Any

from grpc import StatusCode

from fealty.v1 import passes_pb2 as pb
from tests.personal import WALLET
from tests.server import passing
from tests.server.club import ADA, Club
from tests.server.provoked import EXISTS, INVALID, MISSING, REFUSED, Provoked, at_once
from tests.server.serving import fresh

Refused = Callable[[], Awaitable[Any]]

_NEVER = f"{ADA}/passes/pass_{'0' * 26}"


def _email(club: Club, name: str) -> Awaitable[Any]:
    return club.till.passes.EmailPass(pb.EmailPassRequest(name=name, request_id=fresh()))


def _stop(club: Club, **columns: Any) -> None:
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    club.served.execute(
        f"INSERT INTO mail_stop (customer, {names}) SELECT c.id, {places} FROM customer c"
        " JOIN program p ON p.id = c.program WHERE p.program_id = 'club' AND c.customer_id = 'ada'",
        *columns.values(),
    )


async def _twice(club: Club) -> Refused:
    await passing.issued(club)
    return club.issue


async def _of_coupons(club: Club) -> Refused:
    """A card of points shows no coupon."""
    await club.template()
    await club.earn(100)
    claim = (await club.claim((await club.reward()).name)).claim
    return lambda: club.issue(claim=claim.name)


async def _voided_twice(club: Club) -> Refused:
    name = (await passing.issued(club)).name
    await passing.void(club, name)
    return lambda: passing.void(club, name)


async def _no_link(club: Club) -> Refused:
    name = f"{(await passing.issued(club)).name}/links/link_{'0' * 26}"
    return lambda: club.till.passes.RevokeLink(pb.RevokeLinkRequest(name=name, request_id=fresh()))


async def _no_address(club: Club) -> Refused:
    name = (await passing.issued(club)).name
    return lambda: _email(club, name)


async def _refused_address(club: Club) -> Refused:
    name = (await passing.addressed(club)).name
    address = WALLET.address_hash("ada@example.com")
    _stop(club, refused_at="2026-01-01T12:00:00Z", refused_address=address, refused_error="550")
    return lambda: _email(club, name)


async def _unsubscribed(club: Club) -> Refused:
    name = (await passing.addressed(club)).name
    _stop(club, unsubscribed_at="2026-01-01T12:00:00Z")
    return lambda: _email(club, name)


async def _many_links(club: Club) -> Refused:
    name = (await passing.issued(club)).name
    for _ in range(20):
        await passing.link(club, name)
    return lambda: passing.link(club, name)


OF_PASSES: dict[str, Provoked] = {
    "PASS_NOT_POSSIBLE": Provoked(
        INVALID, {"what": "a card of points or stamps shows no claim; choose a template of another kind"}, _of_coupons
    ),
    "PASS_NOT_FOUND": Provoked(MISSING, {}, at_once(lambda club: passing.void(club, _NEVER))),
    "LINK_NOT_FOUND": Provoked(MISSING, {}, _no_link),
    "PASS_EXISTS": Provoked(EXISTS, {}, _twice),
    "PASS_VOIDED": Provoked(REFUSED, {}, _voided_twice),
    "NO_ADDRESS": Provoked(REFUSED, {}, _no_address),
    "ADDRESS_REFUSED": Provoked(REFUSED, {"since": "2026-01-01T12:00:00+00:00"}, _refused_address),
    "CUSTOMER_UNSUBSCRIBED": Provoked(REFUSED, {"since": "2026-01-01T12:00:00+00:00"}, _unsubscribed),
    "TOO_MANY_LINKS": Provoked(StatusCode.RESOURCE_EXHAUSTED, {"links": "20"}, _many_links),
}
