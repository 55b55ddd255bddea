"""What happens to a customer beside purchases: events of the types that a program declares."""

from datetime import datetime
from typing import Any, NamedTuple

from rules import ledger
from rules.accounts import LotState
from rules.activity import Change
from rules.draft import Draft
from rules.programs import Term
from rules.refusals import SettingsInvalid, TransactionNotFound
from rules.sentences import CardNoun
from rules.states import Act
from storage.activity.commands import Scope
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.acts.adjustments import given_now
from storage.ledger.acts.purchases import activate, check_instant, needs_own_lot
from storage.ledger.addresses import Address, CustomerName, Holder, TransactionName
from storage.ledger.commands import Balance, balance
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.names import LotsNeeded, Reads
from storage.ledger.records import LoadedPurchase


class EventRecorded(NamedTuple):
    """An event, the points it gave, and the balance of the account that got them; what people call the event, and the
    card where it gave points."""

    event_type: str
    points: int
    occurred_at: datetime
    recorded_at: datetime
    account: str
    balance: Balance | None
    called: str = ""
    card: CardNoun | None = None


class RecordEvent(NamedTuple):
    """An event. `about` is the purchase it names, `gives_to` and `points` what it gives where the type does not say."""

    name: CustomerName
    event_type: str
    properties: tuple[tuple[str, str], ...]
    occurred_at: datetime | None
    about: str | None
    gives_to: Address | None
    points: int | None
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """All accounts of the customer: any of them may slide, or wait for it."""
        reads.customer(self.name, self.event_type)
        if self.gives_to is not None:
            reads.account(self.gives_to)
        if (purchase := self._purchase()) is not None:
            reads.purchase(purchase)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """The lot that may wait for it."""
        if (purchase := self._purchase()) is not None:
            needs_own_lot(loaded, lots, purchase)

    def answers(self) -> type[EventRecorded]:
        """The event."""
        return EventRecorded

    def decide(self, group: Group) -> Answer[EventRecorded]:
        """Raises EventTypeUnknown, OccursInFuture, TransactionNotFound, SettingsInvalid, AmountTooLarge."""
        holder = group.holder(self.name, self.event_type)
        program = group.program(holder.program)
        event_type = program.settings.event_type(self.event_type)
        at = check_instant(self.occurred_at, program.now)
        points = event_type.points if self.points is None else self.points
        gives_to = self._gives_to(holder) if points else None
        accounts = [
            group.account(address, Act.EARN if address == gives_to else Act.PUT_RIGHT) for address in holder.accounts
        ]
        if gives_to is not None and gives_to not in holder.accounts:
            accounts.append(group.account(gives_to, Act.EARN))
        drafts = {locked.address: locked.draft() for locked in accounts}
        for draft in drafts.values():
            draft.extend_sliding_expiries(self.event_type, at)
        activated = self._activated(group, drafts, at)
        shown: Balance | None = None
        card: CardNoun | None = None
        if gives_to is not None:
            locked = group.account(gives_to, Act.EARN)
            ledger.earn(drafts[gives_to], points, given_now(locked, at), program.version, program.now)
            shown = balance(drafts[gives_to].account, locked.card, program.now)
            card = CardNoun.of(locked.card, program.settings)
        given = points if gives_to is not None else 0
        account = gives_to.name if gives_to is not None else ""
        called = event_type.display_name
        answer = EventRecorded(self.event_type, given, at, group.now, account, shown, called, card)
        changes = [change for locked in accounts for change in locked.changes(drafts[locked.address])]
        activity = self._record(group, Scope(holder.program, holder.customer), at, given, account, changes)
        for locked in accounts:
            draft = drafts[locked.address]
            if draft.account is not locked.account or draft.changed_sliding_expiries:
                locked.apply(draft, activity)
        if activated is not None:
            group.keep_purchase(holder.program, activated)
        return Answer(answer, activity)

    def _record(
        self, group: Group, scope: Scope, at: datetime, points: int, account: str, changes: list[Change]
    ) -> str:
        details: dict[str, Any] = {"event_type": self.event_type, "properties": dict(self.properties)}
        if self.about is not None:
            details["transaction"] = self.about
        if points:
            details["points"] = points
            details["account"] = account
        return group.record(self.context, scope, self.name.name, at, details, points, self.event_type, changes)

    def _activated(self, group: Group, drafts: dict[Address, Draft], at: datetime) -> LoadedPurchase | None:
        """The purchase it names, where its points waited for this: they become active, at once or on their day."""
        name = self._purchase()
        if name is None:
            return None
        locked, known = group.purchase(name, Act.PUT_RIGHT)
        if locked.address not in drafts:
            raise TransactionNotFound(transaction=name.transaction_id)
        draft = drafts[locked.address]
        lot = draft.lots[known.lot] if known.lot is not None else None
        settings = group.settings(locked.program.id, known.purchase.settings_version)
        card = settings.card(locked.address.card, locked.address.program)
        awaits = lot.awaits if lot is not None else settings.term(card, known.purchase.occurred_at).awaits
        waits = known.purchase.accepts_at is None and known.purchase.is_pending(locked.program.now)
        if not waits or awaits != self.event_type or (lot is not None and lot.state is not LotState.PENDING):
            return None
        matures_at = settings.matures_at(card, at)
        if lot is None:
            pass
        elif matures_at <= locked.program.now:
            known = activate(group, locked, draft, known, locked.program.now)
        else:
            term = Term(matures_at, settings.usable_until(card, matures_at), lot.slides)
            ledger.date(draft, lot.number, term)
            known = known._replace(activates_at=matures_at, expires_at=term.expires_at)
        accepts_at = max(matures_at, locked.program.now)
        return known._replace(purchase=known.purchase._replace(accepts_at=accepts_at))

    def _gives_to(self, holder: Holder) -> Address:
        found = self.gives_to or holder.gives_to
        if found is None:
            raise SettingsInvalid(what=f"event type {self.event_type} names no card; let the event name the account")
        return found

    def _purchase(self) -> TransactionName | None:
        return None if self.about is None else TransactionName(self.name.program, self.name.customer, self.about)
