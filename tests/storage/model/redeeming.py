"""What is done with coupons, to the books and to the model alike."""

from typing import Any
from uuid import UUID

from rules.coupons.orders import Order
from rules.coupons.terms import Benefit, CustomerLimit, GiveBack, Period, Stacking, Terms
from storage.coupons import nouns
from storage.coupons.acts.assigning import AssignCoupon
from storage.coupons.acts.giving import FreshCode
from storage.coupons.acts.redeeming import RedeemCoupons
from storage.coupons.acts.reserving import ReleaseCoupons, ReserveCoupons
from storage.coupons.acts.rollbacks import RollBackRedemption
from storage.coupons.acts.using import Wanted
from storage.coupons.acts.voiding import VoidCoupon
from storage.coupons.campaigns import CreateCampaign
from storage.coupons.sharing import CreateSharedCoupon
from storage.ledger.addresses import CustomerName
from tests.storage.asking import Asking, asked
from tests.storage.model.cards import QUICK
from tests.storage.model.choosing import SELDOM, Deed, Doing, Done, purchase, some
from tests.storage.model.coupons import CAMPAIGNS, TENTH, TENTH_CODE, Campaign, Use
from tests.storage.model.shop import Shop
from tests.storage.scene import Scene

# The id of a redemption that the books do not know, or not yet.
UNKNOWN = str(UUID(int=1))


def open_campaigns(scene: Scene) -> None:
    """The campaigns of the model, in the books."""
    for campaign in CAMPAIGNS:
        terms = _terms(campaign)
        scene.carry_out(CreateCampaign(scene.program_id, campaign.name, campaign.name, terms, asked(campaign.name)))
    scene.carry_out(CreateSharedCoupon(scene.program_id, TENTH.name, TENTH_CODE, "TENT", asked(TENTH_CODE)))


def _terms(campaign: Campaign) -> Terms:
    limits = [(Period.DAY, campaign.daily), (Period.EVER, campaign.ever)]
    is_money = campaign.kind in ("money", "card")
    return Terms(
        {
            "money": Benefit.AMOUNT_OFF,
            "share": Benefit.PERCENT_OFF,
            "card": Benefit.BALANCE,
            "points": Benefit.POINTS,
        }[campaign.kind],
        amount_minor=campaign.size if is_money else 0,
        basis_points=campaign.size if campaign.kind == "share" else 0,
        points=campaign.size if campaign.kind == "points" else 0,
        card_id=QUICK.card_id if campaign.kind == "points" else "",
        discount_max_minor=campaign.most,
        currency_code="" if campaign.kind == "points" else "EUR",
        days_from_assignment=campaign.days,
        uses_per_code=0 if campaign.uses == 1 else campaign.uses or 0,
        customer_limits=tuple(CustomerLimit(period, uses) for period, uses in limits if uses),
        unlimited_for_customer=campaign is TENTH,
        uses_max=campaign.in_all or 0,
        minimum_spend_minor=campaign.least,
        stacking=Stacking(campaign.alone, campaign.priority, campaign.group),
        give_back=GiveBack(campaign.back),
    )


