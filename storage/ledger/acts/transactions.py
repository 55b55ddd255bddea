"""Purchases: recorded, corrected while they are pending, accepted or rejected by hand."""

from datetime import datetime
from typing import Any, NamedTuple

from rules import ledger
from rules.programs import Term
from rules.refusals import DuplicateTransaction, TransactionStateWrong
from rules.states import Act
from rules.transactions import Line, Purchase, TransactionState, check_lines, check_pending, content, earned
from storage.coupons.acts.customers import Holder
from storage.coupons.acts.rollbacks import give_back_used, read_used
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.acts.purchases import Decided, activate, check_instant, needs_own_lot, seen
from storage.ledger.addresses import Address, TransactionName
from storage.ledger.commands import Balance, balance
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import LotsNeeded, Reads
from storage.ledger.records import LoadedPurchase


class Recorded(NamedTuple):
    """What a purchase became. The instants are None where it earned nothing, waits for somebody, or never expires."""

    points: int
    state: TransactionState
    occurred_at: datetime
    activates_at: datetime | None
    expires_at: datetime | None
    lot: int | None
    settings_version: int
    balance: Balance


class Again(NamedTuple):
    """A purchase that stood in the books already, as it stands. `changed_since`: it was recorded as it is sent now, and
    corrected since."""

    decided: Decided
    changed_since: bool


class RecordTransaction(NamedTuple):
    """A purchase. `occurred_at` None: now. Its id begins with `source~` where its sender has one."""

    address: Address
    transaction_id: str
    amount_minor: int
    currency_code: str
    occurred_at: datetime | None
    lines: tuple[Line, ...]
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """Its account, and whether it was recorded before."""
        reads.new_purchase(self.address, self.transaction_id)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """A new lot needs no other."""

    def answers(self) -> type[Recorded]:
        """What it became."""
        return Recorded

    def decide(self, group: Group) -> Answer[Recorded | Again]:
        """Raises DuplicateTransaction, OccursInFuture, LinesExceedAmount, CurrencyMismatch, AmountTooLarge."""
        known = group.known_purchase(self.address, self.transaction_id)
        # A suspended customer earns nothing new; what stands in the books already is answered all the same.
        locked = group.account(self.address, Act.EARN if known is None else Act.PUT_RIGHT)
        program = locked.program
        if known is not None:
            return self._again(group, locked, known)
        card = locked.card
        occurred_at = check_instant(self.occurred_at, program.now)
        check_lines(self.amount_minor, self.lines)
        points = earned(card.earn_rate, self.amount_minor, self.currency_code, self.lines)
        term = program.settings.term(card, occurred_at)
        draft = locked.draft()
        draft.extend_sliding_expiries("transaction.recorded", occurred_at)
        lot = None
        if points:
            ledger.earn(draft, points, term, program.version, program.now, self.transaction_id)
            lot = draft.account.lots
        decided = TransactionState.ACCEPTED
        if term.activates_at is None or term.activates_at > program.now:
            decided = TransactionState.PENDING
        recorded = Recorded(
            points,
            decided,
            occurred_at,
            term.activates_at if points else None,
            draft.expires_at(draft.lots[lot]) if lot else None,
            lot,
            program.version,
            balance(draft.account, card, program.now),
        )
        details = {
            "amount_minor": self.amount_minor,
            "card": self.address.card,
            "currency": self.currency_code,
            "points": points,
        }
        if decided is TransactionState.PENDING:
            details["pending"] = True
        name = f"{self.address.customer_name}/transactions/{self.transaction_id}"
        activity = group.book(self.context, locked, draft, name, occurred_at, details, points)
        purchase = Purchase(
            self.transaction_id,
            self.amount_minor,
            self.currency_code,
            self.lines,
            points,
            lot,
            program.version,
            occurred_at,
            decided,
            term.activates_at,
        )
        known = LoadedPurchase(
            purchase, locked.key.account, None, activity, lot, recorded.activates_at, recorded.expires_at
        )
        group.keep_purchase(program.id, known)
        return Answer(recorded, activity)

    def _again(self, group: Group, locked: LockedAccount, known: LoadedPurchase) -> Answer[Recorded | Again]:
        """The second belt: another request for the same purchase, which answers what stands in the books."""
        purchase = known.purchase
        asked = content(self.amount_minor, self.currency_code, self.lines)
        differs = {
            "account": known.account != locked.key.account,
            "occur_time": self.occurred_at not in (None, purchase.occurred_at),
        }
        if asked not in (purchase.content, purchase.first_content):
            paid = (self.amount_minor, self.currency_code)
            differs["amount"] = paid != (purchase.amount_minor, purchase.currency_code)
            differs["lines"] = self.lines != purchase.lines
        if any(differs.values()):
            name = f"{group.customer_of(known.account)}/transactions/{self.transaction_id}"
            fields = ", ".join(field for field, is_other in differs.items() if is_other)
            raise DuplicateTransaction(transaction=name, differs=fields)
        again = Again(seen(locked, known, locked.draft()), changed_since=asked != purchase.content)
        return Answer(again, known.activity, replayed=True)


