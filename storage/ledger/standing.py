"""An account in hand: what a group of commands did to it so far, and the rows that will say so."""

from datetime import datetime
from typing import Any, NamedTuple

from rules import ledger
from rules.accounts import Account, AccountState, EntryKind, Hold, Lot, Posting, Shortfall
from rules.activity import DEBT_REPAID, HOLD_EXPIRED, POINTS_ACTIVATED, POINTS_EXPIRED, by_time
from rules.draft import Draft, Sliding, TimeKind
from rules.programs import Card
from rules.refunds import Spending
from storage.activity.commands import Scope, record
from storage.engine.unit import Plan
from storage.ledger import rows
from storage.ledger.addresses import Address, Place
from storage.ledger.load import Loaded, LotsAtHand
from storage.ledger.tables import ACCOUNTS, ALLOCATIONS, ENTRIES
from storage.programs.queries import Clock

_BY_TIME = {
    TimeKind.ACTIVATED: by_time(POINTS_ACTIVATED),
    TimeKind.EXPIRED: by_time(POINTS_EXPIRED),
    TimeKind.REPAID: by_time(DEBT_REPAID),
    TimeKind.HOLD_EXPIRED: by_time(HOLD_EXPIRED),
}


class Mark(NamedTuple):
    """A standing as it was, to go back to."""

    account: Account
    kept: tuple[dict[Any, Any], ...]


class Standing:
    """One locked account in the middle of a transaction. Its lots are known only where they are at hand."""

    def __init__(
        self,
        place: Place,
        address: Address,
        clock: Clock,
        loaded: Loaded,
        lots: LotsAtHand | None,
        sliding: Sliding,
    ) -> None:
        self.place = place
        self.address = address
        self.clock = clock
        self.scope = Scope(place.program, place.customer)
        self.account = self._loaded = loaded.accounts[place.account]
        self.is_at_hand = lots is not None
        self.lots: dict[int, Lot] = lots.lots if lots else {}
        self.holds: dict[int, Hold] = loaded.holds.get(place.account, {})
        self.shortfalls: dict[int, Shortfall] = loaded.shortfalls.get(place.account, {})
        self.slides: dict[int, datetime] = loaded.slides.get(place.account, {})
        self.spendings: dict[int, Spending] = loaded.spendings.get(place.account, {})
        # Of what changed: the activity that made it, None where it was there before.
        self._changed: dict[tuple[str, int], str | None] = {}
        self._references: dict[int, str] = {}
        # What this group transferred away, by entry; the database does not know of it yet.
        self.sent: dict[int, int] = {}
        self._sliding = sliding
        self._rest_due_at = self.account.due_at
        if lots is not None and self.account.is_due(clock.now):
            self._rest_due_at = lots.rest_due_at
        self._slid = frozenset(self.slides)

    @property
    def card(self) -> Card:
        """The card, as the program's settings have it now. Raises CardNotFound."""
        return self.clock.settings.card(self.address.card, self.address.program)

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
            self.slides,
            self._sliding,
            self._rest_due_at,
        )
        if self.is_at_hand:
            ledger.settle(draft, self.clock.now)
        return draft

    def take(self, unit: Plan, draft: Draft, activity: str) -> None:
        """Takes over a draft: what time did, each with a record of its own, then what the act did, under its record."""
        for passed in draft.passed:
            details: dict[str, Any] = {}
            if passed.posting is not None:
                numbers = [number for number, _ in passed.posting.allocations]
                details = {"amount": passed.posting.amount, "entry": passed.posting.seq, "lots": numbers}
            elif passed.hold is not None:
                details = {"hold": passed.hold.number, "points": passed.hold.points}
            origin = _BY_TIME[passed.kind]
            points = passed.posting.amount if passed.posting else None
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
            if passed.posting is not None:
                self._post(unit, passed.posting, noted)
        for posting in draft.postings:
            self._post(unit, posting, activity)
            if posting.kind is EntryKind.TRANSFER_OUT:
                self.sent[posting.seq] = -posting.amount
        self._keep("lot", draft.changed_lots, self._loaded.lots, activity)
        self._keep("hold", draft.changed_holds, self._loaded.holds, activity)
        self._keep("shortfall", draft.changed_shortfalls, self._loaded.shortfalls, activity)
        self._keep("slide", draft.changed_slides, 0, activity)
        if self.is_at_hand:
            self.lots = draft.lots
        else:
            self.lots.update(draft.lots)
        self.holds, self.shortfalls, self.slides = draft.holds, draft.shortfalls, draft.slides
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
            self.slides,
            self.spendings,
            self.sent,
            self._changed,
            self._references,
        )
        return Mark(self.account, tuple(dict(one) for one in kept))

    def return_to(self, mark: Mark) -> None:
        """As if nothing had been done since the mark."""
        self.account = mark.account
        self.lots, self.holds, self.shortfalls, self.slides, self.spendings, *rest = mark.kept
        self.sent, self._changed, self._references = rest
        if not self.is_at_hand:
            self._rest_due_at = mark.account.due_at

    def write(self, unit: Plan) -> None:
        """Plans the rows of the account, and of all that changed in it, as they stand in the end."""
        account = self.account._asdict()
        del account["state"]
        unit.add(ACCOUNTS, {"id": self.place.account, **account})
        for (noun, number), made_by in self._changed.items():
            if noun == "lot":
                rows.lot(unit, self.place, self.lots[number], made_by)
            elif noun == "hold":
                rows.hold(unit, self.place, self.holds[number], made_by)
            elif noun == "shortfall":
                rows.shortfall(unit, self.place, self.shortfalls[number], made_by)
            elif noun == "spending":
                rows.spending(unit, self.place, self.spendings[number], self._references.get(number, ""), made_by)
            else:
                rows.slide(unit, self.place, number, self.slides[number], is_new=number not in self._slid)

    def _keep(self, noun: str, numbers: set[int], last_before: int, activity: str) -> None:
        for number in numbers:
            if (noun, number) not in self._changed:
                self._changed[noun, number] = activity if number > last_before else None

    def _post(self, unit: Plan, posting: Posting, activity: str) -> None:
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
                "held": posting.held_after,
                "debt": posting.debt_after,
                "occurred_at": posting.occurred_at,
                "transaction_id": posting.transaction_id,
                "hold": posting.hold,
                "reverses": posting.reverses,
                "activity": activity,
            },
        )
        for place, (lot, amount) in enumerate(posting.allocations):
            row = {"account": account, "seq": posting.seq, "lot": lot, "program": program, "place": place}
            unit.add(ALLOCATIONS, {**row, "amount": amount})
