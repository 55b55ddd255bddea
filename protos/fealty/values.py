"""Values of records as Python has them."""

from collections.abc import Mapping
from typing import TypeAlias

from fealty import v1

Plain: TypeAlias = "str | int | bool | list[Plain] | dict[str, Plain] | None"


def plain(details: Mapping[str, v1.Value]) -> dict[str, Plain]:
    """What `Activity.details` or `Event.details` hold, as a dict of text, whole numbers, flags, lists and dicts."""
    return {name: plain_value(value) for name, value in details.items()}


def plain_value(value: v1.Value) -> Plain:
    """One value, such as `Change.before`; None where nothing is set."""
    match value.WhichOneof("kind"):
        case None:
            return None
        case "list":
            return [plain_value(inner) for inner in value.list.values]
        case "fields":
            return plain(value.fields.fields)
        case kind:
            found: str | int | bool = getattr(value, kind)
            return found
