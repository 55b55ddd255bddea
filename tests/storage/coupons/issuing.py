"""Campaigns and coupons that are there, however they came to be."""

from typing import TYPE_CHECKING, Any

from rules.coupons.terms import Benefit, Terms
from storage.coupons import nouns
from storage.coupons.campaigns import CreateCampaign
from storage.coupons.nouns import CouponKey
from storage.engine.ids import new_uuid_text
from tests.storage.asking import asked

if TYPE_CHECKING:
    from tests.storage.scene import Scene

# Five euros off.
FIVE_OFF = Terms(Benefit.AMOUNT_OFF, amount_minor=500, currency_code="EUR")


def campaign(scene: "Scene", campaign_id: str = "spring", terms: Terms = FIVE_OFF) -> str:
    """A campaign of that id."""
    context = asked((campaign_id, terms))
    scene.carry_out(CreateCampaign(scene.program_id, campaign_id, campaign_id.title(), terms, context))
    return campaign_id


def coupon(scene: "Scene", campaign_id: str = "spring", name: str = "", code: str = "", **columns: Any) -> CouponKey:
    """A coupon of its own, of a customer where one is named."""
    sealed = scene.seal(code)
    row: dict[str, Any] = {
        "id": new_uuid_text(),
        "code": bytes.fromhex(sealed),
        "last_four": "WXYZ",
        "origin": "IMPORTED",
    }
    row |= {"added_at": scene.program.created_at, **columns}
    names, places = ", ".join(row), ", ".join(["%s"] * len(row))
    scene.execute(
        f"INSERT INTO coupon (program, campaign, customer, {names})"
        f" SELECT p.id, c.id, (SELECT id FROM customer WHERE program = p.id AND customer_id = %s), {places}"
        " FROM program p JOIN coupon_campaign c ON c.program = p.id WHERE p.program_id = %s AND c.campaign_id = %s",
        [name, *row.values(), scene.program_id, campaign_id],
    )
    return nouns.by_code(scene.program_id, sealed)
