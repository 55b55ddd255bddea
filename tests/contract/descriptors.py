"""The contract as protoc sees it, comments included."""

import importlib.util
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

PROTOS = Path(__file__).parents[2] / "protos"


@cache
def script(name: str) -> ModuleType:
    """A file of protos/, which lie in no package."""
    spec = importlib.util.spec_from_file_location(name, PROTOS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NAMES: list[str] = script("calls").NAMES
# Our files as the generated stubs have them, and every method of the contract.
files: Callable[[], list[FileDescriptor]] = script("calls").files
methods: Callable[[], list[MethodDescriptor]] = script("calls").methods


@cache
def image() -> FileDescriptorSet:
    """All files, compiled anew from their text, with their comments."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "image.binpb"
        assert script("generate").write_image(out) == 0
        return FileDescriptorSet.FromString(out.read_bytes())


def compiled(name: str) -> FileDescriptorProto:
    """One of our files, compiled anew."""
    [found] = [file for file in image().file if file.name == name]
    return found


def messages() -> list[Descriptor]:
    """Every message of the contract; none lies inside another."""
    return [message for file in files() for message in file.message_types_by_name.values()]


def fields_of(message: Descriptor, around: tuple[str, ...] = ()) -> Iterator[tuple[str, FieldDescriptor]]:
    """Every field that a message can carry, with its path, through all messages of ours inside it; of one that can hold
    itself, once."""
    for field in message.fields:
        yield field.name, field
        inner = field.message_type
        if inner is None or inner.file.name not in NAMES or is_map(field) or inner.full_name in around:
            continue
        parts = fields_of(inner, (*around, message.full_name))
        yield from ((f"{field.name}.{path}", part) for path, part in parts)


def is_map(field: FieldDescriptor) -> bool:
    """Whether it is a map, whose message of keys and values nobody wrote."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry
