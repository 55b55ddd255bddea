"""Activities: the record as it is kept."""

from collections.abc import Mapping, MutableMapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from fealty.v1 import activity_pb2, values_pb2
from fealty.v1 import audit_pb2 as pb
from rules import sentences
from rules.access import Caller, Permission
from rules.activity import Change, browser
from rules.programs import time_zone
from rules.sentences import program_of
from server.convert import names
from server.convert.requests import timestamp
from server.policy import event_of
from storage.activity.queries import Activity
from storage.personal.queries import PersonalChange

_SOURCES: dict[str, Any] = {
    name.removeprefix("ACTIVITY_SOURCE_"): source for name, source in activity_pb2.ActivitySource.items()
}

_KINDS: dict[str, Any] = {kind.removeprefix("CHANGE_KIND_"): number for kind, number in activity_pb2.ChangeKind.items()}

NOTHING: Mapping[str, PersonalChange] = MappingProxyType({})


def message(
    found: Activity, caller: Caller, language: str, zone: str = "", personal: Mapping[str, PersonalChange] = NOTHING
) -> pb.Activity:
    """An activity as the contract shows it, told in a `language` that its reader accepts, with the time in a zone where
    one is named. From where it came is for those who may search the log; `personal` are the values to be shown of
    fields that the record withholds. Raises TimeZoneUnknown.
    """
    body, nouns = found.body, found.nouns
    actor = body["actor"]
    if nouns.people:
        nouns = nouns._replace(shows_addresses=caller.may(Permission.USERS_READ))
    shown = pb.Activity(
        name=names.activity(found.id),
        description=sentences.activity(body, found.actor_name, nouns, language),
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
            roles=actor.get("roles", ()),
            on_behalf_of=actor.get("on_behalf_of", ""),
        ),
        request_id=body["request_id"],
        trace_id=body.get("trace_id", ""),
        purpose=body.get("purpose", ""),
        cause=names.activity(UUID(body["cause"])) if "cause" in body else "",
        dropped_by=names.activity(UUID(body["dropped_by"])) if "dropped_by" in body else "",
        subject=body["subject"],
        occur_time=timestamp(found.occurred_at),
        record_time=timestamp(found.recorded_at),
        # A record of before has only its name to tell by.
        event=_enum("ACTIVITY_EVENT_", body["event"] if "event" in body else event_of(body["action"])),
    )
    fill_values(shown.details, body["details"])
    if sees_origin(caller, body["subject"]):
        shown.actor.ip_address = actor["ip"]
        shown.actor.user_agent = actor["agent"]
        shown.actor.browser = browser(actor["agent"])
        shown.actor.page_url = actor.get("page_url", "")
        shown.actor.forwarded_for.extend(actor.get("forwarded_for", ()))
    for change in body["changes"]:
        _fill_change(shown.changes.add(), change, personal)
    if zone:
        shown.local_occur_time = _local(found.occurred_at, zone)
        shown.local_record_time = _local(found.recorded_at, zone)
    return shown


def sees_origin(caller: Caller, subject: str) -> bool:
    """Whether the caller is shown from where came what was done to that: whoever may search the log of its program. Of
    what names none, whoever may search all that he sees."""
    program = program_of(subject).strip("-")
    if program:
        return caller.may(Permission.ACTIVITIES_READ, program)
    return caller.programs(Permission.ACTIVITIES_READ) == caller.programs()


def _local(at: datetime, zone: str) -> str:
    return at.astimezone(time_zone(zone)).isoformat(timespec="microseconds")


def source_number(source: str) -> Any:
    """A source as the contract has it."""
    return _SOURCES[source]


def _fill_change(shown: pb.Change, change: Mapping[str, Any], personal: Mapping[str, PersonalChange]) -> None:
    # A record of the first version has no kinds, and "" where there was nothing.
    kept = Change(change["field"], change["before"] or None, change["after"] or None) if "kind" not in change else None
    shown.field = change["field"]
    shown.kind = _KINDS[kept.kind if kept else change["kind"]]
    values = change
    if shown.kind == activity_pb2.CHANGE_KIND_WITHHELD:
        # What the record has in their place says nothing to anybody but a verifier.
        values = personal.get(change["field"], PersonalChange())._asdict()
    for side in ("before", "after"):
        if values[side] is not None:
            _fill_value(getattr(shown, side), values[side])


def _enum(prefix: str, word: str | None) -> str | None:
    return prefix + word if word else None


def fill_values(shown: MutableMapping[str, values_pb2.Value], values: Mapping[str, Any]) -> None:
    """JSON without floats, as the contract has it."""
    for key, value in values.items():
        _fill_value(shown[key], value)


def _fill_value(shown: values_pb2.Value, value: Any) -> None:
    match value:
        case str():
            shown.text = value
        case bool():
            shown.flag = value
        case int():
            shown.number = value
        case dict():
            shown.fields.SetInParent()
            fill_values(shown.fields.fields, value)
        case list():
            shown.list.SetInParent()
            for inner in value:
                _fill_value(shown.list.values.add(), inner)
        case _:
            # Nothing: of the kinds none is set.
            shown.SetInParent()
