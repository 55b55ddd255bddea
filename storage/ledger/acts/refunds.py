"""Refunds of purchases, and what they leave behind."""

from datetime import datetime
from typing import Any, NamedTuple

from rules import refunds
from rules.accounts import UNITS_MAX, Shortfall
from rules.draft import Draft
from rules.programs import RefundPolicy
from rules.refunds import Claimed, RollbackPolicy
from rules.refusals import ShortfallNotFound
from rules.states import Act
from rules.transactions import Share, part, share
from storage.coupons.acts.customers import Holder
from storage.coupons.acts.rollbacks import give_back_used, read_used
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger import facts
from storage.ledger.acts.purchases import Decided, needs_own_lot, seen
from storage.ledger.addresses import Address, TransactionName
from storage.ledger.commands import Balance, balance
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.locked_account import LockedAccount
from storage.ledger.names import LotsNeeded, Reads
from storage.ledger.records import REFUNDS, LoadedPurchase


class Refunded(NamedTuple):
    """What a refund took: refund `number` of the purchase, which stands as it stands after it. Answers that were kept
    before do not say when."""

    number: int
    share: Share
    claimed: Claimed
    restored: int
    policy: RefundPolicy
    decided: Decided
    occurred_at: datetime | None = None
    recorded_at: datetime | None = None


class WrittenOff(NamedTuple):
    """A shortfall after it."""

    shortfall: Shortfall
    balance: Balance


class RefundTransaction(NamedTuple):
    """Gives back a purchase: an amount, lines (number from 1, amount; 0 for all of it), or all that is left."""

    name: TransactionName
    amount_minor: int | None
    lines: tuple[tuple[int, int], ...]
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The purchase, the spendings that paid for it, and the coupons that were used for it."""
        reads.purchase(self.name)
        read_used(reads, self.name)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """Its lot, others with as many points, and those that its spendings took from."""
        needs_own_lot(loaded, lots, self.name)
        for address in loaded.recording(self.name):
            # A purchase that the group makes itself may have expired already, and nobody knows yet what it earned.
            lots.points(address, UNITS_MAX)
        found = loaded.purchase(self.name)
        if found is not None:
            address, known = found
            lots.points(address, known.purchase.points)
            for lot in loaded.spending_lots(address):
                lots.lot(address, lot)

    def answers(self) -> type[Refunded]:
        """What it took."""
        return Refunded

    def decide(self, group: Group) -> Answer[Refunded]:
        """Raises RefundExceedsTransaction, LineNotFound, TransactionStateWrong."""
        locked, known = group.purchase(self.name, Act.PUT_RIGHT)
        program, purchase = locked.program, known.purchase
        settings = group.settings(program.id, purchase.settings_version)
        card = settings.card(locked.address.card, self.name.program)
        taken = share(purchase, card.earn_rate, self.amount_minor, dict(self.lines))
        draft = locked.draft()
        after = purchase._replace(
            refunds=purchase.refunds + 1,
            refunded_minor=purchase.refunded_minor + taken.amount_minor,
            refunded_points=purchase.refunded_points + taken.points,
            refunded_lines=taken.lines,
        )
        restored, spendings = self._restore(locked, draft, known, after.refunded_minor)
        claimed = Claimed()
        policy = locked.card.refund_policy
        if taken.points:
            claimed = refunds.claim(draft, taken.points, known.lot, policy, program.now, purchase.transaction_id)
        decided = seen(locked, known._replace(purchase=after), draft)
        answer = Refunded(after.refunds, taken, claimed, restored, policy, decided, program.now, group.now)
        details = {
            "amount_minor": taken.amount_minor,
            "card": locked.address.card,
            "currency": purchase.currency_code,
            "points": taken.points,
            **claimed._asdict(),
            "restored": restored,
            "policy": policy,
        }
        points = restored - claimed.pending - claimed.own_lot - claimed.other_lots
        activity = group.book(self.context, locked, draft, self.name.name, program.now, details, points)
        for spending in spendings:
            locked.keep_spending(spending, activity)
        group.keep_purchase(program.id, known._replace(purchase=after))
        row: dict[str, Any] = {
            "program": program.id,
            "transaction_id": purchase.transaction_id,
            "number": after.refunds,
            "account": locked.key.account,
            "amount_minor": taken.amount_minor,
            "lines": [list(line) for line in self.lines] or None,
            "points": taken.points,
            **claimed._asdict(),
            "restored": restored,
            "policy": policy,
            "occurred_at": program.now,
            "activity": activity,
        }
        group.workspace.add(REFUNDS.made, row)
        is_whole = after.refunded_minor == purchase.amount_minor
        give_back_used(group, Holder.of(locked), purchase.transaction_id, is_whole, self.context, activity)
        return Answer(answer, activity)

    def _restore(
        self, locked: LockedAccount, draft: Draft, known: LoadedPurchase, refunded_minor: int
    ) -> tuple[int, list[refunds.Spending]]:
        """Gives back the points that paid for it, in the same share; the points it earned are claimed after that."""
        restored = 0
        after = []
        purchase = known.purchase
        for _, spending in sorted(locked.spendings.items()):
            if spending.transaction_id != purchase.transaction_id:
                continue
            points = part(spending.points, refunded_minor, purchase.amount_minor) - spending.rolled_back
            if points > 0:
                keep = RollbackPolicy.KEEP_ORIGINAL_EXPIRY
                back = refunds.roll_back(draft, spending, points, keep, None, locked.program.now)
                restored += back.restored
                after.append(back.spending)
        return restored, after


class WriteOffShortfall(NamedTuple):
    """Gives up what is left of a shortfall, or `points` of it (0: all)."""

    address: Address
    number: int
    points: int
    context: CommandContext

    def reads(self, reads: Reads) -> None:
        """The shortfall."""
        reads.shortfall(self.address, self.number)

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """No lot."""

    def answers(self) -> type[WrittenOff]:
        """The shortfall after it."""
        return WrittenOff

    def decide(self, group: Group) -> Answer[WrittenOff]:
        """Raises ShortfallNotFound."""
        locked = group.account(self.address, Act.PUT_RIGHT)
        draft = locked.draft()
        shortfall = draft.shortfalls.get(self.number)
        if shortfall is None or not shortfall.remaining:
            raise ShortfallNotFound(shortfall=self.number)
        now = locked.program.now
        written = refunds.write_off(draft, self.number, self.points, now)
        answer = WrittenOff(written, balance(draft.account, locked.card, now))
        name = f"{self.address.name}/shortfalls/{self.number}"
        details = {"points": shortfall.remaining - written.remaining, "remaining": written.remaining}
        activity = group.book(self.context, locked, draft, name, now, details)
        facts.written_off(group.workspace, locked.key.account, self.number, details["points"], now, activity)
        return Answer(answer, activity)
