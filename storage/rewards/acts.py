"""Rewards claimed, and claims cancelled: points, stock and what is given, all of it or none."""

from datetime import datetime
from typing import Any, NamedTuple

from rules import claims, ledger, refunds, rewards
from rules.accounts import Entry
from rules.claims import Claim, ClaimState
from rules.coupons.coupons import Origin
from rules.coupons.refusals import ClaimNotFound, ClaimUsed, RewardNotFound, RewardOfAnotherCard, RewardSoldOut
from rules.draft import Draft
from rules.programs import time_zone
from rules.refunds import RollbackPolicy, Spending
from rules.states import Act
from storage.coupons.acts import coupons
from storage.coupons.acts.coupons import InHand
from storage.coupons.acts.customers import Holder
from storage.coupons.acts.giving import FreshCode, give, of_campaign
from storage.coupons.nouns import COUPON, POOL, by_claim, of_pool
from storage.coupons.reading.coupons import CouponRead
from storage.coupons.records import COUPONS
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid_text
from storage.engine.records import Key
from storage.engine.requests import Answer
from storage.ledger.acts.spendings import check_whole
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance, balance
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import LotsNeeded, Reads
from storage.passes.making import Making, Shown, make, prepare_loaded
from storage.passes.nouns import PASS_TEMPLATE, is_of_coupons
from storage.passes.reading.passes import PassRead
from storage.rewards.claims import ClaimName, ClaimRead
from storage.rewards.nouns import REWARD, REWARDS_IN_HAND, RewardInHand, to_cancel, to_claim
from storage.rewards.records import CLAIMS
from storage.stock import nouns as stock


class RewardClaimed(NamedTuple):
    """A claim as it stands, the entry that took or gave back points (None: none came back), the balance after, and the
    coupon that it gives, and the pass that was issued with it (None: none)."""

    claim: ClaimRead
    entry: Entry | None
    recorded_at: datetime
    balance: Balance
    coupon: CouponRead | None = None
    issued: PassRead | None = None


