"""What is asked and answered about coupons that may be redeemed for an order."""

from fealty.v1 import coupons_pb2 as pb
from rules.access import Permission
from rules.coupons.availability import HIDDEN
from rules.coupons.orders import Verdict
from rules.coupons.refusals import CodeMalformed, CodeMistyped, CouponNotFound, CouponNotUsable
from rules.coupons.terms import Benefit
from rules.refusals import Refusal
from server.call import Call
from server.convert import coupons, names
from server.errors import failure
from server.guarding import CODES
from server.guessing import NOT_THERE, is_hidden
from server.naming_coupons import named
from server.reasons import REFUSALS
from storage.coupons import nouns
from storage.coupons.acts.using import Wanted
from storage.coupons.reading.coupons import CouponRead
from storage.coupons.validating import ValidateCoupons, Validated


async def wanted(call: Call, use: pb.CouponUse, program: str) -> Wanted | Refusal:
    """A coupon that is named, or what is against its name: each of a request has a verdict of its own."""
    if use.HasField("name"):
        name = names.coupon(use.name)
        if name.program != program:
            return CouponNotFound(program=program)
        only_own = not call.caller.may(Permission.COUPONS_INSPECT, program)
        return Wanted(nouns.by_name(program, name.campaign, name.id), use.amount_minor, only_own)
    try:
        code = await call.guessing.read(call, use.code, program)
    except (CodeMalformed, CodeMistyped) as refusal:
        return refusal
    return Wanted(nouns.by_code(program, call.codes.seal(program, code).hex()), use.amount_minor)


def note_failed(call: Call, message: pb.ValidateCouponsRequest, answered: Validated, program: str) -> None:
    """Counts each code that cannot be used for a reason of those that are told as one; and each name of a coupon that
    is none for this caller. The log has one entry of them, with the reason of the first."""
    inspects = call.caller.may(Permission.COUPONS_INSPECT, program)
    failed = pb.ValidateCouponsRequest(order=message.order)
    first = None
    for use, (verdict, _) in zip(message.coupons, answered.verdicts, strict=True):
        is_code = use.HasField("code")
        counted = HIDDEN if is_code else NOT_THERE if not inspects else frozenset()
        if against := [refusal for refusal in verdict.refusals if type(refusal) in counted]:
            CODES.failed(call, program)
            failed.coupons.append(use)
            first = first or against[0]
    if first is not None:
        call.refused = failure(first, call.subject)
        call.details = named(call, failed, call.refused, program)


def response(call: Call, asked: ValidateCoupons, answered: Validated) -> pb.ValidateCouponsResponse:
    """What is answered: of a coupon that a caller may not know of, that it cannot be used, and nothing else."""
    response = pb.ValidateCouponsResponse(valid=True)
    response.discount.currency_code = asked.order.currency_code
    for verdict, read in answered.verdicts:
        shown = response.coupons.add()
        if verdict.refusals:
            response.valid = False
            if any(is_hidden(call.caller, refusal, call.program) for refusal in verdict.refusals):
                _fill_reason(shown, CouponNotUsable(), "")
                continue
            for refusal in verdict.refusals:
                _fill_reason(shown, refusal, call.subject)
        else:
            _fill_gift(shown, asked, verdict, read)
            response.discount.amount_minor += verdict.discount_minor
        if read is not None:
            coupons.fill_coupon(shown.coupon, read, with_terms=False)
    return response


def _fill_gift(shown: pb.CouponVerdict, asked: ValidateCoupons, verdict: Verdict, read: CouponRead | None) -> None:
    assert read is not None, "nothing is given by what there is not"
    terms = read.of.terms
    shown.valid = True
    if terms.benefit is Benefit.POINTS:
        shown.points = verdict.points
        shown.account = f"{asked.name.name}/accounts/{terms.card_id}"
    else:
        shown.discount.currency_code, shown.discount.amount_minor = asked.order.currency_code, verdict.discount_minor
    for line, amount_minor in verdict.lines:
        shown.lines.add(line=line, amount_minor=amount_minor)
    shown.products_to_check.extend(verdict.products_to_check)
    shown.categories_to_check.extend(verdict.categories_to_check)
    shown.stores_to_check.extend(verdict.stores_to_check)


def _fill_reason(shown: pb.CouponVerdict, refusal: Refusal, subject: str) -> None:
    named = names.refusal(refusal, subject)
    shown.reasons.add(reason=REFUSALS[type(refusal)].reason, message=str(named), metadata=named.facts)
