"""What every call passes, in the order of `chain`, written there once for all methods; audit acts on the way out.

metrics     counts and times the call
failures    puts what went wrong into words, and ends the call with them; nothing inside aborts
identity    what came with it: metadata, from where it comes, and an id that the caller's own logs know it by
arrival     waits for the message, for a while; until then the call holds no permit
admission   turns the call away where too many are in hand
deadline    the caller's deadline, cut to ours
audit       records what the books do not: refusals, failures, reads of personal data
callers     who calls, how often, and whether they may
admission   turns the call away where its caller has its share; a stream takes a permit of its own kind instead
validation  parses the bytes and checks the contract's rules
guessing    turns away who tried too many codes, and codes that are mistyped
handler     the servicer
"""

import asyncio
import time

from rules import access
from server import acting, limits
from server.admission import Permits
from server.call import Call, Proceed, Wallet
from server.errors import Overloaded, ShareUsedUp, TooManyStreams, failure
from server.guessing import GUARDED, Guessing, shown
from server.interceptors import deadline, failures, identity, validation
from server.interceptors.arrival import Arrivals
from server.interceptors.audit import Audit
from server.interceptors.callers import Keys
from server.interceptors.metrics import IN_HAND, METRICS
from server.limiting import Limiter
from server.naming_coupons import named
from server.outage import DATABASE
from server.policy import Method
from server.rates import Rates
from server.whence import Proxies
from storage.activity.spool import Spool
from storage.books import Books


class Interceptors:
    """Wraps handlers. One for each server process; what it remembers is shared by all methods."""

    def __init__(self, books: Books, spool: Spool, proxies: Proxies, attempt_secret: bytes) -> None:
        self._proxies = proxies
        self._arrivals = Arrivals()
        self._calls = Permits(limits.CALLS_MAX, Overloaded, ShareUsedUp)
        IN_HAND.set_function(lambda: self._calls.taken)
        self._audit = Audit(books, spool)
        self._keys = Keys(books)
        self._codes = books.codes
        self._wallet = Wallet(books.wallet, books.passes_url)
        self._guessing = Guessing(books)
        self._limiter = Limiter(books, attempt_secret, self._audit.note)
        self._rates = Rates(self._limiter)

    def begin(self) -> None:
        """Takes in what could not be recorded before."""
        self._audit.begin()

    def forget(self) -> None:
        """Asks again of whoever calls next: somebody has changed here what callers may."""
        self._keys.forget()

    async def close(self) -> None:
        """Tells and records what was counted and not yet told or recorded."""
        await self._limiter.close()
        await self._audit.close()

    def chain(self, method: Method, handler: Proceed) -> Proceed:
        """The handler inside everything that a call of this method passes.

        One coroutine, not one for each interceptor: on the hot path every await shows.
        """
        metrics = METRICS.of(method)
        validate = validation.of(method)
        streams = _streams(method)
        is_guarded = method.request in GUARDED

        async def intercept(call: Call) -> bytes | None:
            started = time.perf_counter()
            code = "OK"
            permit = undecided = None
            try:
                identity.read(call, self._proxies)
                if method.is_known and not method.streams:
                    call.raw = await self._arrivals.message(call)
                    started = time.perf_counter()
                permit = self._calls.acquire()
                deadline.cut(call)
                if method.is_known:
                    call.authorize = self._keys.authorize
                    call.forget = self._keys.forget
                    call.codes = self._codes
                    call.wallet = self._wallet
                    call.limiter = self._limiter
                    call.guessing = self._guessing
                    call.rates = self._rates
                    await self._keys.authorize(call)
                    if streams is not None:
                        # An open stream is not in hand: its messages are, while they are worked on.
                        permit.release()
                        permit = streams.acquire()
                        call.permits = self._calls
                    permit.charge(call.caller.id)
                    validate(call)
                    acting.check_asked(call, call.request, call.subject)
                    if call.program and len(call.caller.grants) > 1 and not method.is_of_oneself:
                        # What it holds elsewhere is no permission here.
                        access.check(call.caller, method.permission, call.program)
                    self._audit.check(method)
                    if is_guarded:
                        undecided = await self._guessing.begin(call, [(call.request, call.program)])
                        await self._guessing.admit(call, call.request, call.program)
                else:
                    call.made_by(None)
                answer = await (handler(call) if streams or not call.is_cut else deadline.within(call, handler))
                if method.shows_personal_data:
                    await self._audit.note_read(call)
                if call.refused is not None:
                    await self._audit.note_failure(call, call.refused)
                if streams is None:
                    DATABASE.answered()
                return answer
            except asyncio.CancelledError:
                code = "CANCELLED"
                raise
            except Exception as error:
                told = failure(error, call.subject)
                code = told.code.name
                if is_guarded and call.request is not None:
                    self._guessing.note(call, call.request, told, call.program)
                    call.details = {**call.details, **named(call, call.request, told, call.program)}
                await self._audit.note_failure(call, told)
                if is_guarded:
                    told = shown(call, call.request, told, call.program)
            finally:
                # Before the caller is told: who has an answer finds it counted, and its permit free.
                if undecided is not None:
                    undecided.end()
                if permit is not None:
                    permit.release()
                metrics.note(code, time.perf_counter() - started)
            await failures.end(call, told)
            raise AssertionError("ending a call raises")

        return intercept


def _streams(method: Method) -> Permits | None:
    """The permits of the method's open streams; None where its calls are none."""
    if method.streams:
        most = limits.IMPORTS_MAX if method.kind.type == "DATA" else limits.INGEST_STREAMS_MAX
        return Permits(most, TooManyStreams, TooManyStreams)
    if method.server_streams:
        most = limits.EXPORTS_MAX if method.kind.type == "EXPORT" else limits.WATCHERS_MAX
        return Permits(most, TooManyStreams, TooManyStreams)
    return None
