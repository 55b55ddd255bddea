"""How to come to each refusal: of requests, programs and customers. Those of points are in provoked_points.py."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from google.protobuf.field_mask_pb2 import FieldMask
from grpc import StatusCode

from fealty.v1 import activity_pb2, cards_pb2, customers_pb2, points_pb2, programs_pb2, retention_pb2
from tests.server.club import ADA, BEN, CARDS, EVENT_TYPES, NAME, RATE, WHY, Club, account
from tests.server.serving import START, customer, fresh, program, purchase, spending, timestamp

# Brings about what the refusal needs, and answers the call that is refused.
Ask = Callable[[Club], Awaitable[Callable[[], Awaitable[Any]]]]


class Provoked(NamedTuple):
    """What the caller is told, with some of the facts, and how to come to it."""

    code: StatusCode
    facts: dict[str, str]
    ask: Ask


def at_once(call: Callable[[Club], Awaitable[Any]]) -> Ask:
    """A call that is refused without further ado."""

    async def ask(club: Club) -> Callable[[], Awaitable[Any]]:
        return lambda: call(club)

    return ask


def _update(club: Club, mask: FieldMask | None = None, **more: Any) -> Awaitable[Any]:
    changed = programs_pb2.Program(**{"name": NAME, **more})
    request = programs_pb2.UpdateProgramRequest(program=changed, update_mask=mask, request_id=fresh())
    return club.admin.programs.UpdateProgram(request)


def _advance(club: Club, name: str, to: datetime) -> Awaitable[Any]:
    request = programs_pb2.AdvanceTestClockRequest(name=name, to_time=timestamp(to), request_id=fresh())
    return club.admin.programs.AdvanceTestClock(request)


async def _page_of_another_list(club: Club) -> Callable[[], Awaitable[Any]]:
    for _ in range(2):
        await club.earn()
    points = club.admin.points
    first = await points.ListEntries(points_pb2.ListEntriesRequest(account=account(), page_size=1))
    other = points_pb2.ListEntriesRequest(account=account("slow"), page_token=first.next_page_token)
    return lambda: points.ListEntries(other)


async def _reused(club: Club) -> Callable[[], Awaitable[Any]]:
    request_id = fresh()
    await club.admin.transactions.RecordTransaction(purchase(1, request_id=request_id))
    return lambda: club.admin.transactions.RecordTransaction(purchase(2, request_id=request_id))


async def _twice(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.earn(1, transaction_id="receipt-1")
    return lambda: club.earn(2, transaction_id="receipt-1")


async def _external_id_twice(club: Club) -> Callable[[], Awaitable[Any]]:
    both = [customers_pb2.ExternalId(source="crm", external_id="7")]
    await club.admin.customers.CreateCustomer(customer("ben", external_ids=both))
    return lambda: club.admin.customers.CreateCustomer(customer("cyd", external_ids=both))


def _lift(club: Club, name: str) -> Awaitable[Any]:
    request = retention_pb2.LiftLegalHoldRequest(name=name, reason=WHY, request_id=fresh())
    return club.admin.retention.LiftLegalHold(request)


async def _held(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.legal_hold(NAME)
    return club.erase


async def _lifted_twice(club: Club) -> Callable[[], Awaitable[Any]]:
    placed = await club.legal_hold()
    await _lift(club, placed.name)
    return lambda: _lift(club, placed.name)


async def _live_clock(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.admin.programs.CreateProgram(program("tea", test_clock_time=None))
    return lambda: _advance(club, "programs/tea", START)


async def _too_large(club: Club) -> Callable[[], Awaitable[Any]]:
    cards = [*CARDS]
    rate = programs_pb2.EarnRate(points=1_000_000_000, per_amount_minor=1, currency_code="EUR")
    cards[0] = programs_pb2.Card(card_id="plain", display_name="Plain", earn_rate=rate)
    await _update(club, cards=cards)
    return lambda: club.earn(1_000_000_000_000)


async def _awaited(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.earn(1, "event")
    waiting_no_more = [programs_pb2.Card(card_id="event", earn_rate=RATE) if c.card_id == "event" else c for c in CARDS]
    # The card that slides counts visits.
    kept = [declared for declared in EVENT_TYPES if declared.event_type == "visit"]
    return lambda: _update(club, cards=waiting_no_more, event_types=kept)


async def _archived(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.archive()
    return lambda: club.earn(1)


async def _archived_twice(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.archive()
    return club.archive


async def _card_archived(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.archive("plain")
    return lambda: club.event("review.written")


async def _card_archived_twice(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.archive("plain")
    return lambda: club.archive("plain")


async def _suspended(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.earn()
    await club.suspend()
    return lambda: club.spend(1)


async def _merged(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.earn()
    await club.merge()
    return lambda: club.spend(1)


async def _blocked(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.block()
    return lambda: club.earn(1)


async def _closed(club: Club) -> Callable[[], Awaitable[Any]]:
    name = (await club.earn()).transaction.name
    await club.close()
    return lambda: club.refund(name)


async def _suspended_twice(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.suspend()
    return club.suspend


async def _unmerge_of_what_was_spent(club: Club) -> Callable[[], Awaitable[Any]]:
    await club.earn()
    await club.merge()
    await club.admin.points.SpendPoints(spending(1, account("plain", BEN)))
    request = customers_pb2.UnmergeCustomersRequest(name=ADA, reason=WHY, request_id=fresh())
    return lambda: club.admin.customers.UnmergeCustomers(request)


def _merge_into(club: Club, into: str) -> Awaitable[Any]:
    request = customers_pb2.MergeCustomersRequest(name=ADA, into=into, reason=WHY, request_id=fresh())
    return club.admin.customers.MergeCustomers(request)


def _contradiction(club: Club) -> Awaitable[Any]:
    pending = cards_pb2.PendingPolicy(event=cards_pb2.PendingEvent(event_type="order.paid"))
    card = programs_pb2.Card(card_id="new", earn_rate=CARDS[0].earn_rate, pending_policy=pending)
    return _update(club, cards=[*CARDS, card])


INVALID, MISSING = StatusCode.INVALID_ARGUMENT, StatusCode.NOT_FOUND
EXISTS, REFUSED = StatusCode.ALREADY_EXISTS, StatusCode.FAILED_PRECONDITION

OF_REQUESTS: dict[str, Provoked] = {
    "INVALID_REQUEST": Provoked(
        INVALID,
        {},
        at_once(lambda club: club.till.transactions.RecordTransaction(purchase(account="wrong", request_id="wrong"))),
    ),
    "REQUEST_ID_REUSED": Provoked(INVALID, {}, _reused),
    "ACTION_RESERVED": Provoked(
        INVALID, {"action": "points.spent"}, at_once(lambda club: club.activity(action="points.spent"))
    ),
    "SOURCE_DENIED": Provoked(
        StatusCode.PERMISSION_DENIED,
        {"source": "SYSTEM", "role": "SERVICE"},
        at_once(lambda club: club.activity(source=activity_pb2.ACTIVITY_SOURCE_SYSTEM)),
    ),
    "PAGE_TOKEN_MISMATCH": Provoked(INVALID, {}, _page_of_another_list),
    "STALE_ETAG": Provoked(StatusCode.ABORTED, {}, at_once(lambda club: _update(club, display_name="X", etag='"9-0"'))),
}

OF_PROGRAMS: dict[str, Provoked] = {
    "UPDATE_MASK_INVALID": Provoked(
        INVALID, {"path": "name"}, at_once(lambda club: _update(club, FieldMask(paths=["name"])))
    ),
    "TIME_ZONE_UNKNOWN": Provoked(
        INVALID, {"time_zone": "Mars/Olympus"}, at_once(lambda club: _update(club, time_zone="Mars/Olympus"))
    ),
    "SETTINGS_INVALID": Provoked(
        INVALID,
        {"what": "card new: points wait for events of type order.paid; declare it in event_types"},
        at_once(_contradiction),
    ),
    "PROGRAM_NOT_FOUND": Provoked(
        MISSING,
        {"program": "programs/cocoa"},
        at_once(lambda club: club.till.programs.GetProgram(programs_pb2.GetProgramRequest(name="programs/cocoa"))),
    ),
    "FIELD_FIXED": Provoked(
        INVALID, {"field": "settings_version"}, at_once(lambda club: _update(club, settings_version=9))
    ),
    "PROGRAM_EXISTS": Provoked(
        EXISTS, {"program": NAME}, at_once(lambda club: club.admin.programs.CreateProgram(program("club")))
    ),
    "NO_TEST_CLOCK": Provoked(REFUSED, {"program": "programs/tea"}, _live_clock),
    "CLOCK_MOVES_BACK": Provoked(
        REFUSED, {"now": START.isoformat()}, at_once(lambda club: _advance(club, NAME, START - timedelta(seconds=1)))
    ),
    "CARD_FIXED": Provoked(
        REFUSED, {"card": f"{NAME}/cards/fine"}, at_once(lambda club: _update(club, cards=CARDS[:-1]))
    ),
    "CARD_ARCHIVED": Provoked(REFUSED, {"card": f"{NAME}/cards/plain"}, _card_archived),
    "CARD_STATE": Provoked(
        REFUSED, {"card": f"{NAME}/cards/plain", "state": "ARCHIVED", "wanted": "ACTIVE"}, _card_archived_twice
    ),
    "PROGRAM_ARCHIVED": Provoked(REFUSED, {"program": NAME}, _archived),
    "PROGRAM_STATE": Provoked(REFUSED, {"program": NAME, "state": "ARCHIVED", "wanted": "ACTIVE"}, _archived_twice),
    "LEGAL_HOLD_NOT_FOUND": Provoked(
        MISSING, {"program": NAME}, at_once(lambda club: _lift(club, f"{NAME}/legalholds/legalhold_1"))
    ),
    "CUSTOMER_HELD": Provoked(REFUSED, {"customer": ADA}, _held),
    "LEGAL_HOLD_LIFTED": Provoked(REFUSED, {}, _lifted_twice),
    "EVENT_TYPE_AWAITED": Provoked(REFUSED, {"event_type": "order.delivered", "lots": "1"}, _awaited),
    "CARD_NOT_FOUND": Provoked(
        MISSING, {"program": NAME, "card": f"{NAME}/cards/gold"}, at_once(lambda club: club.balance("gold"))
    ),
    "AMOUNT_TOO_LARGE": Provoked(REFUSED, {"limit": str(2**53)}, _too_large),
}

OF_CUSTOMERS: dict[str, Provoked] = {
    "CUSTOMER_NOT_FOUND": Provoked(
        MISSING, {"program": NAME}, at_once(lambda club: club.earn(1, customer=f"{NAME}/customers/eve"))
    ),
    "CUSTOMER_EXISTS": Provoked(
        EXISTS,
        {"customer": "programs/coffee/customers/ada"},
        at_once(lambda club: club.till.customers.CreateCustomer(customer("ada"))),
    ),
    "EXTERNAL_ID_TAKEN": Provoked(EXISTS, {"source": "crm"}, _external_id_twice),
    "DUPLICATE_TRANSACTION": Provoked(
        EXISTS, {"transaction": f"{ADA}/transactions/receipt-1", "differs": "amount"}, _twice
    ),
    "CUSTOMER_SUSPENDED": Provoked(REFUSED, {"customer": ADA}, _suspended),
    "CUSTOMER_BLOCKED": Provoked(REFUSED, {"customer": ADA}, _blocked),
    "CUSTOMER_CLOSED": Provoked(REFUSED, {"customer": ADA}, _closed),
    "CUSTOMER_MERGED": Provoked(REFUSED, {"customer": ADA, "target": BEN}, _merged),
    "CUSTOMER_STATE": Provoked(REFUSED, {"customer": ADA, "state": "SUSPENDED", "wanted": "ACTIVE"}, _suspended_twice),
    "MERGE_IMPOSSIBLE": Provoked(
        REFUSED, {"why": "they are one and the same"}, at_once(lambda club: _merge_into(club, ADA))
    ),
    "UNMERGE_IMPOSSIBLE": Provoked(
        REFUSED, {"why": f"used since they moved: {account('plain', BEN)}/lots/1"}, _unmerge_of_what_was_spent
    ),
}
