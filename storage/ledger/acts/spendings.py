"""Points spent, for a purchase or a reward, and given back."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from rules import ledger, refunds
from rules.accounts import Posting
from rules.programs import Card, CardKind
from rules.refunds import RollbackPolicy, Spending
from rules.refusals import PrecisionTooFine, SpendingNotFound
from storage.engine.requests import Answer
from storage.ledger.addresses import Address
from storage.ledger.commands import Asked, Balance, balance
from storage.ledger.group import Group
from storage.ledger.wanted import Hand, Wanted


class Spent(NamedTuple):
    """What was taken."""

    entry: Posting
    recorded_at: datetime
    balance: Balance


class RolledBack(NamedTuple):
    """What came back: `points` of the spending, of them `restored`, of which `expired` at once. No entry where
    nothing came back."""

    points: int
    restored: int
    expired: int
    entry: Posting | None
    recorded_at: datetime
    balance: Balance


class SpendPoints(NamedTuple):
    """Takes points. `pays_for` is the id of the purchase they pay for, whose refund gives them back."""

    address: Address
    points: int
    reference: str
    pays_for: str | None
    asked: Asked

    def wants(self, wanted: Wanted) -> None:
        """Its account."""
        wanted.account(self.address)

    def hand(self, group: Group, hand: Hand) -> None:
        """The lots that it takes from."""
        hand.points(self.address, self.points)

    def answers(self) -> type[Spent]:
        """What was taken."""
        return Spent

    def decide(self, group: Group) -> Answer[Spent]:
        """Raises InsufficientPoints, PointsHeldElsewhere, PrecisionTooFine."""
        return take(group, self.address, self.points, self.reference, self.pays_for, self.asked)


class ClaimReward(NamedTuple):
    """Takes the stamps of so many rewards."""

    address: Address
    rewards: int
    reference: str
    asked: Asked

    def wants(self, wanted: Wanted) -> None:
        """Its account."""
        wanted.account(self.address)

    def hand(self, group: Group, hand: Hand) -> None:
        """The lots that it takes from."""
        if (place := group.place(self.address)) is not None:
            settings = group.clock(place.program).settings
            cards = {card.card_id: card for card in settings.cards}
            if self.address.card in cards:
                hand.points(self.address, self.rewards * cards[self.address.card].stamps_per_reward)

    def answers(self) -> type[Spent]:
        """What was taken."""
        return Spent

    def decide(self, group: Group) -> Answer[Spent]:
        """Raises InsufficientPoints, PointsHeldElsewhere, PrecisionTooFine where the card has no rewards."""
        card = group.standing(self.address).card
        if card.kind is not CardKind.STAMPS:
            raise PrecisionTooFine(step=1, given=f"a reward of card {card.card_id}, which has no stamps")
        points = self.rewards * card.stamps_per_reward
        return take(group, self.address, points, self.reference, None, self.asked)


def take(
    group: Group, address: Address, points: int, reference: str, pays_for: str | None, asked: Asked
) -> Answer[Spent]:
    """Takes points for whatever it is."""
    standing = group.standing(address)
    card, now = standing.card, standing.clock.now
    check_whole(card, points)
    draft = standing.draft()
    posting = ledger.spend(draft, points, now, pays_for)
    draft.slide("points.spent", now)
    spent = Spent(posting, group.unit.now, balance(draft.account, card, now))
    if asked.validate_only:
        return Answer(spent, None)
    details: dict[str, Any] = {"amount": -points, "entry": posting.seq, "reference": reference}
    if pays_for:
        details["transaction"] = pays_for
    activity = group.record(asked, standing.scope, address.name, now, details, -points)
    standing.take(group.unit, draft, activity)
    spending = Spending(posting.seq, points, 0, 0, now, posting.allocations, pays_for)
    standing.keep_spending(spending, activity, reference)
    return Answer(spent, activity)


def check_whole(card: Card, points: int) -> None:
    """Raises PrecisionTooFine where stamps are taken otherwise than by whole rewards."""
    if card.kind is CardKind.STAMPS and points % card.stamps_per_reward:
        raise PrecisionTooFine(step=card.stamps_per_reward, given=points)


class RollBackSpending(NamedTuple):
    """Gives back `points` of a spending (0: all that is left). `until` belongs to EXTEND_TO, `grace_days` to GRACE."""

    address: Address
    seq: int
    points: int
    policy: RollbackPolicy
    until: datetime | None
    grace_days: int
    asked: Asked

    def wants(self, wanted: Wanted) -> None:
        """The spending."""
        wanted.spending(self.address, self.seq)

    def hand(self, group: Group, hand: Hand) -> None:
        """The lots that it took from."""
        for lot in group.spending_lots(self.address):
            hand.lot(self.address, lot)

    def answers(self) -> type[RolledBack]:
        """What came back."""
        return RolledBack

    def decide(self, group: Group) -> Answer[RolledBack]:
        """Raises SpendingNotFound, AlreadyRolledBack, RollbackWindowClosed, AmountTooLarge."""
        standing = group.standing(self.address, even_blocked=True)
        spending = standing.spendings.get(self.seq)
        if spending is None:
            raise SpendingNotFound(entry=self.seq)
        card, now = standing.card, standing.clock.now
        refunds.check_window(spending, card.rollback_days, now)
        until = self.until
        if self.policy is RollbackPolicy.GRACE:
            until = now + timedelta(days=self.grace_days)
        draft = standing.draft()
        back = refunds.roll_back(draft, spending, self.points, self.policy, until, now)
        answer = RolledBack(
            back.points,
            back.restored,
            back.expired,
            back.posting,
            group.unit.now,
            balance(draft.account, card, now),
        )
        if self.asked.validate_only:
            return Answer(answer, None)
        details = {
            "entry": self.seq,
            "points": back.points,
            "restored": back.restored,
            "expired": back.expired,
            "policy": self.policy,
        }
        name = f"{self.address.name}/entries/{self.seq}"
        activity = group.record(self.asked, standing.scope, name, now, details, back.restored)
        standing.take(group.unit, draft, activity)
        standing.keep_spending(back.spending, activity)
        return Answer(answer, activity)
