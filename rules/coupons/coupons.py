"""A coupon and its redemptions as the books keep them, and the state that follows from them and the clock."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rules.coupons.campaigns import Window
from rules.coupons.terms import Benefit, Terms


class Origin(StrEnum):
    """By what a coupon was added."""

    GENERATED = "GENERATED"
    IMPORTED = "IMPORTED"
    SHARED = "SHARED"
    ASSIGNED = "ASSIGNED"
    REWARD = "REWARD"


class CouponState(StrEnum):
    """What a coupon is to be called; derived, never kept."""

    AVAILABLE = "AVAILABLE"
    ASSIGNED = "ASSIGNED"
    RESERVED = "RESERVED"
    PARTIALLY_REDEEMED = "PARTIALLY_REDEEMED"
    USED_UP = "USED_UP"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"


class RedemptionState(StrEnum):
    """Where the use of a coupon is in its life. A reservation is a redemption in its first state."""

    RESERVED = "RESERVED"
    REDEEMED = "REDEEMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"
    ROLLED_BACK = "ROLLED_BACK"


class Coupon(NamedTuple):
    """A coupon in the books. `customer` is an internal id, None: nobody's.

    `uses` were made and not given back, `reserved` are set aside, also those whose time has passed and that nobody has
    settled yet; of a shared coupon both are 0, and its `stock` counts them. `balance_minor` is what a gift card has
    left, reserved parts taken off; None of others. `expires_at` is an end of its own, beside that of its campaign.
    `activity` added it, None: that of its batch.
    """

    code: str
    last_four: str
    origin: Origin
    added_at: datetime
    customer: int | None = None
    stock: int | None = None
    expires_at: datetime | None = None
    uses: int = 0
    reserved: int = 0
    initial_minor: int | None = None
    balance_minor: int | None = None
    pooled: bool = False
    batch: int | None = None
    voided_at: datetime | None = None
    activity: str | None = None

    @property
    def is_shared(self) -> bool:
        """Whether it is one code for many."""
        return self.stock is not None


class Redemption(NamedTuple):
    """A use of a coupon for an order. `campaign` and `account` are internal ids, `version` that of the terms.

    `discount_minor` is what it took off the order, of a gift card what it took of its balance; `lines` are the shares
    of it by line, as (line from 1, amount). `points` were given to the account. `activity` is of its last change.
    """

    campaign: int
    coupon: str
    order_id: str
    state: RedemptionState
    version: int
    created_at: datetime
    discount_minor: int | None = None
    currency_code: str = ""
    lines: tuple[tuple[int, int], ...] = ()
    account: int | None = None
    points: int = 0
    expires_at: datetime | None = None
    redeemed_at: datetime | None = None
    ended_at: datetime | None = None
    activity: str = ""

    def at(self, now: datetime) -> "Redemption":
        """As time has made it: a reservation that nobody redeemed in time has expired."""
        if self.state is not RedemptionState.RESERVED or self.is_open(now):
            return self
        return self._replace(state=RedemptionState.EXPIRED, ended_at=self.expires_at)

    def is_open(self, now: datetime) -> bool:
        """Whether it counts as a use: made, or reserved and not ended."""
        if self.state is RedemptionState.RESERVED:
            return self.expires_at is not None and now < self.expires_at
        return self.state is RedemptionState.REDEEMED


def uses_max(terms: Terms, is_shared: bool) -> int:
    """How often a code can be used, 0: any number of times; a gift card until nothing is left of it."""
    if is_shared or terms.benefit is Benefit.BALANCE:
        return terms.uses_per_code
    return terms.uses_per_code or 1


def end_of(coupon: Coupon, window: Window) -> datetime | None:
    """The first instant at which the coupon can no longer be used: its own, where it has one, whatever has become of
    the campaign's."""
    return coupon.expires_at or window.ends_at


def state_of(coupon: Coupon, terms: Terms, window: Window, now: datetime) -> CouponState:
    """What a coupon is to be called, of several that fit the first: VOIDED, EXPIRED, USED_UP, RESERVED,
    PARTIALLY_REDEEMED, ASSIGNED, AVAILABLE.

    Its uses, what is reserved and its balance are those that count now: also a shared one's, and without reservations
    whose time has passed.
    """
    ends_at = end_of(coupon, window)
    if coupon.voided_at is not None:
        return CouponState.VOIDED
    if ends_at is not None and ends_at <= now:
        return CouponState.EXPIRED
    limit = uses_max(terms, coupon.is_shared)
    is_empty = coupon.balance_minor == 0
    if (is_empty and not coupon.reserved) or (limit and coupon.uses >= limit):
        return CouponState.USED_UP
    if coupon.reserved and (is_empty or (limit and coupon.uses + coupon.reserved >= limit)):
        return CouponState.RESERVED
    if coupon.uses:
        return CouponState.PARTIALLY_REDEEMED
    return CouponState.AVAILABLE if coupon.customer is None else CouponState.ASSIGNED
