"""The server that is measured: Fealty's own, with two more methods to compare it with.

/bench/Nothing   does nothing: what gRPC itself costs in this process, without a single interceptor
/bench/Plain     records a purchase the usual way: one transaction a call, idiomatic Peewee, a thread pool,
                 behind the same interceptors
"""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from bench.plain import record
from cli.logs import configure
from cli.settings import LogFormat
from fealty.v1 import transactions_pb2
from fealty.v1.transactions_pb2 import RecordTransactionResponse
from server.app import build, event_loop
from server.call import Call
from server.handlers import unary
from server.interceptors import Interceptors
from server.policy import methods
from server.settings import ServerSettings
from storage.engine.database import connection, handle

NOTHING = "/bench/Nothing"
PLAIN = "/bench/Plain"
RECORD = "/fealty.v1.TransactionService/RecordTransaction"

# Threads of the plain way; more make it slower.
PLAIN_THREADS = 8


class Comparison(grpc.GenericRpcHandler):
    """The two methods, the second behind these interceptors."""

    def __init__(self, interceptors: Interceptors) -> None:
        threads = ThreadPoolExecutor(PLAIN_THREADS)

        async def nothing(request: bytes, context: Any) -> bytes:
            return b""

        def transaction(request: transactions_pb2.RecordTransactionRequest) -> RecordTransactionResponse:
            with connection(handle.obj):
                return record(request)

        async def plain(call: Call) -> bytes:
            answer = await asyncio.get_running_loop().run_in_executor(threads, transaction, call.request)
            return answer.SerializeToString()

        method = next(method for method in methods() if method.path == RECORD)
        self._handlers = {
            NOTHING: grpc.unary_unary_rpc_method_handler(nothing),
            PLAIN: unary(method, interceptors.chain(method, plain)),
        }

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """One of the two, or None."""
        return self._handlers.get(details.method)


async def serve(settings: ServerSettings) -> None:
    """Serves until SIGTERM, as one of `settings.processes` that share the port; says so on standard output."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    app = await build(settings, share_port=settings.processes > 1, more=Comparison)
    print("ready", flush=True)
    await stop.wait()
    await app.drain()


if __name__ == "__main__":
    configure(LogFormat.CONSOLE)
    with event_loop() as runner:
        runner.run(serve(ServerSettings()))  # type: ignore[call-arg]
