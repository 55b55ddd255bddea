"""Once is once: the response of each change is kept with it, and given again to the same request.

Kept for RETENTION at least (DESIGN: 30 days); older ones are pruned by the workers.
"""

from datetime import timedelta
from typing import Any, Generic, NamedTuple, TypeVar, cast

from msgspec import json

from rules.refusals import RequestIdReused
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
        "response": json.encode((answer.value, answer.activity)).decode(),
    }


def find(connection: Connection, request: Request) -> tuple[str, str] | None:
    """The kept (content hash, response) of a request that was answered before."""
    return cast("tuple[str, str] | None", connection.execute(_FIND, request.key, prepare=True).fetchone())


def replay(request: Request, kept: tuple[str, str], value: type[Value]) -> Answer[Value]:
    """The kept answer. Raises RequestIdReused where the request is another."""
    content_hash, response = kept
    if content_hash != request.content_hash:
        raise RequestIdReused
    result, activity = _decoder(value).decode(response)
    return Answer(result, activity, replayed=True)


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


_decoders: dict[Any, json.Decoder[Any]] = {}


def _decoder(value: type[Any]) -> json.Decoder[Any]:
    if value not in _decoders:
        _decoders[value] = json.Decoder(tuple[value, str | None])  # type: ignore[valid-type]
    return _decoders[value]
