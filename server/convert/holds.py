"""Holds."""

from typing import Any, TypeVar

from fealty.v1 import holds_pb2 as pb
from rules.accounts import Hold
from server.call import Call
from server.convert import names
from server.convert.balances import fill_balance, fill_new_entry
from server.convert.points import paid_purchase
from server.convert.requests import context, fill_receipt, set_instant
from storage.engine.requests import Answer
from storage.ledger.acts.holds import CaptureHold, CreateHold, Held, ReleaseHold
from storage.ledger.addresses import Address
from storage.ledger.entries import EntryFacts

_STATES: dict[str, Any] = {name.removeprefix("HOLD_STATE_"): state for name, state in pb.HoldState.items()}

Response = TypeVar("Response")


def create_hold(call: Call, message: pb.CreateHoldRequest) -> CreateHold:
    """The command in a request. Raises RequestInvalid where it pays for another customer's purchase."""
    address = names.address(message.account)
    pays_for = paid_purchase(address, message.transaction)
    return CreateHold(address, message.points, message.ttl_s, message.reference, pays_for, context(call, message))


def created(command: CreateHold, answer: Answer[Held]) -> pb.CreateHoldResponse:
    """What is answered to it."""
    return _held(pb.CreateHoldResponse(), command.address, answer)


def capture_hold(call: Call, message: pb.CaptureHoldRequest) -> CaptureHold:
    """The command in a request."""
    return CaptureHold(*names.numbered(message.name), message.points, context(call, message))


def captured(command: CaptureHold, answer: Answer[Held]) -> pb.CaptureHoldResponse:
    """What is answered to it."""
    response = _held(pb.CaptureHoldResponse(), command.address, answer)
    value = answer.value
    assert value.entry is not None
    facts = EntryFacts(value.hold.reference)
    fill_new_entry(response.entry, command.address, value.entry, value, answer.activity, facts=facts)
    return response


def release_hold(call: Call, message: pb.ReleaseHoldRequest) -> ReleaseHold:
    """The command in a request."""
    return ReleaseHold(*names.numbered(message.name), context(call, message))


def released(command: ReleaseHold, answer: Answer[Held]) -> pb.ReleaseHoldResponse:
    """What is answered to it."""
    return _held(pb.ReleaseHoldResponse(), command.address, answer)


def fill(shown: pb.Hold, address: Address, hold: Hold) -> None:
    """A hold as the contract shows it."""
    shown.name = f"{address.name}/holds/{hold.number}"
    shown.state = _STATES[hold.state]
    shown.points = hold.points
    shown.captured = hold.captured
    set_instant(shown.expire_time, hold.expires_at)
    set_instant(shown.create_time, hold.created_at)
    if hold.ended_at is not None:
        set_instant(shown.end_time, hold.ended_at)
    shown.reference = hold.reference
    if hold.transaction_id:
        shown.transaction = f"{address.customer_name}/transactions/{hold.transaction_id}"
    for lot, points in hold.pins:
        shown.pins.add(lot=lot, amount=points)
    if hold.entry:
        shown.entry = f"{address.name}/entries/{hold.entry}"


def _held(response: Response, address: Address, answer: Answer[Held]) -> Response:
    shown: Any = response
    fill(shown.hold, address, answer.value.hold)
    fill_balance(shown.balance, address, answer.value.balance)
    fill_receipt(shown.receipt, answer)
    return response
