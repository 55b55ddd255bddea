"""A program with every kind of card, customers to whom everything happens, and readers for what is left of it."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from rules.cards import CardKind, ExpiryMode, RefundPolicy
from rules.claims import Claim, ClaimState
from rules.coupons.terms import GiveBack
from rules.programs import Card, EarnRate, EventType, ExpiryPolicy, PendingMode, PendingPolicy, Settings
from rules.refunds import RollbackPolicy
from rules.refusals import Refusal
from storage.engine.database import Connection, Database, connection
from storage.ledger.addresses import Address, CustomerName
from storage.ledger.commands import Balance, Command
from storage.rewards.claims import ClaimRead, page
from tests.storage import members
from tests.storage.coupons import issuing
from tests.storage.operating import redate
from tests.storage.scene import PLAIN, SLOW, START, Scene

RATE = EarnRate(1, 1, "EUR")
DAY = timedelta(days=1)

# Points that last a month after the last purchase; that wait for a delivery; that wait for somebody; that may go below
# zero; and stamps.
SLIDING = Card(
    "sliding",
    "Sliding",
    0,
    RATE,
    PendingPolicy(PendingMode.DELAY, 3),
    ExpiryPolicy(1, mode=ExpiryMode.SLIDING, activity_types=("transaction.recorded", "points.spent")),
)
WAITING = Card(
    "waiting", "Waiting", 0, RATE, PendingPolicy(PendingMode.EVENT, 2, event_type="delivered"), ExpiryPolicy(1)
)
BY_HAND = Card("by-hand", "By hand", 0, RATE, PendingPolicy(PendingMode.BY_HAND), ExpiryPolicy(2))
OWING = replace(SLOW, card_id="owing", refund_policy=RefundPolicy.UNLIMITED)
STAMPS = Card("stamps", "Stamps", 0, RATE, kind=CardKind.STAMPS, stamps_per_reward=10)
CARDS = (PLAIN, SLOW, SLIDING, WAITING, BY_HAND, OWING, STAMPS)
SETTINGS = Settings(
    "Coffee club",
    "Europe/Prague",
    CARDS,
    (EventType("delivered", "Delivered"), EventType("reviewed", "Reviewed", 25, "plain")),
)

CODES = ("CODE1", "CODE2", "CODE3")
NO_ID = "00000000-0000-7000-8000-000000000000"
# A claim that nobody made.
NO_CLAIM = ClaimRead(
    "00000000-0000-7000-8000-000000000000",
    Claim(0, 1, 0, 0, 1, ClaimState.CLAIMED, START),
    CustomerName("coffee", "ada"),
    Address("coffee", "ada", "plain"),
    "mug",
)

PEOPLE = ("ada", "ben", "cyd", "dee", "eve")

Value = TypeVar("Value")


class Deep(Scene):
    """The scene, with readers. `seen` are the balances that were read, by account, at instants at which nothing more
    happened."""

    def __init__(self, database: Database, *names: str) -> None:
        self.names = names or ("ada", "ben")
        # How likely somebody is merged, or parts again, after an act.
        self.merging = 0.0
        super().__init__(database, *self.names, settings=SETTINGS)
        self.now = START
        for card in CARDS:
            self.offer(f"of-{card.card_id}", card.card_id, 10)
        self.seen: list[tuple[str, str, Balance]] = []

    def read(self, reading: Callable[..., Value], *arguments: Any) -> Value:
        """What a function of storage.ledger.reading answers."""
        with connection(self.database) as books:
            return self.with_books(books, reading, *arguments)

    @staticmethod
    def with_books(books: Connection, reading: Callable[..., Value], *arguments: Any) -> Value:
        """The same on a connection that is open."""
        return reading(books, *arguments)

    def pass_time(self, by: timedelta) -> None:
        """Moves the clock."""
        self.advance(by)
        self.now += by

    def look(self) -> None:
        """Reads every balance, and keeps it."""
        for name in self.standing():
            for card in CARDS:
                self.seen.append((name, card.card_id, self.balance(name, card.card_id)))

    def standing(self) -> list[str]:
        """The customers that are not merged into others."""
        return [name for (name,) in self.rows("SELECT customer_id FROM customer WHERE state <> 'MERGED' ORDER BY id")]

    def merge_or_part(self, chance: random.Random) -> None:
        """Merges somebody into somebody else, or undoes a merge, where the rules allow it."""
        name, other = chance.sample(self.names, 2)
        with suppress(Refusal):
            if name in self.standing():
                members.merge(self, name, other)
            else:
                members.unmerge(self, name)

    def live(self, seed: int, acts: int) -> None:
        """A life of so many acts by chance, whatever comes of them, with time passing in between."""
        chance = random.Random(seed)
        purchases: list[tuple[str, str]] = []
        for number in range(acts):
            name = chance.choice(self.names)
            # Most of it on a few cards, so that acts meet each other.
            card = chance.choice([PLAIN, SLOW, OWING, chance.choice(CARDS)]).card_id
            if chance.random() < 0.4:
                purchases.append((f"p-{number}", name))
                paid = self.purchase(chance.randint(0, 300), name, card, f"p-{number}")
                self.attempt(paid)
            else:
                self.attempt(chance.choice(self.acts(chance, name, card, purchases))())
            if chance.random() < 0.15:
                self.sweep()
            if chance.random() < self.merging:
                self.merge_or_part(chance)
            if chance.random() < 0.5:
                self.look()
                self.pass_time(chance.choice([timedelta(minutes=5), timedelta(minutes=90), DAY, 3 * DAY, 11 * DAY]))
        self.look()

    def attempt(self, command: Command) -> None:
        """Does it, where the rules allow it."""
        [outcome] = self.group(command)
        if isinstance(outcome, Exception) and not isinstance(outcome, Refusal):
            raise outcome

    def acts(
        self, chance: random.Random, name: str, card: str, purchases: list[tuple[str, str]]
    ) -> Sequence[Callable[[], Command]]:
        """What may happen beside purchases: every other command, to what there is."""
        points = chance.randint(1, 80)
        bought, buyer = chance.choice(purchases) if purchases else ("none", name)
        policy = chance.choice(list(RollbackPolicy))
        until = self.now + 40 * DAY if policy is RollbackPolicy.EXTEND_TO else None
        grace = 30 if policy is RollbackPolicy.GRACE else 0
        other = next(other for other in self.names if other != name)
        lot = self._one(chance, "SELECT number, {} FROM lot AS t {} WHERE t.state = 'PENDING'")
        hold = self._one(chance, "SELECT number, {} FROM hold AS t {} WHERE t.state = 'ACTIVE'")
        spent = self._one(chance, "SELECT seq, {} FROM spending AS t {} WHERE rolled_back < points")
        owed = self._one(chance, "SELECT number, {} FROM shortfall AS t {} WHERE remaining > 0")
        claimed = self._claimed(chance)
        return [
            lambda: self.spending(points, name, card, reference=f"order-{points}"),
            lambda: self.spending(points // 10 * 10 or 10, buyer, card, pays_for=bought),
            lambda: self.claim(f"of-{card}", name, card),
            lambda: self.cancelling(claimed),
            lambda: self.hold(points, name, card, ttl_s=chance.choice([600, 20_000, 86_400])),
            lambda: self.hold(points, name, card),
            lambda: self.capture(hold[0], chance.choice([0, points]), *hold[1:]),
            lambda: self.capture(hold[0], 0, *hold[1:]),
            lambda: self.release(*hold),
            lambda: self.refund(bought, chance.choice([None, points]), buyer),
            lambda: self.refund(bought, chance.choice([None, points]), buyer),
            lambda: self.correction(bought, chance.randint(0, 200), buyer),
            lambda: self.decision(bought, chance.random() < 0.5, buyer),
            lambda: self.lot(lot[0], chance.random() < 0.5, *lot[1:]),
            lambda: self.adjustment(chance.choice([points, -points]), name, card),
            lambda: self.transfer(points, name, other, card),
            lambda: self.rollback(spent[0], chance.choice([0, points]), *spent[1:], policy, until, grace),
            lambda: self.write_off(owed[0], chance.choice([0, 5]), *owed[1:]),
            lambda: self.event("delivered", buyer, about=bought),
            lambda: self.event("reviewed", name),
            lambda: self.activity(name=name),
            *self.acts_on_coupons(chance, name, bought, buyer),
        ]

    def acts_on_coupons(
        self, chance: random.Random, name: str, bought: str, buyer: str
    ) -> Sequence[Callable[[], Command]]:
        """What may happen with coupons, which the first such act makes."""
        if not self.rows("SELECT FROM coupon_campaign"):
            issuing.campaign(self, terms=replace(issuing.FIVE_OFF, give_back=GiveBack.ANY, uses_per_code=9))
            for code in CODES:
                issuing.coupon(self, code=code)
        coupon = self.coded(chance.choice(CODES))
        used = self.rows("SELECT r.id::text, c.customer_id FROM redemption r JOIN customer c ON c.id = r.customer")
        redemption, whose = chance.choice(used) if used else (NO_ID, name)
        return [
            lambda: self.assign(coupon, name=name),
            lambda: self.reserve(coupon, name=name, order_id=f"o-{name}"),
            lambda: self.let_go(f"o-{name}", name),
            lambda: self.redeem(coupon, name=buyer, order_id=bought),
            lambda: self.give_back(redemption, whose),
            lambda: self.void(coupon),
        ]

    def _claimed(self, chance: random.Random) -> ClaimRead:
        """One of the claims that stand, or one that nobody made."""
        found = [
            claim for name in self.standing() for claim in self.read(page, self.address(name).owner, "CLAIMED", "", 99)
        ]
        return chance.choice(found) if found else NO_CLAIM

    def _one(self, chance: random.Random, query: str) -> tuple[int, str, str]:
        """One of the things that something can be done to, with whose it is; or the first of nothing."""
        owner = "JOIN account a ON a.id = t.account JOIN customer c ON c.id = a.customer"
        found = self.rows(query.format("c.customer_id, a.card_id", owner) + " ORDER BY t.account, 1")
        number, name, card = chance.choice(found) if found else (1, self.names[0], "plain")
        return number, name, card


def lived(database: Database, seed: int) -> Deep:
    """Three customers with a long life by chance, and two to whom happens what chance may have left out."""
    scene = Deep(database, *PEOPLE)
    scene.names = PEOPLE[:3]
    scene.merging = 0.1
    scene.live(seed, 100)
    for number, card in enumerate(("slow", "by-hand", "slow", "slow", "owing")):
        scene.earn(100, "dee", card, transaction_id=f"last-{number}")
    scene.earn(70, "dee", "sliding")
    scene.pass_time(4 * DAY)
    redate(scene, name="dee")
    scene.do(scene.correction("last-0", 60, "dee"))
    scene.do(scene.decision("last-1", False, "dee"))
    scene.do(scene.refund("last-2", 30, "dee"))
    scene.do(scene.lot(2, False, "dee", "slow"))
    scene.do(scene.adjustment(500, "dee"))
    scene.do(scene.transfer(20, "dee", "eve"))
    scene.do(scene.hold(5, "dee"))
    members.merge(scene, "dee", "eve")
    scene.pass_time(DAY)
    scene.do(scene.refund("last-3", 40, "eve"))
    members.unmerge(scene, "dee")
    scene.do(scene.decision("last-4", True, "dee"))
    scene.do(scene.spending(90, "dee", "owing"))
    scene.do(scene.refund("last-4", name="dee"))
    scene.do(scene.write_off(1, 50, "dee", "owing"))
    scene.pass_time(DAY)
    scene.names = PEOPLE
    return scene
