"""The rules of shape of a field in words, as a reader of the page wants them.

A rule that nobody has words for yet stops the generator: a limit that is left out is a limit that is not there.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from calls import field_rules
from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor

from buf.validate import validate_pb2
from fealty.v1 import names_pb2

_PREDEFINED: Any = validate_pb2.predefined
_MESSAGE: Any = validate_pb2.message
_ONEOF: Any = validate_pb2.oneof
_BOUNDS = ("gte", "lte", "gt", "lt", "min_len", "max_len", "min_items", "max_items", "max_pairs")

_WORDS: Mapping[str, Callable[[Any], str]] = {
    "required": lambda _: "required",
    "ignore": lambda number: "may be empty" if number == validate_pb2.IGNORE_IF_ZERO_VALUE else "",
    "const": lambda value: f"only {str(value).lower()}",
    "in": lambda values: f"one of {', '.join(map(str, values))}",
    "not_in": lambda values: f"not {' nor '.join(map(number, values))}",
    "defined_only": lambda _: "one of its values",
    "email": lambda _: "an e-mail address",
    "unique": lambda _: "each once",
    "items": lambda inside: _each("each", inside),
    "keys": lambda inside: _each("keys", inside),
    "values": lambda inside: _each("values", inside),
}


def limits_of(field: FieldDescriptor) -> list[str]:
    """What a field must keep to, a word or two each. Conditions with a sentence of their own are in `conditions`."""
    rules = field_rules(field)
    found = limits(rules)
    shaped = any(extension.is_extension for extension, _ in rules.string.ListFields())
    # No shape lets an empty text pass.
    return ["required", *found] if shaped and not rules.ignore else found


def choice(oneof: OneofDescriptor) -> str:
    """Whether one of them must be chosen."""
    return "required" if oneof.GetOptions().Extensions[_ONEOF].required else ""


def limits(rules: Any) -> list[str]:
    """The same of rules, also of those inside a list or a map."""
    found: list[str] = []
    for descriptor, value in rules.ListFields():
        if descriptor.is_extension:
            found.append(f"[{shape(descriptor.name)}](#{shape(descriptor.name).replace(' ', '-')})")
        elif descriptor.name in _WORDS:
            found.append(_WORDS[descriptor.name](value))
        elif descriptor.containing_oneof is not None and descriptor.containing_oneof.name == "type":
            found += [bounds(value), *limits(value)]
        elif descriptor.name not in (*_BOUNDS, "cel"):
            raise SystemExit(f"protos/limits.py has no words for the rule {descriptor.full_name}; give it some")
    return [words for words in found if words]


def conditions(message: Descriptor) -> Iterator[str]:
    """The conditions on a whole message, and on fields of it that have a sentence, each with the field it is about."""
    yield from _told(message, message.GetOptions().Extensions[_MESSAGE].cel, "")
    for field in message.fields:
        inside = field.message_type
        yield from _told(inside or message, field_rules(field).cel, f"{field.name}." if inside else "")


def _told(about: Descriptor, rules: Any, path: str) -> Iterator[str]:
    for rule in rules:
        # A rule of a whole message is named after the field that has to change.
        name = rule.id.split(".")[1] if "." in rule.id else ""
        where = f"`{path}{name}`" if name in about.fields_by_name else f"`{path.rstrip('.')}`" if path else ""
        yield f"{where}: {rule.message}." if where else f"{rule.message}."


def shapes() -> Iterator[tuple[str, str]]:
    """What names and ids look like: what each is called, and its sentence."""
    for extension in names_pb2.DESCRIPTOR.extensions_by_name.values():
        [rule] = extension.GetOptions().Extensions[_PREDEFINED].cel
        yield shape(extension.name), rule.message


def shape(extension: str) -> str:
    """What a shape of names.proto is called."""
    return extension.removeprefix("is_").replace("_", " ")


def bounds(rules: Any) -> str:
    """From where to where, of what."""
    given = {descriptor.name: value for descriptor, value in rules.ListFields() if descriptor.name in _BOUNDS}
    unit = next((unit for suffix, unit in _UNITS.items() if any(name.endswith(suffix) for name in given)), "")
    least = next((value for name, value in given.items() if name in ("gte", "min_len", "min_items")), None)
    most = next((value for name, value in given.items() if name in ("lte", "max_len", "max_items", "max_pairs")), None)
    if least is not None and most is not None:
        return f"{number(least)} to {number(most)}{unit}"
    if least is not None:
        return f"{number(least)}{unit} or more"
    return f"at most {number(most)}{unit}" if most is not None else ""


_UNITS = {"_len": " characters", "_items": "", "_pairs": " pairs"}


def number(value: int) -> str:
    """As people read it."""
    return "2^53" if value == 2**53 else "-2^53" if value == -(2**53) else f"{value:,}"


def kind(field: FieldDescriptor) -> str:
    """The name of a scalar type, as the contract writes it."""
    return next(
        name.removeprefix("TYPE_").lower()
        for name, value in vars(FieldDescriptor).items()
        if name.startswith("TYPE_") and value == field.type
    )


def _each(what: str, inside: Any) -> str:
    words = ", ".join(limits(inside))
    return f"{what} {words}" if words else ""
