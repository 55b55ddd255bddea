"""An account told a second time, by somebody who never read the rules: points in lots, and time that never sleeps.

Where the books settle late, this account lives through each instant as it comes. It knows of lots only what the
reference says: when they start, when they end, how many points in them are free, and how many a hold has pinned.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

from rules.programs import Card
from tests.storage.model.cards import midnight


class Refused(Exception):
    """A refusal, by the name of its class."""


@dataclass
class Lot:
    """Points that came together, under a version of the settings. `waiting` are pending; `end` None: never, or with
    the others of its version that slide."""

    number: int
    start: datetime | None
    end: datetime | None
    slides: bool
    version: int
    purchase: str = ""
    waiting: int = 0
    free: int = 0


@dataclass
class Hold:
    """Points set aside: how many of which lot, until when, and how it ended."""

    number: int
    points: int
    until: datetime
    pins: list[tuple[int, int]]
    pays_for: str = ""
    ended: str = ""


@dataclass
class Owed:
    """What a refund could not take."""

    left: int
    is_debt: bool


@dataclass
class Spent:
    """What was taken from which lot, in order, and how many of these points were given back since."""

    taken: list[tuple[int, int]]
    at: datetime
    pays_for: str = ""
    back: int = 0

    @property
    def points(self) -> int:
        """All of them."""
        return sum(points for _, points in self.taken)


@dataclass
class Account:
    """What one customer holds of one card, and the settings of the card in all their versions.

    Points that slide end with those of the same version. What was sent to others is kept with its day.
    """

    cards: list[Card]
    lots: list[Lot] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    owed: list[Owed] = field(default_factory=list)
    sums: Counter[str] = field(default_factory=Counter)
    sliding_expiry_at: dict[int, datetime] = field(default_factory=dict)
    sent: list[tuple[date, int]] = field(default_factory=list)

    @property
    def card(self) -> Card:
        """The card as it is now."""
        return self.cards[-1]

    @property
    def held(self) -> int:
        """What open holds have set aside."""
        return sum(hold.points for hold in self.holds if not hold.ended)

    @property
    def free(self) -> int:
        """Active points that nobody has set aside."""
        return sum(lot.free for lot in self.lots)

    @property
    def debt(self) -> int:
        """What is owed."""
        return sum(one.left for one in self.owed if one.is_debt)

    def pinned(self, lot: Lot) -> int:
        """What open holds have set aside of a lot."""
        return sum(
            points for hold in self.holds if not hold.ended for number, points in hold.pins if number == lot.number
        )

    def figures(self) -> dict[str, int]:
        """What a reader sees."""
        found = {name: self.sums[name] for name in ("earned", "spent", "expired", "revoked", "moved")}
        found["pending"] = sum(lot.waiting for lot in self.lots)
        found["active"] = self.free + self.held
        return found | {"held": self.held, "debt": self.debt, "spendable": max(0, self.free - self.debt)}

    def live(self, now: datetime) -> None:
        """Goes through all instants up to now at which something happens of itself."""
        while (at := self._next()) is not None and at <= now:
            for lot in self.lots:
                if lot.waiting and lot.start is not None and lot.start <= at:
                    self.wake(lot, at)
            self.pay()
            for hold in self.holds:
                if not hold.ended and hold.until <= at:
                    self.let_go(hold, "HoldExpired")
            self.clear(at)

    def clear(self, at: datetime) -> None:
        """What is over goes; what is owed is paid with the rest."""
        for lot in self.lots:
            end = self.end(lot)
            if lot.free and end is not None and end <= at:
                self.sums["expired"] += lot.free
                lot.free = 0
        self.pay()

    def pay(self) -> None:
        """The oldest debt first, with the points that would be spent first."""
        for one in self.owed:
            if one.is_debt and (points := min(one.left, self.free)):
                self.take(points)
                one.left -= points
                self.sums["revoked"] += points

    def add(self, lot_of: Lot) -> Lot:
        """A lot more."""
        self.lots.append(lot_of)
        return lot_of

    def another(self, lot: Lot, end: datetime) -> Lot:
        """A lot beside that one, empty so far, which is over then."""
        return self.add(Lot(len(self.lots) + 1, lot.start, end, False, lot.version, lot.purchase))

    def wake(self, lot: Lot, at: datetime, earned: bool = True) -> None:
        """Pending points become active. Those that nobody earned only join others that slide, if any are left."""
        self.sums["earned"] += lot.waiting
        lot.free, lot.waiting = lot.waiting, 0
        if lot.slides and (earned or self.sliding_expiry_at.get(lot.version, at) <= at):
            self.last(lot.version, at)

    def slide(self, what: str, at: datetime) -> None:
        """Something was done: where it counts as activity, the points that slide last on."""
        for version in self.sliding_expiry_at:
            policy = self.cards[version].expiry_policy
            if policy is not None and what in policy.activity_types:
                self.last(version, at)

    def last(self, version: int, at: datetime) -> None:
        """Moves the common end of a version's points on, never back."""
        policy = self.cards[version].expiry_policy
        assert policy is not None
        end = midnight(at, policy.days)
        self.sliding_expiry_at[version] = max(end, self.sliding_expiry_at.get(version, end))

    def end(self, lot: Lot) -> datetime | None:
        """When the points of a lot are over."""
        return self.sliding_expiry_at.get(lot.version) if lot.slides else lot.end

    def check(self, points: int) -> None:
        """Whether so many can be taken, and if not, why."""
        if points > self.free - self.debt:
            short = points > self.free + self.held - self.debt
            raise Refused("InsufficientPoints" if short else "PointsHeldElsewhere")

    def take(self, points: int, first: Lot | None = None) -> list[tuple[int, int]]:
        """Takes free points, those that end first first; all of lot `first` before any other."""
        far = datetime.max.replace(tzinfo=None)

        def rank(lot: Lot) -> tuple[object, ...]:
            end, start = self.end(lot), lot.start
            assert start is not None
            return (lot is not first, end is None, end.replace(tzinfo=None) if end else far, start, lot.number)

        taken = []
        for lot in sorted((lot for lot in self.lots if lot.free), key=rank):
            if here := min(points, lot.free):
                lot.free -= here
                points -= here
                taken.append((lot.number, here))
        assert not points
        return taken

    def let_go(self, hold: Hold, how: str) -> None:
        """Ends a hold: all its points are free."""
        hold.ended = how
        for number, points in hold.pins:
            self.lots[number - 1].free += points

    def _next(self) -> datetime | None:
        instants = [lot.start for lot in self.lots if lot.waiting]
        instants += [self.end(lot) for lot in self.lots if lot.free]
        instants += [hold.until for hold in self.holds if not hold.ended]
        return min((instant for instant in instants if instant is not None), default=None)
