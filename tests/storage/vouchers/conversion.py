"""From the words of a request to the command, and from its answer to a response."""

from typing import Any

from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.addresses import Address
from tests.storage.vouchers.commands import Redeemed, RedeemVoucher


def redeem_voucher(request: dict[str, Any], context: CommandContext) -> RedeemVoucher:
    """The command in a request."""
    _, program, _, customer, _, card = request["account"].split("/")
    return RedeemVoucher(Address(program, customer, card), request["code"], request["points"], context)


def redeemed(command: RedeemVoucher, answer: Answer[Redeemed]) -> dict[str, Any]:
    """What is answered to it."""
    voucher = f"programs/{command.address.program}/vouchers/{command.code}"
    return {"voucher": voucher, "uses": answer.value.uses, "spendable": answer.value.spendable}
