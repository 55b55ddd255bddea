"""Purchases: recorded, corrected, decided, refunded."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from fealty.v1 import transactions_pb2 as pb
from rules.refunds import Claimed
from rules.transactions import Line, Purchase
from server.call import Call
from server.convert import names
from server.convert.balances import fill_balance
from server.convert.requests import context, fill_receipt, instant, set_instant
from storage.engine.requests import Answer
from storage.ledger.acts.purchases import Decided
from storage.ledger.acts.refunds import Refunded, RefundTransaction
from storage.ledger.acts.transactions import (
    Again,
    DecideTransaction,
    Recorded,
    RecordTransaction,
    UpdateTransaction,
)
from storage.ledger.addresses import Address, TransactionName
from storage.ledger.reading.refunds import RefundRead

_STATES: dict[str, Any] = {
    name.removeprefix("TRANSACTION_STATE_"): state for name, state in pb.TransactionState.items()
}
Response = TypeVar("Response")

# Between the sender and its id, in the last part of a purchase's name; in neither of them.
SOURCE_MARK = "~"


def record_transaction(call: Call, message: pb.RecordTransactionRequest) -> RecordTransaction:
    """The command in a request, or in an item of a stream."""
    return RecordTransaction(
        names.address(message.account),
        identified(message),
        message.amount.amount_minor,
        message.amount.currency_code,
        instant(message, "occur_time"),
        _lines(message.lines),
        context(call, message),
    )


def identified(message: pb.RecordTransactionRequest | pb.LookupTransactionRequest) -> str:
    """The id by which the books know a purchase: that of its sender, behind the sender's own where it has one."""
    return f"{message.source}{SOURCE_MARK}{message.transaction_id}" if message.source else message.transaction_id


def recorded(command: RecordTransaction, answer: Answer[Recorded | Again]) -> pb.RecordTransactionResponse:
    """What is answered to a purchase."""
    value = answer.value
    address = command.address
    response = pb.RecordTransactionResponse()
    if isinstance(value, Again):
        response.changed_since = value.changed_since
        name = TransactionName(address.program, address.customer, command.transaction_id)
        return _decided(response, name, answer, value.decided)
    shown = response.transaction
    _name(shown, address, command.transaction_id, value.lot)
    shown.amount.currency_code = command.currency_code
    shown.amount.amount_minor = command.amount_minor
    shown.state = _STATES[value.state]
    shown.points = value.points
    shown.settings_version = value.settings_version
    _fill_lines(shown, command.lines)
    set_instant(shown.occur_time, value.occurred_at)
    _fill_term(shown, value.activates_at, value.expires_at)
    fill_balance(response.balance, address, value.balance)
    fill_receipt(response.receipt, answer)
    return response


def update_transaction(call: Call, message: pb.UpdateTransactionRequest) -> UpdateTransaction:
    """The command in a request."""
    amount = message.amount
    name = names.transaction(message.name)
    how = context(call, message)
    return UpdateTransaction(name, amount.amount_minor, amount.currency_code, _lines(message.lines), how)


def updated(command: UpdateTransaction, answer: Answer[Decided]) -> pb.UpdateTransactionResponse:
    """What is answered to a correction."""
    return _decided(pb.UpdateTransactionResponse(), command.name, answer)


def accept_transaction(call: Call, message: pb.AcceptTransactionRequest) -> DecideTransaction:
    """The command in a request."""
    return DecideTransaction(names.transaction(message.name), True, context(call, message))


def accepted(command: DecideTransaction, answer: Answer[Decided]) -> pb.AcceptTransactionResponse:
    """What is answered to a yes."""
    return _decided(pb.AcceptTransactionResponse(), command.name, answer)


def reject_transaction(call: Call, message: pb.RejectTransactionRequest) -> DecideTransaction:
    """The command in a request."""
    return DecideTransaction(names.transaction(message.name), False, context(call, message))


def rejected(command: DecideTransaction, answer: Answer[Decided]) -> pb.RejectTransactionResponse:
    """What is answered to a no."""
    return _decided(pb.RejectTransactionResponse(), command.name, answer)


def refund_transaction(call: Call, message: pb.RefundTransactionRequest) -> RefundTransaction:
    """The command in a request."""
    what = message.WhichOneof("what")
    amount = message.amount_minor if what == "amount_minor" else None
    lines = tuple((line.line, line.amount_minor) for line in message.lines.lines)
    return RefundTransaction(names.transaction(message.name), amount, lines, context(call, message))


