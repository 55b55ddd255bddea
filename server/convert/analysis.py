"""What is counted of the log, as the contract shows it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from fealty.v1 import activity_pb2
from fealty.v1 import audit_pb2 as pb
from rules.periods import Period, bounds
from rules.programs import time_zone
from server import limits
from server.convert.requests import set_day, set_instant
from server.errors import RequestInvalid
from server.policy import event_of, word
from storage.activity.counts import Bar, Basis, Bounds, Counts
from storage.activity.ranks import Actor, Ranking
from storage.activity.sums import Group

_RANKS = {pb.ANALYSIS_PART_ACTORS, pb.ANALYSIS_PART_SUBJECTS}


def parts(request: pb.AnalyzeActivitiesRequest) -> frozenset[int]:
    """What a request wants told."""
    return frozenset(request.parts) or frozenset(pb.AnalysisPart.values()) - {0}


def ranks_anything(wanted: frozenset[int]) -> bool:
    """Whether actors or subjects are wanted."""
    return bool(wanted & _RANKS)


def trend(request: pb.AnalyzeActivitiesRequest) -> Bounds:
    """By what the trend of a request is divided, where it wants one. Raises TimeZoneUnknown, and where it is asked
    RequestInvalid: more bars than there may be."""
    zone = time_zone(request.time_zone or "UTC")
    period = Period(word(pb.TrendPeriod, request.period, "TREND_PERIOD_") or Period.DAY)
    is_wanted = pb.ANALYSIS_PART_TREND in parts(request)

    def found(first: datetime, last: datetime) -> Sequence[datetime]:
        most = limits.ANALYSIS_BARS_MAX
        begun = list(islice(bounds(first, last, period, zone), most + 2)) if is_wanted else []
        if len(begun) > most + 1:
            what = f"would make more than {most:,} bars; ask for a longer period, or for less time by the filter"
            raise RequestInvalid([("period", what)])
        return begun

    return found


def fill_counts(response: pb.AnalyzeActivitiesResponse, found: Counts, request: pb.AnalyzeActivitiesRequest) -> None:
    """Everything that is counted by groups and periods."""
    wanted = parts(request)
    response.total = sum(found.groups.values())
    zone = time_zone(request.time_zone or "UTC")
    for bar in found.bars:
        _fill_bar(response.trend.add(), bar, zone, found.as_of)
    for part, (name, field, value) in _DISTRIBUTIONS.items():
        if part in wanted:
            counted: Counter[int] = Counter()
            for group, number in found.groups.items():
                counted[value(group)] += number
            shown = getattr(response, name)
            for number, count in sorted(counted.items(), key=lambda one: (-one[1], one[0])):
                shown.add(**{field: number, "count": count})
    if pb.ANALYSIS_PART_AUTHENTICATION in wanted:
        _fill_authentication(response.authentication, found.groups)
    _fill_basis(response.basis, found.basis)
    set_instant(response.as_of_time, found.as_of)


def fill_ranks(response: pb.AnalyzeActivitiesResponse, found: Ranking) -> None:
    """Who did the most, and to what."""
    for one in found.actors:
        response.actors.add(actor=_actor(one), count=one.number)
    for subject, count in found.subjects:
        response.subjects.add(subject=subject, count=count)
    _fill_basis(response.ranks_basis, found.basis)


def _actor(one: Actor) -> pb.Actor:
    name = f"callers/{one.id}" if one.id else ""
    return pb.Actor(type=f"ACTOR_TYPE_{one.type}", name=name, display_name=one.name)


def _fill_bar(shown: pb.TrendBar, bar: Bar, zone: ZoneInfo, as_of: datetime) -> None:
    local = bar.begins.astimezone(zone)
    set_instant(shown.start_time, bar.begins)
    set_day(shown.local_date, local.date())
    shown.local_start_time = local.isoformat()
    shown.count = bar.number
    shown.is_ongoing = bar.ends > as_of


def _fill_basis(shown: pb.AnalysisBasis, basis: Basis) -> None:
    shown.looked = basis.looked
    shown.is_all = basis.is_all
    if basis.since is not None:
        set_instant(shown.since_time, basis.since)


def _fill_authentication(shown: pb.AuthenticationCounts, groups: Mapping[Group, int]) -> None:
    # Nothing of all that is an answer, too.
    shown.SetInParent()
    for group, number in groups.items():
        name = _figure(group)
        if name is not None:
            setattr(shown, name, getattr(shown, name) + number)


def _figure(group: Group) -> str | None:
    """The number that entries of a kind add to."""
    if group.type == "AUTH":
        tables = (_WHATEVER_CAME, _SUCCEEDED if group.outcome == "SUCCEEDED" else _FAILED)
        deed = group.action.partition(".")[2]
        for table in tables:
            if name := table.get(group.action) or table.get(deed):
                return name
    return "unknown_callers" if (group.actor_type, group.outcome) == ("ANONYMOUS", "DENIED") else None


# By what Fealty itself calls it, and by the deeds of others.
_SUCCEEDED = {
    "login.succeeded": "logins",
    "login.ended": "logouts",
    "code.requested": "codes_requested",
    "code.verified": "codes_verified",
    "logged_in": "logins",
    "logged_out": "logouts",
    "code_requested": "codes_requested",
    "code_verified": "codes_verified",
}
# Refused unheard, a try to log in has the name of its call.
_FAILED = {
    "login.begun": "failed_logins",
    "code.verified": "failed_codes",
    "logged_in": "failed_logins",
    "code_verified": "failed_codes",
}
_WHATEVER_CAME = {"login.failed": "failed_logins", "code.failed": "failed_codes", "login_failed": "failed_logins"}


def _number(enum: Any, prefix: str, of: Callable[[Group], str | None]) -> Callable[[Group], int]:
    return lambda group: enum.Value(f"{prefix}{of(group) or 'UNSPECIFIED'}")


def _event(group: Group) -> str:
    return event_of(group.action) if group.event is None else group.event


# For each part the field of the answer and that of a count, and what an entry of a group counts for.
_DISTRIBUTIONS: Mapping[int, tuple[str, str, Callable[[Group], int]]] = {
    pb.ANALYSIS_PART_EVENTS: ("events", "event", _number(activity_pb2.ActivityEvent, "ACTIVITY_EVENT_", _event)),
    pb.ANALYSIS_PART_TYPES: (
        "types",
        "type",
        _number(activity_pb2.ActivityType, "ACTIVITY_TYPE_", lambda group: group.type),
    ),
    pb.ANALYSIS_PART_CATEGORIES: (
        "categories",
        "category",
        _number(activity_pb2.ActivityCategory, "ACTIVITY_CATEGORY_", lambda group: group.category),
    ),
    pb.ANALYSIS_PART_MODULES: (
        "modules",
        "module",
        _number(activity_pb2.AdminModule, "ADMIN_MODULE_", lambda group: group.module),
    ),
    pb.ANALYSIS_PART_SOURCES: (
        "sources",
        "source",
        _number(activity_pb2.ActivitySource, "ACTIVITY_SOURCE_", lambda group: group.source),
    ),
    pb.ANALYSIS_PART_OUTCOMES: (
        "outcomes",
        "outcome",
        _number(activity_pb2.ActivityOutcome, "ACTIVITY_OUTCOME_", lambda group: group.outcome),
    ),
}
