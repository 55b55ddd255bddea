"""Coupons reserved for an order, and let go again."""

from datetime import datetime, timedelta
from typing import NamedTuple

from rules.coupons.coupons import RedemptionState
from rules.coupons.orders import Order
from rules.coupons.refusals import RedemptionNotFound
from rules.states import Act
from storage.coupons import nouns
from storage.coupons.acts import coupons, customers, using
from storage.coupons.acts.using import Used, Wanted
from storage.coupons.nouns import COUPON, HOLDER
from storage.coupons.reading.redemptions import redemption_name
from storage.coupons.records import REDEMPTIONS
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.addresses import CustomerName
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.names import LotsNeeded, Reads

# Long enough to pay, and short enough that who goes away keeps it from nobody for long.
TTL = timedelta(minutes=15)


class Reserved(NamedTuple):
    """What is reserved, in the order of priority, or was let go of; each redemption has a record of its own."""

    redemptions: tuple[Used, ...]
    recorded_at: datetime


class ReserveCoupons(NamedTuple):
    """Sets uses of coupons aside for an order for `ttl_s` seconds (0: as long as TTL), all or none. What is reserved
    for it already is reserved anew, until then."""

    name: CustomerName
    order: Order
    coupons: tuple[Wanted, ...]
    ttl_s: int
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The customer, the coupons and what was used of them."""
        customers.read(reads, self.name)
        using.read(reads, self.name, self.order, self.coupons)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """No lots."""

    def answers(self) -> type[Reserved]:
        """What is reserved."""
        return Reserved

    def decide(self, group: Group) -> Answer[Reserved]:
        """Raises what is against a coupon; PassedOver."""
        holder = customers.find(group, self.name, Act.SPEND)
        counts, now = not self.context.validate_only, holder.program.now
        ends_at = now + (timedelta(seconds=self.ttl_s) if self.ttl_s else TTL)
        reserved = []
        for one in using.place(group, holder, self.order, self.coupons, None, counts):
            details = {**using.told(self.order, one), "expires_at": ends_at.isoformat()}
            subject = redemption_name(self.name.name, one.id)
            activity = group.record(self.context, holder.scope, subject, now, details)
            reserved.append(using.take(group, holder, self.order, one, activity, counts, ends_at))
        return Answer(Reserved(tuple(reserved), group.now), reserved[0].redemption.activity)


class ReleaseCoupons(NamedTuple):
    """Lets go of all that is reserved for an order of a customer."""

    name: CustomerName
    order_id: str
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The customer, and what is reserved for the order."""
        customers.read(reads, self.name)
        key = nouns.by_order(self.name, self.order_id)
        reads.other(HOLDER, *nouns.of_holder(key))
        reads.other(COUPON, *key)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """No lots."""

    def answers(self) -> type[Reserved]:
        """What was reserved."""
        return Reserved

    def decide(self, group: Group) -> Answer[Reserved]:
        """Raises RedemptionNotFound."""
        holder = customers.find(group, self.name, Act.PUT_RIGHT)
        now, workspace = holder.program.now, group.workspace
        released = []
        for which, one in sorted(using.of_order(workspace, holder, self.order_id)):
            if one.state is not RedemptionState.RESERVED or not one.is_open(now):
                continue
            found = coupons.in_hand(workspace, self.name.program, (one.campaign, one.coupon))
            details = {**found.told, "order": self.order_id}
            subject = redemption_name(self.name.name, which)
            activity = group.record(self.context, holder.scope, subject, now, details)
            coupons.give_back(workspace, found, one, not self.context.validate_only)
            after = one._replace(state=RedemptionState.RELEASED, ended_at=now, activity=activity)
            workspace.put(REDEMPTIONS, (holder.id, which), after)
            released.append(Used(which, found.campaign.campaign_id, after))
        if not released:
            raise RedemptionNotFound()
        return Answer(Reserved(tuple(released), group.now), released[0].redemption.activity)
