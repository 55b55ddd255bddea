"""Codes that are tried: told as one, counted, and limited; what is good is neither refused nor counted."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc.aio
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from fealty.v1 import coupons_pb2 as pb
from fealty.v1 import ingest_pb2, options_pb2
from rules.access import PERMISSIONS, Permission, Role
from rules.coupons.codes import Pattern, make
from rules.limiting import Rule
from server import limits
from server.app import build
from server.guessing import GUARDED
from server.policy import methods
from storage.engine.session import Session
from storage.engine.threads import ThreadLane
from tests.server.campaigning import created, shared
from tests.server.club import ADA, BEN, NAME, Club
from tests.server.couponing import coupon
from tests.server.declaring import DECLARED
from tests.server.serving import START, Client, Served, Told, activities, fresh, settings_of, told, told_by
from tests.server.test_validating import MISTYPED, order, reasons, used, validated

# One program's codes: of nobody, of ada, of ben, one voided, one that is over, one used up.
UNKNOWN, GOOD, FOREIGN, VOIDED, OVER, SPENT = make(Pattern(), 6)
HIDDEN = {
    "COUPON_NOT_FOUND": UNKNOWN,
    "COUPON_WRONG_CUSTOMER": FOREIGN,
    "COUPON_VOIDED": VOIDED,
    "COUPON_EXPIRED": OVER,
}
FEW = 3


@pytest.fixture(autouse=True)
def _few_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test reaches, told to other processes at once."""
    monkeypatch.setattr(limits, "ATTEMPTS_EXCHANGE_S", 0.1)
    for name in ("CODES_OF_CALLER", "CODES_OF_BACKEND"):
        monkeypatch.setattr(limits, name, Rule("coupon_codes", "caller", FEW, 3600))


async def stocked(club: Club) -> None:
    """The codes."""
    await created(club, amount_off={"currency_code": "EUR", "amount_minor": 500})
    coupon(club, code=GOOD)
    coupon(club, code=FOREIGN, customer=BEN)
    coupon(club, code=VOIDED, voided_at=START)
    coupon(club, code=OVER, expires_at=START)
    coupon(club, code=SPENT, uses=1)


def caller(club: Club, name: str = "storefront", role: Role = Role.STOREFRONT) -> Client:
    """Somebody with a key of their own."""
    return club.served.client(club.served.key(name, role, "club"))


def lookup(code: str) -> pb.LookupCouponRequest:
    """A code, looked up."""
    return pb.LookupCouponRequest(parent=NAME, code=code)


async def is_closed(client: Client) -> bool:
    """Whether codes of this caller are refused unheard, good as they are."""
    try:
        await validated(client, GOOD)
    except grpc.aio.AioRpcError as error:
        return bool(told_by(error).reason == "TOO_MANY_ATTEMPTS")
    return False


@asynccontextmanager
async def another(club: Club) -> AsyncIterator[Served]:
    """Another server process on the same books."""
    url = club.served.settings.database_url.get_secret_value()
    served = Served.__new__(Served)
    settings = settings_of(url)
    served.app, served.settings = await build(settings), settings
    served.address, served.database, served.how = settings.address, club.served.database, {}
    try:
        yield served
    finally:
        await served.app.server.stop(0)
        await served.app.interceptors.close()
        await served.app.books.close()


