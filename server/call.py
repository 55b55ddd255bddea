"""One call on its way through the interceptors."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import grpc.aio

from rules import recording
from rules.access import ActorType, Caller
from rules.activity import Kind, Origin
from server import limits
from server.admission import Permits
from server.certificates import Presented
from server.errors import Failure, StreamIdle
from server.limiting import Limiter
from server.policy import Method
from server.whence import Whence
from storage.coupons.sealing import CodeSeals
from storage.passes.sealing import WalletKeys

if TYPE_CHECKING:
    from server.guessing import Guessing
    from server.rates import Rates


class Wallet(NamedTuple):
    """What makes tokens of links to passes, and where these lead: below an address, empty: nobody said where."""

    keys: WalletKeys
    url: str


class Attempted(NamedTuple):
    """What a call that fails was to the log, where that is another act than the call itself: a login that failed.
    `caller` is whose account it was; that does not say that they made it."""

    kind: Kind
    caller: Caller


Proceed: TypeAlias = Callable[["Call"], Awaitable[bytes | None]]


class Call:
    """What is known of a call so far. Each interceptor fills its part before it lets the call proceed.

    `subject`, `program`, `customer`, `request_id` and `details` are for the activity log: what the call is about. The
    log keeps them for ever, so they are filled only with what was checked. `codes` seals codes of coupons, `guessing`
    reads those that were typed, `wallet` makes tokens of links to passes, and `rates` counts. `refused` is what the log
    has of a call that is answered, though nothing came of it; `attempted` what it was to the log if it fails.
    `presented` is the client's certificate, where it stands for a key.
    """

    __slots__ = (
        "attempted",
        "authorize",
        "caller",
        "codes",
        "context",
        "customer",
        "deadline",
        "details",
        "forget",
        "guessing",
        "is_cut",
        "limiter",
        "metadata",
        "method",
        "origin",
        "permits",
        "presented",
        "program",
        "rates",
        "raw",
        "refused",
        "request",
        "request_id",
        "subject",
        "wallet",
        "whence",
    )

    codes: CodeSeals
    wallet: Wallet
    guessing: "Guessing"
    rates: "Rates"

    def __init__(self, method: Method, context: "grpc.aio.ServicerContext[Any, Any]") -> None:
        self.method = method
        self.context = context
        self.raw = b""
        self.metadata: Mapping[str, str] = {}
        self.whence = Whence()
        self.deadline = 0.0
        self.is_cut = False
        self.caller: Caller = NOBODY
        self.forget: Callable[[], None] = _nothing
        self.authorize: Callable[[Call], Awaitable[None]] = _not_yet
        self.origin: Origin = Origin(ActorType.ANONYMOUS, "", "API", method.kind, method.path)
        self.permits: Permits | None = None
        self.presented: Presented | None = None
        self.limiter: Limiter | None = None
        self.request: Any = None
        self.request_id = ""
        self.subject = ""
        self.program = ""
        self.customer = ""
        self.details: dict[str, Any] = {}
        self.refused: Failure | None = None
        self.attempted: Attempted | None = None

    @property
    def language(self) -> str:
        """What its caller reads, as `accept-language` has it; empty where it does not say."""
        return str(self.metadata.get("accept-language", ""))

    def made_by(self, caller: Caller | None) -> None:
        """Notes who calls, and from where; None for nobody we know."""
        if caller is not None and caller is self.caller:
            return
        self.caller = caller or NOBODY
        whence = self.whence
        # What is another's with each call would only fill what is remembered.
        origin = _origin(caller, self.method, whence._replace(trace_id="", purpose=""))
        self.origin = origin._replace(trace_id=whence.trace_id, purpose=whence.purpose)

    def about(self, subject: str) -> None:
        """Notes the resource name that the call is about: one that was checked."""
        if subject == "-" and (only := self.caller.only_program):
            # All that such a caller may see is this: it is read in that program's own log who looked at it.
            subject = f"programs/{only}"
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


@lru_cache(maxsize=4096)
def _origin(caller: Caller | None, method: Method, whence: Whence) -> Origin:
    return Origin(
        caller.type if caller else ActorType.ANONYMOUS,
        caller.id if caller else "",
        # What nobody may say stands in no record, not even in that of its refusal.
        whence.source if caller and whence.source and recording.may_say(caller, whence.source) else "API",
        method.kind,
        method.path,
        whence.ip_address,
        whence.user_agent,
        caller.roles if caller else (),
        whence.chain,
        whence.page_url,
        on_behalf_of=caller.on_behalf_of if caller else "",
    )


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


def _nothing() -> None:
    """Nobody is remembered yet."""


async def _not_yet(call: Call) -> None:
    raise AssertionError("only a call that has passed the callers interceptor can ask again")


# Stands where nobody is known yet. It holds no role that the interceptors would let through.
NOBODY = Caller("", "nobody", ActorType.ANONYMOUS, ())
