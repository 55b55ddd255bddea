"""A phone with several cards, a server that changes them all the time, and a network that loses things; in simulated
time, in which events follow each other in the order of their instants, whatever they take to compute.

A run ends when nothing changes any more and the phone has asked once more over a network that works, as a real one does
within a day. What it then shows that is not so, it would show for ever.
"""

import heapq
import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any, NamedTuple, Protocol

CARDS = 5
# What a transaction of a writer or of a refresher takes.
TRANSACTION_MAX_S = 0.15
# After the last change there is this time for what is under way.
SETTLED_S = 20.0
# What a request takes each way, and of how many either way is lost.
LATENCY_S = (0.002, 0.05)
LOST = 0.1
# Pushes that never arrive: Apple promises none.
PUSH_LOST = 0.3
PUSH_S = (0.02, 0.5)
# How often the phone asks by itself; a real one does so daily.
POLL_EVERY_S = 15.0
# How often a clock follows the log and plans, and how often a worker that refreshes is killed.
LOOK_EVERY_S = 0.25
KILLED = 0.05
# Of changes, those that take back the one before: a purchase and its refund.
TAKEN_BACK = 0.25


class Pace(NamedTuple):
    """For how long cards change, and how often one of them does."""

    run_s: float
    every_s: float


# As in reference §2.3, and as a customer who does everything at once; of the latter a run is short, as only what is
# lost in the end is lost for ever.
CALM, HASTY = Pace(60.0, 2.0), Pace(6.0, 0.05)


class Got(NamedTuple):
    """An answer to a phone that asks for a card: 200 with what it says and its Last-Modified, 304, or 503."""

    status: int
    value: int = 0
    last_modified: str = ""


class Server(Protocol):
    """What a design of updates is asked. `now` is in seconds. What `begin` and `refresh` answer is an open transaction:
    None where there is nothing to be done, or somebody holds what it needs."""

    def begin(self, card: int, value: int, now: float) -> Any:
        """A transaction that changes what a card says."""

    def commit(self, change: Any, now: float) -> bool:
        """It is committed; whether the phone is pushed."""

    def look(self, now: float) -> None:
        """What a clock does behind the writers."""

    def refresh(self, now: float) -> Any:
        """A transaction that gives revisions."""

    def end(self, refresh: Any, killed: bool, now: float) -> bool:
        """It is committed or undone; whether the phone is pushed."""

    def register(self, card: int, now: float) -> bool:
        """The phone has a card; False where it shall try again."""

    def changed(self, tag: str, now: float) -> tuple[Sequence[int], str]:
        """Which cards of the phone changed after a tag, and the next tag; none: nothing is new."""

    def get(self, card: int, if_modified_since: str, now: float) -> Got:
        """A card."""

    def truth(self, card: int) -> int:
        """What it says for whoever looks at the books."""


