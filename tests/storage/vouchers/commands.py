"""What is done with vouchers: redeemed, together with a spending of points."""

from typing import NamedTuple

from rules import ledger
from rules.refunds import Spending
from rules.refusals import Refusal
from rules.states import Act
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.addresses import Address
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.names import LotsNeeded, Reads
from tests.storage.vouchers.records import VOUCHER, VOUCHERS
from tests.storage.vouchers.rules import redeem


class VoucherNotFound(Refusal):
    """There is no voucher {code}."""


class Redeemed(NamedTuple):
    """How often it was redeemed, and what is left to spend."""

    uses: int
    spendable: int


class RedeemVoucher(NamedTuple):
    """Uses a voucher once and takes points for it, or neither."""

    address: Address
    code: str
    points: int
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The account and the voucher."""
        reads.account(self.address)
        reads.other(VOUCHER, self.address.program, self.code)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that it takes from."""
        lots.points(self.address, self.points)

    def answers(self) -> type[Redeemed]:
        """Both, after it."""
        return Redeemed

    def decide(self, group: Group) -> Answer[Redeemed]:
        """Raises VoucherNotFound, VoucherUsedUp, InsufficientPoints."""
        locked = group.account(self.address, Act.SPEND)
        key, now = (locked.key.program, self.code), locked.program.now
        voucher = group.workspace.get(VOUCHERS, key)
        if voucher is None:
            raise VoucherNotFound(code=self.code)
        after = redeem(voucher)
        # Put before the points are looked at: what is refused after it must not stay.
        group.workspace.put(VOUCHERS, key, after)
        draft = locked.draft()
        entry = ledger.spend(draft, self.points, now)
        details = {"amount": -self.points, "entry": entry.seq, "voucher": self.code}
        activity = group.record(self.context, locked.scope, self.address.name, now, details, -self.points)
        locked.apply(draft, activity)
        locked.keep_spending(Spending(entry.seq, self.points, 0, 0, now, entry.allocations), activity)
        return Answer(Redeemed(after.uses, draft.account.spendable), activity)
