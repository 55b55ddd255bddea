"""What can be done in a program of three cards, told a second time: the reference in the fewest words."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rules.cards import RefundPolicy
from tests.storage.model.accounts import Account, Hold, Lot, Owed, Refused, Spent, midnight
from tests.storage.model.cards import CARDS, GIFT, LASTS, LOYAL, NAMES, TTL_MAX_S, WAITS, Key


@dataclass
class Bought:
    """A purchase. It waits until `accepts` (None: for somebody) unless it was `decided`."""

    key: Key
    amount: int
    lot: int | None
    at: datetime
    accepts: datetime | None
    decided: str = ""
    refunds: int = 0
    refunded: int = 0
    claimed: int = 0

    def waits(self, now: datetime) -> bool:
        """Whether its points still do."""
        return not self.decided and (self.accepts is None or self.accepts > now)


@dataclass
class Shop:
    """The accounts, by customer and card; purchases by number; spendings by account and entry."""

    now: datetime
    accounts: dict[Key, Account] = field(default_factory=dict)
    bought: dict[str, Bought] = field(default_factory=dict)
    spent: dict[tuple[Key, int], Spent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in NAMES:
            for card in CARDS:
                self.accounts[name, card.card_id] = Account(LASTS if card is LOYAL else 0)

    def pass_time(self, to: datetime) -> None:
        """Everybody lives on."""
        self.now = to
        for account in self.accounts.values():
            account.live(to)

    def buy(self, key: Key, amount: int, number: str, days_ago: int) -> None:
        """A purchase, perhaps of some days ago."""
        at = self.now - timedelta(days=days_ago)
        account = self.accounts[key]
        account.slide(at)
        start = {"quick": at, "owing": midnight(at, WAITS), "loyal": None}[key[1]]
        self.bought[number] = Bought(key, amount, self._give(key, amount, start, number), at, start)

    def correct(self, number: str, amount: int) -> None:
        """Another amount, while it waits and nothing was refunded; its points come in a lot of their own."""
        bought = self.bought[number]
        if not bought.waits(self.now) or bought.refunds:
            raise Refused("TransactionStateWrong")
        account = self.accounts[bought.key]
        start = bought.accepts
        if bought.lot is not None:
            account.lots[bought.lot - 1].waiting = 0
        bought.amount, bought.lot = amount, self._give(bought.key, amount, start, number)

    def decide(self, number: str, accept: bool) -> None:
        """Accepted or rejected by hand."""
        bought = self.bought[number]
        if not bought.waits(self.now):
            raise Refused("TransactionStateWrong")
        self._decide_lot(bought, accept)
        bought.decided = "ACCEPTED" if accept else "REJECTED"

    def change_lot(self, key: Key, number: int, activate: bool) -> None:
        """The same by the number of a lot."""
        lots = self.accounts[key].lots
        if number > len(lots):
            raise Refused("LotNotFound")
        lot = lots[number - 1]
        if not lot.waiting:
            raise Refused("LotStateWrong")
        bought = self.bought[lot.purchase]
        self._decide_lot(bought, activate)
        bought.decided = "ACCEPTED" if activate else "REJECTED"

    def refund(self, number: str, amount: int | None) -> None:
        """Gives back the points that paid for it, then takes those that it earned."""
        bought = self.bought[number]
        if bought.decided == "REJECTED":
            raise Refused("TransactionStateWrong")
        left = bought.amount - bought.refunded
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
                    self._give_back(account, spent, share - spent.back, None)
        claim = bought.amount - bought.claimed
        if bought.refunded < bought.amount:
            claim = _share(bought.amount, bought.refunded, bought.amount) - bought.claimed
        bought.claimed += claim
        self._claim(account, bought, claim)

    def write_off(self, key: Key, number: int, points: int) -> None:
        """What nobody will ask for again."""
        account = self.accounts[key]
        if number > len(account.owed) or not account.owed[number - 1].left:
            raise Refused("ShortfallNotFound")
        owed = account.owed[number - 1]
        owed.left -= min(points or owed.left, owed.left)

    def spend(self, key: Key, points: int, pays_for: str) -> Spent:
        """A spending, which counts as activity."""
        account = self.accounts[key]
        account.check(points)
        spent = Spent(account.take(points), pays_for)
        account.sums["spent"] += points
        account.slide(self.now)
        return spent

    def roll_back(self, key: Key, seq: int, points: int, grace_days: int | None, restore: bool) -> None:
        """A spending given back; `grace_days` None: with the end that the points have."""
        spent = self.spent[key, seq]
        left = spent.points - spent.back
        points = points or left
        if points > left or not left:
            raise Refused("AlreadyRolledBack")
        if not restore:
            spent.back += points
            return
        until = None if grace_days is None else self.now + timedelta(days=grace_days)
        self._give_back(self.accounts[key], spent, points, until)

    def hold(self, key: Key, points: int, ttl_s: int) -> None:
        """Points set aside."""
        account = self.accounts[key]
        if ttl_s > TTL_MAX_S:
            raise Refused("HoldTooLong")
        account.check(points)
        until = self.now + timedelta(seconds=ttl_s or TTL_MAX_S)
        account.holds.append(Hold(len(account.holds) + 1, points, until, account.take(points)))

    def capture(self, key: Key, number: int, points: int) -> Spent:
        """A hold spent, all of it or the first points of it."""
        account, hold = self._open(key, number)
        if points > hold.points:
            raise Refused("HoldExceeded")
        left = points or hold.points
        account.let_go(hold, "HoldAlreadyCaptured")
        taken = []
        for lot, pinned in hold.pins:
            if here := min(left, pinned):
                account.lots[lot - 1].free -= here
                left -= here
                taken.append((lot, here))
        account.sums["spent"] += points or hold.points
        account.clear(self.now)
        return Spent(taken)

    def release(self, key: Key, number: int) -> None:
        """A hold let go."""
        account, hold = self._open(key, number)
        account.let_go(hold, "HoldReleased")
        account.clear(self.now)

    def adjust(self, key: Key, points: int) -> None:
        """By hand, to and fro."""
        account = self.accounts[key]
        if points > 0:
            self._give(key, points, self.now, "")
        else:
            account.check(-points)
            account.take(-points)
            account.sums["revoked"] -= points

    def transfer(self, key: Key, to: str, points: int) -> None:
        """Each point keeps its end; those that slide, the later of both."""
        if to == key[0]:
            raise Refused("TransferToItself")
        source, target = self.accounts[key], self.accounts[to, key[1]]
        source.check(points)
        for number, here in source.take(points):
            lot = source.lots[number - 1]
            target.add(Lot(len(target.lots) + 1, lot.start, lot.end, lot.slides, free=here))
            if lot.slides and source.slides_to is not None:
                target.slides_to = max(filter(None, (target.slides_to, source.slides_to)))
        source.sums["moved"] -= points
        target.sums["moved"] += points
        target.clear(self.now)

    def happen(self, name: str, event: str, about: str) -> None:
        """Something that happened to a customer."""
        if about and self.bought[about].key[0] != name:
            raise Refused("TransactionNotFound")
        if event == "visited":
            for card in CARDS:
                self.accounts[name, card.card_id].slide(self.now)
        if event == "won":
            self._give((name, "quick"), GIFT, self.now, "")
        if event == "delivered" and about:
            bought = self.bought[about]
            if bought.key[1] == "loyal" and bought.accepts is None and bought.waits(self.now):
                self._decide_lot(bought, accept=True)
                bought.accepts = self.now

    def _give(self, key: Key, points: int, start: datetime | None, purchase: str) -> int | None:
        if not points:
            return None
        account = self.accounts[key]
        slides = key[1] == "loyal"
        end = None if slides or start is None else midnight(start, LASTS)
        lot = account.add(Lot(len(account.lots) + 1, start, end, slides, purchase=purchase, waiting=points))
        if start is not None and start <= self.now:
            account.wake(lot, start)
            account.clear(self.now)
        return lot.number

    def _decide_lot(self, bought: Bought, accept: bool) -> None:
        account = self.accounts[bought.key]
        lot = account.lots[bought.lot - 1] if bought.lot else None
        if lot is None or not lot.waiting:
            return
        if accept:
            lot.start, lot.end = self.now, None if lot.slides else midnight(self.now, LASTS)
            account.wake(lot, self.now)
            account.clear(self.now)
        else:
            lot.waiting = 0

    def _claim(self, account: Account, bought: Bought, points: int) -> None:
        lot = account.lots[bought.lot - 1] if bought.lot else None
        if lot is not None and lot.waiting:
            cancelled = min(points, lot.waiting)
            lot.waiting -= cancelled
            points -= cancelled
        policy = next(card.refund_policy for card in CARDS if card.card_id == bought.key[1])
        if policy is not RefundPolicy.ONLY_PENDING:
            taken = min(points, account.free)
            account.take(taken, first=lot)
            account.sums["revoked"] += taken
            points -= taken
        if points:
            account.owed.append(Owed(points, policy is RefundPolicy.UNLIMITED))

    def _give_back(self, account: Account, spent: Spent, points: int, until: datetime | None) -> None:
        units = [number for number, taken in spent.taken for _ in range(taken)]
        units.reverse()
        coming = units[spent.back : spent.back + points]
        for number in dict.fromkeys(coming):
            lot = account.lots[number - 1]
            end = account.end(lot)
            if until is not None and end is not None and end < until:
                lot = account.add(Lot(len(account.lots) + 1, lot.start, until, slides=False, purchase=lot.purchase))
            lot.free += coming.count(number)
        spent.back += points
        account.sums["spent"] -= points
        account.clear(self.now)

    def _open(self, key: Key, number: int) -> tuple[Account, Hold]:
        account = self.accounts[key]
        if number > len(account.holds):
            raise Refused("HoldNotFound")
        hold = account.holds[number - 1]
        if hold.ended:
            raise Refused(hold.ended)
        return account, hold


def _share(points: int, amount: int, whole: int) -> int:
    return points * amount // whole if whole else points
