"""The books as the edge sees them: gathered commands and queries on the event loop, single transactions beside it.

Each kind of work has a lane of its own, so that none waits for another.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rules.access import Caller
from rules.refusals import Refusal
from storage.access.authenticating import authenticate
from storage.access.credentials import Credential
from storage.activity import positions
from storage.activity.positions import Look
from storage.activity.recorder import Act, record_acts
from storage.attempts.exchange import Counted, Total, exchange
from storage.coupons.sealing import CodeSeals
from storage.engine.commands import ColdCommand, SeesAll, carry_out
from storage.engine.database import ANSWER_LIMIT_S, ANSWER_SPARE_S, Connection, Database
from storage.engine.keyring import Keyring
from storage.engine.lanes import Lane, LaneRules, LaneState
from storage.engine.requests import Answer
from storage.engine.threads import ThreadLane, ThreadRules
from storage.engine.unit import Unit, run
from storage.ledger import queries
from storage.ledger.addresses import Address
from storage.ledger.commands import AllOrNothing, Balance, Command
from storage.ledger.group import Outcome
from storage.ledger.limits import BALANCES_AT_ONCE, BY_KEY, HOT, HOT_ANSWER_LIMIT_S, PAGES, READER
from storage.ledger.queries import GetBalances, Query, Reader, is_long, weight
from storage.ledger.writer import Writer
from storage.passes.sealing import WalletKeys

Result = TypeVar("Result")
Value = TypeVar("Value")

# Records of refused calls: of a flood of them as many as a second can write may wait.
RECORDER = LaneRules("recorder", HOT, HOT_ANSWER_LIMIT_S, weight_max=128, waiting_max=4_096)
# Who calls: a wrong key costs a look-up like a right one, and a flood of them waits here for nobody but themselves.
KEYS = LaneRules("keys", HOT, HOT_ANSWER_LIMIT_S, weight_max=128, waiting_max=4_096)
# Attempts that failed, and calls, once a second: nobody waits for it. A group is one exchange (server/limits.py).
ATTEMPTS = LaneRules("attempts", HOT, HOT_ANSWER_LIMIT_S, weight_max=1_024, waiting_max=4_096)

# Creating programs, merging customers, lists of them: none is hot. One caller has half of the threads at most.
COLD = ThreadRules("cold", 4, 2, 512, 128, {}, ANSWER_LIMIT_S)
# Lists, explanations, the past: a few rows by key each, planned like those of the hot path.
LISTS = ThreadRules("lists", 4, 2, 512, 128, BY_KEY, ANSWER_LIMIT_S)
# Reports read all of a program. They end before their caller's patience does (server/limits.py).
REPORT_STATEMENT_MS = 25_000
REPORTS = ThreadRules(
    "reports",
    2,
    1,
    32,
    4,
    {"statement_timeout": str(REPORT_STATEMENT_MS)},
    REPORT_STATEMENT_MS / 1000 + ANSWER_SPARE_S,
)
# Files of codes on their way in, a piece at a time: each has a thread to itself, and nobody waits for them but others.
# So does the beginning of one on its way out, which is noted.
IMPORTS = ThreadRules("imports", 2, 1, 64, 8, {}, ANSWER_LIMIT_S)


class Books:
    """One for each server process; used on one event loop. Nothing is connected before it is needed.

    `codes` seals codes of coupons, so that none leaves the edge in the clear; `wallet` makes the tokens of links to
    passes, below `passes_url`, where phones reach them (empty: nobody said where).
    """

    def __init__(
        self, database: Database, keyring: Keyring, codes: CodeSeals, wallet: WalletKeys, passes_url: str = ""
    ) -> None:
        self.codes = codes
        self.wallet = wallet
        self.passes_url = passes_url
        self._database = database
        self._keyring = keyring
        self._writer = Writer(database)
        self._reader: Lane[Query, queries.Result] = Lane(database, READER, Reader().run, weight)
        self._pages: Lane[Query, queries.Result] = Lane(database, PAGES, Reader().run, weight)
        self._recorder: Lane[Act, str] = Lane(database, RECORDER, record_acts)
        self._keys: Lane[Credential, Caller | None] = Lane(database, KEYS, authenticate)
        self._attempts: Lane[Counted, Total] = Lane(database, ATTEMPTS, exchange)
        self._cold, self._lists, self._reports = (ThreadLane(database, rules) for rules in (COLD, LISTS, REPORTS))
        self._imports = ThreadLane(database, IMPORTS)

    def write(self, commands: Sequence[Command | AllOrNothing]) -> "asyncio.Future[Sequence[Outcome | list[Outcome]]]":
        """An outcome for each command, a list of them where all or none are to be done; what arrives together shares
        a transaction."""
        return self._writer.submit(commands)

    def ask(self, queries: Sequence[Query]) -> "asyncio.Future[Sequence[queries.Result | Exception]]":
        """An outcome for each query; what arrives together shares a round trip."""
        return (self._pages if any(map(is_long, queries)) else self._reader).submit(queries)

    async def balances(self, addresses: Sequence[Address]) -> list[Balance | Refusal]:
        """The balance of each account, or why it has none; many are read in parts, so that others get their turn."""
        found: list[Balance | Refusal] = []
        for start in range(0, len(addresses), BALANCES_AT_ONCE):
            part: Sequence[Any] = await self.ask([GetBalances(tuple(addresses[start : start + BALANCES_AT_ONCE]))])
            if isinstance(part[0], Exception):
                raise part[0]
            found += part[0]
        return found

    def record(self, acts: Sequence[Act]) -> "asyncio.Future[Sequence[str | Exception]]":
        """The id of the record of each act that changed nothing."""
        return self._recorder.submit(acts)

    async def caller(self, *credentials: Credential) -> Caller | None:
        """Whom the first of credentials that is anybody's speaks for, or None."""
        for found in await self._keys.submit(credentials):
            if isinstance(found, Exception):
                raise found
            if found is not None:
                return found
        return None

    def exchange(self, told: Sequence[Counted]) -> "asyncio.Future[Sequence[Total | Exception]]":
        """Tells the other processes what was counted, and answers what all have told."""
        return self._attempts.submit(told)

    def carry_out(self, command: ColdCommand[Value]) -> "asyncio.Future[Answer[Value]]":
        """The answer to a cold command, which has a transaction of its own; it counts for its caller's share."""
        caller = command.context.caller
        programs = None if isinstance(command, SeesAll) else caller.programs()
        return self._cold.run(caller.id, lambda _: carry_out(self._database, command, self._keyring), programs)

    def oversee(self, caller: str, act: Callable[[Unit], Result]) -> "asyncio.Future[Result]":
        """Runs what goes on with acts under approval in a transaction of its own, which sees all there is; it counts
        for the share of a caller, by id (empty: nobody's)."""

        def decide(unit: Unit) -> Result:
            unit.keyring = self._keyring
            return act(unit)

        return self._cold.run(caller, lambda _: run(self._database, decide))

    def log_in(self, who: str, act: Callable[[Unit], Result]) -> "asyncio.Future[Result]":
        """Runs an act of logging in, in a transaction of its own, for the share of whoever that is. Nothing of it is
        kept for a repetition: what goes in and out are passwords, codes and tokens. It is about a user and about no
        program, and is before no wall: who logs in is nobody yet."""

        def with_keys(unit: Unit) -> Result:
            unit.keyring = self._keyring
            return act(unit)

        return self._cold.run(who, lambda _: run(self._database, with_keys))

    def look_up(self, who: str, read: Callable[[Connection, Keyring], Result]) -> "asyncio.Future[Result]":
        """Reads what somebody logs in by, the same way."""
        return self._lists.run(who, lambda books: read(books, self._keyring))

    def look(self, limit: int) -> "asyncio.Future[Look]":
        """Gives positions in the change stream to what is new, at most `limit`. Shared by all who watch: nobody's."""
        return self._cold.run("", lambda _: run(self._database, lambda unit: positions.look(unit.connection, limit)))

    def settle(self, limit: int) -> "asyncio.Future[Look]":
        """The same, so that all that is committed by now has one where there are no more."""
        return self._cold.run("", lambda _: run(self._database, lambda unit: positions.settle(unit.connection, limit)))

    def read(self, caller: Caller, read: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Runs `read` with a connection open for the models it uses."""
        return self._run(self._cold, caller, lambda _: read())

    def reveal(self, caller: Caller, read: Callable[[Connection, Keyring], Result]) -> "asyncio.Future[Result]":
        """The same for what may show personal values of the log, which the keys open."""
        return self._run(self._cold, caller, lambda books: read(books, self._keyring))

    def query(self, caller: Caller, query: Callable[[Connection], Result]) -> "asyncio.Future[Result]":
        """Runs `query` on a connection that is planned like those of the hot path."""
        return self._run(self._lists, caller, query)

    def report(self, caller: Caller, report: Callable[[Connection], Result]) -> "asyncio.Future[Result]":
        """Runs what reads all of a program: few at a time, one of each caller."""
        return self._run(self._reports, caller, report)

    def stage(self, caller: Caller, stage: Callable[[Database], Result]) -> "asyncio.Future[Result]":
        """Runs what takes in a piece of a file of codes, or begins one, in transactions of its own."""
        return self._run(self._imports, caller, lambda _: stage(self._database))

    @staticmethod
    def _run(lane: ThreadLane, caller: Caller, work: Callable[[Connection], Result]) -> "asyncio.Future[Result]":
        # Behind the wall, where its caller does not see all programs.
        return lane.run(caller.id, work, caller.programs())

    @property
    def lanes(self) -> Sequence[LaneState]:
        """How all lanes stand."""
        hot = (self._reader, self._pages, self._recorder, self._keys, self._attempts)
        return [
            *self._writer.states,
            *(lane.state for lane in hot),
            *(lane.state for lane in (self._cold, self._lists, self._reports, self._imports)),
        ]

    async def close(self) -> None:
        """Finishes what is in hand, within bounded time."""
        hot: list[Any] = [self._writer, self._reader, self._pages]
        lanes = [*hot, self._cold, self._lists, self._reports, self._imports]
        await asyncio.gather(*(lane.close() for lane in lanes))
        # Last: calls that end now are still to be recorded.
        await asyncio.gather(self._recorder.close(), self._keys.close(), self._attempts.close())
