"""CSV as RFC 4180 has it: a header, a column for each field, texts that a spreadsheet would run defused."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from rules.spreadsheets import defused
from storage.activity.exporting import fields
from storage.activity.exporting.fields import Reader, Times
from storage.activity.queries import Activity

COLUMNS = (
    *("name", "record_time", "local_record_time", "occur_time", "local_occur_time", "description"),
    *("action", "category", "type", "event", "source", "module", "outcome", "reason"),
    *("actor_type", "actor", "actor_name", "actor_roles", "on_behalf_of"),
    *("ip_address", "forwarded_for", "user_agent", "browser"),
    *("page_url", "subject", "points", "amount_minor", "currency", "changes", "details"),
    *("request_id", "trace_id", "purpose", "cause", "dropped_by"),
)


class Csv:
    """One activity a line. Details are JSON in their cell; `changes` are for people: `field: 365 → 730`."""

    # Of as many actors, as they were seen, the cells are remembered.
    ACTORS_MAX = 1_000

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._times = Times(reader.zone)
        self._actors: dict[tuple[Any, ...], str] = {}
        self.header = _line(COLUMNS)

    def line(self, activity: Activity, points: int | None) -> bytes:
        """An activity. Numbers stay numbers, negative ones too."""
        reader, body = self._reader, activity.body
        details = body["details"]
        # What we write ourselves needs neither quotes nor marks.
        return _line(
            (
                fields.name(activity.id),
                *self._times.told(activity.recorded_at),
                *self._times.told(activity.occurred_at),
                _cell(fields.description(activity, reader)),
                _cell(body["action"]),
                body["category"],
                body["type"],
                fields.event(body, reader),
                body["source"],
                body["module"] or "",
                body["outcome"],
                _cell(_text(details["reason"])) if "reason" in details else "",
                self._actor(activity),
                _cell(body["subject"]),
                "" if points is None else str(points),
                _number(details["amount_minor"]) if "amount_minor" in details else "",
                _cell(_text(details["currency"])) if "currency" in details else "",
                _cell(_changes(activity)) if body["changes"] else "",
                _cell(_json(details)) if details else "",
                _cell(body["request_id"]),
                _cell(body["trace_id"]) if "trace_id" in body else "",
                _cell(body["purpose"]) if "purpose" in body else "",
                fields.cause(body),
                fields.dropped_by(body),
            )
        )

    def _actor(self, activity: Activity) -> str:
        """The cells of who did it. Most entries have the same few, and these are a third of the cells."""
        kept = activity.body["actor"]
        seen = (
            *(kept["type"], kept["id"], kept["ip"], kept["agent"], activity.actor_name, kept.get("page_url")),
            *(tuple(kept.get("roles", ())), tuple(kept.get("forwarded_for", ())), kept.get("on_behalf_of")),
        )
        known = self._actors.get(seen)
        if known is None:
            if len(self._actors) >= self.ACTORS_MAX:
                self._actors.clear()
            known = self._actors[seen] = _actor_cells(fields.actor(activity, self._reader))
        return known


def _actor_cells(actor: dict[str, Any]) -> str:
    texts = (
        *(actor["type"], actor["name"], actor["display_name"], " ".join(actor["roles"]), actor["on_behalf_of"]),
        *(actor.get("ip_address", ""), " ".join(actor.get("forwarded_for", ()))),
        *(actor.get("user_agent", ""), actor.get("browser", ""), actor.get("page_url", "")),
    )
    return ",".join(map(_cell, texts))


def _line(cells: Sequence[str]) -> bytes:
    return f"{','.join(cells)}\r\n".encode()


def _cell(text: str) -> str:
    # Nearly all are such texts, and a line has many.
    if not text or _PLAIN(text):
        return text
    cell = defused(text)
    return '"{}"'.format(cell.replace('"', '""')) if _QUOTED(cell) else cell


_PLAIN = re.compile(r"[A-Za-z0-9][^\x00-\x1f\",]*").fullmatch
_QUOTED = re.compile(r"[\x00-\x1f\",]").search


def _changes(activity: Activity) -> str:
    return "; ".join(map(_change, fields.changes(activity.body)))


def _change(change: dict[str, Any]) -> str:
    if change["kind"] == "WITHHELD":
        return f"{change['field']}: withheld"
    return f"{change['field']}: {_side(change, 'before')} → {_side(change, 'after')}"


def _side(change: dict[str, Any], side: str) -> str:
    if side not in change:
        return "nothing"
    value = change[side]
    return value if isinstance(value, str) else _json(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> str:
    return str(value) if type(value) is int else ""


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
