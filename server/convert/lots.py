"""Lots."""

from datetime import date, datetime
from typing import Any, TypeVar

from fealty.v1 import explanations_pb2, lots_pb2
from rules.accounts import Lot
from server.call import Call, scope
from server.convert import names, operations
from server.convert.balances import fill_balance
from server.convert.requests import context, fill_receipt, instant, set_day, set_instant, timestamp_or_none
from storage.engine.requests import Answer
from storage.ledger.acts.adjustments import ChangeLot, LotChanged
from storage.ledger.addresses import Address
from storage.ledger.reading.lots import LotRead
from storage.ledger.redating.commands import Redated, RedateLots
from storage.ledger.redating.terms import Expiry, Terms

STATES: dict[str, Any] = {name.removeprefix("LOT_STATE_"): state for name, state in explanations_pb2.LotState.items()}

_EXPIRIES = {"expire_time": Expiry.AT, "never": Expiry.NEVER, "by_current_policy": Expiry.BY_CURRENT_POLICY}

Response = TypeVar("Response")


def activate_lot(call: Call, message: lots_pb2.ActivateLotRequest) -> ChangeLot:
    """The command in a request."""
    return ChangeLot(*names.numbered(message.name), True, context(call, message))


def activated(command: ChangeLot, answer: Answer[LotChanged]) -> lots_pb2.ActivateLotResponse:
    """What is answered to it."""
    return _changed(lots_pb2.ActivateLotResponse(), command.address, answer)


def cancel_lot(call: Call, message: lots_pb2.CancelLotRequest) -> ChangeLot:
    """The command in a request."""
    return ChangeLot(*names.numbered(message.name), False, context(call, message))


def cancelled(command: ChangeLot, answer: Answer[LotChanged]) -> lots_pb2.CancelLotResponse:
    """What is answered to it."""
    return _changed(lots_pb2.CancelLotResponse(), command.address, answer)


def redate_lots(call: Call, message: lots_pb2.RedateLotsRequest) -> RedateLots:
    """The command in a request."""
    program, customer = scope(message.parent)
    card = message.parent.rpartition("/")[2]
    kind = _EXPIRIES[message.WhichOneof("expiry") or ""]
    expires_at = instant(message, "expire_time")
    before = instant(message, "expire_before_time")
    return RedateLots(program, customer, Terms(card, kind, expires_at, before), context(call, message))


def redated(command: RedateLots, answer: Answer[Redated]) -> lots_pb2.RedateLotsResponse:
    """What is answered to it."""
    response = lots_pb2.RedateLotsResponse()
    operations.fill(response.operation, answer.value.operation)
    for lot in answer.value.sample:
        before, after = timestamp_or_none(lot.before), timestamp_or_none(lot.after)
        response.sample.add(name=lot.name, before=before, after=after)
    fill_receipt(response.receipt, answer)
    return response


def fill_read(shown: lots_pb2.Lot, address: Address, found: LotRead) -> None:
    """A lot that was read."""
    origin = f"{found.origin.address.name}/lots/{found.origin.number}" if found.origin else ""
    fill(shown, address, found.lot, found.expires_at, found.last_usable_on, origin, found.activity)


def fill(
    shown: lots_pb2.Lot,
    address: Address,
    lot: Lot,
    expires_at: datetime | None,
    last_usable_on: date | None,
    origin: str,
    activity: str,
) -> None:
    """A lot as the contract shows it. `expires_at` is when it really does, also where it slides."""
    shown.name = f"{address.name}/lots/{lot.number}"
    shown.state = STATES[lot.state]
    shown.points = lot.points
    shown.remaining = lot.remaining
    shown.held = lot.held
    shown.cancelled = lot.cancelled
    if lot.activates_at is not None:
        set_instant(shown.activate_time, lot.activates_at)
    if expires_at is not None:
        set_instant(shown.expire_time, expires_at)
    if last_usable_on is not None:
        set_day(shown.last_usable_date, last_usable_on)
    shown.settings_version = lot.settings_version
    if lot.transaction_id:
        shown.transaction = f"{address.customer_name}/transactions/{lot.transaction_id}"
    shown.awaits_event = lot.awaits or ""
    shown.slides = lot.slides
    shown.origin = origin
    shown.activity = names.activity(activity)


def _changed(response: Response, address: Address, answer: Answer[LotChanged]) -> Response:
    value = answer.value
    shown: Any = response
    last = date.fromisoformat(value.last_usable_on) if value.last_usable_on else None
    fill(shown.lot, address, value.lot, value.expires_at, last, value.origin, value.issued_by)
    fill_balance(shown.balance, address, value.balance)
    fill_receipt(shown.receipt, answer)
    return response
