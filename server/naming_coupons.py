"""Which coupons a refused request named: for the log, and for whoever has to take one of several off an order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fealty.v1 import coupons_pb2 as pb
from rules.access import Permission
from rules.coupons.codes import normalise
from rules.coupons.refusals import CodeMalformed
from server.call import Call
from server.errors import Failure
from storage.coupons.sealing import CodeSeals

# Of a request that breaks a rule of shape, nothing may be kept.
_UNCHECKED = frozenset({"INVALID_REQUEST", "MALFORMED_REQUEST"})
# Its item is one of a stream.
_OF_A_STREAM = "GROUP_REFUSED"


def named(call: Call, message: Any, told: Failure, program: str) -> dict[str, Any]:
    """What the log keeps of a refused request of GUARDED: the order, and of each coupon its resource name, or the
    fingerprint and last four symbols of its code."""
    if told.reason in _UNCHECKED or not call.caller.sees(program):
        return {}
    coupons = [which(call, use, program) for use in _uses(message)]
    order = {"order": message.order.order_id} if hasattr(message, "order") else {}
    return {"coupons": [one for one in coupons if one], **order}


def which(call: Call, use: Any, program: str) -> dict[str, str]:
    """By what one coupon of a request is told; nothing of what is no code: that may be anything."""
    if use.HasField("name"):
        return {"coupon": use.name}
    try:
        code = normalise(use.code)
    except CodeMalformed:
        return {}
    return {"fingerprint": CodeSeals.fingerprint(call.codes.seal(program, code)), "last_four": code.last_four}


def completed(call: Call, message: Any, told: Failure, program: str) -> Failure:
    """The refusal of one coupon of several says which, to whoever may know of it by more than its number."""
    item = told.metadata.get("item")
    if item is None or told.reason == _OF_A_STREAM:
        return told
    may_inspect = call.caller.may(Permission.COUPONS_INSPECT, program)
    about = which(call, message.coupons[int(item) - 1], program) if may_inspect else {}
    called = about.get("coupon") or (f"•••{about['last_four']}" if about else "")
    said = f"{told.message} It is coupon {item} of the request{f', {called}' if called else ''}."
    return replace(told, message=said, metadata={**told.metadata, **about})


def _uses(message: Any) -> Sequence[pb.CouponUse]:
    match message:
        case pb.LookupCouponRequest():
            return [pb.CouponUse(code=message.code)]
        case pb.AssignCouponRequest():
            if message.HasField("coupon"):
                return [pb.CouponUse(name=message.coupon)]
            return [pb.CouponUse(code=message.code)] if message.HasField("code") else []
    return list(message.coupons)
