"""Once is once: the response of each change is kept with it, and given again to the same request.

Kept by names (storage/engine/answers.py) for RETENTION at least (DESIGN: 30 days); the workers prune what is older.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Generic, NamedTuple, TypeVar, cast

from rules.refusals import RequestIdReused
from storage.engine import answers
from storage.engine.database import Connection
from storage.engine.sets import RowSet

RETENTION = timedelta(days=30)

Value = TypeVar("Value")


class Request(NamedTuple):
    """Who asked for what: the key under which a response is kept, and the hash (hex) of what was asked."""

    caller: str
    method: str
    request_id: str
    content_hash: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells one request from another."""
        return (self.caller, self.method, self.request_id)


class Answer(NamedTuple, Generic[Value]):
    """What a change answers: its result, the activity that records it (None where nothing was changed), and
    whether an earlier request made it."""

    value: Value
    activity: str | None
    replayed: bool = False


REQUESTS = RowSet(
    "request",
    {"caller": "text", "method": "text", "request_id": "uuid", "content_hash": "bytea", "response": "text"},
    recorded=True,
)


def row(request: Request, answer: Answer[Value]) -> dict[str, str]:
    """The row that keeps an answer."""
    return {
        "caller": request.caller,
        "method": request.method,
        "request_id": request.request_id,
        "content_hash": "\\x" + request.content_hash,
        "response": answers.keep(answer.value, answer.activity),
    }


def find(connection: Connection, request: Request) -> tuple[str, str] | None:
    """The kept (content hash, response) of a request that was answered before."""
    return cast("tuple[str, str] | None", connection.execute(_FIND, request.key, prepare=True).fetchone())


def replay(request: Request, kept: tuple[str, str], value: type[Value]) -> Answer[Value]:
    """The kept answer. Raises RequestIdReused where the request is another; AnswerUnreadable."""
    content_hash, response = kept
    if content_hash != request.content_hash:
        raise RequestIdReused
    result, activity = answers.read(response, value)
    return Answer(result, activity, replayed=True)


def once(
    unit: Any, request: Request, value: type[Value], change: Callable[[], Answer[Value]], validate_only: bool = False
) -> Answer[Value]:
    """Runs `change` in the unit unless the request was answered before; keeps its answer with it."""
    if kept := find(unit.connection, request):
        return replay(request, kept, value)
    answer = change()
    if validate_only:
        unit.discard()
        return answer._replace(activity=None)
    unit.add(REQUESTS, row(request, answer))
    return answer


def prune(connection: Connection, limit: int) -> int:
    """Forgets up to `limit` answers older than RETENTION; answers how many."""
    return connection.execute(_PRUNE, (RETENTION, limit)).rowcount


_FIND = """
SELECT encode(content_hash, 'hex'), response FROM request WHERE caller = %s AND method = %s AND request_id = %s::uuid
"""

# Rows are written once and never again, so their places hold still; and where they lie is what their age tells.
_PRUNE = """
DELETE FROM request WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM request WHERE recorded_at < now() - %s::interval LIMIT %s FOR UPDATE SKIP LOCKED
))
"""
