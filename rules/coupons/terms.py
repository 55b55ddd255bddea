"""The terms of a coupon campaign: what a coupon gives, and when, where, how often and together with what."""

import datetime
from dataclasses import dataclass
from enum import StrEnum


class Benefit(StrEnum):
    """What a coupon gives."""

    AMOUNT_OFF = "AMOUNT_OFF"
    PERCENT_OFF = "PERCENT_OFF"
    FREE_ITEM = "FREE_ITEM"
    POINTS = "POINTS"
    FREE_SHIPPING = "FREE_SHIPPING"
    BALANCE = "BALANCE"


class Period(StrEnum):
    """In which uses of a customer are counted: local ones in the program's zone, weeks from Monday."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"
    EVER = "EVER"


class GiveBack(StrEnum):
    """Whether a use comes back when the purchase of its order is rejected or refunded: whole, or any part of it."""

    NEVER = "NEVER"
    WHOLE = "WHOLE"
    ANY = "ANY"


class CodeSource(StrEnum):
    """Where a coupon comes from that is to be assigned and is not named."""

    MADE = "MADE"
    POOL = "POOL"


@dataclass(frozen=True, slots=True)
class CustomerLimit:
    """So many uses of one customer in each period, over all codes of the campaign."""

    period: Period
    uses: int


@dataclass(frozen=True, slots=True)
class Stacking:
    """Which coupons go together on one order. Lower priority comes first; of a group an order takes one."""

    exclusive: bool = False
    priority: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a campaign's administrators decide. Immutable: a change makes the next version.

    `amount_minor` is what AMOUNT_OFF takes off or a gift card of BALANCE begins with, `basis_points` the PERCENT_OFF in
    hundredths of a percent, `quantity` the pieces of FREE_ITEM, `points` those of `card_id`; `discount_max_minor`
    bounds PERCENT_OFF and FREE_SHIPPING (None: nothing does). Money is in `currency_code`, empty where there is none.
    0 uses or days are no limit; `uses_per_code` 0 is one use of a code, and any number of a shared one.
    """

    benefit: Benefit
    amount_minor: int = 0
    basis_points: int = 0
    quantity: int = 0
    points: int = 0
    card_id: str = ""
    discount_max_minor: int | None = None
    currency_code: str = ""
    first_day: datetime.date | None = None
    last_day: datetime.date | None = None
    days_from_assignment: int = 0
    uses_per_code: int = 0
    customer_limits: tuple[CustomerLimit, ...] = ()
    unlimited_for_customer: bool = False
    uses_max: int = 0
    minimum_spend_minor: int = 0
    product_ids: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    stacking: Stacking = Stacking()
    give_back: GiveBack = GiveBack.NEVER
    code_source: CodeSource = CodeSource.MADE
    code_pattern: str = ""
