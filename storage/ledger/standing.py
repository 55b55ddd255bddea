"""An account in hand: what a group of commands did to it so far, and the rows that will say so."""

from typing import Any

from rules.activity import POINTS_ACTIVATED, POINTS_EXPIRED, by_time
from rules.ledger import Account, Act, EntryKind, Lot, Posting, settle
from storage.activity.commands import Scope, record
from storage.engine.unit import Unit
from storage.ledger.addresses import Place
from storage.ledger.tables import ACCOUNTS, ALLOCATIONS, CHANGED_LOTS, ENTRIES, NEW_LOTS
from storage.programs.queries import Clock

_BY_TIME = {EntryKind.ACTIVATION: by_time(POINTS_ACTIVATED), EntryKind.EXPIRY: by_time(POINTS_EXPIRED)}


class Standing:
    """One locked account in the middle of a transaction. `lots` are its open lots where they were needed."""

    def __init__(self, place: Place, name: str, clock: Clock, account: Account, lots: dict[int, Lot] | None) -> None:
        self.place = place
        self.name = name
        self.clock = clock
        self.account = account
        self.lots = lots
        self.scope = Scope(place.program, place.customer)
        self._first_new_lot = account.lots + 1
        self._loaded = account
        self._touched: dict[int, tuple[Lot, str]] = {}

    @property
    def is_changed(self) -> bool:
        """Whether it differs from what was loaded."""
        return self.account is not self._loaded

    def settled(self) -> Act:
        """What time alone has done to it; nothing where nothing is due."""
        if self.lots is None or not self.account.is_due(self.clock.now):
            return Act(self.account)
        return settle(self.account, self.lots.values(), self.clock.now)

    def pass_time(self, unit: Unit, act: Act) -> None:
        """Takes over what `settled` answered: each posting with a record of its own, made by time."""
        if act.account is self.account:
            return
        for posting in act.postings:
            numbers = [number for number, _ in posting.allocations]
            details = {"amount": posting.amount, "entry": posting.seq, "lots": numbers}
            activity = record(unit, _BY_TIME[posting.kind], self.name, self.scope, posting.occurred_at, details=details)
            self._post(unit, posting, activity)
        self._take_over(act, "")

    def apply(self, unit: Unit, act: Act, activity: str) -> None:
        """Takes over what a caller's act did, under the caller's record."""
        for posting in act.postings:
            self._post(unit, posting, activity)
        self._take_over(act, activity)

    def write(self, unit: Unit) -> None:
        """Plans the rows of the account and its lots as they stand in the end."""
        account = self.account
        row: dict[str, Any] = {
            "id": self.place.account,
            "pending": account.pending,
            "active": account.active,
            "held": account.held,
            "debt": account.debt,
            "earned": account.earned,
            "spent": account.spent,
            "expired": account.expired,
            "version": account.version,
            "lots": account.lots,
            "entries": account.entries,
            "due_at": account.due_at,
        }
        unit.add(ACCOUNTS, row)
        for number, (lot, activity) in self._touched.items():
            if number >= self._first_new_lot:
                unit.add(NEW_LOTS, self._new_lot(lot, activity))
            else:
                row = {"account": self.place.account, "number": number, "state": lot.state, "remaining": lot.remaining}
                unit.add(CHANGED_LOTS, row)

    def _take_over(self, act: Act, activity: str) -> None:
        self.account = act.account
        for lot in act.lots:
            made_by = self._touched[lot.number][1] if lot.number in self._touched else activity
            self._touched[lot.number] = (lot, made_by)
            if self.lots is not None:
                self.lots[lot.number] = lot

    def _post(self, unit: Unit, posting: Posting, activity: str) -> None:
        account = self.place.account
        program = self.place.program
        unit.add(
            ENTRIES,
            {
                "account": account,
                "seq": posting.seq,
                "program": program,
                "kind": posting.kind,
                "amount": posting.amount,
                "active": posting.active_after,
                "held": self.account.held,
                "debt": self.account.debt,
                "occurred_at": posting.occurred_at,
                "transaction_id": posting.transaction_id,
                "activity": activity,
            },
        )
        for lot, amount in posting.allocations:
            row = {"account": account, "seq": posting.seq, "lot": lot, "program": program, "amount": amount}
            unit.add(ALLOCATIONS, row)

    def _new_lot(self, lot: Lot, activity: str) -> dict[str, Any]:
        return {
            "account": self.place.account,
            "number": lot.number,
            "program": self.place.program,
            "state": lot.state,
            "points": lot.points,
            "remaining": lot.remaining,
            "activates_at": lot.activates_at,
            "expires_at": lot.expires_at,
            "policy_version": lot.policy_version,
            "transaction_id": lot.transaction_id,
            "activity": activity,
        }
