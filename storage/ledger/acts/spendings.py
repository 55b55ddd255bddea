"""Points spent, for a purchase or a reward, and given back."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from rules import ledger, refunds
from rules.accounts import Entry
from rules.programs import Card, CardKind
from rules.refunds import RollbackPolicy, Spending
from rules.refusals import PrecisionTooFine, SpendingNotFound
from rules.states import Act
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance, balance
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.names import LotsNeeded, Reads


class Spent(NamedTuple):
    """What was taken."""

    entry: Entry
    recorded_at: datetime
    balance: Balance


class RolledBack(NamedTuple):
    """What came back: `points` of the spending, of them `restored`, of which `expired` at once. No entry where
    nothing came back."""

    points: int
    restored: int
    expired: int
    entry: Entry | None
    recorded_at: datetime
    balance: Balance


class SpendPoints(NamedTuple):
    """Takes points. `pays_for` is the id of the purchase they pay for, whose refund gives them back."""

    address: Address
    points: int
    reference: str
    pays_for: str | None
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """Its account."""
        reads.account(self.address)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that it takes from."""
        lots.points(self.address, self.points)

    def answers(self) -> type[Spent]:
        """What was taken."""
        return Spent

    def decide(self, group: Group) -> Answer[Spent]:
        """Raises InsufficientPoints, PointsHeldElsewhere, PrecisionTooFine."""
        return spend(group, self.address, self.points, self.reference, self.pays_for, self.context)


def spend(
    group: Group, address: Address, points: int, reference: str, pays_for: str | None, context: CommandContext
) -> Answer[Spent]:
    """Takes points for whatever it is."""
    locked = group.account(address, Act.SPEND)
    card, now = locked.card, locked.program.now
    check_whole(card, points)
    draft = locked.draft()
    entry = ledger.spend(draft, points, now, pays_for)
    draft.extend_sliding_expiries("points.spent", now)
    spent = Spent(entry, group.now, balance(draft.account, card, now))
    details: dict[str, Any] = {"amount": -points, "entry": entry.seq, "reference": reference}
    if pays_for:
        details["transaction"] = pays_for
    activity = group.book(context, locked, draft, address.name, now, details, -points)
    spending = Spending(entry.seq, points, 0, 0, now, entry.allocations, pays_for)
    locked.keep_spending(spending, activity, reference)
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
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The spending."""
        reads.spending(self.address, self.seq)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that it took from."""
        for lot in loaded.spending_lots(self.address):
            lots.lot(self.address, lot)

    def answers(self) -> type[RolledBack]:
        """What came back."""
        return RolledBack

    def decide(self, group: Group) -> Answer[RolledBack]:
        """Raises SpendingNotFound, AlreadyRolledBack, RollbackWindowClosed, AmountTooLarge."""
        locked = group.account(self.address, Act.GIVE_BACK)
        spending = locked.spendings.get(self.seq)
        if spending is None:
            raise SpendingNotFound(entry=self.seq)
        card, now = locked.card, locked.program.now
        refunds.check_window(spending, card.rollback_days, now)
        until = self.until
        if self.policy is RollbackPolicy.GRACE:
            until = now + timedelta(days=self.grace_days)
        draft = locked.draft()
        back = refunds.roll_back(draft, spending, self.points, self.policy, until, now)
        answer = RolledBack(
            back.points,
            back.restored,
            back.expired,
            back.entry,
            group.now,
            balance(draft.account, card, now),
        )
        details = {
            "entry": self.seq,
            "points": back.points,
            "restored": back.restored,
            "expired": back.expired,
            "policy": self.policy,
        }
        name = f"{self.address.name}/entries/{self.seq}"
        activity = group.book(self.context, locked, draft, name, now, details, back.restored)
        locked.keep_spending(back.spending, activity)
        return Answer(answer, activity)
