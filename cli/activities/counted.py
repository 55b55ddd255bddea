"""What was counted of the log: as rows of tables, and as JSON."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cli.activities import shown
from fealty import v1

# Of these an entry has one value, so they add up to all.
DISTRIBUTIONS = ("events", "types", "categories", "modules", "sources", "outcomes")
# These are counted from entries that are looked through.
RANKS = ("actors", "subjects")


class Row(NamedTuple):
    """A line of a table; `is_ongoing` of a period that has not ended."""

    label: str
    number: int
    is_ongoing: bool = False


def rows(found: v1.AnalyzeActivitiesResponse, part: str, period: str, time_zone: str) -> list[Row]:
    """A part of an answer, in the words of people."""
    match part:
        case "trend":
            return [Row(_begin(bar, period, time_zone), bar.count, bar.is_ongoing) for bar in found.trend]
        case "actors":
            return [Row(_actor(one.actor), one.count) for one in found.actors]
        case "subjects":
            return [Row(one.subject or "none", one.count) for one in found.subjects]
        case "authentication":
            return [Row(name.replace("_", " "), count) for name, count in _authentication(found).items()]
    values = [(_value(one)[1].lower().replace("_", " "), one.count) for one in getattr(found, part)]
    return [Row(value or "none", count) for value, count in values]


def plainly(found: v1.AnalyzeActivitiesResponse, parts: Sequence[str]) -> dict[str, Any]:
    """The parts of an answer as JSON has them, with the names of the contract and the values of an exported line."""
    told = {"total": found.total, "as_of_time": shown.utc(found.as_of_time), "basis": _basis(found.basis)}
    told |= {part: _part(found, part) for part in parts}
    return {**told, "ranks_basis": _basis(found.ranks_basis)} if found.HasField("ranks_basis") else told


def _part(found: v1.AnalyzeActivitiesResponse, part: str) -> Any:
    match part:
        case "trend":
            return [_bar(bar) for bar in found.trend]
        case "actors":
            return [{"actor": shown.actor(one.actor), "count": one.count} for one in found.actors]
        case "subjects":
            return [{"subject": one.subject, "count": one.count} for one in found.subjects]
        case "authentication":
            return _authentication(found)
    return [dict([_value(one)], count=one.count) for one in getattr(found, part)]


def _value(count: v1.ActivityCount) -> tuple[str, str]:
    """Of what it is one, and which; empty where it is none."""
    name = str(count.WhichOneof("value"))
    enum = count.DESCRIPTOR.fields_by_name[name].enum_type
    assert enum is not None
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    number = getattr(count, name)
    return name, enum.values_by_number[number].name.removeprefix(prefix) if number else ""


def _bar(bar: v1.TrendBar) -> dict[str, Any]:
    return {
        "start_time": shown.utc(bar.start_time),
        "local_date": _day(bar.local_date),
        "local_start_time": bar.local_start_time,
        "count": bar.count,
        "is_ongoing": bar.is_ongoing,
    }


def _begin(bar: v1.TrendBar, period: str, time_zone: str) -> str:
    if period == "hour":
        # With its offset: an hour that clocks go back over is there twice.
        day, _, time = bar.local_start_time.partition("T")
        return f"{day} {time[:5]}{'' if time_zone == 'UTC' else f' {time[8:]}'}"
    day = _day(bar.local_date)
    return day[: len("2026-03")] if period == "month" else day


def _day(day: v1.Date) -> str:
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def _actor(actor: v1.Actor) -> str:
    kind = shown.word(v1.ActorType, actor.type, "ACTOR_TYPE_").lower()
    name = actor.display_name or actor.name
    return f"{name} ({kind})" if name else kind


def _authentication(found: v1.AnalyzeActivitiesResponse) -> dict[str, int]:
    counts = found.authentication
    return {field.name: getattr(counts, field.name) for field in counts.DESCRIPTOR.fields}


def _basis(basis: v1.AnalysisBasis) -> dict[str, Any]:
    told = {"looked": basis.looked, "is_all": basis.is_all}
    return {**told, "since_time": shown.utc(basis.since_time)} if basis.HasField("since_time") else told
