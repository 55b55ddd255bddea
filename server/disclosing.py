"""Which personal fields an answer shows, for the record of who saw what: their names, never what stands in them."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from fealty.v1 import options_pb2

_DATA_CLASS: Any = options_pb2.data_class


def fields_shown(answer: Any) -> list[str]:
    """The personal fields of an answer in which something stands, as the contract writes them: `customer.email`."""
    return sorted(set(_shown(answer, "")))


def _shown(message: Any, outer: str) -> Iterator[str]:
    plan = _plan(message.DESCRIPTOR)
    for field, value in message.ListFields():
        if field.name not in plan:
            continue
        path = f"{outer}{field.name}"
        if plan[field.name]:
            yield path
            continue
        for inner in value if field.is_repeated else (value,):
            yield from _shown(inner, f"{path}.")


@cache
def _plan(descriptor: Descriptor) -> dict[str, bool]:
    """Of a message the personal fields, and whether each is so by itself, not by what is in it: in the contract a field
    whose message has personal fields is personal too."""
    personal = [field for field in descriptor.fields if _is_personal(field)]
    return {field.name: not any(map(_is_personal, _parts(field))) for field in personal}


def _parts(field: FieldDescriptor) -> list[FieldDescriptor]:
    return list(field.message_type.fields) if field.message_type is not None else []


def _is_personal(field: FieldDescriptor) -> bool:
    return bool(field.GetOptions().Extensions[_DATA_CLASS] == options_pb2.DATA_CLASS_PERSONAL)
