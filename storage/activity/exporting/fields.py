"""An activity as the fields of the contract, in plain values: what ListActivities shows of it, and nothing more."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from rules import sentences
from rules.activity import Change, ChangeKind, browser
from storage.activity.queries import Activity
from storage.engine.ids import typeid


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a file is written: where their clock is, what they read (as `accept-language` has it), and whether they
    may see from where things came. `event_of` finds what an act was to its subject by its name, of older records that
    do not say it."""

    zone: ZoneInfo
    language: str
    sees_origin: bool
    event_of: Callable[[str], str]


def name(activity: UUID) -> str:
    """`activities/{activity}`"""
    return f"activities/{typeid('activity', activity.int)}"


class Times:
    """Writes instants, in UTC and in a zone. Where nobody moves a clock, an act occurs when it is recorded: the last
    instant is remembered."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._last: datetime | None = None
        self._told = ("", "")

    def told(self, at: datetime) -> tuple[str, str]:
        """`2026-03-01T12:00:00.000000Z` and `2026-03-01T13:00:00.000000+01:00`."""
        if at != self._last:
            utc = at.astimezone(UTC).isoformat(timespec="microseconds")
            self._told = f"{utc[:-6]}Z", at.astimezone(self._zone).isoformat(timespec="microseconds")
            self._last = at
        return self._told


def description(activity: Activity, reader: Reader) -> str:
    """The sentence."""
    return sentences.activity(activity.body, activity.actor_name, activity.nouns, reader.language)


def event(body: Mapping[str, Any], reader: Reader) -> str:
    """What it was to its subject."""
    return str(body["event"] if "event" in body else reader.event_of(body["action"]))


def actor(activity: Activity, reader: Reader) -> dict[str, Any]:
    """Who did it, and from where, with empty fields."""
    kept = activity.body["actor"]
    shown: dict[str, Any] = {
        "type": kept["type"],
        "name": f"callers/{kept['id']}" if kept["id"] else "",
        "display_name": activity.actor_name,
        "roles": kept.get("roles", ()),
        "on_behalf_of": kept.get("on_behalf_of", ""),
    }
    if reader.sees_origin:
        shown["ip_address"] = kept["ip"]
        shown["forwarded_for"] = kept.get("forwarded_for", ())
        shown["user_agent"] = kept["agent"]
        shown["browser"] = browser(kept["agent"])
        shown["page_url"] = kept.get("page_url", "")
    return shown


def changes(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each field that changed, before and after; of what is withheld neither, and of what was not there none."""
    for kept in body["changes"]:
        before, after, kind = kept["before"], kept["after"], kept.get("kind")
        if kind is None:
            # A record of the first version has no kinds, and "" where there was nothing.
            before, after = before or None, after or None
            kind = Change(kept["field"], before, after).kind
        shown = {"field": kept["field"], "kind": kind}
        if kind != ChangeKind.WITHHELD:
            sides = {"before": before, "after": after}
            shown |= {side: value for side, value in sides.items() if value is not None}
        yield shown


def cause(body: Mapping[str, Any]) -> str:
    """What it follows from."""
    return name(UUID(body["cause"])) if "cause" in body else ""


def dropped_by(body: Mapping[str, Any]) -> str:
    """What dropped the rest of it."""
    return name(UUID(body["dropped_by"])) if "dropped_by" in body else ""
