"""Writes the page of the whole contract, docs/contract.md, from the .proto files and their comments.

What it says by itself stands in page.md; all else it finds in the contract, so a new call needs nothing here.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from calls import PREFIX, ROOT, Calls, all_fields, met_by, methods, own_reasons, policy, reasons
from comments import PARAGRAPH, comments
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor
from limits import choice, conditions, kind, limits_of, shapes

from fealty.v1 import errors_pb2, options_pb2
from rules.access import PERMISSIONS, Permission
from server.policy import FILES

PAGE = ROOT.parent / "docs" / "contract.md"
COMMENTS = comments()
CALLS = methods()
# In the order in which the server lists them: what one needs first comes first.
SERVICES = [service for file in FILES for service in file.services_by_name.values()]

# Fields that the page explains once, and where.
USUAL = {
    **dict.fromkeys(("request_id", "validate_only", "receipt"), "as of every [change](#changes)"),
    **dict.fromkeys(("page_size", "page_token", "next_page_token"), "as of every [list](#lists)"),
}
_WRITTEN = Counter(
    (field.name, COMMENTS.get(field.full_name, ""))
    for call in CALLS
    for message in (call.input_type, call.output_type)
    for field in message.fields
)
_DATA_CLASS: Any = options_pb2.data_class
RECORDED = {
    options_pb2.AUDIT_CLASS_MUTATION: "A [change](#changes), recorded as `{}`.",
    options_pb2.AUDIT_CLASS_PERSONAL_READ: "It shows personal data or the log: every call is recorded, as `{}`.",
    options_pb2.AUDIT_CLASS_READ: "Recorded, as `{}`, only where it is refused or fails.",
}


def text() -> str:
    """The whole page."""
    parts = [(ROOT / "page.md").read_text().rstrip(), "", *_common(), "", *_overview()]
    for service in SERVICES:
        parts += ["", f"## {service.name}", "", COMMENTS[service.file.name]]
        for call in service.methods:
            parts += ["", *_call(call)]
    parts += ["", "## Messages and enums"]
    for shared in _shared():
        parts += ["", f"### {shared.name}", *_paragraphs(shared.full_name), ""]
        parts += _fields("Field", shared) if isinstance(shared, Descriptor) else _values(shared)
    return "\n".join([*parts, "", *_names(), "", *_permissions(), "", *_errors(), ""])


def _common() -> Iterator[str]:
    for name, number in Calls.items():
        if number:
            met = ", ".join(_reason(reason) for reason in reasons() if met_by(reason) == number)
            yield f"* {COMMENTS[f'{Calls.DESCRIPTOR.full_name}.{name}']} {met}."


def _overview() -> Iterator[str]:
    yield from ("## Calls", "")
    for service in SERVICES:
        about, _, _ = COMMENTS[service.file.name].partition(PARAGRAPH)
        links = ", ".join(f"[{call.name}](#{call.name.lower()})" for call in service.methods)
        yield f"* [{service.name}](#{service.name.lower()}). {about} {links}."


def _call(call: MethodDescriptor) -> Iterator[str]:
    declared = policy(call)
    permission = options_pb2.Permission.Name(declared.permission).removeprefix("PERMISSION_")
    yield from (f"### {call.name}", *_paragraphs(call.full_name), "")
    streams = [
        what for what, is_one in (("requests", call.client_streaming), ("answers", call.server_streaming)) if is_one
    ]
    if streams:
        yield f"* A stream of {' and of '.join(streams)}."
    yield f"* Needs [{permission}](#permissions): {_roles(Permission(permission))}."
    yield "* " + RECORDED[declared.audit].format(declared.action)
    if own := own_reasons(call):
        yield f"* Refused for {', '.join(map(_reason, own))}."
    yield from ("", *_fields("Request", call.input_type), "", *_fields("Answer", call.output_type))


def _fields(what: str, message: Descriptor) -> Iterator[str]:
    yield from (f"| {what} | | |", "|---|---|---|")
    usual: dict[str, list[str]] = {}
    for field in message.fields:
        comment = COMMENTS.get(field.full_name, "")
        if field.name in USUAL and _WRITTEN[field.name, comment] > 1:
            usual.setdefault(USUAL[field.name], []).append(f"`{field.name}`")
            continue
        oneof = field.containing_oneof
        # An optional field is, to protoc, one of itself.
        if oneof is None or oneof.name.startswith("_"):
            yield _row(f"`{field.name}`", _type(field), comment)
            continue
        if oneof.fields[0] is field:
            yield _row("one of", choice(oneof), COMMENTS.get(oneof.full_name, ""))
        yield _row(f"· `{field.name}`", _type(field), comment)
    for where, names in usual.items():
        yield _row(", ".join(names), "", where)
    if told := list(conditions(message)):
        yield from ("", *(f"* {condition}" for condition in told))


def _type(field: FieldDescriptor) -> str:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        named = f"map of {kind(entry.fields_by_name['key'])} to {_named(entry.fields_by_name['value'])}"
    else:
        named = f"list of {_named(field)}" if field.is_repeated else _named(field)
    words = [named, *limits_of(field)]
    if entry is None and field.GetOptions().Extensions[_DATA_CLASS] == options_pb2.DATA_CLASS_PERSONAL:
        words.append("personal data")
    return ", ".join(words)


def _named(field: FieldDescriptor) -> str:
    named = field.message_type or field.enum_type
    if named is None:
        return kind(field)
    calls = {message.full_name: call for call in CALLS for message in (call.input_type, call.output_type)}
    where = calls.get(named.full_name, named)
    return f"[{named.name}](#{where.name.lower()})" if named.full_name.startswith("fealty.") else named.name


def _shared() -> list[Any]:
    """Messages and enums that calls speak of and that belong to none of them, by name."""
    own = {message.full_name for call in CALLS for message in (call.input_type, call.output_type)}
    inside = {
        named.full_name: named
        for call in CALLS
        for message in (call.input_type, call.output_type)
        for field in all_fields(message)
        for named in (field.message_type, field.enum_type)
        if named is not None and named.full_name.startswith("fealty.") and named.containing_type is None
    }
    return sorted((named for name, named in inside.items() if name not in own), key=lambda named: str(named.name))


def _values(enum: EnumDescriptor) -> Iterator[str]:
    yield from ("| Value | |", "|---|---|")
    for value in enum.values:
        comment = COMMENTS.get(f"{enum.full_name}.{value.name}", "")
        if value.number or comment:
            yield f"| `{value.name}` | {_cell(comment)} |"


def _names() -> Iterator[str]:
    yield from ("## Names and ids", "", "| What | looks like |", "|---|---|")
    for name, sentence in shapes():
        yield f'| <a id="{name.replace(" ", "-")}"></a>{name} | {_cell(sentence.removeprefix("must be "))} |'


def _permissions() -> Iterator[str]:
    yield from ("## Permissions", "", "| Permission | Roles | |", "|---|---|---|")
    for permission in Permission:
        comment = COMMENTS.get(f"{options_pb2.Permission.DESCRIPTOR.full_name}.PERMISSION_{permission}", "")
        yield _row(permission, _roles(permission), comment)


def _errors() -> Iterator[str]:
    yield from ("## Errors", "", "| Reason | Code | What to do |", "|---|---|---|")
    comment = ""
    for reason in reasons():
        # Reasons that stand together share the comment above them.
        comment = COMMENTS.get(f"{errors_pb2.ErrorReason.DESCRIPTOR.full_name}.{PREFIX}{reason}", comment)
        code, _, told = comment.partition(": ")
        yield _row(f'<a id="{reason.lower()}"></a>{reason}', code, told[:1].upper() + told[1:])


def _roles(permission: Permission) -> str:
    return ", ".join(role.lower() for role, held in PERMISSIONS.items() if permission in held)


def _reason(reason: str) -> str:
    return f"[{reason}](#{reason.lower()})"


def _paragraphs(name: str) -> Iterable[str]:
    return ("", COMMENTS[name]) if name in COMMENTS else ()


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(told: str) -> str:
    return " ".join(told.split()).replace("|", "\\|")


def main() -> int:
    """Writes the page."""
    Path(PAGE).write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
