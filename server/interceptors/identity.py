"""Reads what came with the call: its metadata by name, and the id that the caller's own logs know it by."""

import re

import structlog

from server.call import Call

# Ids of requests and traces, of whatever make. A longer text is somebody's payload; one with an @ or a space may be
# somebody's address or name, and has no place in a log.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:;=/-]{0,63}")


def read(call: Call) -> None:
    """Fills `metadata`; names the id in every line that is logged of this call."""
    call.metadata = dict(call.context.invocation_metadata() or ())  # type: ignore[arg-type]
    given = call.metadata.get("x-request-id")
    if given and _ID.fullmatch(str(given)):
        structlog.contextvars.bind_contextvars(request=str(given))
