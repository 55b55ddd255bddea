"""An account in hand: what a group of commands did to it so far, and the rows that will say so."""

from datetime import datetime
from typing import Any, NamedTuple

from rules import ledger
from rules.accounts import Account, AccountState, Entry, EntryKind, Hold, Lot, Shortfall
from rules.activity import DEBT_REPAID, HOLD_EXPIRED, POINTS_ACTIVATED, POINTS_EXPIRED, by_time
from rules.draft import Draft, Sliding, TimeKind
from rules.programs import Card
from rules.refunds import Spending
from storage.activity.commands import Scope, record
from storage.engine.unit import Plan
from storage.ledger import facts, rows
from storage.ledger.addresses import AccountKey, Address
from storage.ledger.load import Loaded, LotsAtHand
from storage.ledger.tables import ACCOUNTS, ENTRIES, SPLITS
from storage.programs.queries import ProgramState

_BY_TIME = {
    TimeKind.ACTIVATED: by_time(POINTS_ACTIVATED),
    TimeKind.EXPIRED: by_time(POINTS_EXPIRED),
    TimeKind.REPAID: by_time(DEBT_REPAID),
    TimeKind.HOLD_EXPIRED: by_time(HOLD_EXPIRED),
}


class Mark(NamedTuple):
    """A locked as it was, to go back to."""

    account: Account
    kept: tuple[dict[Any, Any], ...]


