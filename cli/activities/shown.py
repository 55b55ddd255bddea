"""Activities as a terminal shows them, and as JSON."""

import shutil
import sys
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import click
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.text import Text

from fealty import plain, plain_value, v1

# From so many columns on there is room for more than time and sentence.
WIDE = 100
# A sentence in less would be a column of words.
SENTENCE_MIN = 30


class Table:
    """Prints one activity after the other, as wide as the terminal; into a file or a pipe, one a line."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)
        self._is_terminal = sys.stdout.isatty()
        self._width = shutil.get_terminal_size().columns
        self._is_wide = not self._is_terminal or self._width >= WIDE
        self._console = Console(width=self._width)

    def head(self) -> None:
        """The names of the columns."""
        time = "TIME" if self._zone.key == "UTC" else f"TIME ({self._zone.key})"
        self._print(time, "CATEGORY", "TYPE", "WHAT HAPPENED")

    def row(self, one: v1.Activity) -> None:
        """An activity."""
        category = word(v1.ActivityCategory, one.category, "ACTIVITY_CATEGORY_").lower()
        kind = word(v1.ActivityType, one.type, "ACTIVITY_TYPE_").lower()
        self._print(self.time(one.record_time), category, kind, one.description)

    def time(self, at: Timestamp) -> str:
        """An instant in the zone of the table, to the second."""
        return f"{at.ToDatetime(UTC).astimezone(self._zone):%Y-%m-%d %H:%M:%S}"

    def _print(self, time: str, category: str, kind: str, sentence: str) -> None:
        left = f"{time:<19}  {category:<10} {kind:<13}  " if self._is_wide else f"{time:<19}  "
        told = printable(sentence)
        room = self._width - len(left)
        if not self._is_terminal or room < SENTENCE_MIN:
            click.echo(f"{left}{told}")
            return
        for number, line in enumerate(Text(told).wrap(self._console, room)):
            click.echo(f"{left if number == 0 else ' ' * len(left)}{line.plain}".rstrip())


def plainly(one: v1.Activity) -> dict[str, Any]:
    """An activity as JSON has it: like a line of an export, with the same names and values."""
    told: dict[str, Any] = {
        "name": one.name,
        "record_time": utc(one.record_time),
        "local_record_time": one.local_record_time,
        "occur_time": utc(one.occur_time),
        "local_occur_time": one.local_occur_time,
        "description": one.description,
        "action": one.action,
        "category": word(v1.ActivityCategory, one.category, "ACTIVITY_CATEGORY_"),
        "type": word(v1.ActivityType, one.type, "ACTIVITY_TYPE_"),
        "event": word(v1.ActivityEvent, one.event, "ACTIVITY_EVENT_"),
        "source": word(v1.ActivitySource, one.source, "ACTIVITY_SOURCE_"),
        "module": word(v1.AdminModule, one.module, "ADMIN_MODULE_"),
        "outcome": word(v1.ActivityOutcome, one.outcome, "ACTIVITY_OUTCOME_"),
        "actor": actor(one.actor),
        "subject": one.subject,
        "changes": [_change(change) for change in one.changes],
        "details": plain(one.details),
        "request_id": one.request_id,
        "trace_id": one.trace_id,
        "purpose": one.purpose,
        "cause": one.cause,
        "dropped_by": one.dropped_by,
    }
    return {name: value for name, value in told.items() if value}


def utc(at: Timestamp) -> str:
    """An instant as JSON has it."""
    return f"{at.ToDatetime():%Y-%m-%dT%H:%M:%S.%f}Z"


def word(enum: Any, number: int, prefix: str) -> str:
    """A value of an enum without its prefix; empty where it is not set."""
    return str(enum.Name(number)).removeprefix(prefix) if number else ""


def printable(told: str) -> str:
    """As a terminal may have it: names in it are what people typed, and no terminal obeys them."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in told)


def actor(actor: v1.Actor) -> dict[str, Any]:
    """Who did something."""
    told = {field.name: value for field, value in actor.ListFields()}
    for name in {"roles", "forwarded_for"} & set(told):
        told[name] = list(told[name])
    return {**told, "type": word(v1.ActorType, actor.type, "ACTOR_TYPE_")}


def _change(change: v1.Change) -> dict[str, Any]:
    sides = {side: plain_value(getattr(change, side)) for side in ("before", "after") if change.HasField(side)}
    return {"field": change.field, "kind": word(v1.ChangeKind, change.kind, "CHANGE_KIND_"), **sides}
