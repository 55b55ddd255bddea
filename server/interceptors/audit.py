"""Records what the books did not: calls that were denied, invalid, refused or failed, and reads of personal data."""

import time
from typing import Any

import structlog
from prometheus_client import Counter

from rules.access import ActorType
from server import limits
from server.call import Call, log_of
from server.errors import Failure
from storage.activity.commands import Outcome
from storage.activity.recorder import Act
from storage.books import Books
from storage.engine.database import reason

LOST = Counter("fealty_activity_lost", "Refused or failed calls that could not be recorded")

log = structlog.get_logger()


class Audit:
    """Writes records through the books' recorder, each before its caller hears the answer."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._flood = Flood()

    async def note_read(self, call: Call) -> None:
        """Records a read of personal data, or raises: what cannot be recorded is not shown."""
        await self._record(call, Outcome.SUCCEEDED, call.details)

    async def note_failure(self, call: Call, told: Failure) -> None:
        """Records a call that was denied, invalid, refused or failed; not one that was turned away unread."""
        if told.outcome is None:
            return
        more = 0
        if call.origin.actor_type is ActorType.ANONYMOUS:
            allowed, more = self._flood.admits((told.reason, call.context.peer().rpartition(":")[0]))
            if not allowed:
                return
        details = {**call.details, **details_of(told)}
        if more:
            details["not_recorded_before"] = more
        try:
            await self._record(call, told.outcome, details)
        except Exception as error:
            # The caller hears of its own failure, not of this one; an operator must hear of both.
            LOST.inc()
            log.error("activity lost", method=call.method.path, reason=told.reason, error=reason(error))

    async def _record(self, call: Call, outcome: Outcome, details: dict[str, Any]) -> None:
        program, customer = log_of(call.caller, call.program, call.customer)
        act = Act(call.origin, outcome, call.subject, program, customer, details, call.request_id)
        [recorded] = await self._books.record([act])
        if isinstance(recorded, Exception):
            raise recorded


def details_of(told: Failure) -> dict[str, Any]:
    """How it ended, as the record of a call that failed has it, and that of an item of a stream."""
    return {"code": told.code.name, "reason": told.reason}


class Flood:
    """Lets one source of nobody's failures be recorded so often a minute; counts the rest."""

    def __init__(self) -> None:
        self._minute = 0
        self._seen: dict[tuple[str, str], int] = {}
        self._before: dict[tuple[str, str], int] = {}

    def admits(self, source: tuple[str, str]) -> tuple[bool, int]:
        """Whether to record it, and how many of its kind were not recorded in the minute before."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            most = limits.ANONYMOUS_RECORDS_PER_MIN
            self._before = {kind: seen - most for kind, seen in self._seen.items() if seen > most}
            self._minute = minute
            self._seen = {}
        if source not in self._seen and len(self._seen) >= limits.ANONYMOUS_SOURCES_MAX:
            return False, 0
        seen = self._seen[source] = self._seen.get(source, 0) + 1
        return seen <= limits.ANONYMOUS_RECORDS_PER_MIN, self._before.pop(source, 0) if seen == 1 else 0
