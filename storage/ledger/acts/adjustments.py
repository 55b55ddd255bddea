"""What people do by hand: points added and taken away, single pending lots activated or cancelled."""

from datetime import datetime
from typing import NamedTuple

from msgspec import json

from rules import calendar, ledger
from rules.accounts import Entry, EntryKind, Lot
from rules.programs import Term, time_zone
from rules.refusals import LotNotFound
from rules.states import Act
from rules.transactions import TransactionState
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.session import Statement
from storage.ledger.acts.purchases import usable_until
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance, balance
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import LotsNeeded, Reads
from storage.ledger.records import TRANSACTIONS


class Adjusted(NamedTuple):
    """The entry that it made."""

    entry: Entry
    recorded_at: datetime
    balance: Balance


class LotChanged(NamedTuple):
    """A lot after it; the last local day on which it can be used, the lot it came from, who issued it."""

    lot: Lot
    expires_at: datetime | None
    last_usable_on: str
    origin: str
    issued_by: str
    balance: Balance


class AdjustPoints(NamedTuple):
    """Adds points (above 0) that expire as points earned now would, or with those that slide; or takes points away
    (below 0)."""

    address: Address
    points: int
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """Its account."""
        reads.account(self.address)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lots that it takes from."""
        if self.points < 0:
            lots.points(self.address, -self.points)

    def answers(self) -> type[Adjusted]:
        """The entry."""
        return Adjusted

    def decide(self, group: Group) -> Answer[Adjusted]:
        """Raises InsufficientPoints, PointsHeldElsewhere, AmountTooLarge."""
        locked = group.account(self.address, Act.ADD if self.points > 0 else Act.TAKE)
        program, card = locked.program, locked.card
        draft = locked.draft()
        if self.points > 0:
            term = given_now(locked, program.now)
            entry = ledger.earn(draft, self.points, term, program.version, program.now, kind=EntryKind.ADJUSTMENT)
            assert entry is not None
        else:
            entry = ledger.deduct(draft, -self.points, program.now)
        answer = Adjusted(entry, group.now, balance(draft.account, card, program.now))
        details = {"amount": self.points, "entry": entry.seq}
        activity = group.book(self.context, locked, draft, self.address.name, program.now, details, self.points)
        return Answer(answer, activity)


def given_now(locked: LockedAccount, at: datetime) -> Term:
    """The term of points that no purchase earned: active at once, then as long as any."""
    settings, card = locked.program.settings, locked.card
    slides = settings.sliding_expiry_at(card, "", at) is not None
    return Term(at, settings.usable_until(card, at), slides)


class ChangeLot(NamedTuple):
    """Activates or cancels one pending lot; the purchase that it is of follows it."""

    address: Address
    number: int
    activate: bool
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """Its account."""
        reads.account(self.address)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lot."""
        lots.lot(self.address, self.number)

    def answers(self) -> type[LotChanged]:
        """The lot after it."""
        return LotChanged

    def decide(self, group: Group) -> Answer[LotChanged]:
        """Raises LotNotFound, LotStateWrong."""
        locked = group.account(self.address, Act.GIVE_BACK if self.activate else Act.PUT_RIGHT)
        program = locked.program
        draft = locked.draft()
        lot = draft.lots.get(self.number)
        if lot is None:
            raise LotNotFound(lot=self.number)
        if self.activate:
            ledger.activate(
                draft, lot.number, program.now, usable_until(group, locked, lot.settings_version, program.now)
            )
        else:
            ledger.cancel(draft, lot.number)
        after = draft.lots[lot.number]
        expires_at = draft.expires_at(after)
        zone = time_zone(program.settings.time_zone)
        last_usable_on = calendar.last_usable_day(expires_at, zone).isoformat() if expires_at else ""
        made_by = locked.lot_made_by(lot.number)
        issued_by, origin = made_by, ""
        if issued_by is None:
            issued_by, origin = json.decode(group.read(_ISSUED, locked.key.account, lot.number))
        answer = LotChanged(
            after, expires_at, last_usable_on, origin, issued_by, balance(draft.account, locked.card, program.now)
        )
        name = f"{self.address.name}/lots/{lot.number}"
        points = lot.remaining if self.activate else -lot.remaining
        activity = group.book(self.context, locked, draft, name, program.now, {"points": lot.remaining}, points)
        if lot.transaction_id is not None:
            self._decide_purchase(group, locked, after)
        return Answer(answer, activity)

    def _decide_purchase(self, group: Group, locked: LockedAccount, lot: Lot) -> None:
        assert lot.transaction_id is not None
        state = TransactionState.ACCEPTED if self.activate else TransactionState.REJECTED
        known = group.known_purchase(self.address, lot.transaction_id)
        if known is None:
            key = {"program": locked.key.program, "transaction_id": lot.transaction_id, "account": locked.key.account}
            group.workspace.add(_DECISIONS, {**key, "decided": state})
        elif known.account == locked.key.account:
            purchase = known.purchase._replace(decided=state)
            after = known._replace(purchase=purchase, activates_at=lot.activates_at, expires_at=lot.expires_at)
            group.keep_purchase(locked.key.program, after)


# A purchase of which a group knows no more than that its pending lot was decided.
_DECISIONS = TRANSACTIONS.changing("decided", where=["account"])

_ISSUED = Statement(
    """
SELECT json_build_array(l.activity, coalesce(
    format('programs/%s/customers/%s/accounts/%s', p.program_id, c.customer_id, a.card_id)
        || '/lots/' || l.origin, ''
))
FROM lot l JOIN account a ON a.id = coalesce(l.origin_account, l.account)
JOIN customer c ON c.id = a.customer JOIN program p ON p.id = a.program
WHERE l.account = $1 AND l.number = $2
""",
    ["bigint", "integer"],
)
