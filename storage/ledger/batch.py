"""The hot path: a group of commands in one transaction. Load, decide, write; each command with its own outcome.

    lock      the accounts, in the order of their ids
    load      the programs' clocks, kept answers, known transactions; open lots where time or a spending needs them
    decide    rules.ledger, in memory, one command after the other
    write     one statement for all tables, commit

A refusal is decided before anything is written, so it costs its neighbours nothing.
"""

from collections.abc import Sequence

from peewee import PostgresqlDatabase

from storage.engine.database import Connection, StorageUnavailable, connect, reason, unavailable
from storage.engine.session import rolled_back_on_error
from storage.ledger.addresses import Addresses
from storage.ledger.commands import Command, Outcome
from storage.ledger.group import Group
from storage.programs.queries import Clocks


class Ledger:
    """Runs groups of commands on the calling thread's connection. One for each writer thread."""

    def __init__(self, database: PostgresqlDatabase) -> None:
        self._database = database
        self._addresses = Addresses(opens=True)
        self._clocks = Clocks()
        self._prepared: Connection | None = None

    def run(self, commands: Sequence[Command]) -> list[Outcome | Exception]:
        """An outcome for each command, in order: an answer, or the refusal it met.

        Raises what the database raises where it refuses the group, StorageUnavailable where it is away; nothing
        was changed then.
        """
        try:
            connection = self._connection()
            places = self._addresses.find(connection, [command.address for command in commands])
            with rolled_back_on_error(connection):
                group = Group(connection, self._clocks, commands, places)
                outcomes = [group.outcome(command) for command in commands]
                group.commit()
            return outcomes
        except Exception as error:
            if not isinstance(error, StorageUnavailable) and unavailable(error):
                raise StorageUnavailable(reason(error)) from error
            raise

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
)
