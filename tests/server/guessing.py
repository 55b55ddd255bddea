"""A server with a call that can be guessed at: LookupTransaction as a look-up of codes, behind real interceptors."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import grpc

from fealty.v1 import programs_pb2, transactions_pb2
from rules.access import Role
from rules.refusals import TransactionNotFound
from server.app import build
from server.call import Call
from server.guarding import CODES
from server.handlers import unary
from server.interceptors import Interceptors
from server.policy import methods
from tests.server.serving import Client, Served, program, settings_of

RIGHT = "RIGHT"
LOOKUP = "/fealty.v1.TransactionService/LookupTransaction"
GUESS = "/fealty.test/Guess"
# Addresses of nobody that a test calls from, by what a trusted proxy says.
HOME, ELSEWHERE = "93.184.216.34", "93.184.216.35"


class Guessing(grpc.GenericRpcHandler):
    """The call, which knows one code."""

    def __init__(self, interceptors: Interceptors) -> None:
        method = replace(next(method for method in methods() if method.path == LOOKUP), path=GUESS)
        self.looked_up = 0

        async def guess(call: Call) -> bytes:
            CODES.check(call)
            self.looked_up += 1
            if call.request.transaction_id == RIGHT:
                return b""
            CODES.failed(call)
            raise TransactionNotFound(transaction=call.request.transaction_id)

        self._handler = unary(method, interceptors.chain(method, guess))

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """The one, or None."""
        return self._handler if details.method == GUESS else None


class Shop:
    """A server, what it looked up, and a storefront that people reach through a proxy."""

    def __init__(self, served: Served, guessing: list[Guessing]) -> None:
        self.served = served
        self.app = served.app
        self.guessing = guessing
        # Whoever is no backend: an auditor at a console, until there are storefronts.
        self.storefront = served.client(served.key("storefront", Role.AUDITOR))

    @property
    def looked_up(self) -> int:
        """How many guesses came through to the books."""
        return self.guessing[0].looked_up

    def guess(self, client: Client, code: str = "WRONG", address: str = HOME) -> Awaitable[bytes]:
        """A guess of somebody at that address."""
        request = transactions_pb2.LookupTransactionRequest(parent="programs/coffee", transaction_id=code)
        method: Any = client.channel.unary_unary(GUESS)
        return method(request.SerializeToString(), metadata=(("x-forwarded-for", address),))  # type: ignore[no-any-return]


@asynccontextmanager
async def shop(database_url: str) -> AsyncIterator[Shop]:
    """A server process of that database, with the program `coffee`, until the end of the block."""
    settings = settings_of(database_url).model_copy(update={"trusted_proxies": (ip_network("127.0.0.0/8"),)})
    guessing: list[Guessing] = []

    def more(interceptors: Interceptors) -> Guessing:
        guessing.append(Guessing(interceptors))
        return guessing[0]

    served = Served(await build(settings, more=more), settings)
    try:
        listed = await served.admin.programs.ListPrograms(programs_pb2.ListProgramsRequest())
        if not listed.programs:
            await served.admin.programs.CreateProgram(program("coffee"))
        yield Shop(served, guessing)
    finally:
        await served.close()
