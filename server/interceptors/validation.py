"""Parses the bytes and checks the rules of shape that the contract declares."""

from collections.abc import Callable, Container, Iterator
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
    subject = subject_field(method)

    def validate(call: Call) -> None:
        """Fills `request`, and what the call is about. Raises RequestMalformed, RequestInvalid."""
        call.request = parse(method, call.raw)
        check_noting(call.request, subject, b"\0" in call.raw, call.note)

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
        found = [(_path(violation), _sentence(violation)) for violation in violations]
        raise RequestInvalid(found[: limits.VIOLATIONS_SHOWN_MAX], frozenset(path for path, _ in found))


def check_noting(message: Message, subject: str, has_nul: bool, note: Callable[[str, str], None]) -> None:
    """Raises RequestInvalid as `check` and, where bytes of it are NUL, `check_text` do.

    Notes what the request is about, the name in its field `subject`, and its id: each where its rule held, also of a
    request that breaks others. The log keeps them for ever, and a text that is no name may be anything.
    """
    if has_nul:
        check_text(message)
    wrong: Container[str] = ()
    try:
        check(message)
    except RequestInvalid as invalid:
        wrong = invalid.fields
        raise
    finally:
        note(
            value(message, subject) if subject and subject not in wrong else "",
            getattr(message, "request_id", "") if "request_id" not in wrong else "",
        )


def check_text(message: Message) -> None:
    """Raises RequestInvalid where a text holds a NUL character, which no database keeps.

    Ask it only of bytes that hold one: most do not, and it looks at every field.
    """
    if found := [(path, "must not hold a NUL character") for path in _with_nul(message)]:
        raise RequestInvalid(found[: limits.VIOLATIONS_SHOWN_MAX])


def subject_field(method: Method) -> str:
    """The path of the field with the resource name that a request of this method is about, empty where it has none.

    Each such field has a rule in the contract that only names pass.
    """
    fields = method.request.DESCRIPTOR.fields_by_name
    # An event has a parent, its customer, and maybe an account that it gives points to.
    own = next((name for name in ("name", "parent", "account") if name in fields), "")
    return own or next((f"{name}.name" for name in ("program", "customer") if name in fields), "")


def value(message: Any, path: str) -> str:
    """The text at a path of fields."""
    for name in path.split("."):
        message = getattr(message, name)
    return str(message)


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
