"""Points: purchases, spendings, balances, entries."""

from typing import Any

from fealty.v1 import points_pb2 as pb
from server.call import Call
from server.convert import names
from server.convert.requests import fill_receipt, instant, request, set_instant
from storage.engine.requests import Answer
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance, Line, Recorded, RecordTransaction, SpendPoints, Spent
from storage.ledger.queries import EntryRead


def record_transaction(call: Call, message: pb.RecordTransactionRequest) -> RecordTransaction:
    """The command in a request, or in an item of a stream."""
    return RecordTransaction(
        names.address(message.account),
        message.transaction_id,
        message.amount.amount_minor,
        message.amount.currency_code,
        instant(message, "occur_time"),
        tuple([Line(line.product_id, line.category, line.quantity, line.amount_minor) for line in message.lines]),
        request(call, message),
        call.origin,
        message.validate_only,
        call.deadline,
    )


def recorded(command: RecordTransaction, answer: Answer[Recorded]) -> pb.RecordTransactionResponse:
    """What is answered to a purchase. Filled in place: a message given to another's constructor is copied."""
    value = answer.value
    address = command.address
    response = pb.RecordTransactionResponse()
    shown = response.transaction
    shown.name = f"{address.customer_name}/transactions/{command.transaction_id}"
    shown.account = address.name
    shown.amount.currency_code = command.currency_code
    shown.amount.amount_minor = command.amount_minor
    shown.state = pb.TRANSACTION_STATE_PENDING if value.pending else pb.TRANSACTION_STATE_ACCEPTED
    shown.points = value.points
    set_instant(shown.occur_time, value.occurred_at)
    if value.activates_at is not None:
        set_instant(shown.activate_time, value.activates_at)
    if value.expires_at is not None:
        set_instant(shown.expire_time, value.expires_at)
    fill_balance(response.balance, address, value.balance)
    fill_receipt(response.receipt, answer)
    return response


def spend_points(call: Call, message: pb.SpendPointsRequest) -> SpendPoints:
    """The command in a request."""
    return SpendPoints(
        names.address(message.account),
        message.points,
        message.reference,
        request(call, message),
        call.origin,
        message.validate_only,
        call.deadline,
    )


def spent(command: SpendPoints, answer: Answer[Spent]) -> pb.SpendPointsResponse:
    """What is answered to a spending."""
    value = answer.value
    response = pb.SpendPointsResponse()
    fill_entry(response.entry, command.address, EntryRead(value.entry, value.recorded_at, answer.activity or ""))
    fill_balance(response.balance, command.address, value.balance)
    fill_receipt(response.receipt, answer)
    return response


def fill_balance(shown: pb.Balance, address: Address, found: Balance) -> None:
    """A balance as the contract shows it."""
    shown.account = address.name
    shown.decimals = found.decimals
    shown.pending = found.pending
    shown.active = found.active
    shown.held = found.held
    shown.debt = found.debt
    shown.spendable = found.spendable
    shown.lifetime_earned = found.earned
    shown.lifetime_spent = found.spent
    shown.lifetime_expired = found.expired
    set_instant(shown.as_of_time, found.as_of)


def fill_entry(shown: pb.Entry, address: Address, found: EntryRead) -> None:
    """An entry as the contract shows it."""
    posting = found.posting
    shown.name = f"{address.name}/entries/{posting.seq}"
    shown.kind = _KINDS[posting.kind]
    shown.amount = posting.amount
    shown.active_after = posting.active_after
    set_instant(shown.occur_time, posting.occurred_at)
    set_instant(shown.record_time, found.recorded_at)
    for lot, amount in posting.allocations:
        shown.allocations.add(lot=lot, amount=amount)
    if posting.transaction_id:
        shown.transaction = f"{address.customer_name}/transactions/{posting.transaction_id}"
    shown.activity = names.activity(found.activity)


_KINDS: dict[str, Any] = {name.removeprefix("ENTRY_KIND_"): kind for name, kind in pb.EntryKind.items()}
