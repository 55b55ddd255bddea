"""Reads what came with the call: its metadata by name, from where it comes, and the id its caller's logs know it by."""

import structlog

from server.call import Call
from server.whence import Proxies


def read(call: Call, proxies: Proxies) -> None:
    """Fills `metadata` and `whence`; names the trace in every line that is logged of this call."""
    call.metadata = dict(call.context.invocation_metadata() or ())  # type: ignore[arg-type]
    call.whence = proxies.whence(call.context.peer(), call.metadata)
    if call.whence.trace_id:
        structlog.contextvars.bind_contextvars(request=call.whence.trace_id)
