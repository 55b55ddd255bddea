"""Lines of JSON: every field of an activity by its name in the contract, values as they are."""

from typing import Any

import msgspec

from storage.activity.exporting import fields
from storage.activity.exporting.fields import Reader, Times
from storage.activity.queries import Activity

_encode = msgspec.json.Encoder().encode


class Ndjson:
    """One object a line; what is empty is left out."""

    header = b""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._times = Times(reader.zone)

    def line(self, activity: Activity, points: int | None) -> bytes:
        """An activity. `points` stand in its details."""
        reader, body = self._reader, activity.body
        recorded, recorded_there = self._times.told(activity.recorded_at)
        occurred, occurred_there = self._times.told(activity.occurred_at)
        told: dict[str, Any] = {
            "name": fields.name(activity.id),
            "record_time": recorded,
            "local_record_time": recorded_there,
            "occur_time": occurred,
            "local_occur_time": occurred_there,
            "description": fields.description(activity, reader),
            "action": body["action"],
            "category": body["category"],
            "type": body["type"],
            "event": fields.event(body, reader),
            "source": body["source"],
            "module": body["module"],
            "outcome": body["outcome"],
            "actor": {name: value for name, value in fields.actor(activity, reader).items() if value},
            "subject": body["subject"],
            "changes": list(fields.changes(body)),
            "details": body["details"],
            "request_id": body["request_id"],
            "trace_id": body.get("trace_id"),
            "purpose": body.get("purpose"),
            "cause": fields.cause(body),
            "dropped_by": fields.dropped_by(body),
        }
        return _encode({name: value for name, value in told.items() if value}) + b"\n"
