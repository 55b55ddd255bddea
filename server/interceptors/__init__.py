"""What every call passes, in the order of `chain`: it is written there once, for all methods.

metrics     counts and times the call
failures    puts what went wrong into words, and ends the call with them; nothing inside aborts
admission   turns the call away where too many are in hand
identity    what came with it: metadata, and an id that the caller's own logs know it by
deadline    the caller's deadline, cut to ours
audit       records what the books do not: refusals, failures, reads of personal data
callers     who calls, and whether they may
validation  parses the bytes and checks the contract's rules
handler     the servicer
"""

import asyncio
import time

from server.call import Call, Proceed
from server.errors import failure
from server.interceptors import deadline, failures, identity, validation
from server.interceptors.admission import Admission
from server.interceptors.audit import Audit
from server.interceptors.callers import Keys
from server.interceptors.metrics import METRICS
from server.policy import Method
from storage.books import Books


class Interceptors:
    """Wraps handlers. One for each server process; what it remembers is shared by all methods."""

    def __init__(self, books: Books, admission: Admission | None = None) -> None:
        self._admission = admission or Admission()
        self._audit = Audit(books)
        self._keys = Keys(books)

    def chain(self, method: Method, handler: Proceed) -> Proceed:
        """The handler inside everything that a call of this method passes.

        One coroutine, not one for each interceptor: on the hot path every await shows.
        """
        metrics = METRICS.of(method)
        validate = validation.of(method)

        async def intercept(call: Call) -> bytes | None:
            started = time.perf_counter()
            code = "OK"
            self._admission.enter()
            try:
                self._admission.check()
                identity.read(call)
                deadline.cut(call)
                if method.is_known:
                    call.authorize = self._keys.authorize
                    await self._keys.authorize(call)
                    validate(call)
                else:
                    call.made_by(None)
                answer = await handler(call)
                if method.shows_personal_data:
                    await self._audit.note_read(call)
                return answer
            except asyncio.CancelledError:
                code = "CANCELLED"
                raise
            except Exception as error:
                told = failure(error)
                code = told.code.name
                await self._audit.note_failure(call, told)
            finally:
                # Before the caller is told: who has an answer finds it counted, and its place free.
                self._admission.leave()
                metrics.note(code, time.perf_counter() - started)
            await failures.end(call, told)
            raise AssertionError("ending a call raises")

        return intercept