class ClaimReward(NamedTuple):
    """Takes the price of a reward from an account, and gives what it gives: of a coupon that is made on the spot, the
    one of the fresh code. With it a pass of a template is issued, where one is named."""

    address: Address
    reward_id: str
    reference: str
    fresh: FreshCode
    context: CommandContext
    template_id: str = ""

    def reads(self, reads: Reads) -> None:
        """The account, and the reward with its stock and a coupon of its campaign's pool; the template of a pass."""
        reads.account(self.address)
        if self.template_id:
            reads.other(PASS_TEMPLATE, self.address.program, self.template_id)
        reads.other(REWARD, *self._key)
        reads.other(POOL, *of_pool(self.address.program, "reward", self.reward_id, self.context.request.key))

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that it takes its price from."""
        found = loaded.workspace.get(REWARDS_IN_HAND, self._key)
        if found is not None:
            lots.points(self.address, found.terms.price_points)

    def answers(self) -> type[RewardClaimed]:
        """The claim."""
        return RewardClaimed

    def decide(self, group: Group) -> Answer[RewardClaimed]:
        """Raises RewardNotFound, RewardOfAnotherCard, RewardArchived, RewardNotStarted, RewardEnded,
        CustomerLimitReached, RewardSoldOut, PrecisionTooFine, InsufficientPoints, PointsHeldElsewhere;
        CampaignArchived, CouponExpired and NoCouponLeft of the campaign; PassTemplateNotFound, PassTemplateArchived,
        PassNotPossible; PassedOver."""
        locked = group.account(self.address, Act.SPEND)
        card, now = locked.card, locked.program.now
        reward = self._reward(group, locked)
        points = reward.terms.price_points
        check_whole(card, points)
        draft = locked.draft()
        entry = ledger.spend(draft, points, now)
        draft.extend_sliding_expiries("points.spent", now)
        _take(group, reward, self.context)
        coupon = self._coupon(group, locked, reward)
        stands = balance(draft.account, card, now)
        name = ClaimName(*self.address.owner, new_uuid_text())
        details = {**_told(self.address, reward), "amount": -points, "entry": entry.seq, "reference": self.reference}
        if coupon is not None:
            details |= coupon.told
        made = self._pass(group, name, coupon)
        if made is not None:
            details |= made.told
        activity = group.book(self.context, locked, draft, name.name, now, details, -points)
        locked.keep_spending(Spending(entry.seq, points, 0, 0, now, entry.allocations), activity, self.reference)
        campaign, which = coupon.key if coupon is not None else (None, None)
        claim = Claim(
            reward.id,
            reward.version,
            locked.key.account,
            entry.seq,
            points,
            ClaimState.CLAIMED,
            now,
            self.reference,
            campaign,
            which,
            activity=activity,
        )
        given = give(group, Holder.of(locked), coupon, activity) if coupon is not None else None
        group.workspace.put(CLAIMS, (locked.key.customer, name.claim), claim, {"program": locked.key.program})
        issued = make(group.workspace, made, locked.scope, activity) if made is not None else None
        read = _read(name, claim, self.address, reward)
        return Answer(RewardClaimed(read, entry, group.now, stands, given, issued), activity)

    def _reward(self, group: Group, locked: LockedAccount) -> RewardInHand:
        """The reward, which may be claimed from this account now."""
        found = group.workspace.get(REWARDS_IN_HAND, self._key)
        if found is None:
            raise RewardNotFound(program=self.address.program)
        if found.terms.card_id != self.address.card:
            raise RewardOfAnotherCard(card=found.terms.card_id, given=self.address.card)
        rewards.check_active(found.archived, found.reward_id)
        program = locked.program
        # Whoever locks the account has all of them in hand: it is the only one of this customer that can pay.
        standing = group.workspace.within(CLAIMS, (locked.key.customer,)).values()
        claimed_at = [one.created_at for one in standing if one.reward == found.id and one.state is ClaimState.CLAIMED]
        claims.check_claim(found.terms, claimed_at, time_zone(program.settings.time_zone), program.now)
        return found

    def _coupon(self, group: Group, locked: LockedAccount, reward: RewardInHand) -> InHand | None:
        campaign_id = reward.terms.campaign_id
        if not campaign_id:
            return None
        return of_campaign(group, Holder.of(locked), campaign_id, self.fresh, Origin.REWARD)

    def _pass(self, group: Group, name: ClaimName, coupon: InHand | None) -> Making | None:
        shown = Shown(claim=name.claim, reward_id=self.reward_id)
        if coupon is not None and is_of_coupons(group.workspace, (name.program, self.template_id)):
            shown = Shown(*coupon.key, coupon.campaign.campaign_id, name.claim, self.reward_id)
        return prepare_loaded(group.workspace, name.owner, self.template_id, shown)

    @property
    def _key(self) -> Key:
        return to_claim(self.address, self.reward_id, self.context.request.key)


class CancelClaim(NamedTuple):
    """Takes a claim back, as the terms say that it was made under. The account is the one that paid."""

    address: Address
    name: ClaimName
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The account, the claim with its spending and its stock, and its coupon."""
        reads.account(self.address)
        reads.other(REWARD, *to_cancel(self.name))
        reads.other(COUPON, *by_claim(self.name.owner, self.name.claim))

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that it took from."""
        for lot in loaded.spending_lots(self.address):
            lots.lot(self.address, lot)

    def answers(self) -> type[RewardClaimed]:
        """The claim."""
        return RewardClaimed

    def decide(self, group: Group) -> Answer[RewardClaimed]:
        """Raises ClaimNotFound, ClaimStateWrong, RollbackWindowClosed, ClaimUsed, AmountTooLarge; PassedOver."""
        locked = group.account(self.address, Act.GIVE_BACK)
        card, now = locked.card, locked.program.now
        key = (locked.key.customer, self.name.claim)
        claim, reward = self._found(group, locked)
        claims.check_cancel(claim, reward.terms, now)
        details = {**_told(self.address, reward), "entry": claim.seq, "points": claim.points}
        if claim.coupon is not None:
            details |= _void(group, locked, self.name)
        if not reward.terms.cancel_policy.keeps_stock:
            stock.give_back(group.workspace, reward.stock, counts=not self.context.validate_only)
        draft = locked.draft()
        restored, entry, spending = _restored(draft, locked.spendings[claim.seq], reward, now)
        stands = balance(draft.account, card, now)
        details["restored"] = restored
        activity = group.book(self.context, locked, draft, self.name.name, now, details, restored)
        locked.keep_spending(spending, activity)
        cancelled = claims.cancel(claim, now, activity)
        group.workspace.put(CLAIMS, key, cancelled)
        return Answer(
            RewardClaimed(_read(self.name, cancelled, self.address, reward), entry, group.now, stands), activity
        )

    def _found(self, group: Group, locked: LockedAccount) -> tuple[Claim, RewardInHand]:
        """The claim, and the reward as it was. Raises ClaimNotFound."""
        claim = group.workspace.get(CLAIMS, (locked.key.customer, self.name.claim))
        reward = group.workspace.get(REWARDS_IN_HAND, to_cancel(self.name))
        if claim is None or reward is None or claim.account != locked.key.account:
            raise ClaimNotFound
        return claim, reward


def _void(group: Group, locked: LockedAccount, name: ClaimName) -> dict[str, Any]:
    """Voids the coupon that a claim gave; what the record says of it. Raises ClaimUsed."""
    found = coupons.find(group, by_claim(name.owner, name.claim))
    now, coupon = locked.program.now, found.coupon
    if coupon.uses or any(one.is_open(now) for _, one in coupons.reservations(group.workspace, found.key)):
        raise ClaimUsed(coupon=found.name)
    if coupon.voided_at is None:
        group.workspace.put(COUPONS, found.key, coupon._replace(voided_at=now, pooled=False))
    return found.told


def _restored(
    draft: Draft, spending: Spending, reward: RewardInHand, now: datetime
) -> tuple[int, Entry | None, Spending]:
    """What comes back of what paid, as it is left: somebody may have rolled back a part of it by hand."""
    if reward.terms.cancel_policy.keeps_points or spending.rolled_back == spending.points:
        return 0, None, spending
    back = refunds.roll_back(draft, spending, 0, RollbackPolicy.KEEP_ORIGINAL_EXPIRY, None, now)
    return back.restored, back.entry, back.spending


def _take(group: Group, reward: RewardInHand, context: CommandContext) -> None:
    """Takes one of its stock. Raises RewardSoldOut, PassedOver."""
    if not stock.take(group.workspace, reward.stock, counts=not context.validate_only):
        raise RewardSoldOut(stock=reward.terms.stock)


def _read(name: ClaimName, claim: Claim, address: Address, reward: RewardInHand) -> ClaimRead:
    campaign_id = reward.terms.campaign_id if claim.coupon is not None else ""
    return ClaimRead(name.claim, claim, name.owner, address, reward.reward_id, campaign_id)


def _told(address: Address, reward: RewardInHand) -> dict[str, Any]:
    """What the records of both acts say of the reward."""
    return {
        "account": address.name,
        "reward": f"programs/{address.program}/rewards/{reward.reward_id}",
        "called": reward.display_name,
    }
