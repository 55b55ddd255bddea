"""What customers do with their points, told a second time: the reference in the fewest words."""

from dataclasses import dataclass, field
from datetime import timedelta

from rules.cards import CardKind
from storage.rewards.claims import ClaimRead
from tests.storage.model.accounts import Account, Hold, Lot, Refused, Spent
from tests.storage.model.cards import PRICE, Key
from tests.storage.model.purchases import Purchases


@dataclass
class Shop(Purchases):
    """All that can be done in a program of points and stamps. `claimed` are the claims, by the ids of the books,
    `cancelled` those of them that were taken back."""

    claimed: list[ClaimRead] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)

    def spend(self, key: Key, points: int, pays_for: str) -> Spent:
        """A spending, which may count as activity."""
        account = self.serve(key)
        _check_whole(account, points)
        account.check(points)
        spent = Spent(account.take(points), self.now, pays_for)
        account.sums["spent"] += points
        account.slide("points.spent", self.now)
        return spent

    def pay_points(self, key: Key, points: int, pays_for: str) -> Spent:
        """Points spent beside coupons."""
        return self.spend(key, points, pays_for)

    def claim(self, key: Key, reward: str) -> Spent:
        """What a reward of a card costs, paid with that card."""
        self.serve(key)
        if reward != key[1]:
            raise Refused("RewardOfAnotherCard")
        return self.spend(key, PRICE, "")

    def cancel(self, claim: ClaimRead) -> None:
        """What is left of the price comes back, with the end that it has."""
        key = (claim.account.customer, claim.account.card)
        account = self.favour(key)
        if claim.id in self.cancelled:
            raise Refused("ClaimStateWrong")
        self.cancelled.add(claim.id)
        spent = self.spent[key, claim.claim.seq]
        if left := spent.points - spent.back:
            self.give_back(account, spent, left, None)

    def roll_back(self, key: Key, seq: int, points: int, grace_days: int | None, restore: bool) -> None:
        """A spending given back; `grace_days` None: with the end that the points have."""
        spent, account = self.spent[key, seq], self.favour(key)
        days = account.card.rollback_days
        if days and self.now - spent.at > timedelta(days=days):
            raise Refused("RollbackWindowClosed")
        left = spent.points - spent.back
        points = points or left
        if points > left or not left:
            raise Refused("AlreadyRolledBack")
        if not restore:
            spent.back += points
            return
        until = None if grace_days is None else self.now + timedelta(days=grace_days)
        self.give_back(account, spent, points, until)

    def hold(self, key: Key, points: int, ttl_s: int, pays_for: str) -> None:
        """Points set aside."""
        account = self.serve(key)
        _check_whole(account, points)
        if ttl_s > account.card.hold_ttl_max_s:
            raise Refused("HoldTooLong")
        account.check(points)
        until = self.now + timedelta(seconds=ttl_s or account.card.hold_ttl_max_s)
        account.holds.append(Hold(len(account.holds) + 1, points, until, account.take(points), pays_for))

    def capture(self, key: Key, number: int, points: int) -> Spent:
        """A hold spent, all of it or the first points of it."""
        account = self.serve(key)
        _check_whole(account, points)
        hold = _open(account, number)
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
        account.slide("hold.captured", self.now)
        return Spent(taken, self.now, hold.pays_for)

    def release(self, key: Key, number: int) -> None:
        """A hold let go."""
        account = self.accounts[key]
        account.let_go(_open(account, number), "HoldReleased")
        account.clear(self.now)

    def adjust(self, key: Key, points: int) -> None:
        """By hand, to and fro."""
        account = self.accounts[key]
        if points > 0:
            self.welcome(self.favour(key))
            self.give(key, points, self.now, earned=False)
        else:
            account.check(-points)
            account.take(-points)
            account.sums["revoked"] -= points

    def write_off(self, key: Key, number: int, points: int) -> None:
        """What nobody will ask for again."""
        account = self.accounts[key]
        if number > len(account.owed) or not account.owed[number - 1].left:
            raise Refused("ShortfallNotFound")
        owed = account.owed[number - 1]
        owed.left -= min(points or owed.left, owed.left)

    def transfer(self, key: Key, to: str, points: int) -> None:
        """Each point keeps the end that it has, for good. So much a day, and so often."""
        if to == key[0]:
            raise Refused("TransferToItself")
        source, target = self.serve(key), self.welcome(self.serve((to, key[1])))
        _check_whole(source, points)
        source.check(points)
        today = [sent for day, sent in source.sent if day == self.now.date()]
        card = source.card
        if card.transfer_daily_count and len(today) + 1 > card.transfer_daily_count:
            raise Refused("DailyCapReached")
        if card.transfer_daily_points and sum(today) + points > card.transfer_daily_points:
            raise Refused("DailyCapReached")
        source.sent.append((self.now.date(), points))
        for number, here in source.take(points):
            lot = source.lots[number - 1]
            target.add(Lot(len(target.lots) + 1, lot.start, source.end(lot), False, lot.version, free=here))
        source.sums["moved"] -= points
        target.sums["moved"] += points
        target.clear(self.now)


def _check_whole(account: Account, points: int) -> None:
    if account.card.kind is CardKind.STAMPS and points % account.card.stamps_per_reward:
        raise Refused("PrecisionTooFine")


def _open(account: Account, number: int) -> Hold:
    if number > len(account.holds):
        raise Refused("HoldNotFound")
    hold = account.holds[number - 1]
    if hold.ended:
        raise Refused(hold.ended)
    return hold
