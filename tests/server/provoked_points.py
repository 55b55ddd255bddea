"""How to come to each refusal of purchases, spendings, holds, lots, transfers, events and reports."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from grpc import StatusCode

from fealty.v1 import audit_pb2, holds_pb2, lots_pb2, operations_pb2, points_pb2, reports_pb2, transactions_pb2
from tests.server.club import ADA, BEN, NAME, WHY, Club, account, money
from tests.server.provoked import INVALID, MISSING, REFUSED, Provoked, at_once
from tests.server.serving import START, fresh, timestamp

Refused = Callable[[], Awaitable[Any]]

_NEVER = f"activities/activity_{'0' * 26}"
HOUR = timedelta(hours=1)
T1, HOLD, SPENT = f"{ADA}/transactions/t1", f"{account()}/holds/1", f"{account()}/entries/2"
OWED = f"{account('owing')}/shortfalls/1"
_TEA = transactions_pb2.TransactionLine(product_id="tea", quantity=1, amount_minor=100)


def _capture(club: Club, name: str = f"{account()}/holds/1", points: int = 0) -> Awaitable[Any]:
    request = holds_pb2.CaptureHoldRequest(name=name, points=points, request_id=fresh())
    return club.till.holds.CaptureHold(request)


def _roll_back(club: Club, name: str, points: int = 0) -> Awaitable[Any]:
    request = points_pb2.RollBackSpendingRequest(name=name, points=points, reason=WHY, request_id=fresh())
    return club.till.points.RollBackSpending(request)


def _transfer(club: Club, points: int, to: str, card: str = "plain") -> Awaitable[Any]:
    request = points_pb2.TransferPointsRequest(account=account(card), to_account=to, points=points, request_id=fresh())
    return club.till.points.TransferPoints(request)


async def _held(club: Club) -> Refused:
    await club.earn(100)
    await club.hold(80)
    return lambda: club.spend(30)


async def _hold_expired(club: Club) -> Refused:
    await club.earn(100)
    await club.hold(80, ttl_s=60)
    await club.move(hours=1)
    return lambda: _capture(club)


async def _hold_captured(club: Club) -> Refused:
    await club.earn(100)
    await club.hold(80)
    await _capture(club)
    return lambda: _capture(club)


async def _hold_released(club: Club) -> Refused:
    await club.earn(100)
    hold = await club.hold(80)
    await club.till.holds.ReleaseHold(holds_pb2.ReleaseHoldRequest(name=hold.name, request_id=fresh()))
    return lambda: _capture(club)


async def _hold_exceeded(club: Club) -> Refused:
    await club.earn(100)
    await club.hold(80)
    return lambda: _capture(club, points=81)


async def _hold_too_long(club: Club) -> Refused:
    await club.earn(100, "capped")
    return lambda: club.hold(10, "capped", ttl_s=601)


async def _transaction_active(club: Club) -> Refused:
    name = (await club.earn(100, transaction_id="t1")).transaction.name
    request = transactions_pb2.UpdateTransactionRequest(name=name, amount=money(1), reason=WHY, request_id=fresh())
    return lambda: club.till.transactions.UpdateTransaction(request)


async def _lot_active(club: Club) -> Refused:
    await club.earn(100)
    request = lots_pb2.CancelLotRequest(name=f"{account()}/lots/1", reason=WHY, request_id=fresh())
    return lambda: club.admin.lots.CancelLot(request)


async def _refund_too_much(club: Club) -> Refused:
    name = (await club.earn(100, transaction_id="t1")).transaction.name
    await club.refund(name, amount_minor=60)
    return lambda: club.refund(name, amount_minor=41)


async def _refund_of_a_line_twice(club: Club) -> Refused:
    name = (await club.earn(200, transaction_id="t1", lines=[_TEA])).transaction.name
    lines = transactions_pb2.RefundLines(lines=[transactions_pb2.RefundLine(line=1)])
    await club.refund(name, lines=lines)
    return lambda: club.refund(name, lines=lines)


async def _refund_of_no_line(club: Club) -> Refused:
    name = (await club.earn(100, transaction_id="t1", lines=[_TEA])).transaction.name
    lines = transactions_pb2.RefundLines(lines=[transactions_pb2.RefundLine(line=2)])
    return lambda: club.refund(name, lines=lines)


async def _rolled_back_twice(club: Club) -> Refused:
    await club.earn(100)
    name = (await club.spend(30)).entry.name
    await _roll_back(club, name, 20)
    return lambda: _roll_back(club, name, 11)


async def _rolled_back_late(club: Club) -> Refused:
    await club.earn(100, "capped")
    name = (await club.spend(30, "capped")).entry.name
    await club.move(days=8)
    return lambda: _roll_back(club, name)


async def _rolled_back_no_spending(club: Club) -> Refused:
    await club.earn(100)
    return lambda: _roll_back(club, f"{account()}/entries/1")


async def _transferred_to_itself(club: Club) -> Refused:
    await club.earn(100)
    return lambda: _transfer(club, 1, account())


async def _transferred_to_another_card(club: Club) -> Refused:
    await club.earn(100)
    return lambda: _transfer(club, 1, account("slow", BEN))


async def _transferred_too_much(club: Club) -> Refused:
    await club.earn(200, "capped")
    await _transfer(club, 70, account("capped", BEN), "capped")
    return lambda: _transfer(club, 31, account("capped", BEN), "capped")


async def _stamps_in_part(club: Club) -> Refused:
    await club.earn(25, "stamps")
    return lambda: club.spend(15, "stamps")


def _missing_transaction(club: Club) -> Awaitable[Any]:
    request = transactions_pb2.GetTransactionRequest(name=f"{ADA}/transactions/t9")
    return club.till.transactions.GetTransaction(request)


async def _missing_refund(club: Club) -> Refused:
    name = (await club.earn(100, transaction_id="t1")).transaction.name
    await club.refund(name, amount_minor=1)
    request = transactions_pb2.GetRefundRequest(name=f"{name}/refunds/2")
    return lambda: club.till.transactions.GetRefund(request)


def _missing_entry(club: Club) -> Awaitable[Any]:
    return club.till.points.GetEntry(points_pb2.GetEntryRequest(name=f"{account()}/entries/9"))


def _missing_shortfall(club: Club) -> Awaitable[Any]:
    name = f"{account('owing')}/shortfalls/1"
    request = reports_pb2.WriteOffShortfallRequest(name=name, reason=WHY, request_id=fresh())
    return club.admin.reports.WriteOffShortfall(request)


def _redate_to_yesterday(club: Club) -> Awaitable[Any]:
    request = lots_pb2.RedateLotsRequest(
        parent=account(), expire_time=timestamp(START - HOUR), reason=WHY, request_id=fresh()
    )
    return club.admin.lots.RedateLots(request)


def _missing_operation(club: Club) -> Awaitable[Any]:
    request = operations_pb2.GetOperationRequest(name=f"{NAME}/operations/operation_1")
    return club.admin.operations.GetOperation(request)


def _missing_activity(club: Club) -> Awaitable[Any]:
    return club.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=_NEVER))


async def _operation_done(club: Club) -> Refused:
    name = (await club.redate()).name
    request = operations_pb2.CancelOperationRequest(name=name, reason=WHY, request_id=fresh())
    return lambda: club.admin.operations.CancelOperation(request)


OF_PURCHASES: dict[str, Provoked] = {
    "CURRENCY_MISMATCH": Provoked(
        INVALID, {"expected": "EUR", "given": "JPY"}, at_once(lambda club: club.earn(amount=money(5, "JPY")))
    ),
    "LINES_EXCEED_AMOUNT": Provoked(
        INVALID, {"amount": "99", "lines": "100"}, at_once(lambda club: club.earn(99, lines=[_TEA]))
    ),
    "OCCURS_IN_FUTURE": Provoked(
        REFUSED, {"now": START.isoformat()}, at_once(lambda club: club.earn(occur_time=timestamp(START + HOUR)))
    ),
    "TRANSACTION_NOT_FOUND": Provoked(
        MISSING, {"transaction": f"{ADA}/transactions/t9"}, at_once(_missing_transaction)
    ),
    "REFUND_NOT_FOUND": Provoked(MISSING, {"refund": f"{ADA}/transactions/t1/refunds/2"}, _missing_refund),
    "TRANSACTION_STATE": Provoked(
        REFUSED,
        {"transaction": T1, "state": "ACCEPTED", "wanted": "PENDING"},
        _transaction_active,
    ),
    "REFUND_EXCEEDS_TRANSACTION": Provoked(
        REFUSED, {"transaction": T1, "remaining": "40", "requested": "41"}, _refund_too_much
    ),
    "REFUND_EXCEEDS_LINE": Provoked(
        REFUSED, {"transaction": T1, "line": "1", "remaining": "0"}, _refund_of_a_line_twice
    ),
    "LINE_NOT_FOUND": Provoked(INVALID, {"transaction": T1, "line": "2"}, _refund_of_no_line),
}

OF_POINTS: dict[str, Provoked] = {
    "INSUFFICIENT_POINTS": Provoked(
        REFUSED, {"requested": "10", "spendable": "0"}, at_once(lambda club: club.spend(10))
    ),
    "POINTS_HELD_ELSEWHERE": Provoked(REFUSED, {"requested": "30", "spendable": "20", "held": "80"}, _held),
    "PRECISION_TOO_FINE": Provoked(INVALID, {"step": "10", "given": "15"}, _stamps_in_part),
    "SPENDING_NOT_FOUND": Provoked(MISSING, {"entry": f"{account()}/entries/1"}, _rolled_back_no_spending),
    "ALREADY_ROLLED_BACK": Provoked(
        REFUSED, {"entry": SPENT, "remaining": "10", "requested": "11"}, _rolled_back_twice
    ),
    "ENTRY_NOT_FOUND": Provoked(MISSING, {"entry": f"{account()}/entries/9"}, at_once(_missing_entry)),
    "ROLLBACK_WINDOW_CLOSED": Provoked(REFUSED, {"days": "7", "spent_at": START.isoformat()}, _rolled_back_late),
    "TRANSFER_TO_ITSELF": Provoked(INVALID, {}, _transferred_to_itself),
    "TRANSFER_BETWEEN_CARDS": Provoked(
        INVALID, {"card": f"{NAME}/cards/plain", "other": f"{NAME}/cards/slow"}, _transferred_to_another_card
    ),
    "DAILY_CAP_REACHED": Provoked(
        StatusCode.RESOURCE_EXHAUSTED, {"limit": "100", "what": "units", "used": "70"}, _transferred_too_much
    ),
    "TIME_UNKNOWABLE": Provoked(
        INVALID,
        {"given": (START + HOUR).isoformat()},
        at_once(lambda club: club.balance(at=timestamp(START + HOUR))),
    ),
    "EVENT_TYPE_UNKNOWN": Provoked(
        INVALID, {"event_type": "order.lost"}, at_once(lambda club: club.event("order.lost"))
    ),
    "SHORTFALL_NOT_FOUND": Provoked(MISSING, {"shortfall": OWED}, at_once(_missing_shortfall)),
    "LOT_NOT_FOUND": Provoked(
        MISSING,
        {"lot": f"{account()}/lots/9"},
        at_once(lambda club: club.till.lots.GetLot(lots_pb2.GetLotRequest(name=f"{account()}/lots/9"))),
    ),
    "LOT_STATE": Provoked(REFUSED, {"lot": f"{account()}/lots/1", "state": "ACTIVE", "wanted": "PENDING"}, _lot_active),
    "OPERATION_NOT_FOUND": Provoked(MISSING, {"program": NAME}, at_once(_missing_operation)),
    "ACTIVITY_NOT_FOUND": Provoked(MISSING, {"activity": _NEVER}, at_once(_missing_activity)),
    "OPERATION_ENDED": Provoked(REFUSED, {"state": "SUCCEEDED"}, _operation_done),
    "EXPIRY_IN_PAST": Provoked(
        INVALID, {"given": (START - HOUR).isoformat(), "now": START.isoformat()}, at_once(_redate_to_yesterday)
    ),
}

OF_HOLDS: dict[str, Provoked] = {
    "HOLD_NOT_FOUND": Provoked(MISSING, {"hold": HOLD}, at_once(_capture)),
    "HOLD_TOO_LONG": Provoked(INVALID, {"ttl_max_s": "600", "requested_s": "601"}, _hold_too_long),
    "HOLD_EXPIRED": Provoked(
        REFUSED,
        {"hold": HOLD, "expired_at": (START + timedelta(minutes=1)).isoformat()},
        _hold_expired,
    ),
    "HOLD_ALREADY_CAPTURED": Provoked(REFUSED, {"hold": HOLD, "entry": SPENT}, _hold_captured),
    "HOLD_RELEASED": Provoked(REFUSED, {"hold": HOLD}, _hold_released),
    "HOLD_EXCEEDED": Provoked(REFUSED, {"hold": HOLD, "points": "80", "requested": "81"}, _hold_exceeded),
}
