"""Parses the bytes and checks the rules of shape that the contract declares."""

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.message import DecodeError, Message
from protovalidate import Validator, Violation

from server import limits
from server.call import Call
from server.errors import RequestInvalid, RequestMalformed
from server.policy import Method

_validator = Validator()


def of(method: Method) -> Callable[[Call], None]:
    """What checks a call of this method. A stream's messages are checked as they come, by who reads them."""
    if method.streams or not method.is_known:
        return lambda call: None
    subject = subject_of(method)

    def validate(call: Call) -> None:
        """Fills `request`, and what the call is about. Raises RequestMalformed, RequestInvalid."""
        call.request = parse(method, call.raw)
        if b"\0" in call.raw:
            check_text(call.request)
        call.about(subject(call.request))
        check(call.request)

    return validate


def parse(method: Method, raw: bytes) -> Any:
    """The request in the bytes. Raises RequestMalformed."""
    try:
        return method.request.FromString(raw)
    except DecodeError as error:
        raise RequestMalformed from error


def check(message: Message) -> None:
    """Raises RequestInvalid, naming up to VIOLATIONS_SHOWN_MAX fields."""
    if violations := _validator.collect_violations(message):
        shown = violations[: limits.VIOLATIONS_SHOWN_MAX]
        raise RequestInvalid([(_path(found), _sentence(found)) for found in shown])


def check_text(message: Message) -> None:
    """Raises RequestInvalid where a text holds a NUL character, which no database keeps.

    Ask it only of bytes that hold one: most do not, and it looks at every field.
    """
    if found := [(path, "must not hold a NUL character") for path in _with_nul(message)]:
        raise RequestInvalid(found[: limits.VIOLATIONS_SHOWN_MAX])


def subject_of(method: Method) -> Callable[[Any], str]:
    """How to find, in a request of this method, the resource name that it is about."""
    fields = method.request.DESCRIPTOR.fields_by_name
    for name in ("name", "account", "parent"):
        if name in fields:
            return lambda request: str(getattr(request, name))[:200]
    for name in ("program", "customer"):
        if name in fields:
            return lambda request: str(getattr(request, name).name)[:200]
    return lambda request: ""


def _with_nul(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        inner = value if field.is_repeated else [value]
        for number, part in enumerate(inner):
            name = f"{field.name}[{number}]" if field.is_repeated else field.name
            if isinstance(part, str) and "\0" in part:
                yield name
            elif isinstance(part, Message):
                yield from (f"{name}.{path}" for path in _with_nul(part))


def _path(violation: Violation) -> str:
    parts = []
    for element in violation.proto.field.elements if violation.proto.field else []:
        index = getattr(element, "subscript", None)
        position = f"[{index.value}]" if index is not None and getattr(index, "field", "") == "index" else ""
        parts.append(f"{element.field_name}{position}")
    return ".".join(parts)


def _sentence(violation: Violation) -> str:
    return str(violation.proto.message)[: limits.VIOLATION_CHARS_MAX]
