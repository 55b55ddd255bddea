"""Reads what came with the call: its metadata by name, and the id that the caller's own logs know it by."""

import structlog

from rules.activity import noted_id
from server.call import Call


def read(call: Call) -> None:
    """Fills `metadata`; names the id in every line that is logged of this call."""
    call.metadata = dict(call.context.invocation_metadata() or ())  # type: ignore[arg-type]
    if given := noted_id(str(call.metadata.get("x-request-id", ""))):
        structlog.contextvars.bind_contextvars(request=given)
