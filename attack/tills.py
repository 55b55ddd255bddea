"""Callers who go on while processes are killed: each asks again, with the same request id, until it has an answer.

What they were told they write down: it is what the books are held to afterwards.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from attack import club, limits
from fealty import Fealty, FealtyError, Refused, connect
from fealty.v1 import cards_pb2, customers_pb2, points_pb2, programs_pb2

# Answers after which nobody knows whether it was done.
UNKNOWN = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)
EARNED_MAX, SPENT_MAX = 100, 60
# A program whose points ripen after a day, and whose days pass as fast as calls do: work for worker and clock.
RIPENING = "ripening"
START = datetime(2025, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class NoOutcome(Exception):
    """A call had no outcome for so long that it counts as lost."""


class Act(NamedTuple):
    """A change that a caller was told is made, and what it was told."""

    method: str
    request: Any
    response: Any


class Servers:
    """Two or more servers of the same books, and one key; whoever calls changes the server where one fails."""

    def __init__(self, targets: Sequence[str], key: str) -> None:
        self._connections = [connect(target, key) for target in targets]
        self._methods = [_methods(fealty) for fealty in self._connections]
        self.attempts: Counter[str] = Counter()
        self._counting = threading.Lock()

    def call(self, method: str, request: Any, first: int = 0) -> Any:
        """The answer, from whichever server has one. Raises NoOutcome, or FealtyError for a refusal."""
        until = time.monotonic() + limits.OUTCOME_S
        attempt = first
        while time.monotonic() < until:
            ask = self._methods[attempt % len(self._methods)][method]
            attempt += 1
            try:
                answer = ask(request, limits.ATTEMPT_S)
            except FealtyError as error:
                self._count(error.code.name)
                if error.code not in UNKNOWN:
                    raise
                time.sleep(limits.RETRY_S)
            else:
                self._count("OK")
                return answer
        raise NoOutcome(f"{method} had no outcome for {limits.OUTCOME_S:.0f} s")

    def _count(self, code: str) -> None:
        with self._counting:
            self.attempts[code] += 1

    def close(self) -> None:
        """Hangs up."""
        for fealty in self._connections:
            fealty.close()


class Caller(Protocol):
    """Somebody who calls in a thread until told to stop."""

    def step(self) -> None:
        """One round of calls, each with its outcome."""


class Calling(threading.Thread):
    """Runs a caller; `error` is what ended it before it was told to."""

    def __init__(self, caller: Caller, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.error: Exception | None = None
        self._caller, self._stop_calling = caller, stop

    def run(self) -> None:
        """Steps, each to its end."""
        try:
            while not self._stop_calling.is_set():
                self._caller.step()
        except Exception as error:
            self.error = error


class Till:
    """Purchases and spendings of random customers of the club, whom other tills serve too."""

    def __init__(self, servers: Servers, number: int, chance: random.Random) -> None:
        self.acts: list[Act] = []
        self.refused = 0
        self._servers, self._number, self._chance = servers, number, chance

    def step(self) -> None:
        account = club.account(club.CLUB, self._chance.choice(club.TILL_CUSTOMERS))
        if self._chance.random() < 0.5:
            self._do("RecordTransaction", club.purchase(account, self._chance.randint(1, EARNED_MAX)))
            return
        points = self._chance.randint(1, SPENT_MAX)
        request = points_pb2.SpendPointsRequest(
            account=account, points=points, reference="order-1", request_id=club.fresh()
        )
        self._do("SpendPoints", request)

    def _do(self, method: str, request: Any) -> None:
        try:
            self.acts.append(Act(method, request, self._servers.call(method, request, self._number)))
        except Refused as refused:
            if refused.reason != "INSUFFICIENT_POINTS":
                raise
            self.refused += 1


class Ripening:
    """A customer a day buys in a program with a test clock, and the day passes: the points ripen by a sweep."""

    def __init__(self, servers: Servers) -> None:
        self.acts: list[Act] = []
        self.accounts: list[str] = []
        self._servers = servers
        self._today = START
        rate = programs_pb2.EarnRate(points=1, per_amount_minor=1, currency_code=club.CURRENCY)
        pending = cards_pb2.PendingPolicy(delay=cards_pb2.PendingDelay(days=1))
        card = programs_pb2.Card(card_id=club.CARD, display_name="Points", earn_rate=rate, pending_policy=pending)
        program = programs_pb2.Program(display_name="Ripening", time_zone="Europe/Prague", cards=[card])
        program.test_clock_time.FromDatetime(START)
        request = programs_pb2.CreateProgramRequest(program_id=RIPENING, program=program, request_id=club.fresh())
        servers.call("CreateProgram", request)

    def step(self) -> None:
        name = f"d{len(self.accounts)}"
        self._servers.call(
            "CreateCustomer",
            customers_pb2.CreateCustomerRequest(
                parent=f"programs/{RIPENING}", customer_id=name, request_id=club.fresh()
            ),
        )
        account = club.account(RIPENING, name)
        request = club.purchase(account)
        self.acts.append(Act("RecordTransaction", request, self._servers.call("RecordTransaction", request)))
        self.accounts.append(account)
        self._today += 2 * DAY  # it is pending until the end of the day after
        to = Timestamp()
        to.FromDatetime(self._today)
        advance = programs_pb2.AdvanceTestClockRequest(name=f"programs/{RIPENING}", to_time=to, request_id=club.fresh())
        self._servers.call("AdvanceTestClock", advance)


def _methods(fealty: Fealty) -> dict[str, Callable[..., Any]]:
    """The methods of one server that are called here, by name."""
    return {
        "RecordTransaction": fealty.transactions.RecordTransaction,
        "SpendPoints": fealty.points.SpendPoints,
        "GetBalance": fealty.points.GetBalance,
        "ListEntries": fealty.points.ListEntries,
        "CreateProgram": fealty.programs.CreateProgram,
        "AdvanceTestClock": fealty.programs.AdvanceTestClock,
        "CreateCustomer": fealty.customers.CreateCustomer,
    }