def refunded(command: RefundTransaction, answer: Answer[Refunded]) -> pb.RefundTransactionResponse:
    """What is answered to a refund."""
    value = answer.value
    response = pb.RefundTransactionResponse()
    shown, why = response.refund, command.context.reason
    _fill_taken(shown, value.share.amount_minor, value.share.points, value.claimed, value.restored, command.lines)
    shown.name = f"{command.name.name}/refunds/{value.number}"
    if value.occurred_at is not None and value.recorded_at is not None:
        set_instant(shown.occur_time, value.occurred_at)
        set_instant(shown.record_time, value.recorded_at)
    shown.activity = names.activity(answer.activity)
    shown.reason_code = why.code
    shown.acting_user = why.acting_user
    return _decided(response, command.name, answer, value.decided)


def fill_refund(shown: pb.Refund, name: TransactionName, found: RefundRead) -> None:
    """A refund that was read."""
    _fill_taken(shown, found.amount_minor, found.points, found.claimed, found.restored, found.lines)
    shown.name = f"{name.name}/refunds/{found.number}"
    set_instant(shown.occur_time, found.occurred_at)
    set_instant(shown.record_time, found.recorded_at)
    shown.activity = names.activity(found.activity)
    shown.reason_code = found.reason_code
    shown.acting_user = found.acting_user


def _fill_taken(
    shown: pb.Refund,
    amount_minor: int,
    points: int,
    claimed: Claimed,
    restored: int,
    lines: Iterable[tuple[int, int]],
) -> None:
    shown.amount_minor = amount_minor
    shown.points = points
    shown.from_pending = claimed.pending
    shown.from_own_lot = claimed.own_lot
    shown.from_other_lots = claimed.other_lots
    shown.debt = claimed.debt
    shown.shortfall = claimed.shortfall
    shown.restored = restored
    for line, amount in lines:
        shown.lines.add(line=line, amount_minor=amount)


def fill(
    shown: pb.Transaction,
    address: Address,
    purchase: Purchase,
    state: str,
    lot: int | None,
    activates_at: datetime | None,
    expires_at: datetime | None,
) -> None:
    """A purchase as the contract shows it."""
    _name(shown, address, purchase.transaction_id, lot)
    shown.amount.currency_code = purchase.currency_code
    shown.amount.amount_minor = purchase.amount_minor
    shown.state = _STATES[state]
    shown.points = purchase.points
    shown.settings_version = purchase.settings_version
    shown.refunded_minor = purchase.refunded_minor
    shown.refunded_points = purchase.refunded_points
    _fill_lines(shown, purchase.lines)
    set_instant(shown.occur_time, purchase.occurred_at)
    _fill_term(shown, activates_at, expires_at)


def _decided(
    response: Response, name: TransactionName, answer: Answer[Any], decided: Decided | None = None
) -> Response:
    value = decided or answer.value
    address = Address(name.program, name.customer, value.card)
    shown: Any = response
    fill(
        shown.transaction,
        address,
        value.purchase,
        value.state,
        value.lot,
        value.activates_at,
        value.expires_at,
    )
    fill_balance(shown.balance, address, value.balance)
    fill_receipt(shown.receipt, answer)
    return response


def _name(shown: pb.Transaction, address: Address, transaction_id: str, lot: int | None) -> None:
    shown.name = f"{address.customer_name}/transactions/{transaction_id}"
    shown.account = address.name
    source, _, bare = transaction_id.rpartition(SOURCE_MARK)
    shown.source = source
    shown.transaction_id = bare
    if lot is not None:
        shown.lot = f"{address.name}/lots/{lot}"


def _fill_term(shown: pb.Transaction, activates_at: datetime | None, expires_at: datetime | None) -> None:
    if activates_at is not None:
        set_instant(shown.activate_time, activates_at)
    if expires_at is not None:
        set_instant(shown.expire_time, expires_at)


def _fill_lines(shown: pb.Transaction, lines: Iterable[Line]) -> None:
    for line in lines:
        shown.lines.add(
            product_id=line.product_id,
            category=line.category,
            quantity=line.quantity,
            amount_minor=line.amount_minor,
            points=line.points,
        )


def _lines(lines: Iterable[pb.TransactionLine]) -> tuple[Line, ...]:
    return tuple(
        [
            Line(
                line.product_id,
                line.category,
                line.quantity,
                line.amount_minor,
                line.points if line.HasField("points") else None,
            )
            for line in lines
        ]
    )
