"""The hot path: a group of commands in one transaction. Load, decide, write; each command with its own outcome.

    find      the accounts that the commands name
    lock      these accounts, in the order of their ids
    load      the programs' clocks, kept answers, known purchases and holds; lots where time or a command needs them
    decide    the rules, in memory, one command after the other
    write     one statement for all tables, commit

A refusal is decided before anything is written, so it costs its neighbours nothing.
"""

from collections.abc import Sequence
from itertools import chain

from peewee import PostgresqlDatabase

from rules.draft import LotsNotAtHand
from storage.engine.database import Connection, connect, known
from storage.engine.session import rolled_back_on_error
from storage.ledger.addresses import Addresses
from storage.ledger.commands import AllOrNothing, Command
from storage.ledger.group import Group, Outcome, find
from storage.ledger.wanted import Wanted
from storage.programs.queries import Clocks

# How often a group is decided anew that found less at hand than it needs: a purchase changed before it was locked.
ATTEMPTS_MAX = 3


class Ledger:
    """Runs groups of commands on the calling thread's connection. One for each writer thread."""

    def __init__(self, database: PostgresqlDatabase) -> None:
        self._database = database
        self._addresses = Addresses(opens=True)
        self._clocks = Clocks()
        self._prepared: Connection | None = None

    def run(self, commands: Sequence[Command | AllOrNothing]) -> list[Outcome | list[Outcome]]:
        """An outcome for each command, in order: an answer, or the refusal it met; a list of them where all or none
        were to be done.

        Raises what the database raises where it refuses the group, StorageUnavailable where it is away; nothing
        was changed then.
        """
        try:
            for attempt in range(1, ATTEMPTS_MAX + 1):
                try:
                    return self._run(self._connection(), commands)
                except LotsNotAtHand:
                    if attempt == ATTEMPTS_MAX:
                        raise
            raise AssertionError("the last attempt returns or raises")
        except Exception as error:
            if translated := known(error):
                raise translated from error
            raise

    def _run(self, connection: Connection, commands: Sequence[Command | AllOrNothing]) -> list[Outcome | list[Outcome]]:
        each = list(chain.from_iterable(one.commands if isinstance(one, AllOrNothing) else (one,) for one in commands))
        wanted = Wanted()
        for command in each:
            command.wants(wanted)
        found = find(connection, self._addresses, wanted)
        with rolled_back_on_error(connection):
            group = Group(connection, self._clocks, each, wanted, found)
            outcomes: list[Outcome | list[Outcome]] = [
                group.outcomes(one) if isinstance(one, AllOrNothing) else group.outcome(one) for one in commands
            ]
            group.commit()
        return outcomes

    def _connection(self) -> Connection:
        connection = connect(self._database)
        if connection is not self._prepared:
            prepare_session(connection)
            self._prepared = connection
        return connection


def prepare_session(connection: Connection) -> None:
    """Tells PostgreSQL how to plan on this connection: every statement of ours finds a few rows by key, so plan it
    once, for that, whatever size the tables have now."""
    for setting in _SESSION:
        connection.execute(setting)


_SESSION = (
    b"SET plan_cache_mode = force_generic_plan",
    b"SET enable_seqscan = off",
    b"SET enable_hashjoin = off",
    b"SET enable_mergejoin = off",
    b"SET jit = off",
)
