"""Coupons in use: assigned, reserved, redeemed, rolled back, voided."""

from collections.abc import Iterable
from typing import Any

from fealty.v1 import coupons_pb2 as pb
from fealty.v1.values_pb2 import Money
from rules.access import Permission
from rules.coupons import codes
from rules.coupons.codes import DEFAULT_PATTERN, Code, Pattern, normalise
from rules.coupons.orders import check_named_once
from rules.coupons.refusals import CouponNotFound
from server.call import Call
from server.convert import names
from server.convert.balances import fill_balance, fill_new_entry
from server.convert.coupons import fill_coupon, fill_redemption
from server.convert.orders import order
from server.convert.passes import fill as fill_pass
from server.convert.passes import wanted_template
from server.convert.requests import context, fill_receipt, instant
from server.errors import RequestInvalid
from storage.coupons import nouns
from storage.coupons.acts.assigning import AssignCoupon
from storage.coupons.acts.giving import FreshCode
from storage.coupons.acts.redeeming import RedeemCoupons, Redeemed
from storage.coupons.acts.reserving import ReleaseCoupons, ReserveCoupons, Reserved
from storage.coupons.acts.rollbacks import RedemptionRolledBack, RollBackRedemption
from storage.coupons.acts.using import Used, Wanted
from storage.coupons.acts.voiding import VoidCoupon
from storage.coupons.nouns import CouponKey
from storage.coupons.queries import campaign_name
from storage.coupons.reading.coupons import CouponRead
from storage.coupons.reading.redemptions import RedemptionRead
from storage.coupons.sealing import CodeSeals
from storage.engine.requests import Answer
from storage.ledger.addresses import Address, CustomerName
from storage.ledger.entries import EntryFacts

# What is made on the spot has this pattern, whatever the campaign's: which that is, nobody knows before it is loaded.
_FRESH = Pattern(DEFAULT_PATTERN)


def assign_coupon(call: Call, message: pb.AssignCouponRequest) -> AssignCoupon:
    """The command in a request. Raises CodeMalformed, CouponNotFound, PermissionMissing, RequestInvalid."""
    name = names.customer(message.customer)
    template_id = wanted_template(call, message, name.program)
    asked = pb.AssignCouponRequest()
    asked.CopyFrom(message)
    key, campaign_id, fresh = None, "", None
    if message.HasField("code"):
        asked.code = _sealed(call, name.program, message.code)
        key = nouns.by_code(name.program, asked.code)
    elif message.HasField("coupon"):
        key = _named(name.program, message.coupon, "coupon")
        if not call.caller.may(Permission.COUPONS_INSPECT, name.program):
            # By its name they may use what is the customer's own, and that cannot be given once more.
            raise CouponNotFound(program=name.program)
    else:
        campaign = names.campaign(message.campaign)
        if campaign.program != name.program:
            raise RequestInvalid([("campaign", "must be a campaign of the customer's program")])
        campaign_id = campaign.campaign
        fresh = fresh_code(call, name.program)
    return AssignCoupon(name, key, campaign_id, fresh, context(call, message, asked), template_id)


def assigned(command: AssignCoupon, answer: Answer[CouponRead]) -> pb.AssignCouponResponse:
    """What is answered to it, but for the code."""
    response = pb.AssignCouponResponse()
    fill_coupon(response.coupon, answer.value)
    if answer.value.issued is not None:
        fill_pass(response.wallet_pass, answer.value.issued)
    fill_receipt(response.receipt, answer)
    return response


def reveal_assigned(seals: CodeSeals, command: AssignCoupon, answer: Answer[CouponRead], response: Any) -> None:
    """The code, for who is to hand it to the customer. Where somebody only asks, nobody has it."""
    if not command.context.validate_only:
        response.code = code_of(seals, command.name.program, answer.value)


def fresh_code(call: Call, program: str) -> FreshCode:
    """A code for a coupon that may be made on the spot."""
    code = Code(codes.make(_FRESH, 1)[0])
    return FreshCode(call.codes.seal(program, code).hex(), code.last_four)


def code_of(seals: CodeSeals, program: str, read: CouponRead) -> str:
    """The code of a coupon, as people write it."""
    code = Code(seals.unseal(program, bytes.fromhex(read.coupon.code)))
    return Pattern(read.of.terms.code_pattern or DEFAULT_PATTERN).shown(code)


def reserve_coupons(call: Call, message: pb.ReserveCouponsRequest) -> ReserveCoupons:
    """The command in a request. Raises CodeMalformed, CouponNotFound, CouponNamedTwice, CurrenciesDiffer,
    OrderLinesDiffer, RequestInvalid."""
    name = names.customer(message.customer)
    asked = pb.ReserveCouponsRequest()
    asked.CopyFrom(message)
    wanted = _wanted(call, name, asked.coupons)
    return ReserveCoupons(name, order(message.order), wanted, message.ttl_s, context(call, message, asked))


def reserved(command: ReserveCoupons, answer: Answer[Reserved]) -> pb.ReserveCouponsResponse:
    """What is answered to it."""
    response = pb.ReserveCouponsResponse()
    _fill(response, command.name, answer.value.redemptions)
    _fill_discount(response.discount, command.order.currency_code, answer.value.redemptions)
    fill_receipt(response.receipt, answer)
    return response


