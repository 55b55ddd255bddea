"""What is bought, and what happens to customers, told a second time: the reference in the fewest words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rules.cards import Card, RefundPolicy
from tests.storage.model.accounts import Account, Owed, Refused, Spent
from tests.storage.model.cards import Key, begins, earned, matures
from tests.storage.model.coupons import Coupons

# How far a till's clock may run ahead.
AHEAD = timedelta(minutes=10)
# What a line cost, and the points that are its own, where it has some.
Lines = tuple[tuple[int, int | None], ...]


@dataclass
class Bought:
    """A purchase, under a version of the settings. It waits until `accepts` (None: for somebody) unless it was
    `decided`. `returned` is what was given back of each line that came back, by its number."""

    key: Key
    amount: int
    points: int
    lot: int | None
    at: datetime
    accepts: datetime | None
    version: int
    lines: Lines = ()
    # What it was recorded with, where that is no more.
    first: tuple[int, Lines] | None = None
    decided: str = ""
    refunds: int = 0
    refunded: int = 0
    claimed: int = 0
    returned: dict[int, int] = field(default_factory=dict)

    def is_open(self, now: datetime) -> bool:
        """Whether nobody has decided about it yet, nor time."""
        return not self.decided and (self.accepts is None or self.accepts > now)

    def waits(self, now: datetime) -> bool:
        """Whether there is anything to decide: what came back whole is nobody's business any more."""
        return self.is_open(now) and not (self.refunds and self.refunded == self.amount)


