"""Points set aside: held, captured, let go."""

from datetime import datetime
from typing import NamedTuple

from rules import holds
from rules.accounts import Entry, Hold
from rules.refunds import Spending
from rules.refusals import HoldNotFound
from rules.states import Act
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.acts.spendings import check_whole
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance, balance
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import LotsNeeded, Reads


class Held(NamedTuple):
    """A hold as it stands after it; the entry where it was captured."""

    hold: Hold
    entry: Entry | None
    recorded_at: datetime
    balance: Balance


class CreateHold(NamedTuple):
    """Sets points aside for `ttl_s` seconds (0: as long as the card allows)."""

    address: Address
    points: int
    ttl_s: int
    reference: str
    pays_for: str | None
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """Its account."""
        reads.account(self.address)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that it pins."""
        lots.points(self.address, self.points)

    def answers(self) -> type[Held]:
        """The hold."""
        return Held

    def decide(self, group: Group) -> Answer[Held]:
        """Raises HoldTooLong, InsufficientPoints, PointsHeldElsewhere, PrecisionTooFine."""
        locked = group.account(self.address, Act.SPEND)
        card, now = locked.card, locked.program.now
        check_whole(card, self.points)
        draft = locked.draft()
        hold = holds.create(draft, self.points, self.ttl_s, card.hold_ttl_max_s, now, self.reference, self.pays_for)
        held = Held(hold, None, group.now, balance(draft.account, card, now))
        details = {"points": self.points, "reference": self.reference, "expires_at": hold.expires_at.isoformat()}
        activity = group.book(self.context, locked, draft, name(self.address, hold.number), now, details, 0)
        return Answer(held, activity)


class CaptureHold(NamedTuple):
    """Spends what was set aside, or `points` of it (0: all); the rest is let go."""

    address: Address
    number: int
    points: int
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The hold."""
        reads.hold(self.address, self.number)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that are pinned."""
        lots.account(self.address)

    def answers(self) -> type[Held]:
        """The hold, captured."""
        return Held

    def decide(self, group: Group) -> Answer[Held]:
        """Raises HoldNotFound, HoldAlreadyCaptured, HoldExpired, HoldReleased, HoldExceeded, PrecisionTooFine."""
        locked = group.account(self.address, Act.CAPTURE)
        card, now = locked.card, locked.program.now
        check_whole(card, self.points)
        draft = locked.draft()
        check_known(locked, self.number)
        entry = holds.capture(draft, self.number, self.points, now)
        draft.extend_sliding_expiries("hold.captured", now)
        hold = draft.holds[self.number]
        held = Held(hold, entry, group.now, balance(draft.account, card, now))
        details = {"amount": entry.amount, "entry": entry.seq, "reference": hold.reference}
        activity = group.book(self.context, locked, draft, name(self.address, self.number), now, details, entry.amount)
        spending = Spending(entry.seq, hold.captured, 0, 0, now, entry.allocations, hold.transaction_id)
        locked.keep_spending(spending, activity, hold.reference)
        return Answer(held, activity)


class ReleaseHold(NamedTuple):
    """Lets go of what was set aside."""

    address: Address
    number: int
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The hold."""
        reads.hold(self.address, self.number)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that are pinned."""
        lots.account(self.address)

    def answers(self) -> type[Held]:
        """The hold, released."""
        return Held

    def decide(self, group: Group) -> Answer[Held]:
        """Raises HoldNotFound, HoldAlreadyCaptured, HoldExpired, HoldReleased."""
        locked = group.account(self.address, Act.PUT_RIGHT)
        now = locked.program.now
        draft = locked.draft()
        check_known(locked, self.number)
        hold = holds.release(draft, self.number, now)
        held = Held(hold, None, group.now, balance(draft.account, locked.card, now))
        details = {"points": hold.points, "reference": hold.reference}
        activity = group.book(self.context, locked, draft, name(self.address, self.number), now, details, 0)
        return Answer(held, activity)


def check_known(locked: LockedAccount, number: int) -> None:
    """Raises HoldNotFound."""
    if number not in locked.holds:
        raise HoldNotFound(hold=number)


def name(address: Address, number: int) -> str:
    """The resource name of a hold."""
    return f"{address.name}/holds/{number}"
