"""Redemptions rolled back: by hand, and with the purchase of their order."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from rules import ledger
from rules.activity import Kind
from rules.coupons.campaigns import window
from rules.coupons.coupons import Redemption, RedemptionState, end_of
from rules.coupons.refusals import CouponAccountNeeded, RedemptionNotFound, RedemptionStateWrong
from rules.coupons.terms import GiveBack
from rules.programs import time_zone
from rules.refusals import ExpiryInPast
from rules.states import Act
from storage.activity.commands import record
from storage.coupons import nouns
from storage.coupons.acts import coupons, customers
from storage.coupons.acts.coupons import InHand
from storage.coupons.acts.customers import Holder
from storage.coupons.acts.using import Used
from storage.coupons.nouns import COUPON, HOLDER
from storage.coupons.reading.redemptions import redemption_name
from storage.coupons.records import REDEMPTIONS
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.addresses import Address, CustomerName, TransactionName
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import LotsNeeded, Reads

# What the contract calls it, also where a refund does it.
ROLLED_BACK = Kind("redemption.rolled_back", "PAYMENTS", "PAYMENT")


class RedemptionRolledBack(NamedTuple):
    """The redemption after it, and how many points were taken back."""

    used: Used
    points: int
    recorded_at: datetime


class RollBackRedemption(NamedTuple):
    """Gives a use back. With `until`, a coupon that would end before can be used until then. `account` is the one that
    points are taken back from."""

    name: CustomerName
    redemption: str
    until: datetime | None
    account: Address | None
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The customer, the redemption, its coupon, and the account."""
        customers.read(reads, self.name)
        if self.account is not None:
            reads.account(self.account)
        key = nouns.by_redemption(self.name, self.redemption)
        reads.other(HOLDER, *nouns.of_holder(key))
        reads.other(COUPON, *key)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that the points it gave are taken from."""
        key = loaded.key(self.account) if self.account is not None else None
        if key is not None and self.account is not None:
            found = loaded.workspace.get(REDEMPTIONS, (key.customer, self.redemption))
            if found is not None and found.points:
                lots.points(self.account, found.points)

    def answers(self) -> type[RedemptionRolledBack]:
        """The redemption."""
        return RedemptionRolledBack

    def decide(self, group: Group) -> Answer[RedemptionRolledBack]:
        """Raises RedemptionNotFound, RedemptionStateWrong, CouponAccountNeeded, ExpiryInPast."""
        holder = customers.find(group, self.name, Act.GIVE_BACK)
        now, workspace = holder.program.now, group.workspace
        redemption = workspace.get(REDEMPTIONS, (holder.id, self.redemption))
        if redemption is None:
            raise RedemptionNotFound()
        if redemption.state is not RedemptionState.REDEEMED:
            raise RedemptionStateWrong(state=redemption.at(now).state)
        if self.until is not None and self.until <= now:
            raise ExpiryInPast(given=self.until.isoformat(), now=now.isoformat())
        found = coupons.in_hand(workspace, self.name.program, (redemption.campaign, redemption.coupon))
        locked = self._account(group, redemption, found)
        counts = not self.context.validate_only
        coupons.give_back(workspace, found, redemption, counts, self._end(holder, found))
        details = {**found.told, "order": redemption.order_id}
        subject = redemption_name(self.name.name, self.redemption)
        taken = 0
        if locked is None:
            activity = group.record(self.context, holder.scope, subject, now, details)
        else:
            draft = locked.draft()
            taken = max(0, min(redemption.points, draft.account.spendable))
            details |= {"account": locked.address.name, "points": taken, "given": redemption.points}
            if taken:
                ledger.deduct(draft, taken, now)
            activity = group.book(self.context, locked, draft, subject, now, details, -taken)
        after = redemption._replace(state=RedemptionState.ROLLED_BACK, ended_at=now, activity=activity)
        workspace.put(REDEMPTIONS, (holder.id, self.redemption), after)
        used = Used(self.redemption, found.campaign.campaign_id, after)
        return Answer(RedemptionRolledBack(used, taken, group.now), activity)

    def _end(self, holder: Holder, found: InHand) -> datetime | None:
        """The end of its own that the coupon gets; None where it stays as it is."""
        zone = time_zone(holder.program.settings.time_zone)
        ends_at = end_of(found.coupon, window(found.campaign.terms, zone))
        return self.until if self.until is not None and ends_at is not None and ends_at < self.until else None

    def _account(self, group: Group, redemption: Redemption, found: InHand) -> LockedAccount | None:
        """The account that the points went to; None where it gave none."""
        if not redemption.points:
            return None
        if self.account is not None:
            locked = group.account(self.account, Act.GIVE_BACK)
            if locked.key.account == redemption.account:
                return locked
        raise CouponAccountNeeded(card=found.campaign.terms.card_id)


def read_used(reads: Reads, purchase: TransactionName) -> None:
    """Names what was used for the order of a purchase, which gives it back with its money."""
    key = nouns.by_order(CustomerName(*purchase[:2]), purchase.transaction_id)
    reads.other(HOLDER, *nouns.of_holder(key))
    reads.other(COUPON, *key)


def give_back_used(
    group: Group, holder: Holder, order_id: str, is_whole: bool, context: CommandContext, cause: str
) -> None:
    """Gives back what was used for the order of a purchase that was rejected or refunded, wholly or in part, as the
    terms in force say; but for coupons of points, whose points the refund of the purchase claims. `cause` is the
    activity of that."""
    workspace, now = group.workspace, holder.program.now
    origin = context.origin._replace(kind=ROLLED_BACK)
    for which, one in list(workspace.within(REDEMPTIONS, (holder.id,)).items()):
        if one.order_id != order_id or one.state is not RedemptionState.REDEEMED or one.points:
            continue
        found = coupons.in_hand(workspace, holder.name.program, (one.campaign, one.coupon))
        gives = found.campaign.terms.give_back
        if gives is GiveBack.NEVER or (gives is GiveBack.WHOLE and not is_whole):
            continue
        coupons.give_back(workspace, found, one, not context.validate_only)
        activity = record(
            workspace,
            origin,
            redemption_name(holder.name.name, which),
            holder.scope,
            now,
            details={**found.told, "order": order_id},
            request_id=context.request.request_id,
            event=ROLLED_BACK.action,
            cause=UUID(cause),
        )
        after = one._replace(state=RedemptionState.ROLLED_BACK, ended_at=now, activity=activity)
        workspace.put(REDEMPTIONS, (holder.id, which), after)
