"""Ends a call with what its caller is told. The one place that does."""

from grpc import StatusCode

from server.call import Call
from server.errors import Failure

# Where gRPC libraries look for google.rpc.Status, and for how long to wait before trying again (gRFC A6).
DETAILS = "grpc-status-details-bin"
PUSHBACK = "grpc-retry-pushback-ms"


async def end(call: Call, told: Failure) -> None:
    """Raises: gRPC leaves a handler by an exception of its own."""
    trailers: list[tuple[str, str | bytes]] = [(DETAILS, told.status().SerializeToString())]
    if told.retry_ms is not None and told.retries_itself:
        trailers.append((PUSHBACK, str(told.retry_ms)))
    elif told.code is StatusCode.RESOURCE_EXHAUSTED:
        # A cap of the books is not an overload: trying again today is of no use. A limit on attempts is none either: a
        # library that waits for its end guesses on.
        trailers.append((PUSHBACK, "-1"))
    await call.context.abort(told.code, told.message, tuple(trailers))
