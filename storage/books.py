"""The books as the edge sees them: gathered commands and queries, and single transactions beside them."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakSet

from peewee import PostgresqlDatabase

from rules.access import Caller
from storage.access.queries import authenticate
from storage.activity.recorder import Act, Recorder
from storage.engine.database import Connection, connection
from storage.engine.gather import Gatherer
from storage.engine.lanes import LaneState
from storage.engine.unit import Unit, run
from storage.ledger.batch import Ledger, prepare_session
from storage.ledger.commands import AllOrNothing, Command
from storage.ledger.group import Outcome
from storage.ledger.queries import Found, Query, Reader

# Threads for calls that are not hot: creating programs, listing customers. Each holds one connection.
COLD_THREADS = 4

Result = TypeVar("Result")


class Books:
    """One for each server process. Holds a writer, a reader and a recorder thread, and a few for cold calls."""

    def __init__(self, database: PostgresqlDatabase) -> None:
        self._database = database
        self._writer: Gatherer[Command | AllOrNothing, Outcome | list[Outcome]] = Gatherer(
            "writer", Ledger(database).run
        )
        self._reader: Gatherer[Query, Found] = Gatherer("reader", Reader(database).run)
        self._recorder: Gatherer[Act, str] = Gatherer("recorder", Recorder(database).run)
        self._planned: WeakSet[Connection] = WeakSet()
        self._cold = ThreadPoolExecutor(COLD_THREADS, thread_name_prefix="cold")

    def write(self, commands: Sequence[Command | AllOrNothing]) -> "asyncio.Future[Sequence[Outcome | list[Outcome]]]":
        """An outcome for each command, a list of them where all or none are to be done; what arrives together shares
        a transaction."""
        return self._writer.submit(commands)

    def ask(self, queries: Sequence[Query]) -> "asyncio.Future[Sequence[Found | Exception]]":
        """An outcome for each query; what arrives together shares a round trip."""
        return self._reader.submit(queries)

    def record(self, acts: Sequence[Act]) -> "asyncio.Future[Sequence[str | Exception]]":
        """The id of the record of each act that changed nothing."""
        return self._recorder.submit(acts)

    def change(self, change: Callable[[Unit], Result]) -> "asyncio.Future[Result]":
        """Runs `change` in a transaction of its own."""
        return asyncio.get_running_loop().run_in_executor(self._cold, run, self._database, change)

    def read(self, read: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Runs `read` with a connection open for the models it uses."""

        def with_connection() -> Result:
            with connection(self._database):
                return read()

        return asyncio.get_running_loop().run_in_executor(self._cold, with_connection)

    def query(self, query: Callable[[Connection], Result]) -> "asyncio.Future[Result]":
        """Runs `query` on a connection that is planned like those of the hot path."""

        def on_connection() -> Result:
            with connection(self._database) as books:
                if books not in self._planned:
                    prepare_session(books)
                    self._planned.add(books)
                return query(books)

        return asyncio.get_running_loop().run_in_executor(self._cold, on_connection)

    def caller(self, key: str) -> "asyncio.Future[Caller | None]":
        """Whom an API key speaks for, or None."""

        def authenticated() -> Caller | None:
            with connection(self._database) as books:
                return authenticate(books, key)

        return asyncio.get_running_loop().run_in_executor(self._cold, authenticated)

    @property
    def lanes(self) -> Sequence[LaneState]:
        """What each lane is doing now; from any thread."""
        return []

    def close(self) -> None:
        """Finishes what is in hand."""
        self._cold.shutdown()
        for gatherer in (self._writer, self._reader, self._recorder):
            gatherer.close()
