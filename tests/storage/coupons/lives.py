"""Lives of coupons by chance, and the plain arithmetic that says what must have become of them."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from rules.coupons.terms import Benefit, CodeSource, CustomerLimit, GiveBack, Period, Terms
from rules.refusals import Refusal
from storage.coupons.acts.assigning import AssignCoupon
from storage.coupons.acts.redeeming import RedeemCoupons
from storage.coupons.acts.reserving import ReleaseCoupons, ReserveCoupons
from storage.coupons.acts.rollbacks import RollBackRedemption
from storage.coupons.acts.voiding import VoidCoupon
from storage.coupons.nouns import CouponKey
from storage.ledger.commands import Command
from tests.storage.coupons.till import FIVE_OFF, Till

# What such lives are made of, beside purchases and their refunds.
OF_COUPONS = {AssignCoupon, ReserveCoupons, ReleaseCoupons, RedeemCoupons, RollBackRedemption, VoidCoupon}
NAMES = ("ada", "ben")

CAMPAIGNS = {
    "own": replace(FIVE_OFF, uses_per_code=2, uses_max=9, give_back=GiveBack.ANY),
    "many": replace(FIVE_OFF, uses_per_code=7, uses_max=20, customer_limits=(CustomerLimit(Period.DAY, 3),)),
    "gift": Terms(Benefit.BALANCE, amount_minor=3_000, currency_code="EUR", give_back=GiveBack.WHOLE),
    "bonus": Terms(Benefit.POINTS, points=40, card_id="plain", uses_per_code=5),
    "pool": replace(FIVE_OFF, code_source=CodeSource.POOL),
}


class Lives(Till):
    """Some coupons of each campaign, and what may happen to them. `outcomes` counts what came of it, by command."""

    def __init__(self, database: Any, seed: int) -> None:
        super().__init__(database, *NAMES)
        self.chance = random.Random(seed)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        for campaign_id, terms in CAMPAIGNS.items():
            self.campaign(campaign_id, terms)
        self.keys: list[CouponKey] = [self.coupon("own") for _ in range(4)] + [self.shared("many")]
        self.keys += [self.coupon("gift", initial_minor=3_000, balance_minor=3_000) for _ in range(2)]
        self.keys += [self.coupon("bonus"), *(self.coupon("pool", pooled=True) for _ in range(3))]

    def live(self, groups: int) -> None:
        """So many groups of acts by chance, each in one transaction, with time in between."""
        for _ in range(groups):
            commands = [self.chance.choice(self.acts())() for _ in range(self.chance.randint(1, 6))]
            # Some groups see slots that they do not hold: what they would take is decided again, as a server does.
            for command, outcome in zip(commands, self.group(*commands), strict=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, Refusal):
                    assert type(outcome).__name__ == "Busy", outcome
                self.outcomes[type(command).__name__, type(outcome).__name__] += 1
            if self.chance.random() < 0.4:
                self.advance(self.chance.choice([timedelta(minutes=5), timedelta(minutes=20), timedelta(days=1)]))

    def acts(self) -> Sequence[Callable[[], Command]]:
        """What may happen next; of what most others need, twice."""
        chance = self.chance
        name, order = chance.choice(NAMES), f"o-{chance.randint(1, 6)}"
        some = chance.sample(self.keys, chance.choice([1, 1, 1, 2]))
        known = self.rows(_REDEMPTIONS)
        redemption, whose = chance.choice(known)[:2] if known else ("00000000-0000-7000-8000-000000000000", name)
        held = self.rows(f"{_REDEMPTIONS} WHERE r.state = 'RESERVED'")
        of, holder = chance.choice(held)[2:] if held else (order, name)
        spend = chance.choice([0, 0, 5])
        amount = chance.choice([300, 2_000, 5_000])
        return [
            lambda: self.redeem(*some, name=name, order_id=order, amount=amount, card="plain", spend=spend),
            lambda: self.redeem(*some, name=name, order_id=order, amount=amount, card="plain"),
            lambda: self.redeem(some[0], name=name, order_id=order, amount=amount, validate_only=True),
            lambda: self.reserve(*some, name=name, order_id=order, amount=amount),
            lambda: self.reserve(*some, name=name, order_id=order, amount=amount, ttl_s=60),
            lambda: self.let_go(of, holder),
            lambda: self.give_back(redemption, whose, card="plain"),
            lambda: self.assign(campaign_id=chance.choice(["pool", "own"]), name=name),
            lambda: self.assign(some[0], name=name),
            lambda: self.void(some[0]) if chance.random() < 0.1 else self.let_go(order, name),
            lambda: self.purchase(200, name, "slow", transaction_id=f"{order}"),
            lambda: self.refund(order, chance.choice([None, 50]), name),
            lambda: self.decision(order, False, name),
        ]

    def assert_counted(self) -> None:
        """Uses are redemptions that were not given back, and what is reserved is reservations that were not settled; a
        balance is what it began with but for these; and stocks count both."""
        for what, wrong in WRONG.items():
            assert self.rows(wrong) == [], what


_REDEMPTIONS = (
    "SELECT r.id::text, c.customer_id, r.order_id, c.customer_id FROM redemption r JOIN customer c ON c.id = r.customer"
)

# Of each, what does not agree.
WRONG = {
    "uses and reservations of a coupon of its own": """
        SELECT c.id, c.uses, c.reserved, found.uses, found.reserved FROM coupon c CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE state = 'REDEEMED') AS uses,
                count(*) FILTER (WHERE state = 'RESERVED') AS reserved
            FROM redemption r WHERE r.campaign = c.campaign AND r.coupon = c.id
        ) AS found WHERE c.stock IS NULL AND (c.uses, c.reserved) <> (found.uses, found.reserved)
    """,
    "balances of gift cards": """
        SELECT c.id, c.balance_minor, found.taken FROM coupon c CROSS JOIN LATERAL (
            SELECT coalesce(sum(discount_minor), 0) AS taken FROM redemption r
            WHERE r.campaign = c.campaign AND r.coupon = c.id AND state IN ('REDEEMED', 'RESERVED')
        ) AS found WHERE c.balance_minor <> c.initial_minor - found.taken
    """,
    "uses of campaigns": """
        SELECT o.campaign_id, taken, found FROM coupon_campaign o
        CROSS JOIN LATERAL (SELECT sum(taken) AS taken FROM stock_slot WHERE stock = o.stock) AS t
        CROSS JOIN LATERAL (
            SELECT count(*) AS found FROM redemption r WHERE r.campaign = o.id AND state IN ('REDEEMED', 'RESERVED')
        ) AS f WHERE taken <> found
    """,
    "uses of codes for many": """
        SELECT c.id, taken, found FROM coupon c
        CROSS JOIN LATERAL (SELECT sum(taken) AS taken FROM stock_slot WHERE stock = c.stock) AS t
        CROSS JOIN LATERAL (
            SELECT count(*) AS found FROM redemption r
            WHERE r.campaign = c.campaign AND r.coupon = c.id AND state IN ('REDEEMED', 'RESERVED')
        ) AS f WHERE c.stock IS NOT NULL AND taken <> found
    """,
    "uses beyond what the terms allow": """
        SELECT c.id, c.uses + c.reserved FROM coupon c JOIN coupon_campaign o ON o.id = c.campaign
        WHERE c.stock IS NULL AND c.balance_minor IS NULL
        AND c.uses + c.reserved > greatest((o.terms ->> 'uses_per_code')::integer, 1)
    """,
    "records of redemptions": """
        SELECT r.id FROM redemption r LEFT JOIN activity a ON a.id = r.activity AND a.customer = r.customer
        WHERE a.id IS NULL OR a.event <> CASE state WHEN 'REDEEMED' THEN 'coupon.redeemed'
            WHEN 'RESERVED' THEN 'coupon.reserved' WHEN 'RELEASED' THEN 'coupon.released'
            WHEN 'EXPIRED' THEN 'redemption.expired' ELSE 'redemption.rolled_back' END
    """,
}
