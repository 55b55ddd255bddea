"""What the contract says of its calls and fields beyond their shape: what the page of it and its tests read."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pool import Default

from buf.validate import validate_pb2
from fealty.v1 import errors_pb2, options_pb2

ROOT = Path(__file__).resolve().parent
NAMES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("fealty/**/*.proto"))
PREFIX = "ERROR_REASON_"

Calls = errors_pb2.Calls
_MET_BY: Any = errors_pb2.met_by
_POLICY: Any = options_pb2.policy
_RULES: Any = validate_pb2.field


def files() -> list[FileDescriptor]:
    """All files of the contract, as the stubs have them."""
    for name in NAMES:
        importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    return [Default().FindFileByName(name) for name in NAMES]


def methods() -> list[MethodDescriptor]:
    """All calls, in the order of the files."""
    return [method for file in files() for service in file.services_by_name.values() for method in service.methods]


def policy(method: MethodDescriptor) -> Any:
    """Its MethodPolicy."""
    return method.GetOptions().Extensions[_POLICY]


def field_rules(field: FieldDescriptor) -> Any:
    """Its rules of shape."""
    return field.GetOptions().Extensions[_RULES]


def met_by(reason: str) -> int:
    """Which Calls can be refused for the reason without naming it; CALLS_UNSPECIFIED where those that can name it."""
    declared: EnumDescriptor = errors_pb2.ErrorReason.DESCRIPTOR
    return int(declared.values_by_name[PREFIX + reason].GetOptions().Extensions[_MET_BY])


def reasons() -> list[str]:
    """All reasons, without their prefix."""
    return [name.removeprefix(PREFIX) for name, number in errors_pb2.ErrorReason.items() if number]


def own_reasons(method: MethodDescriptor) -> list[str]:
    """The reasons that the call names, without their prefix."""
    return [errors_pb2.ErrorReason.Name(number).removeprefix(PREFIX) for number in policy(method).errors]


def common_reasons(method: MethodDescriptor) -> set[str]:
    """The reasons that it can meet because of what it has in common with others."""
    classes = set(classes_of(method))
    return {reason for reason in reasons() if met_by(reason) in classes}


def classes_of(method: MethodDescriptor) -> Iterator[int]:
    """Which Calls it belongs to, as their comments in errors.proto say."""
    request: Descriptor = method.input_type
    yield Calls.CALLS_ANY
    if any(is_resource_name(field) for field in all_fields(request)):
        yield Calls.CALLS_OF_PROGRAM
    if policy(method).audit == options_pb2.AUDIT_CLASS_MUTATION and (
        method.client_streaming or "request_id" in request.fields_by_name
    ):
        yield Calls.CALLS_CHANGE
    if "page_token" in request.fields_by_name:
        yield Calls.CALLS_LIST
    if method.client_streaming or method.server_streaming:
        yield Calls.CALLS_STREAM


def is_resource_name(field: FieldDescriptor) -> bool:
    """Whether it names something: its shape is one of those of names.proto that are called names."""
    shapes = [extension.name for extension, _ in field_rules(field).string.ListFields() if extension.is_extension]
    return any(shape.endswith("_name") for shape in shapes)


def all_fields(message: Descriptor) -> Iterator[FieldDescriptor]:
    """Its fields, and those of all messages of ours inside it, each message once."""
    seen = {message.full_name}
    waiting = [message]
    while waiting:
        for field in waiting.pop(0).fields:
            yield field
            inside = field.message_type
            if inside is not None and inside.file.name in NAMES and inside.full_name not in seen:
                seen.add(inside.full_name)
                waiting.append(inside)
