"""Reads what came with the call: its metadata by name, from where it comes, and the id its caller's logs know it by."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from server import limits
from server.call import Call
from server.errors import MetadataTooLarge
from server.whence import Proxies


def read(call: Call, proxies: Proxies) -> None:
    """Fills `metadata` and `whence`; names the trace in every line that is logged of this call. Raises
    MetadataTooLarge."""
    came: Any = call.context.invocation_metadata() or ()
    if sum([len(name) + len(value) for name, value in came]) > limits.METADATA_BYTES_MAX:
        call.made_by(None)
        raise MetadataTooLarge
    metadata = dict(came)
    call.metadata = metadata if len(metadata) == len(came) else _joined(came)
    call.whence = proxies.whence(call.context.peer(), call.metadata)
    if call.whence.trace_id:
        structlog.contextvars.bind_contextvars(request=call.whence.trace_id)


def _joined(came: Iterable[tuple[str, str | bytes]]) -> Mapping[str, Any]:
    """What came twice under a name, as the one list that it is by HTTP (RFC 9110, 5.2). Where a name has one value, two
    are none that has its shape: nobody chooses whether the first is believed or the last. (Of `x-forwarded-for`
    and `user-agent` gRPC gives us the last alone, which is that of the nearest proxy.)"""
    metadata: dict[str, str | bytes] = {}
    for name, value in came:
        before = metadata.get(name)
        metadata[name] = f"{before}, {value}" if isinstance(before, str) and isinstance(value, str) else value
    return metadata


def keep_from_logs() -> None:
    """Of metadata that is no UTF-8, gRPC writes all that it says into the log, be it a key or about a person, for each
    call of anybody. What is made of it here has no shape that is kept."""
    logging.getLogger("grpc._cython.cygrpc").addFilter(_quotes_nothing)


def _quotes_nothing(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Invalid encoding")
