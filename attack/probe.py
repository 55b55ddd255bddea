"""The honest caller: a steady trickle of purchases and balances of one key, through the client package.

It runs in a process of its own, so that what an attack costs us is not taken for what it costs the server. Calls leave
on time whether or not the ones before were answered, and their latency counts from then: a server that stops answering
cannot slow down its own measurement.
"""

import asyncio
import math
import multiprocessing
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from multiprocessing.connection import Connection as Pipe
from typing import Any, NamedTuple

import grpc.aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from attack import club, limits
from fealty import connect_async
from fealty.v1 import points_pb2
from fealty.v1.points_pb2_grpc import PointsServiceStub
from fealty.v1.transactions_pb2_grpc import TransactionServiceStub

WRITE, READ, HEALTH = "write", "read", "health"


class Sample(NamedTuple):
    """One call: when it was due (time.monotonic, the same in all processes), how long it took, how it ended."""

    kind: str
    at: float
    seconds: float
    code: str


class Figures(NamedTuple):
    """Of calls of one kind. Latencies are of those that succeeded: a refusal is quick."""

    calls: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    failed: Counter[str]


def figures(samples: Iterable[Sample], kind: str) -> Figures:
    """What calls of a kind saw."""
    chosen = [sample for sample in samples if sample.kind == kind]
    ordered = sorted(sample.seconds * 1000 for sample in chosen if sample.code == "OK")

    def share(part: float) -> float:
        return ordered[math.ceil(part * len(ordered)) - 1] if ordered else math.nan

    failed = Counter(sample.code for sample in chosen if sample.code != "OK")
    return Figures(len(chosen), share(0.50), share(0.99), share(1.0), failed)


class Probe:
    """Calls from `with` to its end, the first when it is connected; `samples` are there after it."""

    def __init__(self, target: str, key: str) -> None:
        self.samples: Sequence[Sample] = ()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(target, key, theirs), daemon=True)

    def __enter__(self) -> "Probe":
        self._process.start()
        if not self._pipe.poll(limits.START_S):
            raise RuntimeError("the probe found nobody to call")
        self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send(None)
        try:
            if self._pipe.poll(limits.START_S):
                self.samples = self._pipe.recv()
        finally:
            self._process.terminate()
            self._process.join()


def _main(target: str, key: str, pipe: Pipe) -> None:
    asyncio.run(_call(target, key, pipe))


async def _call(target: str, key: str, pipe: Pipe) -> None:
    told = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), told.set)
    samples: list[Sample] = []
    # Health is asked as a balancer asks: plainly, and once.
    plain = grpc.aio.insecure_channel(target, [("grpc.enable_retries", 0)])
    async with connect_async(target, key) as fealty, plain, asyncio.TaskGroup() as group:
        points, transactions = PointsServiceStub(fealty.channel), TransactionServiceStub(fealty.channel)
        health: Any = HealthStub(plain)
        accounts = [club.account(club.CLUB, f"c{number}") for number in range(club.PROBE_CUSTOMERS)]

        def turn(number: int) -> None:
            account = accounts[number % len(accounts)]
            write: Any = transactions.RecordTransaction(club.purchase(account), timeout=limits.PROBE_DEADLINE_S)
            read: Any = points.GetBalance(
                points_pb2.GetBalanceRequest(account=account), timeout=limits.PROBE_DEADLINE_S
            )
            calls = [(WRITE, write), (READ, read)]
            if not number % round(limits.HEALTH_EVERY_S * limits.PROBE_PER_S):
                calls.append((HEALTH, _healthy(health)))
            for kind, call in calls:
                group.create_task(_noted(samples, kind, began + number / limits.PROBE_PER_S, call))

        # What connecting costs is no answer's latency.
        await points.GetBalance(points_pb2.GetBalanceRequest(account=accounts[0]))
        await _healthy(health)
        pipe.send(None)
        began, number = time.monotonic(), 0
        while not told.is_set():
            turn(number)
            number += 1
            await asyncio.sleep(max(0.0, began + number / limits.PROBE_PER_S - time.monotonic()))
    pipe.send(samples)


async def _healthy(health: Any) -> None:
    answer = await health.Check(HealthCheckRequest(), timeout=limits.PROBE_DEADLINE_S)
    if answer.status != HealthCheckResponse.SERVING:
        raise NotServing


class NotServing(Exception):
    """The server answered that it is not well."""


async def _noted(samples: list[Sample], kind: str, due: float, call: Awaitable[Any]) -> None:
    code = "OK"
    try:
        await call
    except grpc.aio.AioRpcError as error:
        code = error.code().name
    except NotServing:
        code = "NOT_SERVING"
    samples.append(Sample(kind, due, time.monotonic() - due, code))
