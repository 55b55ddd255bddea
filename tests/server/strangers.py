"""What strangers are told of what is the program `club`'s, and how much is done to tell them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc.aio
import psycopg
import pytest
from grpc import StatusCode

from fealty import refusal_of
from fealty.v1 import ingest_pb2
from server import limits
from server.policy import Method
from storage.engine.session import Session
from storage.engine.threads import ThreadLane
from tests.server.calling import send
from tests.server.serving import Client, fresh, told_by

# A program that does not exist, with a name as long as that of the one that does.
CLUB, NOWHERE = "club", "clab"
# What is asked for by an id of its own, and so names no program.
OF_NO_PROGRAM = {"GetActivity": f"activities/activity_{'0' * 26}"}
# Of the lanes that look after themselves: who calls, how often, and what a new connection is told.
_THEIR_OWN = re.compile(r"set_config\(%s, %s|api_key|credential_use|\battempt\b|pg_prepared_statements")


class Told(NamedTuple):
    """What a call came to: its code and reason; all else that its caller is told, but for the name of the program and
    ids of the call's own; what was asked of the database for it; and what is shown to it, where it was not refused."""

    code: StatusCode
    reason: str
    words: tuple[Any, ...]
    asked: tuple[str, ...]
    shown: bytes = b""


def nowhere(method: Method, request: Any) -> Any:
    """The same request about a program that does not exist; the same itself where it names none."""
    changed = type(request)()
    changed.CopyFrom(request)
    _rename(changed)
    if method.name in OF_NO_PROGRAM:
        changed.name = OF_NO_PROGRAM[method.name]
    return changed


def _rename(message: Any) -> None:
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        values = list(value) if field.is_repeated else [value]
        if field.message_type is not None:
            for one in values:
                _rename(one)
        elif field.type == field.TYPE_STRING:
            renamed = [_renamed(one) for one in values]
            if field.is_repeated:
                del value[:]
                value.extend(renamed)
            else:
                setattr(message, field.name, renamed[0])


def _renamed(text: str) -> str:
    return NOWHERE if text == CLUB else re.sub(rf"programs/{CLUB}\b", f"programs/{NOWHERE}", text)


async def tell(client: Client, method: Method, request: Any, asked: list[str], metadata: Any = None) -> Told:
    """Sends a request, and answers what its caller is told."""
    if "request_id" in request.DESCRIPTOR.fields_by_name:
        request.request_id = fresh()
    asked.clear()
    try:
        response = await send(client, method, request, metadata)
    except grpc.aio.AioRpcError as error:
        found = told_by(error)
        trailers = {name for name in found.trailers if name != "grpc-status-details-bin"}
        words = (_plain(found.message), _plain(found.facts), found.fields, found.retry_ms, trailers)
        return Told(found.code, found.reason, words, tuple(asked))
    if method.request is ingest_pb2.BatchIngestRequest:
        # Of a stream each message is refused by itself.
        [result] = ingest_pb2.BatchIngestResponse.FromString(response).results
        refused = refusal_of(result)
        return Told(refused.code, refused.reason, (_plain(result),), tuple(asked))
    return Told(StatusCode.OK, "", (), tuple(asked), response)


def _plain(words: Any) -> str:
    text = str(words)
    text = re.sub(r"activity_[0-9a-z]{26}|\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "ID", text)
    return re.sub(rf"\b{CLUB}\b", NOWHERE, text)


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that is sent to the database meanwhile, on the event loop and by threads, as it is written."""
    sent: list[str] = []
    run, execute = Session.run, psycopg.Cursor.execute

    async def seeing_run(self: Session, statement: Any, parameters: Any, **how: Any) -> Any:
        if not _THEIR_OWN.search(statement.sql):
            sent.append(statement.sql)
        return await run(self, statement, parameters, **how)

    def seeing_execute(self: Any, query: Any, *values: Any, **how: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if not _THEIR_OWN.search(text):
            sent.append(text)
        return execute(self, query, *values, **how)

    with monkeypatch.context() as patched:
        patched.setattr(Session, "run", seeing_run)
        patched.setattr(psycopg.Cursor, "execute", seeing_execute)
        yield sent


@contextmanager
def torn_down(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes away the first wall between programs: whoever sees all of them is let through, by threads that see the
    program `coffee`."""
    submit = ThreadLane.run

    def seeing_coffee(self: ThreadLane, whose: str, work: Any, programs: frozenset[str] | None = None) -> Any:
        return submit(self, whose, work, frozenset({"coffee"}) if whose else programs)

    with monkeypatch.context() as patched:
        patched.setattr(ThreadLane, "run", seeing_coffee)
        # What is found out so is not to be remembered.
        patched.setattr(limits, "CHECK_SYMBOLS_KNOWN_S", 0)
        yield
