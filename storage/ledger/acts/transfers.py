"""Points given to another customer: two legs, one transaction."""

from datetime import datetime
from typing import NamedTuple

from msgspec import json

from rules import calendar, ledger
from rules.accounts import Entry
from rules.programs import Card, time_zone
from rules.refusals import DailyCapReached, TransferBetweenCards, TransferToItself
from rules.states import Act
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.session import Statement
from storage.ledger import facts
from storage.ledger.acts.spendings import check_whole
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance, balance
from storage.ledger.facts import MovementKind
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import LotsNeeded, Reads


class Transferred(NamedTuple):
    """Both legs, the activity of the receiver's, and the balance of whom they came from."""

    sent: Entry
    received: Entry
    recorded_at: datetime
    balance: Balance
    received_by: str | None = None


class TransferPoints(NamedTuple):
    """Gives points to another customer's account of the same card; each keeps the expiry that it has then."""

    address: Address
    to: Address
    points: int
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """Both accounts. Of another program none: naming one there must neither open nor lock it."""
        reads.account(self.address)
        if self.to.program == self.address.program:
            reads.account(self.to)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that it takes from."""
        lots.points(self.address, self.points)

    def answers(self) -> type[Transferred]:
        """Both legs."""
        return Transferred

    def decide(self, group: Group) -> Answer[Transferred]:
        """Raises TransferToItself, TransferBetweenCards, InsufficientPoints, PointsHeldElsewhere, DailyCapReached,
        AmountTooLarge."""
        if self.to == self.address:
            raise TransferToItself
        if self.to.program != self.address.program or self.to.card != self.address.card:
            one, other = (f"programs/{at.program}/cards/{at.card}" for at in (self.address, self.to))
            raise TransferBetweenCards(card=one, other=other)
        locked, target = group.account(self.address, Act.SPEND), group.account(self.to, Act.EARN)
        card, now = locked.card, locked.program.now
        check_whole(card, self.points)
        source, receiving = locked.draft(), target.draft()
        ledger.check_spendable(source.account, self.points)
        self._check_caps(group, locked, card)
        sent, received = ledger.transfer(source, receiving, self.points, now, locked.key.account)
        answer = Transferred(sent, received, group.now, balance(source.account, card, now))
        details = {"amount": -self.points, "entry": sent.seq, "to": self.to.name}
        activity = group.book(self.context, locked, source, self.address.name, now, details, -self.points)
        details = {"amount": self.points, "entry": received.seq, "from": self.address.name}
        # The receiver's history has an event of its own; the caller's receipt names the sender's.
        other = group.book(self.context, target, receiving, self.to.name, now, details, self.points)
        giver, getter = locked.key.account, target.key.account
        facts.moved(group.workspace, MovementKind.TRANSFER, giver, source, getter, receiving)
        return Answer(answer._replace(received_by=other), activity)

    def _check_caps(self, group: Group, locked: LockedAccount, card: Card) -> None:
        if not (card.transfer_daily_points or card.transfer_daily_count):
            return
        program = locked.program
        zone = time_zone(program.settings.time_zone)
        midnight = calendar.start_of_day(calendar.local_day(program.now, zone), zone)
        points, count = json.decode(group.read(_SENT, locked.key.account, midnight))
        sent = locked.sent()
        points, count = points + sum(sent), count + len(sent)
        if card.transfer_daily_count and count >= card.transfer_daily_count:
            raise DailyCapReached(limit=card.transfer_daily_count, what="times", used=count)
        if card.transfer_daily_points and points + self.points > card.transfer_daily_points:
            raise DailyCapReached(limit=card.transfer_daily_points, what="units", used=points)


_SENT = Statement(
    """
SELECT json_build_array(coalesce(-sum(amount), 0)::bigint, count(*)) FROM entry
WHERE account = $1 AND kind = 'TRANSFER_OUT' AND occurred_at >= $2
""",
    ["bigint", "timestamptz"],
)
