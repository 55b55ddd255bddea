"""Where gRPC meets the interceptors: bytes in, bytes out, and every path answered, known or not.

To gRPC, each method takes a stream of requests: on the wire there is no difference, and so a call is ours from its
headers on, not only once its message is there.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import grpc
import grpc.aio

from fealty.v1 import options_pb2
from rules.access import Permission
from rules.activity import METHOD_UNKNOWN
from server import acting
from server.call import Call, Proceed
from server.disclosing import fields_shown
from server.errors import MethodUnknown
from server.interceptors import Interceptors
from server.policy import Method, methods

# Of unknown paths, the log keeps those that look like a method's name; any other text may be anything.
_METHOD = re.compile(r"/[A-Za-z][A-Za-z0-9_.]{0,79}(/[A-Za-z][A-Za-z0-9_]{0,39})?")


class Handlers(grpc.GenericRpcHandler):
    """Finds the handler of a path. gRPC parses nothing: bytes that are no message are noted like any other call."""

    def __init__(self, servicers: Sequence[Any], interceptors: Interceptors) -> None:
        self._interceptors = interceptors
        by_service = {servicer.service: servicer for servicer in servicers}
        self._handlers = {
            method.path: self._handler(method, getattr(by_service[method.service], method.name)) for method in methods()
        }

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        """The handler of the path, or one that says that there is none."""
        return self._handlers.get(details.method) or self._unknown(details.method)

    def _handler(self, method: Method, operation: Callable[..., Any]) -> "grpc.RpcMethodHandler[Any, Any]":
        if method.streams:
            return _stream(method, self._interceptors.chain(method, operation))
        if method.server_streams:
            return self._server_stream(method, operation)

        async def handler(call: Call) -> bytes:
            response = await operation(call, call.request)
            acting.check_answered(call, response)
            if method.shows_personal_data:
                call.details = {**call.details, "fields": fields_shown(response)}
            return bytes(response.SerializeToString())

        return unary(method, self._interceptors.chain(method, handler))

    def _server_stream(self, method: Method, operation: Callable[..., Any]) -> "grpc.RpcMethodHandler[Any, Any]":
        async def handler(call: Call) -> None:
            await operation(call, call.request)

        # What a stream shows must stand in the log before it is shown, not when it ends: its service records it.
        chained = replace(method, audit=options_pb2.AUDIT_CLASS_UNSPECIFIED)
        return _stream(method, self._interceptors.chain(chained, handler))

    def _unknown(self, path: str) -> "grpc.RpcMethodHandler[Any, Any]":
        method = Method(
            path if _METHOD.fullmatch(path) else "",
            "",
            "",
            object,
            False,
            Permission.PROGRAMS_READ,
            audit=0,
            kind=METHOD_UNKNOWN,
        )

        async def handler(call: Call) -> bytes:
            raise MethodUnknown

        return unary(method, self._interceptors.chain(method, handler))


def unary(method: Method, proceed: Proceed) -> "grpc.RpcMethodHandler[Any, Any]":
    """gRPC's handler of a unary method: gives the call to the chain and sends the bytes it answers."""

    async def handle(_: Any, context: "grpc.aio.ServicerContext[Any, Any]") -> bytes | None:
        return await proceed(Call(method, context))

    return grpc.stream_unary_rpc_method_handler(handle)


def _stream(method: Method, proceed: Proceed) -> "grpc.RpcMethodHandler[Any, Any]":
    async def handle(_: Any, context: "grpc.aio.ServicerContext[Any, Any]") -> None:
        await proceed(Call(method, context))

    return grpc.stream_stream_rpc_method_handler(handle)