@contextmanager
def asked_of_the_books(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement and every read that is sent to the database meanwhile, but for those of the limiter."""
    sent: list[str] = []
    run, submit = Session.run, ThreadLane.run

    async def seeing_run(self: Session, statement: Any, parameters: Any, **how: Any) -> Any:
        if "attempt" not in statement.sql:
            sent.append(statement.sql)
        return await run(self, statement, parameters, **how)

    def seeing_submit(self: ThreadLane, whose: str, work: Any, programs: frozenset[str] | None = None) -> Any:
        sent.append(repr(work))
        return submit(self, whose, work, programs)

    with monkeypatch.context() as patched:
        patched.setattr(Session, "run", seeing_run)
        patched.setattr(ThreadLane, "run", seeing_submit)
        yield sent


def test_every_call_that_says_so_is_guarded_and_no_other() -> None:
    """A call that takes codes and is not in the table could be asked without end."""
    policy: Any = options_pb2.policy
    limited = {
        path
        for path, method in DECLARED.items()
        if any("TOO_MANY_ATTEMPTS" in reason for reason in _names(method.GetOptions().Extensions[policy]))
        # Logging in is guarded call by call (tests/server/test_login_limits.py).
        and method.containing_service.name != "AccessService"
    }
    assert {method.path for method in methods() if method.request in GUARDED} == limited


def _names(policy: Any) -> list[str]:
    field = policy.DESCRIPTOR.fields_by_name["errors"]
    return [field.enum_type.values_by_number[number].name for number in policy.errors]


@pytest.mark.parametrize("role", [Role.STOREFRONT, Role.SERVICE])
async def test_whoever_tries_too_many_codes_is_refused_unheard_good_as_they_are(club: Club, role: Role) -> None:
    """Each code of a call counts; else one call would try twenty for one."""
    await stocked(club)
    client = caller(club, role=role)
    await validated(client, *[UNKNOWN, FOREIGN, VOIDED, OVER][:FEW])
    answer = await told(validated(client, GOOD))
    assert (answer.code, answer.reason) == (StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")
    assert answer.retry_ms
    # Nobody else is shut out.
    assert reasons(await validated(caller(club, "other"), GOOD)) == [[]]


@pytest.mark.parametrize("code", HIDDEN.values(), ids=HIDDEN)
async def test_each_of_those_that_are_told_as_one_counts(club: Club, code: str) -> None:
    """If one of them did not, the count would tell it apart."""
    await stocked(club)
    client = caller(club)
    for _ in range(FEW):
        assert reasons(await validated(client, code)) == [["COUPON_NOT_USABLE"]]
    assert await is_closed(client)


async def test_good_codes_count_nothing_nor_do_typos_and_names(club: Club) -> None:
    """A shop on a busy day: sales, coupons used up, fingers that slip, and lists of a customer's own coupons."""
    await stocked(club)
    voided = coupon(club, customer=ADA, voided_at=START)
    client = caller(club)
    for _ in range(FEW + 1):
        assert reasons(await validated(client, GOOD, SPENT, MISTYPED, "!", voided)) == [
            [],
            ["COUPON_USED_UP"],
            ["CODE_MALFORMED"],
            ["CODE_MALFORMED"],
            ["COUPON_NOT_USABLE"],
        ]


async def test_a_refused_call_counts_like_a_verdict(club: Club) -> None:
    """The same codes by another call are the same guesses."""
    await stocked(club)
    client = caller(club, role=Role.SERVICE)
    assert (await client.coupons.LookupCoupon(lookup(GOOD))).coupon.name
    for _ in range(FEW):
        assert (await told(client.coupons.LookupCoupon(lookup(UNKNOWN)))).reason == "COUPON_NOT_FOUND"
    assert (await told(client.coupons.LookupCoupon(lookup(GOOD)))).reason == "TOO_MANY_ATTEMPTS"


async def test_what_is_refused_unheard_asks_the_books_nothing(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit protects the database as well as the codes."""
    await stocked(club)
    client = caller(club)
    await validated(client, UNKNOWN, FOREIGN, VOIDED)
    assert await is_closed(client)
    with asked_of_the_books(monkeypatch) as sent:
        await told(validated(client, GOOD))
    assert not [sql for sql in sent if "coupon" in sql]


async def test_the_limit_opens_again_by_itself(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shares a storefront with a guesser is shut out for as long as that goes on, and no longer."""
    monkeypatch.setattr(limits, "CODES_OF_CALLER", Rule("coupon_codes", "caller", FEW, 1))
    await stocked(club)
    client = caller(club)
    for _ in range(20):
        await validated(client, UNKNOWN, FOREIGN, VOIDED)
        if await is_closed(client):
            break
    else:
        raise AssertionError("it never closed")
    async with asyncio.timeout(20):
        while await is_closed(client):
            await asyncio.sleep(0.1)


async def test_processes_count_together(club: Club) -> None:
    """Else a guesser has the limit once a process."""
    await stocked(club)
    key = club.served.key("storefront", Role.STOREFRONT, "club")
    async with another(club) as other:
        here, there = club.served.client(key), other.client(key)
        await validated(there, UNKNOWN)
        await validated(here, FOREIGN, VOIDED)
        async with asyncio.timeout(20):
            while not (await is_closed(there) and await is_closed(here)):
                await asyncio.sleep(0.1)


async def test_a_mistyped_code_is_answered_without_a_look_at_coupons(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most codes that are wrong are: the database is asked once a second whether that can be told, and not for them."""
    await stocked(club)
    client = caller(club, role=Role.SERVICE)
    assert (await told(client.coupons.LookupCoupon(lookup(MISTYPED)))).reason == "CODE_MALFORMED"
    monkeypatch.setattr(limits, "CHECK_SYMBOLS_KNOWN_S", 60.0)
    await told(client.coupons.LookupCoupon(lookup(MISTYPED)))
    with asked_of_the_books(monkeypatch) as sent:
        for _ in range(5):
            answer = await told(client.coupons.LookupCoupon(lookup(MISTYPED)))
    assert (answer.code, "mistyped" in answer.message) == (StatusCode.INVALID_ARGUMENT, True)
    assert not [one for one in sent if "coupon" in one or "unchecked" in one or "Lookup" in one]


async def test_where_some_codes_have_no_check_symbol_all_are_looked_up(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SUMMER2026 ends with no check symbol, and is not mistyped; it is known within a second that there are such."""
    await stocked(club)
    assert reasons(await validated(caller(club), MISTYPED)) == [["CODE_MALFORMED"]]
    monkeypatch.setattr(limits, "CHECK_SYMBOLS_KNOWN_S", 0.0)
    await created(club, "any", unlimited_for_customer=True)
    await shared(club, parent=f"{NAME}/couponCampaigns/any")
    async with asyncio.timeout(20):
        while reasons(await validated(club.till, "SUMMER2026")) != [[]]:
            await asyncio.sleep(0.1)
    assert reasons(await validated(club.till, MISTYPED)) == [["COUPON_NOT_FOUND"]]


async def test_a_code_of_another_program_is_the_strangers_own_to_ask_for(club: Club) -> None:
    """What is not theirs is not found; and nothing is told of its codes, nor counted for its program."""
    await stocked(club)
    stranger = club.served.client(club.served.key("stranger", Role.SERVICE, "coffee"))
    for _ in range(FEW + 1):
        assert (await told(stranger.coupons.LookupCoupon(lookup(MISTYPED)))).reason == "PROGRAM_NOT_FOUND"


def request(kind: str, code: str, customer: str = ADA) -> Any:
    """A use of a code, or of several."""
    of: dict[str, Any] = {"customer": customer, "request_id": fresh()}
    if kind == "AssignCoupon":
        return pb.AssignCouponRequest(code=code, **of)
    made = pb.RedeemCouponsRequest if kind == "RedeemCoupons" else pb.ReserveCouponsRequest
    return made(order=order(order_id=fresh()), coupons=[used(code)], **of)


async def refused(client: Client, kind: str, code: str) -> Told:
    """How a use of a code was refused."""
    return await told(getattr(client.coupons, kind)(request(kind, code)))


@pytest.mark.parametrize("kind", ["RedeemCoupons", "ReserveCoupons"])
async def test_a_storefront_is_told_the_same_by_every_call_and_the_log_which_it_was(
    club: Club, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Status, details and trailers, byte for byte; the same statements, as many, and one record of each."""
    for name in ("CODES_OF_CALLER", "CODES_OF_BACKEND"):
        monkeypatch.setattr(limits, name, Rule("coupon_codes", "caller", 100, 60))
    await stocked(club)
    client = caller(club)
    # What is read once and remembered is read now.
    await refused(client, kind, UNKNOWN)
    answers, costs = [], []
    for code in HIDDEN.values():
        with asked_of_the_books(monkeypatch) as sent:
            answers.append(await refused(client, kind, code))
        costs.append(sent)
    assert {(one.code, one.reason) for one in answers} == {(StatusCode.NOT_FOUND, "COUPON_NOT_USABLE")}
    assert len({str(sorted(one.trailers.items())) for one in answers}) == 1
    assert costs == [costs[0]] * len(HIDDEN)
    action = {"RedeemCoupons": "coupon.redeemed", "ReserveCoupons": "coupon.reserved"}[kind]
    records = await activities(club.admin, parent=ADA, action=action)
    assert [one.details["reason"].text for one in reversed(records)] == ["COUPON_NOT_FOUND", *HIDDEN]
    # Who may inspect hears which it was, and other reasons are told to all: the code is good.
    insider = caller(club, "insider", Role.SERVICE)
    assert [(await refused(insider, kind, code)).reason for code in HIDDEN.values()] == list(HIDDEN)
    assert (await refused(client, kind, SPENT)).reason == "COUPON_USED_UP"


@pytest.mark.parametrize("kind", ["RedeemCoupons", "ReserveCoupons", "AssignCoupon"])
async def test_uses_that_are_refused_count_and_those_that_are_not_do_not(club: Club, kind: str) -> None:
    """Whoever guesses would take the call that is not counted."""
    await stocked(club)
    goods = make(Pattern(), FEW)
    for good in goods:
        coupon(club, code=good)
    client = caller(club, role=Role.SERVICE)
    for good in goods:
        await getattr(client.coupons, kind)(request(kind, good))
    for code in (UNKNOWN, VOIDED, OVER):
        await refused(client, kind, code)
    assert (await refused(client, kind, GOOD)).reason == "TOO_MANY_ATTEMPTS"


async def test_items_of_a_stream_count_one_by_one(club: Club) -> None:
    """A stream carries a thousand a message; the next message of it is refused unheard."""
    await stocked(club)
    client = caller(club, role=Role.SERVICE)

    def message(*codes: str, together: bool = False) -> ingest_pb2.BatchIngestRequest:
        items = [ingest_pb2.Item(redeem_coupons=request("RedeemCoupons", code)) for code in codes]
        return ingest_pb2.BatchIngestRequest(items=items, all_or_nothing=together)

    async def answered(one: ingest_pb2.BatchIngestRequest) -> list[str]:
        [answer] = [answer async for answer in client.ingest.BatchIngest(iter([one]))]
        return [reason_of(result.refused) if result.HasField("refused") else "" for result in answer.results]

    assert await answered(message(UNKNOWN, MISTYPED, VOIDED)) == ["COUPON_NOT_FOUND", "CODE_MALFORMED", "COUPON_VOIDED"]
    assert await answered(message(GOOD, OVER, together=True)) == ["GROUP_REFUSED", "COUPON_EXPIRED"]
    assert await answered(message(GOOD)) == ["TOO_MANY_ATTEMPTS"]


async def test_no_item_of_a_stream_tells_what_its_sender_may_not_know(club: Club) -> None:
    """No role has both calls and no COUPONS_INSPECT; whoever gives it one later must not open this."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(PERMISSIONS, Role.SERVICE, PERMISSIONS[Role.SERVICE] - {Permission.COUPONS_INSPECT})
        await stocked(club)
        uses = [request("RedeemCoupons", code) for code in (GOOD, VOIDED)]
        items = [ingest_pb2.Item(redeem_coupons=use) for use in uses]
        sent = ingest_pb2.BatchIngestRequest(items=items, all_or_nothing=True)
        [answer] = [answer async for answer in club.till.ingest.BatchIngest(iter([sent]))]
    assert [reason_of(result.refused) for result in answer.results] == ["GROUP_REFUSED", "COUPON_NOT_USABLE"]
    assert "VOIDED" not in str(answer)
    assert "void" not in str(answer)


def reason_of(status: Status) -> str:
    """The reason in a status."""
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return str(info.reason)