def _assign(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    name = deed.key[0]
    campaign = [one for one in CAMPAIGNS if one is not TENTH][deed.which % 3]
    code = f"{len(shop.coupons):040x}"
    if deed.size <= SELDOM:
        code = _code(deed, shop)
        key = nouns.by_code(asking.program_id, code)
        command = AssignCoupon(_customer(asking, name), key, "", None, asked((name, code), **how))
        return Done(command, lambda model: model.assign_again(name, code), None)
    what = (_customer(asking, name), None, campaign.name, FreshCode(code, "WXYZ"))
    command = AssignCoupon(*what, asked(what, **how))
    return Done(command, lambda model: model.assign(name, campaign, code), None)


def _reserve(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    name, (order, amount), codes = deed.key[0], _order(deed, shop), _codes(deed, shop)
    ttl_s = deed.size * 3_600 if deed.flag else 0
    what = (_customer(asking, name), _asked_for(order, amount), _wanted(asking, codes), ttl_s)
    command = ReserveCoupons(*what, asked(what, **how))
    return Done(command, lambda model: model.reserve(name, order, amount, codes, ttl_s), None)


def _release(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    use = _use(deed, shop, [use for use in shop.uses if use.until is not None and not use.ended])
    name, order = (use.owner, use.order) if use is not None else (deed.key[0], "nothing")
    what = (_customer(asking, name), order)
    return Done(ReleaseCoupons(*what, asked(what, **how)), lambda model: model.release_uses(name, order), None)


def _redeem(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    name, (order, amount), codes = deed.key[0], _order(deed, shop), _codes(deed, shop)
    # What is reserved is redeemed, rather.
    use = _use(deed, shop, [use for use in shop.uses if use.until is not None and not use.ended])
    if use is not None and deed.points % 2:
        name, order = use.owner, use.order
        codes = tuple(one.code for one in shop.uses if (one.owner, one.order) == (name, order) and not one.ended)
    has_points = any(shop.coupons[code].campaign.kind == "points" for code in codes)
    card = QUICK.card_id if has_points and deed.size > SELDOM else deed.key[1] if deed.flag else ""
    spends = some(deed._replace(key=(name, card)), shop) if card and deed.which % 3 == 0 else 0
    account = asking.address(name, card) if card else None
    what = (_customer(asking, name), _asked_for(order, amount), _wanted(asking, codes), account, spends)
    command = RedeemCoupons(*what, asked(what, **how))
    told = (name, order, amount, codes, card, spends)
    return Done(command, lambda model: model.redeem(*told), (name, card) if card else None)


def _roll_back(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done | None:
    use = _use(deed, shop, [use for use in shop.uses if use.is_redeemed])
    if use is None:
        return None
    number, name = shop.uses.index(use), use.owner
    found = _redemption(asking, use)
    if found is None:
        return None
    card = QUICK.card_id if use.points and deed.size > SELDOM else ""
    account = asking.address(name, card) if card else None
    what = (_customer(asking, name), found, None, account)
    command = RollBackRedemption(*what, asked(what, **how))
    return Done(command, lambda model: model.roll_back_use(name, model.uses[number], card), None)


def _void(deed: Deed, shop: Shop, asking: Asking, how: dict[str, Any]) -> Done:
    code = _code(deed, shop)
    key = nouns.by_code(asking.program_id, code)
    return Done(VoidCoupon(key, asked(code, **how)), lambda model: model.void(code), None)


def _code(deed: Deed, shop: Shop) -> str:
    """Rather one of the customer's own, of late; else any, also of somebody else."""
    mine = [code for code in shop.known if shop.coupons[code].owner == deed.key[0] and not shop.coupons[code].void]
    codes = mine if mine and deed.size > 2 * SELDOM else shop.known
    return codes[-1 - deed.which % len(codes)]


def _codes(deed: Deed, shop: Shop) -> tuple[str, ...]:
    """One, or two of different campaigns; seldom one of them twice. Every fourth time the one that all may use."""
    first = TENTH_CODE if deed.points % 4 == 0 else _code(deed, shop)
    if deed.size == 1:
        return (first, first)
    second = _code(deed._replace(which=deed.which + deed.points), shop)
    is_other = shop.coupons[first].campaign != shop.coupons[second].campaign
    return (first, second) if deed.points % 3 == 0 and is_other else (first,)


def _order(deed: Deed, shop: Shop) -> tuple[str, int]:
    """That of a purchase, or another, which may be used twice; seldom of no amount."""
    if deed.flag and (number := purchase(deed, shop)) is not None:
        return number, shop.bought[number].amount
    return f"order-{deed.which}", 0 if deed.size == 1 else 100 + deed.points


def _use(deed: Deed, shop: Shop, uses: list[Use]) -> Use | None:
    return uses[deed.which % len(uses)] if uses else None


def _redemption(asking: Asking, use: Use) -> str | None:
    """Its id in the books; None where it is redeemed in the same transaction, so that nobody knows it yet."""
    if not isinstance(asking, Scene):
        return UNKNOWN
    found = asking.rows(
        "SELECT r.id::text FROM redemption r JOIN coupon c ON c.campaign = r.campaign AND c.id = r.coupon"
        " JOIN customer o ON o.id = r.customer WHERE o.program = %s AND o.customer_id = %s AND r.order_id = %s"
        " AND encode(c.code, 'hex') = %s AND r.state = 'REDEEMED'",
        [asking.program.id, use.owner, use.order, use.code],
    )
    return str(found[0][0]) if len(found) == 1 else None


def _customer(asking: Asking, name: str) -> CustomerName:
    return CustomerName(asking.program_id, name)


def _asked_for(order: str, amount: int) -> Order:
    return Order(order, amount, "EUR")


def _wanted(asking: Asking, codes: tuple[str, ...]) -> tuple[Wanted, ...]:
    return tuple(Wanted(nouns.by_code(asking.program_id, code)) for code in codes)


REDEEMING: dict[str, Doing] = {
    "assign coupon": _assign,
    "reserve coupons": _reserve,
    "release coupons": _release,
    "redeem coupons": _redeem,
    "roll back redemption": _roll_back,
    "void coupon": _void,
}
