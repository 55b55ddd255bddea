"""An account in hand: drafts of it for the rules to work on, and what becomes of those that are taken over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rules import ledger
from rules.accounts import Account, Entry, EntryKind, Hold, Lot, balance_changes
from rules.activity import DEBT_REPAID, HOLD_EXPIRED, POINTS_ACTIVATED, POINTS_EXPIRED, Change, by_time
from rules.draft import Draft, Passed, Sliding, TimeKind
from rules.programs import Card
from rules.refunds import Spending
from storage.activity.commands import Scope, record
from storage.engine.workspace import Workspace
from storage.ledger import facts
from storage.ledger.addresses import AccountKey, Address
from storage.ledger.records import (
    ACCOUNTS,
    ENTRIES,
    HOLDS,
    LOTS,
    PINS,
    REST_DUE,
    SHORTFALLS,
    SLIDING_EXPIRIES,
    SPENDINGS,
    SPLITS,
    SlidingExpiry,
)
from storage.programs.queries import ProgramState

_BY_TIME = {
    TimeKind.ACTIVATED: by_time(POINTS_ACTIVATED),
    TimeKind.EXPIRED: by_time(POINTS_EXPIRED),
    TimeKind.REPAID: by_time(DEBT_REPAID),
    TimeKind.HOLD_EXPIRED: by_time(HOLD_EXPIRED),
}


class LockedAccount:
    """One account of a workspace. Its lots are known only where they are at hand."""

    def __init__(
        self,
        workspace: Workspace,
        key: AccountKey,
        address: Address,
        program: ProgramState,
        sliding: Sliding,
        is_at_hand: bool,
        is_cut: bool = False,
    ) -> None:
        self._is_cut = is_cut
        self.key = key
        self.address = address
        self.program = program
        self.scope = Scope(key.program, key.customer)
        self.is_at_hand = is_at_hand
        self._workspace = workspace
        self._sliding = sliding
        self._owner = (key.account,)
        self._figures = workspace.within(ACCOUNTS, ())
        self._rest_due_at = None
        if is_at_hand:
            is_due = self.account.is_due(program.now)
            self._rest_due_at = workspace.get(REST_DUE, self._owner) if is_due else self.account.due_at

    @property
    def account(self) -> Account:
        """Its figures, as this transaction has left them."""
        return self._figures[self.key.account]

    @property
    def lots(self) -> Mapping[int, Lot]:
        """Those that are at hand, and those that this transaction made."""
        return self._workspace.within(LOTS, self._owner)

    @property
    def holds(self) -> Mapping[int, Hold]:
        """Those that are open, and those that were asked for."""
        return self._workspace.within(HOLDS, self._owner)

    @property
    def spendings(self) -> Mapping[int, Spending]:
        """Those that were asked for, and those that this transaction made."""
        return self._workspace.within(SPENDINGS, self._owner)

    @property
    def card(self) -> Card:
        """The card, as the program's settings have it now. Raises CardNotFound."""
        return self.program.settings.card(self.address.card, self.address.program)

    def draft(self) -> Draft:
        """The account, settled, to work on. Nothing is done until it is applied."""
        draft = draft_of(self._workspace, self.key.account, self.is_at_hand, self._sliding, self._rest_due_at)
        draft.is_cut = self._is_cut
        if self.is_at_hand:
            ledger.settle(draft, self.program.now)
        return draft

    def changes(self, draft: Draft) -> list[Change]:
        """What the act on a draft made of the balance, for its record. What time did before it is recorded first."""
        self._book_passed(draft)
        return balance_changes(self.address.card, *draft.tell())

    def apply(self, draft: Draft, activity: str) -> None:
        """Takes over a draft: what time did, each with a record of its own, then what the act did, under its record."""
        self._book_passed(draft)
        for entry in draft.entries:
            self._post(entry, activity)
        facts.cancelled(self._workspace, self.key.account, draft, self.program.now, activity)
        put, owner = self._workspace.put, self.key.account
        made = {"program": self.key.program, "activity": activity}
        for number in draft.changed_lots:
            put(LOTS, (owner, number), draft.lots[number], made)
        for number in draft.changed_holds:
            if put(HOLDS, (owner, number), draft.holds[number], made):
                self._pin(draft.holds[number])
        for number in draft.changed_shortfalls:
            put(SHORTFALLS, (owner, number), draft.shortfalls[number], made)
        for version in draft.changed_sliding_expiries:
            put(SLIDING_EXPIRIES, (owner, version), SlidingExpiry(draft.sliding_expiries[version]), {})
        put(ACCOUNTS, (owner,), draft.account._replace(due_at=draft.due_at))

    def keep_spending(self, spending: Spending, activity: str, reference: str = "") -> None:
        """Takes over a spending as it stands now; the first time with the reference that its caller gave."""
        made = {"program": self.key.program, "activity": activity, "reference": reference}
        self._workspace.put(SPENDINGS, (self.key.account, spending.seq), spending, made)

    def lot_made_by(self, number: int) -> str | None:
        """The activity of this transaction that made a lot; None where it was there before."""
        made = self._workspace.made(LOTS, (self.key.account, number))
        return made["activity"] if made is not None else None

    def sent(self) -> list[int]:
        """What this transaction has transferred away so far; the database does not know of it yet."""
        entries = self._workspace.within(ENTRIES, self._owner).values()
        return [-entry.amount for entry in entries if entry.kind is EntryKind.TRANSFER_OUT]

    def _book_passed(self, draft: Draft) -> None:
        for passed in draft.passed:
            noted = self._record(passed)
            if passed.entry is not None:
                self._post(passed.entry, noted)
        draft.passed.clear()

    def _record(self, passed: Passed) -> str:
        details: dict[str, Any] = {}
        points = None
        if passed.entry is not None:
            points = passed.entry.amount
            lots = [number for number, _ in passed.entry.allocations]
            details = {"amount": points, "entry": passed.entry.seq, "lots": lots}
        elif passed.hold is not None:
            details = {"hold": passed.hold.number, "points": passed.hold.points}
        origin = _BY_TIME[passed.kind]
        return record(
            self._workspace,
            origin,
            self.address.name,
            self.scope,
            passed.at,
            changes=balance_changes(self.address.card, passed.before, passed.after),
            details=details,
            event=origin.kind.action,
            points=points,
        )

    def _post(self, entry: Entry, activity: str) -> None:
        owner, program = self.key.account, self.key.program
        lot = entry.allocations[0][0] if len(entry.allocations) == 1 else None
        made = {"program": program, "activity": activity, "lot": lot}
        self._workspace.put(ENTRIES, (owner, entry.seq), entry, made)
        if lot is None:
            for ordinal, (number, amount) in enumerate(entry.allocations):
                row = {"account": owner, "seq": entry.seq, "lot": number, "program": program, "ordinal": ordinal}
                self._workspace.add(SPLITS.made, {**row, "amount": amount})

    def _pin(self, hold: Hold) -> None:
        for ordinal, (lot, points) in enumerate(hold.pins):
            row = {"account": self.key.account, "hold": hold.number, "lot": lot, "ordinal": ordinal, "points": points}
            self._workspace.add(PINS.made, row)


def draft_of(
    workspace: Workspace, account: int, is_at_hand: bool, sliding: Sliding, rest_due_at: datetime | None = None
) -> Draft:
    """A draft of an account in hand, not settled yet; `rest_due_at` is when time changes what is not at hand of it."""
    owner = (account,)
    found = workspace.get(ACCOUNTS, owner)
    assert found is not None
    expiries = workspace.within(SLIDING_EXPIRIES, owner)
    return Draft(
        found,
        workspace.within(LOTS, owner) if is_at_hand else None,
        workspace.within(HOLDS, owner),
        workspace.within(SHORTFALLS, owner),
        {version: expiry.expires_at for version, expiry in expiries.items()} if expiries else None,
        sliding,
        rest_due_at if is_at_hand else found.due_at,
    )