@dataclass
class Purchases(Coupons):
    """The purchases, by number."""

    bought: dict[str, Bought] = field(default_factory=dict)

    def buy(self, key: Key, amount: int, number: str, at: datetime, lines: Lines = ()) -> None:
        """A purchase, perhaps of some days ago."""
        account = self.welcome(self.serve(key))
        self._check_instant(at)
        points, start = _earned(account.card, amount, lines), begins(account.card, at)
        account.slide("transaction.recorded", at)
        lot = self.give(key, points, start, number)
        self.bought[number] = Bought(key, amount, points, lot, at, start, len(account.cards) - 1, lines)

    def buy_again(self, key: Key, amount: int, number: str, lines: Lines) -> None:
        """The same once more: it is in the books already, whoever is suspended since, or another has its number."""
        bought = self.bought[number]
        if key != bought.key or (amount, lines) not in ((bought.amount, bought.lines), bought.first):
            raise Refused("DuplicateTransaction")

    def correct(self, number: str, amount: int, lines: Lines = ()) -> None:
        """Another amount, while it waits and nothing was refunded; its points come in a lot of their own."""
        bought = self.bought[number]
        if not bought.waits(self.now) or bought.refunds:
            raise Refused("TransactionStateWrong")
        account = self.accounts[bought.key]
        points = _earned(account.cards[bought.version], amount, lines)
        if (bought.amount, bought.lines) == (amount, lines):
            return
        bought.first = bought.first or (bought.amount, bought.lines)
        if bought.lot is not None:
            account.lots[bought.lot - 1].waiting = 0
        bought.amount, bought.points, bought.lines = amount, points, lines
        bought.lot = self.give(bought.key, bought.points, bought.accepts, number, bought.version)

    def decide(self, number: str, accept: bool) -> None:
        """Accepted or rejected by hand."""
        bought = self.bought[number]
        if accept:
            self.favour(bought.key)
        if not bought.waits(self.now):
            raise Refused("TransactionStateWrong")
        if bought.lot is not None:
            self._decide(bought.key, bought.lot, accept)
        bought.decided = "ACCEPTED" if accept else "REJECTED"
        if not accept:
            self.give_back_uses(bought.key[0], number, True)

    def change_lot(self, key: Key, number: int, activate: bool) -> None:
        """The same by the number of a lot."""
        lots = (self.favour(key) if activate else self.accounts[key]).lots
        if number > len(lots):
            raise Refused("LotNotFound")
        if not lots[number - 1].waiting:
            raise Refused("LotStateWrong")
        self._decide(key, number, activate)
        if lots[number - 1].purchase:
            self.bought[lots[number - 1].purchase].decided = "ACCEPTED" if activate else "REJECTED"

    def refund(self, number: str, amount: int | None, lines: Mapping[int, int] | None = None) -> None:
        """Gives back the points that paid for it, then takes those that it earned: all, once all the money is back."""
        bought = self.bought[number]
        if bought.decided == "REJECTED":
            raise Refused("TransactionStateWrong")
        left = bought.amount - bought.refunded
        claim = None
        if lines:
            amount, claim = self._return(bought, lines)
        amount = left if amount is None else amount
        if amount > left or (bought.refunds and not left):
            raise Refused("RefundExceedsTransaction")
        bought.refunds += 1
        bought.refunded += amount
        account = self.accounts[bought.key]
        for (key, _), spent in self.spent.items():
            if key == bought.key and spent.pays_for == number:
                share = _share(spent.points, bought.refunded, bought.amount)
                if share > spent.back:
                    self.give_back(account, spent, share - spent.back, None)
        unclaimed = bought.points - bought.claimed
        if bought.refunded == bought.amount:
            claim = unclaimed
        elif claim is None:
            claim = max(0, _share(bought.points, bought.refunded, bought.amount) - bought.claimed)
        claim = min(claim, unclaimed)
        bought.claimed += claim
        self._claim(account, bought, claim)
        self.give_back_uses(bought.key[0], number, bought.refunded == bought.amount)

    def happen(
        self, name: str, event: str, at: datetime, about: str = "", gives_to: str = "", points: int | None = None
    ) -> None:
        """Something that happened to a customer, which may give points where it or its type says so."""
        declared = next(one for one in self.settings.event_types if one.event_type == event)
        self._check_instant(at)
        points = declared.points if points is None else points
        key = (name, gives_to or declared.card_id)
        if points:
            self.welcome(self.serve(key))
        if about and self.bought[about].key[0] != name:
            raise Refused("TransactionNotFound")
        for (owner, _), account in self.accounts.items():
            if owner == name:
                account.slide(event, at)
        if about:
            self._arrive(self.bought[about], event, at)
        if points:
            self.give(key, points, at)

    def happen_elsewhere(self, at: datetime) -> None:
        """Something that moves no points, and slides nothing."""
        self._check_instant(at)

    def give_back(self, account: Account, spent: Spent, points: int, until: datetime | None) -> None:
        """Points of a spending, those taken last first; in lots of their own where they would end before `until`."""
        units = [number for number, taken in spent.taken for _ in range(taken)]
        units.reverse()
        coming = units[spent.back : spent.back + points]
        for number in dict.fromkeys(coming):
            lot = account.lots[number - 1]
            end = account.end(lot)
            if until is not None and end is not None and end < until:
                lot = account.another(lot, until)
            lot.free += coming.count(number)
        spent.back += points
        account.sums["spent"] -= points
        account.clear(self.now)

    def _arrive(self, bought: Bought, event: str, at: datetime) -> None:
        account = self.accounts[bought.key]
        card = account.cards[bought.version]
        lot = account.lots[bought.lot - 1] if bought.lot else None
        awaited = card.pending is not None and card.pending.event_type == event
        if not awaited or bought.accepts or not bought.waits(self.now) or (lot and not lot.waiting):
            return
        bought.accepts = max(matures(card, at), self.now)
        if lot is not None:
            self.start(account, lot, bought.accepts)

    def _return(self, bought: Bought, lines: Mapping[int, int]) -> tuple[int, int | None]:
        """What lines that come back cost, and the points that come with them, where any line has its own: each line
        comes back as often as it has something left, and a gift once."""
        amount = claim = 0
        for number, asked in lines.items():
            if number > len(bought.lines):
                raise Refused("LineNotFound")
            cost, own = bought.lines[number - 1]
            is_new, gone = number not in bought.returned, bought.returned.get(number, 0)
            part = asked or cost - gone
            if part > cost - gone or not (part or is_new):
                raise Refused("RefundExceedsLine")
            points = earned(self.accounts[bought.key].cards[bought.version], cost) if own is None else own
            claim += _share(points, gone + part, cost) - (0 if is_new else _share(points, gone, cost))
            amount += part
            bought.returned[number] = gone + part
        return amount, claim if any(own is not None for _, own in bought.lines) else None

    def _decide(self, key: Key, number: int, accept: bool) -> None:
        lot = self.accounts[key].lots[number - 1]
        if lot.waiting and accept:
            self.start(self.accounts[key], lot, self.now)
        lot.waiting = 0

    def _claim(self, account: Account, bought: Bought, points: int) -> None:
        lot = account.lots[bought.lot - 1] if bought.lot else None
        if lot is not None and lot.waiting:
            cancelled = min(points, lot.waiting)
            lot.waiting -= cancelled
            points -= cancelled
        policy = account.card.refund_policy
        if policy is not RefundPolicy.ONLY_PENDING:
            taken = min(points, account.free)
            account.take(taken, first=lot)
            account.sums["revoked"] += taken
            points -= taken
        if points:
            account.owed.append(Owed(points, policy is RefundPolicy.UNLIMITED))

    def _check_instant(self, at: datetime) -> None:
        if at > self.now + AHEAD:
            raise Refused("OccursInFuture")


def _earned(card: Card, amount: int, lines: Lines) -> int:
    if sum(cost for cost, _ in lines) > amount:
        raise Refused("LinesExceedAmount")
    if all(own is None for _, own in lines):
        return earned(card, amount)
    return sum(earned(card, cost) if own is None else own for cost, own in lines)


def _share(points: int, amount: int, whole: int) -> int:
    return points * amount // whole if whole else points
