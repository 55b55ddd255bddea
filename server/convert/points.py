"""Points: spendings, rollbacks, adjustments, transfers."""

from fealty.v1 import points_pb2 as pb
from rules.cards import Card
from rules.refunds import RollbackPolicy
from server.call import Call
from server.convert import names
from server.convert.balances import fill_balance, fill_new_entry
from server.convert.cards import KIND_NUMBERS
from server.convert.requests import context, fill_receipt, instant
from server.errors import RequestInvalid
from storage.engine.requests import Answer
from storage.ledger.acts.adjustments import Adjusted, AdjustPoints
from storage.ledger.acts.spendings import RollBackSpending, RolledBack, SpendPoints, Spent
from storage.ledger.acts.transfers import TransferPoints, Transferred
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance
from storage.ledger.entries import EntryFacts

_POLICIES = {
    pb.ROLLBACK_POLICY_UNSPECIFIED: RollbackPolicy.KEEP_ORIGINAL_EXPIRY,
    pb.ROLLBACK_POLICY_KEEP_ORIGINAL_EXPIRY: RollbackPolicy.KEEP_ORIGINAL_EXPIRY,
    pb.ROLLBACK_POLICY_EXTEND_TO: RollbackPolicy.EXTEND_TO,
    pb.ROLLBACK_POLICY_GRACE: RollbackPolicy.GRACE,
    pb.ROLLBACK_POLICY_NO_RESTORE: RollbackPolicy.NO_RESTORE,
}


def spend_points(call: Call, message: pb.SpendPointsRequest) -> SpendPoints:
    """The command in a request. Raises RequestInvalid where it pays for another customer's purchase."""
    address = names.address(message.account)
    pays_for = paid_purchase(address, message.transaction)
    return SpendPoints(address, message.points, message.reference, pays_for, context(call, message))


def spent(command: SpendPoints, answer: Answer[Spent]) -> pb.SpendPointsResponse:
    """What is answered to a spending."""
    response = pb.SpendPointsResponse()
    _fill_spent(response.entry, command, answer)
    fill_balance(response.balance, command.address, answer.value.balance)
    fill_receipt(response.receipt, answer)
    return response


def roll_back_spending(call: Call, message: pb.RollBackSpendingRequest) -> RollBackSpending:
    """The command in a request."""
    address, seq = names.numbered(message.name)
    policy = _POLICIES[message.policy]
    until = instant(message, "extend_to_time")
    return RollBackSpending(address, seq, message.points, policy, until, message.grace_days, context(call, message))


def rolled_back(command: RollBackSpending, answer: Answer[RolledBack]) -> pb.RollBackSpendingResponse:
    """What is answered to a rollback."""
    value = answer.value
    response = pb.RollBackSpendingResponse()
    response.rollback.points = value.points
    response.rollback.restored = value.restored
    response.rollback.expired = value.expired
    if value.entry is not None:
        why = command.context.reason
        fill_new_entry(response.entry, command.address, value.entry, value, answer.activity, why)
    fill_balance(response.balance, command.address, value.balance)
    fill_receipt(response.receipt, answer)
    return response


def adjust_points(call: Call, message: pb.AdjustPointsRequest) -> AdjustPoints:
    """The command in a request."""
    return AdjustPoints(names.address(message.account), message.points, context(call, message))


def adjusted(command: AdjustPoints, answer: Answer[Adjusted]) -> pb.AdjustPointsResponse:
    """What is answered to an adjustment."""
    value, why = answer.value, command.context.reason
    response = pb.AdjustPointsResponse()
    fill_new_entry(response.entry, command.address, value.entry, value, answer.activity, why)
    fill_balance(response.balance, command.address, answer.value.balance)
    fill_receipt(response.receipt, answer)
    return response


def transfer_points(call: Call, message: pb.TransferPointsRequest) -> TransferPoints:
    """The command in a request."""
    to = names.address(message.to_account)
    return TransferPoints(names.address(message.account), to, message.points, context(call, message))


def transferred(command: TransferPoints, answer: Answer[Transferred]) -> pb.TransferPointsResponse:
    """What is answered to a transfer."""
    value, why = answer.value, command.context.reason
    giver, getter = (EntryFacts(counterpart=one.customer) for one in (command.address, command.to))
    response = pb.TransferPointsResponse()
    fill_new_entry(response.sent, command.address, value.sent, value, answer.activity, why, getter)
    fill_new_entry(response.received, command.to, value.received, value, value.received_by, why, giver)
    fill_balance(response.balance, command.address, value.balance)
    fill_receipt(response.receipt, answer)
    return response


def batch_addresses(message: pb.BatchGetBalancesRequest) -> list[Address]:
    """The accounts in a request. Raises RequestInvalid where one is of another program than the card."""
    card = names.card(message.card)
    addresses = [Address(card.program, names.customer_id(customer), card.card) for customer in message.customers]
    for number, customer in enumerate(message.customers):
        if names.program_id(customer) != card.program:
            raise RequestInvalid([(f"customers[{number}]", "must be a customer of the program of the card")])
    return addresses


def fill_account(shown: pb.Account, address: Address, card: Card, found: Balance) -> None:
    """An account as the contract shows it."""
    shown.name = address.name
    shown.card_id = card.card_id
    shown.kind = KIND_NUMBERS[card.kind]
    fill_balance(shown.balance, address, found)


def _fill_spent(shown: pb.Entry, command: SpendPoints, answer: Answer[Spent]) -> None:
    facts = EntryFacts(command.reference)
    fill_new_entry(shown, command.address, answer.value.entry, answer.value, answer.activity, facts=facts)


def paid_purchase(address: Address, transaction: str) -> str | None:
    """The id of the purchase that points pay for. Raises RequestInvalid where it is another customer's."""
    if not transaction:
        return None
    name = names.transaction(transaction)
    if (name.program, name.customer) != (address.program, address.customer):
        raise RequestInvalid([("transaction", "must be a purchase of the customer who pays")])
    return name.transaction_id
