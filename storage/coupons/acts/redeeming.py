"""Coupons redeemed for an order, with points spent beside them; a redemption rolled back."""

from datetime import datetime
from typing import Any, NamedTuple

from rules import ledger
from rules.accounts import Entry
from rules.coupons.orders import Order
from rules.refunds import Spending
from rules.states import Act
from storage.coupons.acts import customers, using
from storage.coupons.acts.customers import Holder
from storage.coupons.acts.using import Placed, Used, Wanted
from storage.coupons.reading.redemptions import redemption_name
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.acts.adjustments import given_now
from storage.ledger.acts.spendings import check_whole
from storage.ledger.addresses import Address, CustomerName
from storage.ledger.commands import Balance, balance
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import LotsNeeded, Reads


class Redeemed(NamedTuple):
    """What was redeemed, in the order of priority; the entry of the points that were spent, where any were, and the
    balance of the account, where one was named."""

    redemptions: tuple[Used, ...]
    recorded_at: datetime
    entry: Entry | None = None
    balance: Balance | None = None


class RedeemCoupons(NamedTuple):
    """Uses coupons for an order, all or none, and spends points beside them. `account` is what these are taken from,
    and what a coupon of points gives to."""

    name: CustomerName
    order: Order
    coupons: tuple[Wanted, ...]
    account: Address | None
    spend_points: int
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The customer, the account, the coupons and what was used of them."""
        customers.read(reads, self.name)
        if self.account is not None:
            reads.account(self.account)
        using.read(reads, self.name, self.order, self.coupons)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that points are taken from."""
        if self.account is not None and self.spend_points:
            lots.points(self.account, self.spend_points)

    def answers(self) -> type[Redeemed]:
        """What was redeemed."""
        return Redeemed

    def decide(self, group: Group) -> Answer[Redeemed]:
        """Raises what is against a coupon, and what spending raises; PassedOver."""
        holder = customers.find(group, self.name, Act.SPEND)
        locked = group.account(self.account, Act.SPEND) if self.account is not None else None
        card = self.account.card if self.account is not None else ""
        counts = not self.context.validate_only
        placed = using.place(group, holder, self.order, self.coupons, card, counts)
        redeemed, activities = [], []
        entry = None
        for number, one in enumerate(placed):
            spends = self.spend_points if number == 0 else 0
            activity, spent = self._record(group, holder, locked, one, spends)
            entry = entry or spent
            account = locked.key.account if locked is not None else None
            redeemed.append(using.take(group, holder, self.order, one, activity, counts, account=account))
            activities.append(activity)
        shown = None
        if locked is not None:
            shown = balance(locked.draft().account, locked.card, holder.program.now)
        return Answer(Redeemed(tuple(redeemed), group.now, entry, shown), activities[0])

    def _record(
        self, group: Group, holder: Holder, locked: LockedAccount | None, placed: Placed, spends: int
    ) -> tuple[str, Entry | None]:
        """Records the use of one coupon, and with it what it does to the account."""
        now, program = holder.program.now, holder.program
        details: dict[str, Any] = using.told(self.order, placed)
        subject = redemption_name(self.name.name, placed.id)
        gives = placed.verdict.points
        if locked is None or not (spends or gives):
            return group.record(self.context, holder.scope, subject, now, details), None
        draft, entry = locked.draft(), None
        details["account"] = locked.address.name
        if spends:
            check_whole(locked.card, spends)
            entry = ledger.spend(draft, spends, now, self.order.order_id)
            draft.extend_sliding_expiries("points.spent", now)
            details |= {"amount": -spends, "entry": entry.seq}
        if gives:
            # What the card has against new points counts here, and not against what is spent.
            group.account(locked.address, Act.EARN)
            ledger.earn(draft, gives, given_now(locked, now), program.version, now)
            details["points"] = gives
        activity = group.book(self.context, locked, draft, subject, now, details, gives - spends)
        if entry is not None:
            spending = Spending(entry.seq, spends, 0, 0, now, entry.allocations, self.order.order_id)
            locked.keep_spending(spending, activity, self.order.order_id)
        return activity, entry
