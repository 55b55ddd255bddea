"""Shortfalls and reports."""

from typing import Any

from fealty.v1 import reports_pb2 as pb
from rules.accounts import Shortfall
from server.call import Call
from server.convert import names
from server.convert.balances import fill_balance
from server.convert.requests import context, fill_receipt, set_day, set_instant, timestamp
from storage.engine.requests import Answer
from storage.ledger.acts.refunds import WriteOffShortfall, WrittenOff
from storage.ledger.addresses import Address
from storage.ledger.reading.liability import Liability, LiabilityMonth

_KINDS: dict[str, Any] = {name.removeprefix("SHORTFALL_KIND_"): kind for name, kind in pb.ShortfallKind.items()}


def write_off_shortfall(call: Call, message: pb.WriteOffShortfallRequest) -> WriteOffShortfall:
    """The command in a request."""
    return WriteOffShortfall(*names.numbered(message.name), message.points, context(call, message))


def written_off(command: WriteOffShortfall, answer: Answer[WrittenOff]) -> pb.WriteOffShortfallResponse:
    """What is answered to it."""
    response = pb.WriteOffShortfallResponse()
    fill_shortfall(response.shortfall, command.address, answer.value.shortfall)
    fill_balance(response.balance, command.address, answer.value.balance)
    fill_receipt(response.receipt, answer)
    return response


def liability(found: Liability) -> pb.GetLiabilityResponse:
    """The report of a card."""
    response = pb.GetLiabilityResponse(
        decimals=found.decimals,
        active=found.active,
        pending=found.pending,
        held=found.held,
        debt=found.debt,
        lifetime_issued=found.issued,
        lifetime_spent=found.spent,
        lifetime_expired=found.expired,
        lifetime_revoked=found.revoked,
        as_of_time=timestamp(found.as_of),
    )
    for month in found.months:
        _fill_open(response.months.add(), month)
    _fill_open(response.never, found.never)
    _fill_open(response.unknown, found.unknown)
    for past in found.breakage:
        shown = response.breakage.add(issued=past.issued, spent=past.spent, expired=past.expired, revoked=past.revoked)
        set_day(shown.first_day, past.first_day)
    return response


def _fill_open(shown: pb.LiabilityMonth, found: LiabilityMonth) -> None:
    if found.first_day is not None:
        set_day(shown.first_day, found.first_day)
    shown.active, shown.held, shown.pending = found.active, found.held, found.pending


def fill_shortfall(shown: pb.Shortfall, address: Address, found: Shortfall) -> None:
    """A shortfall as the contract shows it."""
    shown.name = f"{address.name}/shortfalls/{found.number}"
    shown.kind = _KINDS[found.kind]
    if found.transaction_id:
        shown.transaction = f"{address.customer_name}/transactions/{found.transaction_id}"
    shown.points = found.points
    shown.remaining = found.remaining
    shown.written_off = found.written_off
    set_instant(shown.create_time, found.created_at)
    if found.ended_at is not None:
        set_instant(shown.end_time, found.ended_at)
