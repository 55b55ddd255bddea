"""One call on its way through the interceptors."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import unquote

import grpc.aio

from rules.access import ACTOR_TYPES, ActorType, Caller
from rules.activity import Origin
from server import limits
from server.admission import Permits
from server.errors import StreamIdle
from server.policy import Method

Proceed: TypeAlias = Callable[["Call"], Awaitable[bytes | None]]


# What software calls itself: products with a version (RFC 9110, 10.1.5). Whatever else stands there may be anything.
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,47}/[0-9][A-Za-z0-9._+-]{0,31}")
PRODUCTS_MAX = 3


class Call:
    """What is known of a call so far. Each interceptor fills its part before it lets the call proceed.

    `subject`, `program`, `customer`, `request_id` and `details` are for the activity log: what the call is about. The
    log keeps them for ever, so they are filled only with what was checked.
    """

    __slots__ = (
        "authorize",
        "caller",
        "context",
        "customer",
        "deadline",
        "details",
        "is_cut",
        "metadata",
        "method",
        "origin",
        "permits",
        "program",
        "raw",
        "request",
        "request_id",
        "subject",
    )

    def __init__(self, method: Method, context: "grpc.aio.ServicerContext[Any, Any]") -> None:
        self.method = method
        self.context = context
        self.raw = b""
        self.metadata: Mapping[str, str] = {}
        self.deadline = 0.0
        self.is_cut = False
        self.caller: Caller = NOBODY
        self.authorize: Callable[[Call], Awaitable[None]] = _not_yet
        self.origin: Origin = Origin(ActorType.ANONYMOUS, "", "API", method.kind, method.path)
        self.permits: Permits | None = None
        self.request: Any = None
        self.request_id = ""
        self.subject = ""
        self.program = ""
        self.customer = ""
        self.details: dict[str, Any] = {}

    def made_by(self, caller: Caller | None) -> None:
        """Notes who calls, and from where; None for nobody we know."""
        if caller is not None and caller is self.caller:
            return
        self.caller = caller or NOBODY
        agent = str(self.metadata.get("user-agent", ""))
        self.origin = _origin(caller, self.method, self.context.peer(), agent)

    def about(self, subject: str) -> None:
        """Notes the resource name that the call is about: one that was checked."""
        self.subject = subject
        self.program, self.customer = scope(subject)

    def note(self, subject: str, request_id: str) -> None:
        """The same, with the id of the request."""
        self.about(subject)
        self.request_id = request_id

    async def next_message(self) -> bytes | None:
        """The next message of a stream, None at its end. Raises StreamIdle."""
        raw = await _in_time(self.context.read())
        return None if raw is grpc.aio.EOF else bytes(raw)

    async def send(self, message: bytes) -> None:
        """Sends a message of a stream. Raises StreamIdle where the caller does not take it."""
        await _in_time(self.context.write(message))


async def _in_time(step: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(limits.STREAM_IDLE_MAX_S):
            return await step
    except TimeoutError:
        raise StreamIdle from None


def software(agent: str) -> str:
    """The products in what a caller says it is, without the rest."""
    return " ".join([word for word in agent.split() if _PRODUCT.fullmatch(word)][:PRODUCTS_MAX])


@lru_cache(maxsize=4096)
def _origin(caller: Caller | None, method: Method, peer: str, agent: str) -> Origin:
    return Origin(
        ACTOR_TYPES[caller.role] if caller else ActorType.ANONYMOUS,
        caller.id if caller else "",
        "API",
        method.kind,
        method.path,
        ip_address(peer),
        software(agent),
    )


def ip_address(peer: str) -> str:
    """The address in gRPC's name of a peer: `ipv4:127.0.0.1:5000`, `ipv6:%5B::1%5D:5000`."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    return unquote(rest).rpartition(":")[0].strip("[]")


def scope(subject: str) -> tuple[str, str]:
    """The public ids of program and customer in a resource name; empty where it has none."""
    parts = subject.split("/")
    program = parts[1] if len(parts) >= 2 and parts[0] == "programs" else ""
    customer = parts[3] if len(parts) >= 4 and parts[2] == "customers" else ""
    return program, customer


def log_of(caller: Caller, program: str, customer: str) -> tuple[str, str]:
    """Whose log has a call that named these: of what its caller may not see, nobody's. Else a stranger would write into
    that program's log, and show up there with name and address."""
    return (program, customer) if caller.sees(program) else ("", "")


async def _not_yet(call: Call) -> None:
    raise AssertionError("only a call that has passed the callers interceptor can ask again")


# Stands where nobody is known yet. It holds no role that the interceptors would let through.
NOBODY = Caller("", "nobody", None)  # type: ignore[arg-type]
