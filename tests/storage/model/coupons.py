"""Coupons told a second time: whose they are, what is left of them, and what an order gets. Nothing is counted
beforehand: each figure is added up from the uses that stand, whenever somebody asks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.storage.model.accounts import Refused, Spent
from tests.storage.model.cards import QUICK, midnight
from tests.storage.model.people import People


@dataclass(frozen=True)
class Campaign:
    """What coupons of one kind give: `size` is money, hundredths of a percent, points or what a gift card begins with.

    None is no limit. One that is `alone` goes with no other on an order, and of a `group` an order takes one.
    """

    name: str
    kind: str
    size: int
    uses: int | None = 1
    daily: int | None = None
    ever: int | None = None
    in_all: int | None = None
    most: int | None = None
    least: int = 0
    days: int = 0
    back: str = "NEVER"
    priority: int = 0
    group: str = ""
    alone: bool = False


FIVE = Campaign("five", "money", 50, uses=2, daily=2, ever=5, least=20, back="ANY", priority=2)
TENTH = Campaign("tenth", "share", 1_000, uses=5, in_all=6, most=9, back="WHOLE", priority=1, alone=True)
GIFT_CARD = Campaign("gift", "card", 90, uses=None, back="ANY", priority=3, group="money")
BONUS = Campaign("bonus", "points", 20, days=2, ever=3, group="money")
CAMPAIGNS = (FIVE, TENTH, GIFT_CARD, BONUS)
# The code of TENTH, which is for everybody.
TENTH_CODE = "10" * 20
# For how long something is reserved by itself.
TTL = timedelta(minutes=15)


@dataclass
class Coupon:
    """A code of a campaign. It is over at its `end`."""

    campaign: Campaign
    owner: str = ""
    end: datetime | None = None
    void: bool = False


@dataclass
class Use:
    """What was reserved `until` then, or redeemed, for an order; or has ended."""

    owner: str
    order: str
    code: str
    at: datetime
    discount: int
    points: int = 0
    until: datetime | None = None
    ended: bool = False

    @property
    def is_redeemed(self) -> bool:
        """Whether it stands for good."""
        return self.until is None and not self.ended


@dataclass
class Coupons(People):
    """The coupons, by code, and all that was ever used of them. Of those that are `coming` nobody has heard yet: they
    were assigned in the transaction that is under way."""

    coupons: dict[str, Coupon] = field(default_factory=lambda: {TENTH_CODE: Coupon(TENTH)})
    uses: list[Use] = field(default_factory=list)
    coming: set[str] = field(default_factory=set)

    @property
    def known(self) -> list[str]:
        """The codes that people have."""
        return [code for code in self.coupons if code not in self.coming]

    def pass_time(self, to: datetime) -> None:
        """What is reserved ends by itself."""
        super().pass_time(to)
        for use in self.uses:
            if use.until is not None and use.until <= to:
                use.ended = True

    def assign(self, name: str, campaign: Campaign, code: str) -> None:
        """A new one for somebody."""
        self._check_may(name)
        end = midnight(self.now, campaign.days) if campaign.days else None
        self.coupons[code] = Coupon(campaign, name, end)
        self.coming.add(code)

    def assign_again(self, name: str, code: str) -> None:
        """One that is somebody's, or everybody's."""
        self._check_may(name)
        coupon = self.coupons[code]
        if not coupon.owner:
            raise Refused("CouponNotApplicable")
        self._check_usable(coupon)
        raise Refused("CouponAssigned")

    def void(self, code: str) -> None:
        """Nobody uses it any more; what is reserved stays so."""
        if self.coupons[code].void:
            raise Refused("CouponVoided")
        self.coupons[code].void = True

    def reserve(self, name: str, order: str, amount: int, codes: Sequence[str], ttl_s: int) -> None:
        """All of them for an order, for a while."""
        self._check_may(name)
        for code, discount, _ in self._judged(name, order, amount, codes, None):
            use = self._use(name, order, code)
            use.discount, use.until = discount, self.now + (timedelta(seconds=ttl_s) if ttl_s else TTL)

    def release_uses(self, name: str, order: str) -> None:
        """All that is reserved for an order."""
        found = [use for use in self._of_order(name, order) if not use.is_redeemed]
        if not found:
            raise Refused("RedemptionNotFound")
        for use in found:
            use.ended = True

    def redeem(
        self, name: str, order: str, amount: int, codes: Sequence[str], card: str = "", spends: int = 0
    ) -> Spent | None:
        """All of them, with points spent beside them, or nothing."""
        self._check_may(name)
        spent = None
        for number, (code, discount, points) in enumerate(self._judged(name, order, amount, codes, card)):
            if spends and not number:
                spent = self.pay_points((name, card), spends, order)
            if points:
                self.welcome(self.accounts[name, card])
                self.give((name, card), points, self.now)
            use = self._use(name, order, code)
            use.discount, use.points, use.until = discount, points, None
        return spent

    def pay_points(self, key: tuple[str, str], points: int, pays_for: str) -> Spent:
        """A spending: the shop knows how."""
        raise NotImplementedError

    def roll_back_use(self, name: str, use: Use, card: str = "") -> None:
        """By hand: with the points that it gave, as far as they are there."""
        account = self.favour((name, card or QUICK.card_id))
        if not use.is_redeemed:
            raise Refused("RedemptionStateWrong")
        if use.points:
            if card != QUICK.card_id:
                raise Refused("CouponAccountNeeded")
            taken = max(0, min(use.points, account.free - account.debt))
            account.take(taken)
            account.sums["revoked"] += taken
            account.clear(self.now)
        use.ended = True

    def give_back_uses(self, name: str, order: str, is_whole: bool) -> None:
        """The purchase of an order went back, or a part of it."""
        for use in self._of_order(name, order):
            back = self.coupons[use.code].campaign.back
            if use.is_redeemed and not use.points and (back == "ANY" or (back == "WHOLE" and is_whole)):
                use.ended = True

    def close(self, name: str) -> None:
        """What somebody has and could still use, nobody will."""
        super().close(name)
        for code, coupon in self.coupons.items():
            if coupon.owner == name:
                try:
                    self._check_usable(coupon)
                    self._check_left(code, coupon)
                except Refused:
                    continue
                coupon.void = True

    def standing(self, code: str) -> list[Use]:
        """The uses of a code that stand or are reserved."""
        return [use for use in self.uses if use.code == code and not use.ended]

    def _release(self, name: str) -> None:
        super()._release(name)
        for use in self.uses:
            if use.owner == name and not use.is_redeemed:
                use.ended = True

    def _check_may(self, name: str) -> None:
        self.serve((name, QUICK.card_id))

    def _of_order(self, name: str, order: str) -> list[Use]:
        return [use for use in self.uses if (use.owner, use.order) == (name, order) and not use.ended]

    def _use(self, name: str, order: str, code: str) -> Use:
        """What is reserved for that order, or a new use."""
        for use in self._of_order(name, order):
            if use.code == code and not use.is_redeemed:
                return use
        self.uses.append(Use(name, order, code, self.now, 0))
        return self.uses[-1]

    def _judged(
        self, name: str, order: str, amount: int, codes: Sequence[str], card: str | None
    ) -> Iterable[tuple[str, int, int]]:
        """Each with its discount and points, in the order of their priority."""
        of_order = self._of_order(name, order)
        here = {use.code: use for use in of_order if use.code in codes and not use.is_redeemed}
        # What only some are told comes before all else, whichever coupon it is against.
        for code in codes:
            if self.coupons[code].owner not in ("", name):
                raise Refused("CouponWrongCustomer")
            if code not in here:
                self._check_usable(self.coupons[code])
        if len(set(codes)) < len(codes):
            raise Refused("CouponNamedTwice")
        standing = [use for use in of_order if here.get(use.code) is not use]
        left = amount
        for use in standing:
            left -= min(use.discount, left)
        beside = [self.coupons[use.code].campaign for use in [*standing, *here.values()]]
        judged = []
        for code in sorted(codes, key=lambda code: self.coupons[code].campaign.priority):
            coupon = self.coupons[code]
            campaign = coupon.campaign
            if code not in here:
                self._check_left(code, coupon)
                self._check_limits(name, campaign)
            if amount < campaign.least:
                raise Refused("MinimumSpendMissed")
            if code not in here:
                if campaign.kind != "card" and any(use.code == code for use in standing):
                    raise Refused("CouponNotStackable")
                _check_beside(campaign, beside)
                beside.append(campaign)
            if campaign.kind == "points" and card not in (None, QUICK.card_id):
                raise Refused("CouponAccountNeeded")
            balance = campaign.size - sum(use.discount for use in self.standing(code) if use is not here.get(code))
            discount = _discount(campaign, left, balance)
            if campaign.kind != "points" and not discount:
                raise Refused("CouponNotApplicable")
            left -= discount
            judged.append((code, discount, campaign.size if campaign.kind == "points" else 0))
        return judged

    def _check_usable(self, coupon: Coupon) -> None:
        if coupon.void:
            raise Refused("CouponVoided")
        if coupon.end is not None and coupon.end <= self.now:
            raise Refused("CouponExpired")

    def _check_left(self, code: str, coupon: Coupon) -> None:
        """Whether it is used up by what stands, or by that and what is reserved."""
        standing = self.standing(code)
        redeemed = sum(use.is_redeemed for use in standing)
        limit, is_shared = coupon.campaign.uses, not coupon.owner
        if limit is not None and (len(standing) if is_shared else redeemed) >= limit:
            raise Refused("CouponUsedUp")
        taken = sum(use.discount for use in standing)
        is_empty = coupon.campaign.kind == "card" and taken >= coupon.campaign.size
        if is_empty and redeemed == len(standing):
            raise Refused("GiftCardEmpty")
        if redeemed < len(standing) and (is_empty or (limit is not None and len(standing) >= limit)):
            raise Refused("CouponReserved")

    def _check_limits(self, name: str, campaign: Campaign) -> None:
        used = [use for use in self.uses if self.coupons[use.code].campaign == campaign and not use.ended]
        if campaign.in_all is not None and len(used) >= campaign.in_all:
            raise Refused("CampaignUsedUp")
        mine = [use for use in used if use.owner == name]
        today = [use for use in mine if use.at.date() == self.now.date()]
        if campaign.daily is not None and len(today) >= campaign.daily:
            raise Refused("CustomerLimitReached")
        if campaign.ever is not None and len(mine) >= campaign.ever:
            raise Refused("CustomerLimitReached")


def _check_beside(campaign: Campaign, beside: list[Campaign]) -> None:
    if any(other.alone for other in beside) or (campaign.alone and beside):
        raise Refused("CouponNotStackable")
    if campaign.group and any(other.group == campaign.group for other in beside):
        raise Refused("CouponNotStackable")


def _discount(campaign: Campaign, left: int, balance: int) -> int:
    if campaign.kind == "share":
        part = (left * campaign.size + 5_000) // 10_000
        return part if campaign.most is None else min(part, campaign.most)
    return {"money": min(campaign.size, left), "card": min(balance, left), "points": 0}[campaign.kind]