class UpdateTransaction(NamedTuple):
    """Another amount and other lines for a purchase whose points still wait; earned by the rules it was earned by. What
    stands already changes nothing, and leaves no record."""

    name: TransactionName
    amount_minor: int
    currency_code: str
    lines: tuple[Line, ...]
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The purchase."""
        reads.purchase(self.name)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """Its lot."""
        needs_own_lot(loaded, lots, self.name)

    def answers(self) -> type[Decided]:
        """The purchase after it."""
        return Decided

    def decide(self, group: Group) -> Answer[Decided]:
        """Raises TransactionStateWrong, LinesExceedAmount, CurrencyMismatch, AmountTooLarge."""
        locked, known = group.purchase(self.name, Act.PUT_RIGHT)
        program, purchase = locked.program, known.purchase
        draft = locked.draft()
        check_pending(purchase, program.now)
        settings = group.settings(program.id, purchase.settings_version)
        card = settings.card(locked.address.card, self.name.program)
        points = earned(card.earn_rate, self.amount_minor, self.currency_code, self.lines)
        if purchase.refunds:
            state, wanted = purchase.state(program.now), TransactionState.PENDING
            raise TransactionStateWrong(transaction=purchase.transaction_id, state=state, wanted=wanted)
        check_lines(self.amount_minor, self.lines)
        asked = (self.amount_minor, self.currency_code, self.lines)
        if asked == (purchase.amount_minor, purchase.currency_code, purchase.lines):
            return Answer(seen(locked, known, draft), None)
        term = settings.term(card, purchase.occurred_at)
        if known.lot is not None:
            old = draft.lots[known.lot]
            # What an event has dated already keeps its date.
            term = term._replace(activates_at=old.activates_at, expires_at=old.expires_at, awaits=old.awaits or "")
            ledger.cancel(draft, known.lot)
        elif purchase.accepts_at is not None:
            term = Term(purchase.accepts_at, settings.usable_until(card, purchase.accepts_at), card.slides)
        lot = (
            draft.issue(points, term, purchase.settings_version, program.now, purchase.transaction_id)
            if points
            else None
        )
        changed = purchase._replace(
            amount_minor=self.amount_minor,
            currency_code=self.currency_code,
            lines=self.lines,
            points=points,
            lot=lot.number if lot else None,
            first_content=purchase.first_content or purchase.content,
        )
        after = known._replace(
            purchase=changed,
            origin_account=None,
            lot=changed.lot,
            activates_at=term.activates_at if lot else None,
            expires_at=term.expires_at if lot else None,
        )
        decided = seen(locked, after, draft)
        details: dict[str, Any] = {
            "amount_minor": [purchase.amount_minor, self.amount_minor],
            "card": locked.address.card,
            "currency": purchase.currency_code,
            "points": [purchase.points, points],
        }
        delta = points - purchase.points
        activity = group.book(self.context, locked, draft, self.name.name, program.now, details, delta)
        group.keep_purchase(program.id, after)
        return Answer(decided, activity)


class DecideTransaction(NamedTuple):
    """Accepts or rejects a pending purchase by hand, before time does."""

    name: TransactionName
    accept: bool
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The purchase; and the coupons that were used for it, which come back where it is rejected."""
        reads.purchase(self.name)
        if not self.accept:
            read_used(reads, self.name)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """Its lot."""
        needs_own_lot(loaded, lots, self.name)

    def answers(self) -> type[Decided]:
        """The purchase after it."""
        return Decided

    def decide(self, group: Group) -> Answer[Decided]:
        """Raises TransactionStateWrong."""
        locked, known = group.purchase(self.name, Act.GIVE_BACK if self.accept else Act.PUT_RIGHT)
        now, purchase = locked.program.now, known.purchase
        draft = locked.draft()
        check_pending(purchase, now)
        points = 0
        lot = known.lot
        if lot is not None and draft.lots[lot].is_open:
            points = draft.lots[lot].remaining
            if self.accept:
                known = activate(group, locked, draft, known, now)
            else:
                ledger.cancel(draft, lot)
        state = TransactionState.ACCEPTED if self.accept else TransactionState.REJECTED
        after = known._replace(purchase=purchase._replace(decided=state, accepts_at=now if self.accept else None))
        decided = seen(locked, after, draft)
        given = points if self.accept else -points
        details = {"card": locked.address.card, "points": points}
        activity = group.book(self.context, locked, draft, self.name.name, now, details, given)
        group.keep_purchase(locked.program.id, after)
        if not self.accept:
            give_back_used(group, Holder.of(locked), purchase.transaction_id, True, self.context, activity)
        return Answer(decided, activity)
