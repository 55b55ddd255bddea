"""Parses the bytes and checks the rules of shape that the contract declares."""

from collections.abc import Callable, Container, Iterator, Sequence
from functools import cache, partial
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from protovalidate import Validator, Violation

from server import limits, shapes
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
    """Raises RequestInvalid, naming every field that breaks a rule, as far as limits let it."""
    violations, instants = _validator.collect_violations(message), list(_wrong_instants(message))
    if violations or instants:
        # A message may break a rule a thousand times: what is not shown is not put into words.
        found = [(_field(one), partial(_sentence, one)) for one in violations]
        found += [(path, partial(str, _INSTANT)) for path in instants]
        shown = [(path, say()) for path, say in found[: limits.VIOLATIONS_SHOWN_MAX]]
        raise RequestInvalid(_shown(shown), frozenset(path for path, _ in found))


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
        raise RequestInvalid(_shown(found[: limits.VIOLATIONS_SHOWN_MAX]))


def subject_field(method: Method) -> str:
    """The path of the field with the resource name that a request of this method is about, empty where it has none.

    Each such field has a rule in the contract that only names pass. What is to be made under an id has no name yet:
    what a request says instead is ignored, and it is about that no more than about anything.
    """
    fields = method.request.DESCRIPTOR.fields_by_name
    names = {name for name, field in fields.items() if field.message_type is None}
    # An event has a parent, its customer, and maybe an account that it gives points to; so has a use of coupons.
    own = next((name for name in ("name", "parent", "customer", "account", "card", "campaign") if name in names), "")
    if own:
        return own
    wholes = {name: field.message_type for name, field in fields.items() if field.message_type is not None}
    there = (name for name, whole in wholes.items() if "name" in whole.fields_by_name and f"{name}_id" not in fields)
    return next((f"{name}.name" for name in there), "")


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


_INSTANT = "must be an instant of the years 1970 to 2199"


def _wrong_instants(message: Message) -> Iterator[str]:
    """The fields with instants at which no purchase can have been."""
    for path in _instants(message.DESCRIPTOR):
        *outer, last = path
        inner: Any = message
        for name in outer:
            inner = getattr(inner, name)
        if inner.HasField(last):
            at: Timestamp = getattr(inner, last)
            if not (limits.INSTANT_MIN_S <= at.seconds < limits.INSTANT_MAX_S and 0 <= at.nanos < 1_000_000_000):
                yield ".".join(path)


@cache
def _instants(descriptor: Descriptor) -> Sequence[tuple[str, ...]]:
    """The paths of all instants in messages of a type; the contract has none in lists."""
    found: list[tuple[str, ...]] = []
    for field in descriptor.fields:
        inner = field.message_type
        if inner is None or field.is_repeated:
            continue
        if inner.full_name == Timestamp.DESCRIPTOR.full_name:
            found.append((field.name,))
        elif inner.full_name.startswith("fealty."):
            found += [(field.name, *path) for path in _instants(inner)]
    return found


def _shown(found: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """As many as may be shown, and one at least."""
    chars = 0
    for number, (path, sentence) in enumerate(found):
        chars += len(path) + len(sentence)
        if number and chars > limits.VIOLATIONS_CHARS_MAX:
            return found[:number]
    return found


def _field(violation: Violation) -> str:
    """Which field, as the contract writes it; a rule of a whole message is named after the one that has to change."""
    path, rule = _path(violation), str(violation.proto.rule_id)
    if path and not isinstance(violation.field_value, Message):
        return path
    return ".".join(filter(None, (path, rule.partition(".")[2].partition(".")[0])))


def _sentence(violation: Violation) -> str:
    """What it must be and, of a name, what it is instead."""
    sentence = " ".join(str(violation.proto.message).split()).removeprefix("value ")
    if str(violation.proto.rule_id).startswith("name."):
        sentence = f"{sentence}; {shapes.flaw(sentence, violation.field_value)}"
    return sentence[: limits.VIOLATION_CHARS_MAX]


def _path(violation: Violation) -> str:
    parts = []
    for element in violation.proto.field.elements if violation.proto.field else []:
        index = getattr(element, "subscript", None)
        position = f"[{index.value}]" if index is not None and getattr(index, "field", "") == "index" else ""
        parts.append(f"{element.field_name}{position}")
    return ".".join(parts)
