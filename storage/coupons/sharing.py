"""Codes for many: made one by one, by somebody who thought of them."""

from typing import NamedTuple

from rules import archiving
from rules.coupons.campaigns import check_active, check_shared
from rules.coupons.coupons import Coupon, Origin
from rules.coupons.refusals import CodeExists
from storage.activity.commands import Scope, record
from storage.coupons import batches
from storage.coupons.campaigns import locked
from storage.coupons.queries import coupon_name
from storage.coupons.records import COUPONS
from storage.coupons.sealing import CodeSeals
from storage.coupons.unchecked import mark_unchecked
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.stock import commands as stocks


class SharedCoupon(NamedTuple):
    """A code for many, by the resource name of its coupon."""

    coupon: str


class CreateSharedCoupon(NamedTuple):
    """One code for many: `code` is sealed, in hexadecimal digits."""

    program_id: str
    campaign_id: str
    code: str
    last_four: str
    context: CommandContext

    def answers(self) -> type[SharedCoupon]:
        """The coupon."""
        return SharedCoupon

    def decide(self, unit: Unit) -> Answer[SharedCoupon]:
        """Raises ProgramNotFound, ProgramArchived, CampaignNotFound, CampaignArchived, TermsInvalid, CodeExists."""
        context = self.context
        # Its terms stay while it is made: what they must say of shared codes is looked at here, and by updates.
        program, campaign = locked(self.program_id, self.campaign_id, "", context)
        archiving.check_active(program.settings, program.program_id)
        check_active(campaign.archived, campaign.campaign_id)
        check_shared(campaign.terms)
        batches.free(unit, program.id, [bytes.fromhex(self.code)])
        if unit.connection.execute(_CODE, (program.id, self.code)).fetchone() is not None:
            raise CodeExists()
        coupon = new_uuid()
        name = coupon_name(campaign.name, coupon.int)
        details = {
            "campaign": campaign.name,
            "coupon": name,
            "fingerprint": CodeSeals.fingerprint(bytes.fromhex(self.code)),
            "last_four": self.last_four,
        }
        request_id = context.request.request_id
        activity = record(unit, context.origin, name, Scope(program.id), details=details, request_id=request_id)
        stock = stocks.create(unit.connection, program.id, campaign.terms.uses_per_code or None)
        now = program.now(unit.now)
        made = Coupon(self.code, self.last_four, Origin.SHARED, now, stock=stock, activity=activity)
        beside = {"program": program.id, "code": f"\\x{self.code}", "activity": activity}
        unit.put(COUPONS, (campaign.id, str(coupon)), made, beside)
        # Somebody thought of it: it has no check symbol.
        mark_unchecked(unit, program.id)
        return Answer(SharedCoupon(name), activity)


_CODE = "SELECT FROM coupon WHERE program = %s AND code = decode(%s, 'hex')"
