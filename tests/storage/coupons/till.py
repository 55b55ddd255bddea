"""The scene with campaigns and coupons, and everything that can be done with them."""

from datetime import datetime
from typing import Any, NamedTuple

from rules.coupons.codes import Code
from rules.coupons.coupons import RedemptionState
from rules.coupons.terms import Terms
from storage.coupons import nouns
from storage.coupons.nouns import CouponKey
from storage.coupons.sharing import CreateSharedCoupon
from storage.engine.database import Database
from tests.personal import CODES
from tests.storage.coupons import issuing
from tests.storage.coupons.issuing import FIVE_OFF
from tests.storage.scene import SETTINGS, START, Scene, asked

__all__ = ["FIVE_OFF", "START", "Counts", "RedemptionState", "Till"]


class Till(Scene):
    """Ada and Ben, and campaigns. Coupons are known by their keys."""

    def __init__(self, database: Database, *names: str, program: str = "coffee", settings: Any = SETTINGS) -> None:
        super().__init__(database, *(names or ("ada", "ben")), program=program, settings=settings)

    def campaign(self, campaign_id: str = "spring", terms: Terms = FIVE_OFF) -> str:
        """A campaign of that id."""
        return issuing.campaign(self, campaign_id, terms)

    def coupon(self, campaign_id: str = "spring", name: str = "", code: str = "", **columns: Any) -> CouponKey:
        """A coupon of its own that is there, of a customer where one is named."""
        return issuing.coupon(self, campaign_id, name, code, **columns)

    def shared(self, campaign_id: str = "spring", code: str = "SUMMER2026") -> CouponKey:
        """A code for many."""
        sealed = CODES.seal(self.program_id, Code(code)).hex()
        context = asked((campaign_id, sealed))
        self.carry_out(CreateSharedCoupon(self.program_id, campaign_id, sealed, code[-4:], context))
        return nouns.by_code(self.program_id, sealed)

    def standing_of(self, key: CouponKey) -> "Counts":
        """How a coupon and its stocks are counted in the books."""
        [row] = self.rows(
            "SELECT c.uses, c.reserved, c.balance_minor,"
            " (SELECT sum(taken) FROM stock_slot WHERE stock = o.stock)::bigint,"
            " (SELECT sum(taken) FROM stock_slot WHERE stock = c.stock)::bigint"
            " FROM coupon c JOIN coupon_campaign o ON o.id = c.campaign WHERE c.code = decode(%s, 'hex')",
            [key[2]],
        )
        return Counts(*row)

    def redemptions(self, state: RedemptionState | None = None) -> int:
        """How many there are, in a state."""
        [(found,)] = self.rows("SELECT count(*) FROM redemption WHERE %s IN ('', state)", [state or ""])
        return int(found)

    def orders_of(self, state: RedemptionState) -> set[str]:
        """The orders with a redemption in a state."""
        return {order for (order,) in self.rows("SELECT order_id FROM redemption WHERE state = %s", [state])}

    def end_of(self, key: CouponKey) -> datetime | None:
        """The end of its own that a coupon has."""
        [(found,)] = self.rows("SELECT expires_at FROM coupon WHERE code = decode(%s, 'hex')", [key[2]])
        return found if found is None else datetime.fromisoformat(str(found))


class Counts(NamedTuple):
    """Uses and reserved ones of a coupon of its own, what is left of its balance; uses of its campaign, and of a code
    for many."""

    uses: int
    reserved: int
    balance_minor: int | None
    of_campaign: int
    of_code: int | None
