"""What every change carries: how it is asked for, and an answer's receipt."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from fealty.v1.receipt_pb2 import Receipt
from fealty.v1.values_pb2 import Date
from rules import recording
from server.call import Call
from server.convert import names
from server.policy import method_of
from storage.engine.commands import CommandContext, Reason
from storage.engine.requests import Answer, Request

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def context(call: Call, message: Any, sealed: Message | None = None) -> CommandContext:
    """How a command is asked for, by a call of its own or as an item of a stream. Where it has codes in the clear,
    `sealed` is the same with these sealed: whoever reads the hash of what was asked could try codes by it.

    A field that the contract gains later is not in the bytes of a caller that does not know it, and not in their hash:
    a retry across an upgrade stays the same request. Raises SourceDenied.
    """
    # Of the message, not of the call: sent through a stream and by a call of its own, it is one request.
    method = method_of(type(message))
    content = (sealed or message).SerializeToString(deterministic=True)
    request = Request(call.caller.id, method.name, message.request_id, hashlib.sha256(content).hexdigest())
    origin, reason = call.origin, Reason()
    if method is not call.method:
        origin = origin._replace(kind=method.kind, method=method.path)
    if "reason" in message.DESCRIPTOR.fields_by_name and message.HasField("reason"):
        reason = Reason(message.reason.code, message.reason.note, message.reason.acting_user)
    if reason.acting_user:
        # Somebody of the back office, whatever program carries it here, and if that says nothing else.
        origin = origin._replace(source=call.whence.source or "PLATFORM")
    elif call.whence.source:
        recording.check_source(call.caller, call.whence.source, on_behalf=False)
    return CommandContext(
        call.caller, request, origin, message.validate_only, call.deadline, reason, call.language, call.program
    )


def receipt(answer: Answer[Any]) -> Receipt:
    """What every change answers beside its result."""
    shown = Receipt()
    fill_receipt(shown, answer)
    return shown


def fill_receipt(shown: Receipt, answer: Answer[Any]) -> None:
    """The same, in place."""
    shown.activity = names.activity(answer.activity)
    shown.replayed = answer.replayed


def set_instant(shown: Timestamp, at: datetime) -> None:
    """An instant as the contract has it. Timestamp's own conversion costs ten times as much, on the hot path."""
    since = at - _EPOCH
    shown.seconds = since.days * 86_400 + since.seconds
    shown.nanos = since.microseconds * 1_000


def set_day(shown: Date, day: date) -> None:
    """A day as the contract has it."""
    shown.year, shown.month, shown.day = day.year, day.month, day.day


def timestamp(at: datetime) -> Timestamp:
    """The same as a message of its own."""
    shown = Timestamp()
    set_instant(shown, at)
    return shown


def timestamp_or_none(at: datetime | None) -> Timestamp | None:
    """The same for what may be absent."""
    return None if at is None else timestamp(at)


def given_fixed(message: Any, fields: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """Those of some fields that a message fills, each with its value."""
    filled = [field for field, _ in message.ListFields() if field.name in fields]
    return tuple(
        (field.name, instant(message, field.name) if field.message_type else getattr(message, field.name))
        for field in filled
    )


def instant(message: Message, field: str) -> datetime | None:
    """A Timestamp field in UTC, or None where it is absent. It is known to be one: validation has looked."""
    if not message.HasField(field):
        return None
    found: Timestamp = getattr(message, field)
    return found.ToDatetime(UTC)
