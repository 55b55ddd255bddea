"""Activities: the record as it is kept."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value

from fealty.v1 import activity_pb2
from fealty.v1 import audit_pb2 as pb
from rules.access import Caller, Permission
from server.convert import descriptions, names
from server.convert.requests import instant, timestamp
from server.policy import event_of, word
from storage.activity.queries import Activity, Filter

# Numbers of a Struct are doubles: a whole number that one may not hold is shown as text.
WHOLE_NUMBER_MAX = 2**53

_SOURCES: dict[str, Any] = {
    name.removeprefix("ACTIVITY_SOURCE_"): source for name, source in activity_pb2.ActivitySource.items()
}


def wanted(request: pb.ListActivitiesRequest) -> Filter:
    """The filter in a request."""
    parent = request.parent.split("/")
    return Filter(
        program=parent[1] if len(parent) >= 2 else "",
        customer=parent[3] if len(parent) >= 4 else "",
        category=word(activity_pb2.ActivityCategory, request.category, "ACTIVITY_CATEGORY_"),
        type=word(activity_pb2.ActivityType, request.type, "ACTIVITY_TYPE_"),
        source=word(activity_pb2.ActivitySource, request.source, "ACTIVITY_SOURCE_"),
        outcome=word(activity_pb2.ActivityOutcome, request.outcome, "ACTIVITY_OUTCOME_"),
        action=request.action,
        recorded_from=instant(request, "start_time"),
        recorded_before=instant(request, "end_time"),
    )


def message(found: Activity, caller: Caller) -> pb.Activity:
    """An activity as the contract shows it. From where it came is for those who may search the log."""
    body = found.body
    may_search = caller.may(Permission.ACTIVITIES_READ)
    actor = body["actor"]
    shown = pb.Activity(
        name=names.activity(found.id),
        description=descriptions.activity(body, found.actor_name),
        action=body["action"],
        category=_enum("ACTIVITY_CATEGORY_", body["category"]),
        type=_enum("ACTIVITY_TYPE_", body["type"]),
        source=_enum("ACTIVITY_SOURCE_", body["source"]),
        module=_enum("ADMIN_MODULE_", body["module"]),
        outcome=_enum("ACTIVITY_OUTCOME_", body["outcome"]),
        actor=pb.Actor(
            type=_enum("ACTOR_TYPE_", actor["type"]),
            name=f"callers/{actor['id']}" if actor["id"] else "",
            display_name=found.actor_name,
            ip_address=actor["ip"] if may_search else "",
            user_agent=actor["agent"] if may_search else "",
        ),
        subject=body["subject"],
        occur_time=timestamp(found.occurred_at),
        record_time=timestamp(found.recorded_at),
        changes=[_change(change) for change in body["changes"]],
        event=_enum("ACTIVITY_EVENT_", event_of(body["action"])),
    )
    if body["details"]:
        fill_struct(shown.details, body["details"])
    return shown


def source_number(source: str) -> Any:
    """A source as the contract has it."""
    return _SOURCES[source]


def _change(change: dict[str, Any]) -> pb.Change:
    withheld = change["before"] is None and change["after"] is None
    return pb.Change(
        field=change["field"], before=change["before"] or "", after=change["after"] or "", withheld=withheld
    )


def _enum(prefix: str, word: str | None) -> str | None:
    return prefix + word if word else None


def fill_struct(shown: Struct, values: Mapping[str, Any]) -> None:
    """JSON as a Struct has it. Struct's own `update` costs three times as much, on every row of a list."""
    for key, value in values.items():
        _fill_value(shown.fields[key], value)


def _fill_value(shown: Value, value: Any) -> None:
    match value:
        case str():
            shown.string_value = value
        case bool():
            shown.bool_value = value
        case int() if abs(value) > WHOLE_NUMBER_MAX:
            shown.string_value = str(value)
        case int() | float():
            shown.number_value = value
        case dict():
            shown.struct_value.SetInParent()
            fill_struct(shown.struct_value, value)
        case list():
            shown.list_value.SetInParent()
            for inner in value:
                _fill_value(shown.list_value.values.add(), inner)
        case _:
            shown.null_value = NULL_VALUE