class LockedAccount:
    """One locked account in the middle of a transaction. Its lots are known only where they are at hand."""

    def __init__(
        self,
        key: AccountKey,
        address: Address,
        clock: ProgramState,
        loaded: Loaded,
        lots: LotsAtHand | None,
        sliding: Sliding,
    ) -> None:
        self.key = key
        self.address = address
        self.program = clock
        self.scope = Scope(key.program, key.customer)
        self.account = self._loaded = loaded.accounts[key.account]
        self.is_at_hand = lots is not None
        self.lots: dict[int, Lot] = lots.lots if lots else {}
        self.holds: dict[int, Hold] = loaded.holds.get(key.account, {})
        self.shortfalls: dict[int, Shortfall] = loaded.shortfalls.get(key.account, {})
        self.sliding_expiries: dict[int, datetime] = loaded.sliding_expiries.get(key.account, {})
        self.spendings: dict[int, Spending] = loaded.spendings.get(key.account, {})
        # Of what changed: the activity that made it, None where it was there before.
        self._changed: dict[tuple[str, int], str | None] = {}
        self._references: dict[int, str] = {}
        # What this group transferred away, by entry; the database does not know of it yet.
        self.sent: dict[int, int] = {}
        self._sliding = sliding
        self._rest_due_at = self.account.due_at
        if lots is not None and self.account.is_due(clock.now):
            self._rest_due_at = lots.rest_due_at
        self._slid = frozenset(self.sliding_expiries)

    @property
    def card(self) -> Card:
        """The card, as the program's settings have it now. Raises CardNotFound."""
        return self.program.settings.card(self.address.card, self.address.program)

    @property
    def is_blocked(self) -> bool:
        """Whether its customer is suspended or merged."""
        return self.account.state is not AccountState.OPEN

    @property
    def is_changed(self) -> bool:
        """Whether it differs from what was loaded."""
        return self.account is not self._loaded

    def draft(self) -> Draft:
        """The account, settled, to work on. Nothing is done until `take`."""
        draft = Draft(
            self.account,
            self.lots if self.is_at_hand else None,
            self.holds,
            self.shortfalls,
            self.sliding_expiries,
            self._sliding,
            self._rest_due_at,
        )
        if self.is_at_hand:
            ledger.settle(draft, self.program.now)
        return draft

    def take(self, unit: Plan, draft: Draft, activity: str) -> None:
        """Takes over a draft: what time did, each with a record of its own, then what the act did, under its record."""
        for passed in draft.passed:
            details: dict[str, Any] = {}
            if passed.entry is not None:
                numbers = [number for number, _ in passed.entry.allocations]
                details = {"amount": passed.entry.amount, "entry": passed.entry.seq, "lots": numbers}
            elif passed.hold is not None:
                details = {"hold": passed.hold.number, "points": passed.hold.points}
            origin = _BY_TIME[passed.kind]
            points = passed.entry.amount if passed.entry else None
            noted = record(
                unit,
                origin,
                self.address.name,
                self.scope,
                passed.at,
                details=details,
                event=origin.kind.action,
                points=points,
            )
            if passed.entry is not None:
                self._post(unit, passed.entry, noted)
        for entry in draft.entries:
            self._post(unit, entry, activity)
            if entry.kind is EntryKind.TRANSFER_OUT:
                self.sent[entry.seq] = -entry.amount
        facts.cancelled(unit, self.key.account, draft, self.program.now, activity)
        self._keep("lot", draft.changed_lots, self._loaded.lots, activity)
        self._keep("hold", draft.changed_holds, self._loaded.holds, activity)
        self._keep("shortfall", draft.changed_shortfalls, self._loaded.shortfalls, activity)
        self._keep("slide", draft.changed_sliding_expiries, 0, activity)
        if self.is_at_hand:
            self.lots = draft.lots
        else:
            self.lots.update(draft.lots)
        self.holds, self.shortfalls, self.sliding_expiries = draft.holds, draft.shortfalls, draft.sliding_expiries
        account = draft.account
        due_at = draft.due_at
        if not self.is_at_hand:
            self._rest_due_at = due_at
        self.account = account._replace(due_at=due_at)

    def lot_made_by(self, number: int) -> str | None:
        """The activity of this group that made a lot; None where it was there before."""
        return self._changed.get(("lot", number))

    def keep_spending(self, spending: Spending, activity: str, reference: str = "") -> None:
        """Takes over a spending as it stands now."""
        self.spendings[spending.seq] = spending
        self._keep("spending", {spending.seq}, self._loaded.entries, activity)
        if reference:
            self._references[spending.seq] = reference

    def mark(self) -> Mark:
        """What to give to `return_to`."""
        kept = (
            self.lots,
            self.holds,
            self.shortfalls,
            self.sliding_expiries,
            self.spendings,
            self.sent,
            self._changed,
            self._references,
        )
        return Mark(self.account, tuple(dict(one) for one in kept))

    def return_to(self, mark: Mark) -> None:
        """As if nothing had been done since the mark."""
        self.account = mark.account
        self.lots, self.holds, self.shortfalls, self.sliding_expiries, self.spendings, *rest = mark.kept
        self.sent, self._changed, self._references = rest
        if not self.is_at_hand:
            self._rest_due_at = mark.account.due_at

    def write(self, unit: Plan) -> None:
        """Plans the rows of the account, and of all that changed in it, as they stand in the end."""
        account = self.account._asdict()
        del account["state"]
        unit.add(ACCOUNTS, {"id": self.key.account, **account})
        for (noun, number), made_by in self._changed.items():
            if noun == "lot":
                rows.lot(unit, self.key, self.lots[number], made_by)
            elif noun == "hold":
                rows.hold(unit, self.key, self.holds[number], made_by)
            elif noun == "shortfall":
                rows.shortfall(unit, self.key, self.shortfalls[number], made_by)
            elif noun == "spending":
                rows.spending(unit, self.key, self.spendings[number], self._references.get(number, ""), made_by)
            else:
                rows.slide(unit, self.key, number, self.sliding_expiries[number], is_new=number not in self._slid)

    def _keep(self, noun: str, numbers: set[int], last_before: int, activity: str) -> None:
        for number in numbers:
            if (noun, number) not in self._changed:
                self._changed[noun, number] = activity if number > last_before else None

    def _post(self, unit: Plan, entry: Entry, activity: str) -> None:
        account = self.key.account
        program = self.key.program
        unit.add(
            ENTRIES,
            {
                "account": account,
                "seq": entry.seq,
                "program": program,
                "kind": entry.kind,
                "amount": entry.amount,
                "active_after": entry.active_after,
                "held_after": entry.held_after,
                "debt_after": entry.debt_after,
                "occurred_at": entry.occurred_at,
                "transaction_id": entry.transaction_id,
                "hold": entry.hold,
                "reverses": entry.reverses,
                "lot": entry.allocations[0][0] if len(entry.allocations) == 1 else None,
                "activity": activity,
            },
        )
        if len(entry.allocations) == 1:
            return
        for ordinal, (lot, amount) in enumerate(entry.allocations):
            row = {"account": account, "seq": entry.seq, "lot": lot, "program": program, "ordinal": ordinal}
            unit.add(SPLITS, {**row, "amount": amount})
