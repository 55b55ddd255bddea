"""Once is once: the response of each change is kept with it, and given again to the same request.

Kept by names (storage/engine/answers.py) for RETENTION at least (DESIGN: 30 days); the workers prune what is older.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from msgspec import Raw, json

from rules.approvals.refusals import ApprovalRequired
from rules.refusals import RequestIdReused
from storage.engine import answers
from storage.engine.database import Connection
from storage.engine.functions import Functions
from storage.engine.nouns import Noun
from storage.engine.records import Record
from storage.engine.workspace import Workspace

RETENTION = timedelta(days=30)
# Later than that none is left that is older.
PRUNED_WITHIN = timedelta(days=10)

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


class Kept(NamedTuple):
    """The answer to a request as it is kept, with the hash (`\\x…`) of what was asked."""

    content_hash: str
    response: str


REQUESTS = Record(
    "request",
    Kept,
    key={"caller": "text", "method": "text", "request_id": "text"},
    beside={"content_hash": "bytea"},
    recorded=True,
)

FUNCTIONS = Functions(Path(__file__).with_suffix(".sql"), {"request": REQUESTS.select})


def _put(workspace: Workspace, rows: Raw) -> None:
    for *key, kept in REQUESTS.decode(rows):
        workspace.load(REQUESTS, tuple(key), kept)


REQUEST = Noun("request", FUNCTIONS["load_request"], _put)


def keep(workspace: Workspace, request: Request, answer: Answer[Value]) -> None:
    """Keeps an answer with the change that it answers."""
    kept = Kept("\\x" + request.content_hash, answers.keep(answer.value, answer.activity))
    workspace.put(REQUESTS, request.key, kept, {})


def replay_asked(request: Request, kept: Kept) -> None:
    """Raises RequestIdReused where the request is another, ApprovalRequired where it was asked for, and not done."""
    content_hash, response = kept
    if content_hash != "\\x" + request.content_hash:
        raise RequestIdReused
    if response.startswith(_ASKED_FOR):
        raise ApprovalRequired(**json.decode(response))


def keep_asked(workspace: Workspace, request: Request, approval_request: str) -> None:
    """Keeps in place of an answer that it was asked for: sent again, it names the same request for approval."""
    kept = Kept("\\x" + request.content_hash, json.encode({_REQUESTED: approval_request}).decode())
    workspace.put(REQUESTS, request.key, kept, {})


def find(connection: Connection, request: Request) -> Kept | None:
    """The kept (content hash, response) of a request that was answered before."""
    found = connection.execute(_FIND, request.key, prepare=True).fetchone()
    return Kept(*found) if found is not None else None


def replay(request: Request, kept: Kept, value: type[Value]) -> Answer[Value]:
    """The kept answer. Raises RequestIdReused where the request is another; ApprovalRequired where it was asked for,
    and not done; AnswerUnreadable."""
    replay_asked(request, kept)
    result, activity = answers.read(kept.response, value)
    return Answer(result, activity, replayed=True)


def prune(connection: Connection, limit: int) -> int:
    """Forgets up to `limit` answers older than RETENTION; answers how many."""
    return connection.execute(_PRUNE, (RETENTION, limit)).rowcount


def blur(connection: Connection, activities: Sequence[UUID]) -> None:
    """Takes away the hashes of what was asked by those requests that made some activities: it was about a person, and
    whoever has a hash could try phone numbers by it. Asked again, such a request is another one."""
    connection.execute(_BLUR, (list(activities), RETENTION + PRUNED_WITHIN))


# No answer is kept so (storage/engine/answers.py).
_REQUESTED = "approval_request"
_ASKED_FOR = f'{{"{_REQUESTED}":'

_FIND = """
SELECT content_hash::text, response FROM request WHERE caller = %s AND method = %s AND request_id = %s
"""

# No answer is older. A body that was dropped says no more which request it was of: that goes within the same days.
_BLUR = """
UPDATE request r SET content_hash = ''
FROM (
    SELECT actor, split_part(body::jsonb ->> 'method', '/', 3) AS method, body::jsonb ->> 'request_id' AS request_id
    FROM activity WHERE id = ANY(%s) AND recorded_at > now() - %s::interval AND body IS NOT NULL
) AS a
WHERE (r.caller, r.method, r.request_id) = (a.actor, a.method, a.request_id)
"""

# Rows are written once and never again, so their places hold still; and where they lie is what their age tells.
_PRUNE = """
DELETE FROM request WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM request WHERE recorded_at < now() - %s::interval LIMIT %s FOR UPDATE SKIP LOCKED
))
"""
