"""What every change carries: the request id, and an answer's receipt."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from fealty.v1 import receipt_pb2
from fealty.v1.receipt_pb2 import Receipt
from rules.activity import Origin
from server import limits
from server.call import Call
from server.convert import names
from server.errors import RequestInvalid
from server.policy import method_of
from storage.engine.requests import Answer, Request
from storage.ledger.commands import CommandContext, Reason

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def request(call: Call, message: Any) -> Request:
    """The key of a change, with the hash of what was asked.

    A field that the contract gains later is not in the bytes of a caller that does not know it: a retry across an
    upgrade stays the same request.
    """
    content = message.SerializeToString(deterministic=True)
    # The method is that of the message: what is posted through a stream and by a call of its own is one request.
    method = method_of(type(message)).name
    return Request(call.caller.id, method, message.request_id, hashlib.sha256(content).hexdigest())


def asked(call: Call, message: Any) -> CommandContext:
    """How a entry is asked for, by a call of its own or as an item of a stream."""
    why = Reason()
    if "reason" in message.DESCRIPTOR.fields_by_name and message.HasField("reason"):
        why = reason(message.reason)
    return CommandContext(request(call, message), origin(call, message), message.validate_only, call.deadline, why)


def origin(call: Call, message: Any) -> Origin:
    """Who does it, from where: somebody of the back office where one is named, whatever program carries it here."""
    found = call.origin
    method = method_of(type(message))
    if method is not call.method:
        found = found._replace(kind=method.kind, method=method.path)
    if "reason" in message.DESCRIPTOR.fields_by_name and message.reason.acting_user:
        found = found._replace(source="PLATFORM")
    return found


def reason(message: receipt_pb2.Reason) -> Reason:
    """Why somebody does it."""
    return Reason(message.code, message.note, message.acting_user)


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


def timestamp(at: datetime) -> Timestamp:
    """The same as a message of its own."""
    shown = Timestamp()
    set_instant(shown, at)
    return shown


def timestamp_or_none(at: datetime | None) -> Timestamp | None:
    """The same for what may be absent."""
    return None if at is None else timestamp(at)


def instant(message: Message, field: str) -> datetime | None:
    """A Timestamp field in UTC, or None where it is absent. Raises RequestInvalid where no purchase can have been."""
    if not message.HasField(field):
        return None
    found: Timestamp = getattr(message, field)
    if not (limits.INSTANT_MIN_S <= found.seconds < limits.INSTANT_MAX_S and 0 <= found.nanos < 1_000_000_000):
        raise RequestInvalid([(field, "must be an instant of the years 1970 to 2199")])
    return found.ToDatetime(UTC)
