"""Whether a server process answers: it calls itself, as a client would."""

import asyncio
import threading
import time

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from server import limits


class Readiness:
    """Asked from any thread, by whoever reaches the probes: one call a second, however many ask.

    The call goes to a port that is this process's own: the one that clients use may be shared with other processes.
    The database is not asked: to drain every server for its outage would help nobody.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, port: int) -> None:
        self._loop = loop
        self._port = port
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._said = ""
        self._stopping = False

    def stop(self) -> None:
        """From now on the process is not ready, whatever it answers."""
        self._stopping = True

    def missing(self) -> str:
        """What is missing for this process to be ready; empty where nothing is."""
        if self._stopping:
            return "this process is stopping"
        with self._lock:
            if time.monotonic() - self._asked_at > limits.READY_BELIEVED_S:
                self._said = self._ask()
                self._asked_at = time.monotonic()
            return self._said

    def _ask(self) -> str:
        asking = asyncio.run_coroutine_threadsafe(self._call(), self._loop)
        try:
            return asking.result(limits.READY_ANSWER_MAX_S)
        except TimeoutError:
            asking.cancel()
            return "this process does not answer a call of its own"

    async def _call(self) -> str:
        # A connection of its own each time: that it is taken is part of the question.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._port}", options) as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            try:
                answer = await check(health_pb2.HealthCheckRequest(), timeout=limits.READY_ANSWER_MAX_S)
            except grpc.aio.AioRpcError as error:
                return f"a call of its own failed: {error.code().name}"
        serving = answer.status == health_pb2.HealthCheckResponse.SERVING
        return "" if serving else "this process is not serving"
