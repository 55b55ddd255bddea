"""The comments of the contract: what protoc has read above each thing, by the thing's full name."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import generate
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

# Where things stand in a descriptor: the fields of FileDescriptorProto, DescriptorProto, EnumDescriptorProto and
# ServiceDescriptorProto that hold others.
_PARTS: dict[str, dict[int, str]] = {
    "file": {4: "message_type", 5: "enum_type", 6: "service"},
    "message_type": {2: "field", 8: "oneof_decl"},
    "enum_type": {2: "value"},
    "service": {2: "method"},
}
_SYNTAX = [12]
PARAGRAPH = "\n\n"


def comments() -> dict[str, str]:
    """By full name, paragraphs apart by an empty line. A file's own, which stands at its top, by the file's name."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "image.binpb"
        if generate.write_image(out):
            raise SystemExit("protoc could not read the contract")
        image = FileDescriptorSet.FromString(out.read_bytes())
    return {name: text for file in image.file for name, text in _of(file)}


def _of(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for place in file.source_code_info.location:
        if place.leading_comments:
            yield _name(file, list(place.path)), _text(place.leading_comments)


def _name(file: FileDescriptorProto, path: list[int]) -> str:
    if path == _SYNTAX:
        return file.name
    thing: Any = file
    names, kind = [file.package], "file"
    while path:
        part = _PARTS.get(kind, {}).get(path[0])
        if part is None:
            return ""
        thing, kind, path = getattr(thing, part)[path[1]], part, path[2:]
        names.append(thing.name)
    return ".".join(names)


def _text(comment: str) -> str:
    lines = "\n".join(line.strip() for line in comment.strip().split("\n"))
    return PARAGRAPH.join(paragraph.replace("\n", " ") for paragraph in lines.split(PARAGRAPH))