def release_coupons(call: Call, message: pb.ReleaseCouponsRequest) -> ReleaseCoupons:
    """The command in a request."""
    return ReleaseCoupons(names.customer(message.customer), message.order_id, context(call, message))


def released(command: ReleaseCoupons, answer: Answer[Reserved]) -> pb.ReleaseCouponsResponse:
    """What is answered to it."""
    response = pb.ReleaseCouponsResponse()
    _fill(response, command.name, answer.value.redemptions)
    fill_receipt(response.receipt, answer)
    return response


def redeem_coupons(call: Call, message: pb.RedeemCouponsRequest) -> RedeemCoupons:
    """The command in a request. Raises CodeMalformed, CouponNotFound, CouponNamedTwice, CurrenciesDiffer,
    OrderLinesDiffer, RequestInvalid."""
    name = names.customer(message.customer)
    account = _account(name, message.account)
    if account is None and message.spend_points:
        raise RequestInvalid([("account", "must be the account that the points are spent from")])
    asked = pb.RedeemCouponsRequest()
    asked.CopyFrom(message)
    wanted = _wanted(call, name, asked.coupons)
    how = context(call, message, asked)
    return RedeemCoupons(name, order(message.order), wanted, account, message.spend_points, how)


def redeemed(command: RedeemCoupons, answer: Answer[Redeemed]) -> pb.RedeemCouponsResponse:
    """What is answered to it."""
    value, account = answer.value, command.account
    response = pb.RedeemCouponsResponse()
    _fill(response, command.name, value.redemptions, account)
    _fill_discount(response.discount, command.order.currency_code, value.redemptions)
    if account is not None and value.entry is not None:
        facts = EntryFacts(command.order.order_id)
        why = command.context.reason
        fill_new_entry(response.entry, account, value.entry, value, answer.activity, why, facts)
    if account is not None and value.balance is not None:
        fill_balance(response.balance, account, value.balance)
    fill_receipt(response.receipt, answer)
    return response


def roll_back_redemption(call: Call, message: pb.RollBackRedemptionRequest) -> RollBackRedemption:
    """The command in a request. Raises RedemptionNotFound, RequestInvalid."""
    program, customer, redemption = names.redemption(message.name)
    name = CustomerName(program, customer)
    until = instant(message, "extend_until_time")
    return RollBackRedemption(name, redemption, until, _account(name, message.account), context(call, message))


def rolled_back(command: RollBackRedemption, answer: Answer[RedemptionRolledBack]) -> pb.RollBackRedemptionResponse:
    """What is answered to it."""
    response = pb.RollBackRedemptionResponse()
    fill_redemption(response.redemption, _read(command.name, answer.value.used, command.account))
    fill_receipt(response.receipt, answer)
    return response


def void_coupon(call: Call, message: pb.VoidCouponRequest) -> VoidCoupon:
    """The command in a request. Raises CouponNotFound."""
    program, campaign_id, coupon = names.coupon(message.name)
    return VoidCoupon(nouns.by_name(program, campaign_id, coupon), context(call, message))


def voided(command: VoidCoupon, answer: Answer[CouponRead]) -> pb.VoidCouponResponse:
    """What is answered to it."""
    response = pb.VoidCouponResponse()
    fill_coupon(response.coupon, answer.value)
    fill_receipt(response.receipt, answer)
    return response


def _wanted(call: Call, name: CustomerName, uses: Any) -> tuple[Wanted, ...]:
    """The coupons in a request, whose codes are sealed in place: what is hashed of it holds none in the clear. Raises
    CouponNamedTwice, where it can be seen before any is looked for."""
    wanted = []
    only_own = not call.caller.may(Permission.COUPONS_INSPECT, name.program)
    for number, use in enumerate(uses):
        if use.HasField("code"):
            use.code = _sealed(call, name.program, use.code)
            wanted.append(Wanted(nouns.by_code(name.program, use.code), use.amount_minor))
        else:
            key = _named(name.program, use.name, f"coupons[{number}].name")
            wanted.append(Wanted(key, use.amount_minor, only_own))
    check_named_once([one.key for one in wanted])
    return tuple(wanted)


def _sealed(call: Call, program: str, typed: str) -> str:
    return call.codes.seal(program, normalise(typed)).hex()


def _named(program: str, coupon: str, field: str) -> CouponKey:
    name = names.coupon(coupon)
    if name.program != program:
        raise RequestInvalid([(field, "must be a coupon of the customer's program")])
    return nouns.by_name(*name)


def _account(name: CustomerName, account: str) -> Address | None:
    if not account:
        return None
    address = names.address(account)
    if address.owner != name:
        raise RequestInvalid([("account", "must be an account of the customer")])
    return address


def _fill(response: Any, name: CustomerName, uses: Iterable[Used], account: Address | None = None) -> None:
    for used in uses:
        fill_redemption(response.redemptions.add(), _read(name, used, account))


def _read(name: CustomerName, used: Used, account: Address | None) -> RedemptionRead:
    gave_to = account.name if account is not None and used.redemption.account is not None else ""
    campaign = campaign_name(name.program, used.campaign_id)
    return RedemptionRead(used.id, used.redemption, name.name, campaign, gave_to)


def _fill_discount(shown: Money, currency_code: str, uses: Iterable[Used]) -> None:
    shown.currency_code = currency_code
    shown.amount_minor = sum(used.redemption.discount_minor or 0 for used in uses)
