"""Filters of the activity log: the contract's message, and what it asks of the books.

One that nothing can match is an error, wherever that can be seen without the books: whoever asks for it made a mistake
that an empty answer would hide.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from fealty.v1 import activity_pb2
from fealty.v1 import audit_pb2 as pb
from fealty.v1.values_pb2 import Date
from rules import calendar
from rules.programs import time_zone
from rules.words import NOTHING, TextQuery, wanted
from server import limits
from server.convert import filter_text, names
from server.convert.requests import instant
from server.errors import RequestInvalid
from server.interceptors import validation
from server.policy import actions_of, word
from storage.activity.filters import Filter, text_of
from storage.activity.look import Search


def search(request: pb.ListActivitiesRequest | pb.AnalyzeActivitiesRequest) -> Search:
    """What a request wants listed or counted. Raises RequestInvalid, TimeZoneUnknown."""
    parent = request.parent.split("/")
    return Search(
        program=parent[1] if len(parent) >= 2 else "",
        customer=parent[3] if len(parent) >= 4 else "",
        filters=asked(request),
        ascending=isinstance(request, pb.ListActivitiesRequest) and request.ascending,
    )


def asked(
    request: pb.ListActivitiesRequest | pb.WatchActivitiesRequest | pb.AnalyzeActivitiesRequest,
) -> Sequence[Filter]:
    """The filters in a request, as a message and as a line: all must match. Raises RequestInvalid, TimeZoneUnknown."""
    time_zone(request.time_zone or "UTC")
    said = [("filter", request.filter)] if request.HasField("filter") else []
    if request.filter_text:
        line = _of_line(request.filter_text)
        _check_together(request.filter, line)
        said.append(("filter_text", line))
    filters = [of_message(message, request.parent, request.time_zone, path) for path, message in said]
    found = [one for one in filters if one != Filter()]
    _check_range(found, "filter_text")
    most = limits.TEXT_WORDS_MAX
    _check(len(text_of(found).words) <= most, said[-1][0] if said else "", "text", f"has more than {most} words")
    return found


def of_message(message: pb.ActivityFilter, parent: str, zone: str, path: str) -> Filter:
    """The filter in a message, in a field called `path`, about what is of `parent`. `zone` is where its days are, if it
    does not say so itself.

    Raises RequestInvalid where nothing can match it, TimeZoneUnknown.
    """
    _check_names(message, parent, path)
    days = time_zone(message.time_zone or zone or "UTC")
    first, last = _day(message, "start_date", path), _day(message, "end_date", path)
    since = [instant(message, "start_time"), calendar.start_of_day(first, days) if first else None]
    until = [instant(message, "end_time"), calendar.start_of_day(last + timedelta(days=1), days) if last else None]
    events = _words(message.events, activity_pb2.ActivityEvent, "ACTIVITY_EVENT_")
    found = Filter(
        categories=_words(message.categories, activity_pb2.ActivityCategory, "ACTIVITY_CATEGORY_"),
        types=_words(message.types, activity_pb2.ActivityType, "ACTIVITY_TYPE_"),
        events=events,
        actions_of_events=tuple(sorted(actions_of(events))),
        actions=tuple(message.actions),
        outcomes=_words(message.outcomes, activity_pb2.ActivityOutcome, "ACTIVITY_OUTCOME_"),
        actors=tuple(actor.removeprefix("callers/") for actor in message.actors if actor.startswith("callers/")),
        actor_names=tuple(actor for actor in message.actors if not actor.startswith("callers/")),
        actor_types=_words(message.actor_types, activity_pb2.ActorType, "ACTOR_TYPE_"),
        roles=tuple(message.roles),
        sources=_words(message.sources, activity_pb2.ActivitySource, "ACTIVITY_SOURCE_"),
        modules=_words(message.modules, activity_pb2.AdminModule, "ADMIN_MODULE_"),
        subjects=tuple(message.subjects),
        subject_kinds=tuple(message.subject_kinds),
        customers=tuple((one.program, one.customer) for one in map(names.customer, message.customers)),
        related=tuple(message.related),
        addresses=tuple(message.addresses),
        request_ids=tuple(message.request_ids),
        trace_ids=tuple(message.trace_ids),
        reason_codes=tuple(message.reason_codes),
        changed_fields=tuple(message.changed_fields),
        values_before=tuple(message.values_before),
        values_after=tuple(message.values_after),
        text=_text(message.text, path),
        recorded_from=max(filter(None, since), default=None),
        recorded_before=min(filter(None, until), default=None),
    )
    if message.HasField("start_time") and message.HasField("end_time"):
        _check(message.end_time.ToNanoseconds() >= message.start_time.ToNanoseconds(), path, "end_time", _BEFORE)
    _check(first is None or last is None or last >= first, path, "end_date", _BEFORE)
    _check_range([found], path)
    return found


def _of_line(line: str) -> pb.ActivityFilter:
    found = filter_text.parse(line)
    try:
        validation.check(found)
    except RequestInvalid as invalid:
        raise RequestInvalid([("filter_text", f"{field}: {what}") for field, what in invalid.violations]) from invalid
    return found


def _text(text: str, path: str) -> TextQuery:
    if not text:
        return NOTHING
    try:
        return wanted(text)
    except ValueError as error:
        raise RequestInvalid([_violation(path, "text", str(error))]) from error


def _check_names(message: pb.ActivityFilter, parent: str, path: str) -> None:
    """Of what is named, something must be of the parent, and of a kind that is asked for."""
    if parent != "-":
        is_within = all(f"{name}/".startswith(f"{parent}/") for name in message.customers)
        _check(is_within, path, "customers", "must be the parent, or of it")
        program = "".join(f"{part}/" for part in parent.split("/")[:2])
        strange = [one for one in message.subjects if one.startswith("programs/") and not f"{one}/".startswith(program)]
        _check(not strange or len(strange) < len(message.subjects), path, "subjects", "must be of the parent's program")
    if message.subjects and message.subject_kinds:
        kinds = {["", *name.split("/")][-2] for name in message.subjects}
        _check(bool(kinds & set(message.subject_kinds)), path, "subject_kinds", "none of the subjects is of these")


def _check_together(message: pb.ActivityFilter, line: pb.ActivityFilter) -> None:
    """What only one value can match cannot be two: of such fields something must be in both."""
    for name in _SINGLE:
        both = list(getattr(message, name)), list(getattr(line, name))
        _check(not all(both) or bool(set(both[0]) & set(both[1])), "filter_text", name, f"none is in filter.{name}")


def _check_range(filters: Sequence[Filter], path: str) -> None:
    since = max((one.recorded_from for one in filters if one.recorded_from), default=None)
    until = min((one.recorded_before for one in filters if one.recorded_before), default=None)
    _check(since is None or until is None or since <= until, path, "end_time", _BEFORE)


def _check(holds: bool, path: str, field: str, what: str) -> None:
    if not holds:
        raise RequestInvalid([_violation(path, field, what)])


def _violation(path: str, field: str, what: str) -> tuple[str, str]:
    # A line of text has no fields of its own.
    return (path, f"{field}: {what}") if path == "filter_text" else (f"{path}.{field}", what)


def _day(message: pb.ActivityFilter, field: str, path: str) -> date | None:
    if not message.HasField(field):
        return None
    day: Date = getattr(message, field)
    try:
        return date(day.year, day.month, day.day)
    except ValueError as error:
        raise RequestInvalid([_violation(path, field, "there is no such day; give one that its month has")]) from error


def _words(numbers: Sequence[Any], enum: Any, prefix: str) -> Sequence[str]:
    return tuple(word(enum, number, prefix) for number in numbers)


_BEFORE = "the end is before the beginning"

# An entry has one value of each.
_SINGLE = (
    *("categories", "types", "events", "actions", "outcomes", "actor_types", "sources", "modules"),
    *("subjects", "subject_kinds", "customers", "addresses", "request_ids", "trace_ids"),
)
