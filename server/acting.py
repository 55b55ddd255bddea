"""What a caller that acts for a customer may ask, and be answered: what is about that one, and nothing of another.
Looked at only where a call says for whom it is made."""

from collections.abc import Iterator

from google.protobuf.message import Message

from fealty.v1 import ingest_pb2
from rules.credentials.acting import check_about, check_permitted
from server.call import Call
from server.policy import method_of


def check_asked(call: Call, message: Message | None, subject: str) -> None:
    """Whether the request, which is about a subject, may be made for whom the caller acts; of a stream (None) whether
    it may begin. Raises ActingDenied."""
    if not call.caller.on_behalf_of:
        return
    if message is not None:
        method = method_of(type(message))
        is_read = not (method.is_change or method.shows_personal_data)
        check_permitted(call.caller, subject, method.permission, is_read)
        check_about(call.caller, _texts(message))
    elif call.method.request is not ingest_pb2.BatchIngestRequest:
        # Of which each item is looked at.
        check_permitted(call.caller, "", call.method.permission, only_reads=False)


def check_answered(call: Call, message: Message) -> None:
    """Whether the answer to what was only read may be shown; what was done, was about this one. What one asks about
    oneself says who else looked, and may. Raises ActingDenied."""
    if call.caller.on_behalf_of and not (call.method.is_change or call.method.is_of_oneself):
        check_about(call.caller, _texts(message))


def _texts(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield from _of_map(value)
            continue
        for part in value if field.is_repeated else [value]:
            if isinstance(part, str):
                yield part
            elif isinstance(part, Message):
                yield from _texts(part)


def _of_map(values: object) -> Iterator[str]:
    assert hasattr(values, "items")
    for key, value in values.items():
        for part in (key, value):
            if isinstance(part, str):
                yield part
            elif isinstance(part, Message):
                yield from _texts(part)
