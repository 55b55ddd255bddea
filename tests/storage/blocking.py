"""The lanes' work on the calling thread's own connection: what a server does on its loop, step by step in a test."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rules.access import Caller
from storage.access import authenticating as access
from storage.access.credentials import Credential, CredentialKind
from storage.activity.recorder import Act, record_acts
from storage.engine.database import Connection, Database, apply, connection
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.ledger import batch, queries
from storage.ledger.limits import BY_KEY
from storage.ledger.writer import Writer

if TYPE_CHECKING:
    from tests.storage.scene import Scene

Result = TypeVar("Result")

# Longer than any neighbour of a test keeps a row.
PATIENCE_MS = 5_000


class Ledger:
    """Writes groups of commands, waiting for the rows that they need; one for each thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger = batch.Ledger(PATIENCE_MS)

    def run(self, items: Sequence[Any]) -> list[Any]:
        """An outcome for each."""
        with connection(self._database) as books:
            apply(books, BY_KEY)
            return blocking(self._ledger.run(session(books), items))


class Reader:
    """Answers groups of queries; one for each thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reader = queries.Reader()

    def run(self, asked: Sequence[queries.Query]) -> list[Any]:
        """An outcome for each."""
        with connection(self._database) as books:
            return blocking(self._reader.run(session(books), asked))


def record(database: Database, acts: Sequence[Act]) -> list[Any]:
    """The id of the record of each."""
    with connection(database) as books:
        return list(blocking(record_acts(session(books), acts)))


def authenticate(books: Connection, key: str) -> Caller | None:
    """Whom a key speaks for."""
    [found] = blocking(access.authenticate(session(books), [Credential(CredentialKind.KEY, key)]))
    assert not isinstance(found, Exception)
    return found


def written(scene: "Scene", calls: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The outcomes of calls that arrive together, from the writer as a server process has it."""

    async def submit(writer: Writer) -> list[Sequence[Any]]:
        return list(await asyncio.gather(*(writer.submit(call) for call in calls)))

    return with_writer(scene, submit)


def with_writer(scene: "Scene", use: Callable[[Writer], Coroutine[Any, Any, Result]]) -> Result:
    """Uses a writer on an event loop of its own."""

    async def run() -> Result:
        writer = Writer(scene.database)
        try:
            return await use(writer)
        finally:
            await writer.close()

    return asyncio.run(run())
