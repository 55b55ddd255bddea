"""A coupon voided, for good."""

from typing import NamedTuple

from rules.coupons.refusals import CouponVoided
from rules.refusals import CustomerClosed
from rules.states import CustomerState
from storage.activity.commands import Scope
from storage.coupons import nouns
from storage.coupons.acts import coupons
from storage.coupons.nouns import COUPON, OWNERS, CouponKey
from storage.coupons.reading.coupons import CouponRead
from storage.coupons.records import COUPONS
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.names import LotsNeeded, Reads


class VoidCoupon(NamedTuple):
    """Ends the use of a coupon. What is reserved of it stays reserved."""

    key: CouponKey
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The coupon, and its program."""
        reads.program(self.key[0])
        reads.other(COUPON, *nouns.whole(self.key))

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """No lots."""

    def answers(self) -> type[CouponRead]:
        """The coupon."""
        return CouponRead

    def decide(self, group: Group) -> Answer[CouponRead]:
        """Raises CouponNotFound, CouponVoided, CustomerClosed."""
        found = coupons.find(group, nouns.whole(self.key))
        program, customer = group.program(found.campaign.program), found.coupon.customer
        owner = group.workspace.get(OWNERS, (customer,)) if customer is not None else None
        if owner is not None and owner.state is CustomerState.CLOSED:
            # All that was theirs has ended with them.
            raise CustomerClosed(customer=owner.customer_id)
        if found.coupon.voided_at is not None:
            raise CouponVoided()
        scope = Scope(program.id, customer)
        activity = group.record(self.context, scope, found.name, program.now, found.told)
        voided = found.coupon._replace(voided_at=program.now, pooled=False)
        group.workspace.put(COUPONS, found.key, voided)
        name = f"programs/{found.program}/customers/{owner.customer_id}" if owner is not None else ""
        return Answer(coupons.shown(group.workspace, found._replace(coupon=voided), program, name), activity)
