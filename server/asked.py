"""What requests say, as far as rules of approval ask: their whole numbers, which fields they set, and whom they
name."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from buf.validate import validate_pb2
from fealty.v1 import credentials_pb2, options_pb2, passes_pb2
from rules.access import UNGRANTED, Permission
from rules.approvals.matching import RequestFacts
from server.interceptors.validation import subject_field
from server.policy import Method, methods
from server.shapes import templates

_DATA_CLASS: Any = options_pb2.data_class
_FIELD: Any = validate_pb2.field
_PREDEFINED: Any = validate_pb2.predefined
_WHOLE = frozenset({FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64})
_CUSTOMER = re.compile(r"programs/[^/]+/customers/([^/]+)")
# Whoever needs it decides on what others ask for: who would decide on that?
_NEVER = UNGRANTED | {Permission.APPROVALS_DECIDE}
# What these make is told once, to whoever calls: with an approval nobody does, and a key would be known to nobody.
_TOLD_ONCE = (credentials_pb2.CreateKeyRequest, credentials_pb2.RotateKeyRequest, passes_pb2.GetSaveLinksRequest)


@cache
def approvable() -> dict[str, Method]:
    """The calls that can be put under approval, by their names: every change that somebody has to be permitted, and
    that is of use to who does not hear its answer."""
    return {
        method.name: method
        for method in methods()
        if method.audit == options_pb2.AUDIT_CLASS_MUTATION
        and not (method.streams or method.server_streams)
        and method.permission not in _NEVER
        and method.request not in _TOLD_ONCE
        and "request_id" in method.request.DESCRIPTOR.fields_by_name
    }


@cache
def is_ever(method: Method, in_program: bool) -> bool:
    """Whether calls of a method are ever about what is in a program or, without `in_program`, about what is in none."""
    path = subject_field(method)
    if not path:
        return not in_program
    # Of what is a part of a request, the part's own name says so: it may be left out of others only.
    *outer, last = path.split(".")
    descriptor = method.request.DESCRIPTOR
    for name in outer:
        descriptor = descriptor.fields_by_name[name].message_type
    rules = descriptor.fields_by_name[last].GetOptions().Extensions[_FIELD]
    if not in_program and not outer and rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE:
        return True
    shapes = [rule.GetOptions().Extensions[_PREDEFINED].cel[0].message for rule, _ in rules.string.ListFields()]
    names = [name for shape in shapes for name in templates(shape)]
    return any(name.startswith("programs/") is in_program for name in names)


def asked_of(method: str, message: Any) -> RequestFacts:
    """What a request says."""
    masked = _masked(message.DESCRIPTOR)
    # Without a mask, what is sent is meant.
    mask = masked if masked is not None and message.update_mask.paths else None
    figures: dict[str, int] = {}
    paths: set[str] = set()
    for path, field, value in _set_fields(message, ""):
        if field.cpp_type in _WHOLE and not field.is_repeated and not _has(field, options_pb2.DATA_CLASS_PERSONAL):
            figures[path] = int(value)
        # Of what an update masks, it sets what the mask names; of a part, what stands in it.
        if path != mask and not (mask and path.startswith(f"{mask}.")) and not _is_part(field, value):
            paths.add(path)
    if mask is not None:
        paths.update(f"{mask}.{path}" for path in message.update_mask.paths)
    return RequestFacts(method, figures, paths)


def customers_of(message: Any) -> tuple[str, ...]:
    """The public ids of the customers that a request names."""
    return tuple(sorted({found for text in _texts(message) for found in _CUSTOMER.findall(text)}))


def is_path(descriptor: Descriptor, path: str, whole: bool = False) -> bool:
    """Whether messages of a type have a field at that path; with `whole`, one with a single whole number."""
    name, _, rest = path.partition(".")
    field = descriptor.fields_by_name.get(name)
    if field is None:
        return False
    if rest:
        return field.message_type is not None and not field.is_repeated and is_path(field.message_type, rest, whole)
    return not whole or (field.cpp_type in _WHOLE and not field.is_repeated)


def without_secrets(message: Any) -> Any:
    """A copy of a message in which no secret stands."""
    shown = type(message)()
    shown.CopyFrom(message)
    _clear_secrets(shown)
    return shown


def _clear_secrets(message: Any) -> None:
    for field, value in message.ListFields():
        if _has(field, options_pb2.DATA_CLASS_SECRET):
            message.ClearField(field.name)
        elif _is_ours(field):
            for one in value if field.is_repeated else (value,):
                _clear_secrets(one)


def _set_fields(message: Any, outer: str) -> Iterator[tuple[str, FieldDescriptor, Any]]:
    for field, value in message.ListFields():
        path = f"{outer}{field.name}"
        yield path, field, value
        if _is_part(field, value):
            yield from _set_fields(value, f"{path}.")


def _texts(message: Any) -> Iterator[str]:
    for field, value in message.ListFields():
        for one in value if field.is_repeated else (value,):
            if isinstance(one, str):
                yield one
            elif _is_ours(field):
                yield from _texts(one)


def _is_part(field: FieldDescriptor, value: Any) -> bool:
    """Whether a field holds one message of ours in which something is set."""
    return _is_ours(field) and not field.is_repeated and bool(value.ListFields())


def _is_ours(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.full_name.startswith("fealty.") and not kind.GetOptions().map_entry


def _has(field: FieldDescriptor, data_class: int) -> bool:
    return bool(field.GetOptions().Extensions[_DATA_CLASS] == data_class)


@cache
def _masked(descriptor: Descriptor) -> str | None:
    """The field of a request that its update mask is about, None where it has none."""
    if "update_mask" not in descriptor.fields_by_name:
        return None
    parts = ((field.name, field.message_type) for field in descriptor.fields if _is_ours(field))
    return next(name for name, part in parts if part is not None and "name" in part.fields_by_name)
