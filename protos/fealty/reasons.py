"""Why a call was refused, out of the error that the stub raised."""

from collections.abc import Mapping
from typing import NamedTuple

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status


class Refusal(NamedTuple):
    """`reason` is a name of `enum ErrorReason` without its prefix; `facts` are what the contract promises with it."""

    reason: str
    message: str
    facts: Mapping[str, str]


def refusal(error: grpc.RpcError) -> Refusal | None:
    """The reason of a failed call, or None where no server of ours answered (the network, a proxy)."""
    trailers = error.trailing_metadata() if isinstance(error, grpc.Call | grpc.aio.AioRpcError) else ()
    for key, value in trailers or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            status = Status.FromString(value)
            return refusal_of(status)
    return None


def refusal_of(status: Status) -> Refusal | None:
    """The same out of the status of a stream's item."""
    for detail in status.details:
        info = ErrorInfo()
        if detail.Unpack(info) and info.domain == "fealty":
            return Refusal(info.reason, status.message, dict(info.metadata))
    return None
