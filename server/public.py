"""What is answered to anybody, without a key: health and reflection.

Balancers and grpcurl expect it so. These calls pass none of the interceptors, so they have limits of their own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from server import limits
from server.errors import MessageLate
from server.waiting import Waiting


class Public(grpc.GenericRpcHandler):
    """Handlers of both services, whose open calls are bounded in number and in time."""

    def __init__(self, checks: health.aio.HealthServicer, services: Sequence[str]) -> None:
        names = [*services, health.SERVICE_NAME, reflection.SERVICE_NAME]
        found = _Found()
        health_pb2_grpc.add_HealthServicer_to_server(checks, found)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflection.aio.ReflectionServicer(names), found)
        waiting = Waiting(limits.PUBLIC_CALLS_MAX, limits.PUBLIC_CALL_MAX_S, MessageLate)
        self._handlers = {path: _limited(handler, waiting) for path, handler in found.handlers.items()}

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """The handler of the path, where it is one of theirs."""
        return self._handlers.get(details.method)


class _Found:
    """Stands where the generated code expects a server, and keeps what it registers."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """The same handlers, not by path."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """The handlers of a service, by the names of its methods."""
        self.handlers |= {f"/{service}/{name}": handler for name, handler in handlers.items()}


def _limited(handler: Any, waiting: Waiting) -> "grpc.RpcMethodHandler[Any, Any]":
    """The handler, ended where it lasts too long. To gRPC it takes a stream: so its message is awaited by us."""

    async def answer(messages: Any, context: "grpc.aio.ServicerContext[Any, Any]") -> Any:
        if handler.request_streaming:
            async for response in handler.stream_stream(messages, context):
                await context.write(response)
            return None
        request = await context.read()
        if request is grpc.aio.EOF:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The call has no message.")
        return await (handler.unary_stream if handler.response_streaming else handler.unary_unary)(request, context)

    async def handle(messages: Any, context: "grpc.aio.ServicerContext[Any, Any]") -> Any:
        try:
            with waiting:
                return await answer(messages, context)
        except MessageLate:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The call was open for too long; make another.")

    make = grpc.stream_stream_rpc_method_handler if handler.response_streaming else grpc.stream_unary_rpc_method_handler
    return make(handle, handler.request_deserializer, handler.response_serializer)
