"""What is answered to anybody, without a key: health, and reflection in both its versions.

Balancers and grpcurl expect it so. These calls pass none of the interceptors, so they have limits of their own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import grpc.aio
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from server import limits
from server.errors import MessageLate
from server.waiting import Waiting


def _reflection_v1() -> str:
    """The name of reflection v1, made known to who asks for its descriptor: v1alpha under another name, as gRPC made
    it. The library has v1alpha only, and clients begin with v1."""
    known = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(known)
    renamed = text_format.MessageToString(known).replace("v1alpha", "v1")
    v1 = text_format.Parse(renamed, FileDescriptorProto())
    Default().AddSerializedFile(v1.SerializeToString())
    return f"{v1.package}.{v1.service[0].name}"


REFLECTION_V1 = _reflection_v1()


class Public(grpc.GenericRpcHandler):
    """Handlers of these services, whose open calls are bounded in number and in time."""

    def __init__(self, checks: health.aio.HealthServicer, services: Sequence[str]) -> None:
        names = [*services, health.SERVICE_NAME, reflection.SERVICE_NAME, REFLECTION_V1]
        found = _Found()
        health_pb2_grpc.add_HealthServicer_to_server(checks, found)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflection.aio.ReflectionServicer(names), found)
        for path, handler in list(found.handlers.items()):
            # The messages of both versions are the same on the wire.
            found.handlers[path.replace(reflection.SERVICE_NAME, REFLECTION_V1)] = handler
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
