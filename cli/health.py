"""Asks a gRPC server how it is, by the standard health protocol."""

import time

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from cli.dialing import Dialing, dialing
from cli.settings import load

ASK_LIMIT_S = 2.0  # takes 1 ms; a server this slow to say that it is well is not
POLL_S = 0.05


def status(address: str, how: Dialing | None = None) -> str:
    """`SERVING`, `NOT_SERVING`, or why nobody says either. It is called as commands here call it, unless told
    otherwise."""
    how = how or dialing(load(), address)
    with how.channel(address, [("grpc.enable_retries", 0)]) as channel:
        try:
            answer = HealthStub(channel).Check(HealthCheckRequest(), timeout=ASK_LIMIT_S)
        except grpc.RpcError as error:
            code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
            return code.name
    return str(HealthCheckResponse.ServingStatus.Name(answer.status))


def serving(address: str, how: Dialing | None = None) -> bool:
    """Whether a server takes calls there, now."""
    return status(address, how) == "SERVING"


def await_serving(address: str, limit_s: float, how: Dialing | None = None) -> bool:
    """Whether a server takes calls there within `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not serving(address, how):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