class World:
    """One run. `seed` decides everything that happens in it."""

    def __init__(self, server: Server, seed: int, pace: Pace) -> None:
        self.server = server
        self.random = random.Random(seed)
        self.now = 0.0
        self.works = False
        self.phone = Phone(self)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._values = count(1)
        self._before = dict.fromkeys(range(CARDS), 0)
        self._pace = pace
        self._is_refreshing = False

    def run(self) -> list[int]:
        """The cards that the phone shows wrongly for ever."""
        for card in range(CARDS):
            self.later(self.random.uniform(0, self._pace.run_s / 6), partial(self.phone.download, card))
        self._change()
        self._look()
        self._poll()
        self.later(self._pace.run_s + SETTLED_S / 2, self._mend)
        self.later(self._pace.run_s + SETTLED_S, self.phone.wake)
        while self._events:
            self.now, _, act = heapq.heappop(self._events)
            act()
        return [card for card in range(CARDS) if self.phone.shown.get(card) != self.server.truth(card)]

    def later(self, by_s: float, act: Callable[[], None]) -> None:
        """Has something happen so much later."""
        heapq.heappush(self._events, (self.now + by_s, next(self._numbers), act))

    def latency(self) -> float:
        """What one way takes."""
        return self.random.uniform(*LATENCY_S)

    def loses(self, share: float = LOST) -> bool:
        """Whether the network loses this."""
        return not self.works and self.random.random() < share

    def _change(self) -> None:
        if self.now > self._pace.run_s:
            return
        card = self.random.randrange(CARDS)
        before, self._before[card] = self._before[card], self.server.truth(card)
        value = before if self.random.random() < TAKEN_BACK else next(self._values)
        change = self.server.begin(card, value, self.now)
        if change is not None:
            self.later(self.random.uniform(0, TRANSACTION_MAX_S), lambda: self._commit(change))
        self.later(self.random.expovariate(1 / self._pace.every_s), self._change)

    def _commit(self, change: Any) -> None:
        if self.server.commit(change, self.now):
            self._push()

    def _look(self) -> None:
        self.server.look(self.now)
        if not self._is_refreshing and (refresh := self.server.refresh(self.now)) is not None:
            self._is_refreshing = True
            self.later(self.random.uniform(0, TRANSACTION_MAX_S), lambda: self._end(refresh))
        if self.now < self._pace.run_s + SETTLED_S / 2:
            self.later(LOOK_EVERY_S, self._look)

    def _end(self, refresh: Any) -> None:
        self._is_refreshing = False
        killed = self.loses(KILLED)
        if self.server.end(refresh, killed, self.now):
            self._push()

    def _push(self) -> None:
        if not self.loses(PUSH_LOST):
            self.later(self.random.uniform(*PUSH_S), self.phone.wake)

    def _poll(self) -> None:
        self.phone.wake()
        if self.now < self._pace.run_s:
            self.later(self.random.expovariate(1 / POLL_EVERY_S), self._poll)

    def _mend(self) -> None:
        self.works = True


class Phone:
    """Asks what changed, and fetches it card by card. What it could not fetch it fetches when it is awake again."""

    def __init__(self, world: World) -> None:
        self.shown: dict[int, int] = {}
        self._world = world
        self._last_modified: dict[int, str] = {}
        self._registered: set[int] = set()
        self._tag = ""
        self._wanted: list[int] = []
        self._is_busy = False
        self._is_woken = False

    def download(self, card: int) -> None:
        """Follows a link. The file may lie in a mail for a while before it is opened."""
        got = self._world.server.get(card, "", self._world.now)
        if got.status != 200:
            self._world.later(0.5, lambda: self.download(card))
            return
        self.shown[card], self._last_modified[card] = got.value, got.last_modified
        self._world.later(self._world.random.uniform(0, 5), lambda: self._register(card))

    def wake(self) -> None:
        """By a push, or by itself. One that comes while it asks has it ask again."""
        self._is_woken = True
        if not self._is_busy:
            self._is_busy = True
            self._ask()

    def _register(self, card: int) -> None:
        world = self._world
        if world.loses() or not world.server.register(card, world.now) or world.loses():
            world.later(1.0, lambda: self._register(card))

    def _ask(self) -> None:
        self._is_woken = False
        self._world.later(self._world.latency(), self._list)

    def _list(self) -> None:
        world = self._world
        cards, tag = ((), "") if world.loses() else world.server.changed(self._tag, world.now)
        if cards and not world.loses():
            # As iOS does: the tag that came in is kept whatever becomes of the cards.
            self._tag = tag
            self._wanted += [card for card in cards if card not in self._wanted]
        world.later(world.latency(), lambda: self._fetch(list(self._wanted)))

    def _fetch(self, left: list[int]) -> None:
        if not left:
            self._is_busy = False
            if self._is_woken or (self._wanted and self._world.works):
                self._is_busy = True
                self._ask()
            return
        world, card = self._world, left[0]
        if not world.loses():
            got = world.server.get(card, self._last_modified.get(card, ""), world.now)
            if got.status != 503 and not world.loses():
                self._wanted.remove(card)
                if got.status == 200:
                    self.shown[card], self._last_modified[card] = got.value, got.last_modified
        world.later(2 * world.latency(), lambda: self._fetch(left[1:]))
