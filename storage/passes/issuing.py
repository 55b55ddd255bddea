"""Passes issued by themselves: with a coupon or a reward, storage/passes/making.py."""

from typing import NamedTuple

from rules.archiving import check_active
from rules.claims import ClaimState
from rules.coupons.coupons import CouponState
from rules.coupons.refusals import ClaimNotFound, CouponNotFound
from rules.passes.designs import PassKind
from rules.passes.refusals import PassExists, PassNotPossible
from rules.refusals import CustomerBlocked
from rules.states import CustomerState
from storage.activity.commands import Scope, record
from storage.coupons import queries as campaigns
from storage.coupons.reading import coupons
from storage.coupons.reading.coupons import CouponName
from storage.customers import queries as customers
from storage.customers.states import check_lives
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.ledger.addresses import CustomerName
from storage.passes.making import Making, Shown, make, prepare
from storage.passes.nouns import read_template
from storage.passes.reading.passes import PassName, PassRead
from storage.programs import queries as programs
from storage.programs.queries import Program
from storage.rewards import claims
from storage.rewards.claims import ClaimName, ClaimRead


class IssuePass(NamedTuple):
    """Issues a pass to a customer; what it shows besides, a coupon or a claim, is theirs, or a coupon for many."""

    owner: CustomerName
    template_id: str
    coupon: CouponName | None
    claim: ClaimName | None
    context: CommandContext

    def answers(self) -> type[PassRead]:
        """The pass."""
        return PassRead

    def decide(self, unit: Unit) -> Answer[PassRead]:
        """Raises ProgramNotFound, ProgramArchived, CustomerNotFound, CustomerMerged, CustomerClosed, CustomerBlocked,
        PassTemplateNotFound, PassTemplateArchived, CouponNotFound, ClaimNotFound, PassNotPossible, PassExists."""
        context = self.context
        program = programs.get(self.owner.program, context.caller)
        check_active(program.settings, program.program_id)
        # Whoever issues another to the same customer waits here.
        [customer] = customers.lock(program, self.owner.customer)
        check_lives(customer)
        if customer.state is CustomerState.BLOCKED:
            raise CustomerBlocked(customer=customer.customer_id)
        template = read_template(unit.connection, (program.program_id, self.template_id))
        made = prepare(template, self.owner, self._shown(unit, program, template.kind))
        _check_new(unit, customer.id, made)
        scope = Scope(program.id, customer.id)
        activity = record(
            unit,
            context.origin,
            made.name.name,
            scope,
            program.now(unit.now),
            details=made.said,
            request_id=context.request.request_id,
            event=context.origin.kind.action,
        )
        return Answer(make(unit, made, scope, activity), activity)

    def _shown(self, unit: Unit, program: Program, kind: PassKind) -> Shown:
        claim, coupon = self._claim(unit), self.coupon
        shown = Shown(claim=claim.id, reward_id=claim.reward_id) if claim is not None else Shown()
        given = claim.claim.coupon if claim is not None else None
        if coupon is None and claim is not None and given is not None and kind is PassKind.COUPON:
            coupon = CouponName(program.program_id, claim.campaign_id, given)
        if coupon is None:
            return shown
        if claim is not None and coupon.id != given:
            raise PassNotPossible(what="the claim gave another coupon, or none; name one of the two")
        self._check_coupon(unit, coupon)
        campaign = campaigns.get(program, coupon.campaign)
        return shown._replace(campaign=campaign.id, coupon=coupon.id, campaign_id=campaign.campaign_id)

    def _claim(self, unit: Unit) -> ClaimRead | None:
        """One of theirs, which stands."""
        if self.claim is None:
            return None
        if self.claim.owner != self.owner:
            raise ClaimNotFound
        found = claims.get(unit.connection, self.claim)
        if found.claim.state is ClaimState.CANCELLED:
            raise PassNotPossible(what="the claim was cancelled; name another")
        return found

    def _check_coupon(self, unit: Unit, name: CouponName) -> None:
        """That it is theirs or for many, and not at its end."""
        [found] = coupons.find(unit.connection, self.owner.program, [name])
        if found.customer != self.owner.name and not found.coupon.is_shared:
            raise CouponNotFound(program=self.owner.program)
        if found.state in _ENDED:
            raise PassNotPossible(what=f"the coupon is {_ENDED[found.state]}; name another")


def _check_new(unit: Unit, customer: int, made: Making) -> None:
    """Raises PassExists where the customer has such a pass."""
    found = unit.connection.execute(_SUCH, (customer, made.template.id, made.shown.coupon or made.shown.claim or None))
    for (identity,) in found:
        raise PassExists(pass_name=PassName(*made.name.owner, identity).name)


_ENDED = {CouponState.VOIDED: "voided", CouponState.EXPIRED: "expired", CouponState.USED_UP: "used up"}

# As the index pass_once has it.
_SUCH = """
SELECT id::text FROM pass
WHERE customer = %s AND template = %s AND coalesce(coupon, claim) IS NOT DISTINCT FROM %s::uuid AND voided_at IS NULL
"""
