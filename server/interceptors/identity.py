"""Reads what came with the call: its metadata by name, and the id that the caller's own logs know it by."""

import structlog

from server.call import Call, printable

# Longer ids are somebody's payload, not an id.
ID_CHARS_MAX = 64


def read(call: Call) -> None:
    """Fills `metadata`; names the id in every line that is logged of this call."""
    call.metadata = dict(call.context.invocation_metadata() or ())  # type: ignore[arg-type]
    if given := call.metadata.get("x-request-id"):
        structlog.contextvars.bind_contextvars(request=printable(str(given)[:ID_CHARS_MAX]))
