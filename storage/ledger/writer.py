"""The writer: gathers the commands of all callers, and keeps those waiting whose rows somebody else has in hand.

One lane writes nearly all, and waits for nobody's rows. A command that was passed over PASSED_OVER_MAX times goes to a
patient lane, which waits for its rows: so a process gets its turn at an account that another one has all the time.
Commands about a customer of whom one waits there go behind it: what is handed in about a customer keeps its order, but
for what is about two of whom each waits in another patient lane (docs/decisions/0023).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, TypeAlias

from storage.customers.loading import CUSTOMER
from storage.engine.database import Busy, Database
from storage.engine.lanes import Lane, LaneFull, LaneState
from storage.engine.slots import Slot, slots_of
from storage.ledger.batch import Item, Ledger, commands_of
from storage.ledger.group import Outcome
from storage.ledger.limits import (
    BUSY_ANSWER_BEFORE_S,
    PASSED_OVER_MAX,
    PATIENCE_MS,
    PATIENT,
    PATIENT_LANES,
    WRITER,
)
from storage.ledger.loading import reads_of

# By the public ids of program and customer.
Customer: TypeAlias = tuple[str, str]


class Writer:
    """Writes what one server process is asked to."""

    def __init__(self, database: Database) -> None:
        self._lane: Lane[Item, Any] = Lane(database, WRITER, Ledger().run, weight, self._passed_over)
        self._patient = [PatientLane(database, number, self._answered) for number in range(PATIENT_LANES)]
        # The customers of whom something waits in a patient lane: how much, and in which.
        self._waiting: Counter[Customer] = Counter()
        self._lane_of: dict[Customer, PatientLane] = {}

    @property
    def states(self) -> list[LaneState]:
        """How its lanes stand."""
        return [self._lane.state, *(lane.state for lane in self._patient)]

    def submit(self, items: Sequence[Item]) -> "asyncio.Future[Sequence[Outcome | list[Outcome]]]":
        """The outcome of each, in their order. Raises LaneFull."""
        self._lane.check()
        future, slots = slots_of(items)
        for slot in slots:
            if self._waiting and self._is_behind(slot.item):
                self._wait(slot)
            else:
                self._lane.put(slot)
        return future

    async def close(self) -> None:
        """Finishes what is waiting, within bounded time; last what is passed over meanwhile."""
        await self._lane.close()
        await asyncio.gather(*(lane.close() for lane in self._patient))

    def _passed_over(self, slots: Sequence[Slot[Item]]) -> None:
        again = []
        for slot in slots:
            if slot.passed_over < PASSED_OVER_MAX:
                again.append(slot)
            else:
                self._wait(slot)
        self._lane.put_back(again)
        if len(again) < len(slots):
            # What came after them may not overtake them.
            for slot in self._lane.withdraw(lambda slot: self._is_behind(slot.item)):
                self._wait(slot)

    def _is_behind(self, item: Item) -> bool:
        return any(customer in self._waiting for customer in customers_of(item))

    def _wait(self, slot: Slot[Item]) -> None:
        customers = customers_of(slot.item)
        lane = next((self._lane_of[one] for one in customers if one in self._lane_of), None)
        lane = lane or min(self._patient, key=lambda one: one.state.waiting)
        try:
            lane.check()
        except LaneFull as full:
            # Others, whose customers nobody holds, are none the worse.
            slot.answer(full)
            return
        for customer in customers:
            self._waiting[customer] += 1
            self._lane_of.setdefault(customer, lane)
        lane.put(slot)

    def _answered(self, slot: Slot[Item]) -> None:
        for customer in customers_of(slot.item):
            self._waiting[customer] -= 1
            if not self._waiting[customer]:
                del self._waiting[customer], self._lane_of[customer]


class PatientLane(Lane[Item, Any]):
    """Waits for the rows of one customer at a time, and a little later for those of the next."""

    def __init__(self, database: Database, number: int, answered: Callable[[Slot[Item]], None]) -> None:
        rules = replace(PATIENT, name=f"{PATIENT.name}-{number}")
        super().__init__(database, rules, Ledger(PATIENCE_MS).run, weight, self._again)
        self._answered = answered

    def _take(self) -> list[Slot[Item]]:
        latest = time.monotonic() + BUSY_ANSWER_BEFORE_S
        for slot in self.withdraw(lambda slot: slot.is_given_up or _deadline(slot.item) < latest):
            self._deliver(slot, Busy("somebody else holds its rows"))
        if not self._waiting:
            return []
        first = self._waiting[0]
        about = customers_of(first.item)
        group = self.withdraw(lambda slot: slot is first or bool(about & customers_of(slot.item)))
        weights = accumulate(weight(slot.item) for slot in group)
        fitting = max(1, sum(one <= self.rules.weight_max for one in weights))
        self.put_back(group[fitting:])
        return group[:fitting]

    def _again(self, slots: Sequence[Slot[Item]]) -> None:
        # Behind those of other customers, before all that came meanwhile about these.
        about = set().union(*(customers_of(slot.item) for slot in slots))
        behind = self.withdraw(lambda slot: bool(about & customers_of(slot.item)))
        for slot in (*slots, *behind):
            self.put(slot)

    def _deliver(self, slot: Slot[Item], outcome: Any) -> None:
        self._moved_at = time.monotonic()
        self._answered(slot)
        super()._deliver(slot, outcome)


def weight(item: Item) -> int:
    """What an item weighs in a group."""
    return len(commands_of(item))


def customers_of(item: Item) -> set[Customer]:
    """Whom an item is about, by whatever name."""
    reads = reads_of(commands_of(item))
    named = {(address.program, address.customer) for address in reads.addresses}
    named.update((name.program, name.customer) for name in reads.names)
    named.update((name.program, name.customer) for name, _ in reads.customers)
    named.update((program, customer) for program, customer in reads.others.get(CUSTOMER, ()) if customer)
    return named


def _deadline(item: Item) -> float:
    return min((command.context.deadline for command in commands_of(item)), default=0.0)
