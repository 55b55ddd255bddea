"""What is guarded against guessing, and of whom failures are counted.

Before anything is looked up, attempts are taken in hand by `CODES.begin(call, …)`, and `CODES.check(call)` is asked,
once more for each message of a stream; then `CODES.failed(call)` is told of each that cannot be used, for whichever of
the reasons that are told as one, and what was in hand is ended.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from rules.access import Role
from rules.limiting import Rule
from rules.refusals import DeadlinePassed
from server import limits
from server.call import Call, log_of
from server.limiting import Key, Undecided, Whose

# Who acts for many customers, and is trusted to tell them apart.
BACKENDS = frozenset({Role.ADMINISTRATOR, Role.SERVICE})
# What one customer of a network provider has, and may choose its addresses from (RFC 6177).
IPV6_PREFIX_BITS = 64


class Guard:
    """One kind of guessing, and the keys under which an attempt at it counts. `begin` alone waits, for others.

    What is guessed at is something of a program, by its public id, or of an account (`of_program` is False)."""

    def __init__(self, keys: Callable[[Call, str], Iterator[Key]], of_program: bool = True) -> None:
        self._keys = keys
        self._of_program = of_program

    @asynccontextmanager
    async def attempt(self, call: Call, about: str, *failures: type[Exception]) -> AsyncIterator[None]:
        """Around one attempt: what raises one of `failures` has failed. Raises TooManyAttempts, DeadlinePassed."""
        undecided = await self.begin(call, {about: 1})
        try:
            self.check(call, about)
            yield
        except failures:
            self.failed(call, about)
            raise
        finally:
            undecided.end()

    async def begin(self, call: Call, attempts: Mapping[str, int]) -> Undecided:
        """Takes attempts in hand, by the public ids of programs so many. Raises DeadlinePassed."""
        assert call.limiter is not None, "only a call that has passed the interceptors"
        counted = Counter[Key]()
        for program, times in attempts.items():
            for key in self._keys(call, program):
                counted[key] += times
        try:
            async with asyncio.timeout(call.deadline - time.monotonic()):
                return await call.limiter.begin(counted)
        except TimeoutError as error:
            raise DeadlinePassed from error

    def check(self, call: Call, program: str = "") -> None:
        """Raises TooManyAttempts where as many have failed as may. `program` is the public id of the one that an item
        of a stream is about; else it is the call's."""
        assert call.limiter is not None, "only a call that has passed the interceptors"
        call.limiter.check(tuple(self._keys(call, program or call.program)))

    def failed(self, call: Call, program: str = "") -> None:
        """Notes that an attempt failed."""
        assert call.limiter is not None, "only a call that has passed the interceptors"
        named = program or call.program
        whose, _ = log_of(call.caller, named if self._of_program else call.program, "")
        call.limiter.failed(tuple(self._keys(call, named)), Whose(call.origin, whose))


def _codes(call: Call, program: str) -> Iterator[Key]:
    if BACKENDS.intersection(call.caller.roles):
        # Where its calls come from is where its own machines are.
        yield Key(limits.CODES_OF_BACKEND, call.caller.id)
        in_program = limits.CODES_OF_BACKENDS_IN_PROGRAM
    else:
        yield Key(limits.CODES_OF_CALLER, call.caller.id)
        if source := source_of(call.whence.ip_address):
            yield Key(limits.CODES_FROM_ADDRESS, source)
        in_program = limits.CODES_IN_PROGRAM
    if program:
        yield Key(in_program, program)


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """What failures from an address are counted by: itself, or its network where one customer has that many.

    Empty where it says nothing of who calls: it is not known, or private, as that of a proxy which is not trusted.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return f"{IPv6Address(int(found) >> IPV6_PREFIX_BITS << IPV6_PREFIX_BITS)}" if found.is_global else ""
        found = found.ipv4_mapped
    return str(found) if found.is_global else ""


CODES = Guard(_codes)


def _of_account(account: Rule | None, address: Rule) -> Callable[[Call, str], Iterator[Key]]:
    def keys(call: Call, whose: str) -> Iterator[Key]:
        if account is not None:
            yield Key(account, whose)
        if source := source_of(call.whence.ip_address):
            yield Key(address, source)

    return keys


# Of the address that somebody logs in with; of the user whose challenge or login it is; of a token that was mailed,
# which is nobody's before it is known; and of the address that a mail is asked for.
LOGINS = Guard(_of_account(limits.LOGINS_OF_ACCOUNT, limits.LOGINS_FROM_ADDRESS), of_program=False)
LOGIN_CODES = Guard(_of_account(limits.CODES_OF_USER, limits.LOGINS_FROM_ADDRESS), of_program=False)
EMAILED_TOKENS = Guard(_of_account(None, limits.LOGINS_FROM_ADDRESS), of_program=False)
RESETS = Guard(_of_account(limits.RESETS_OF_ACCOUNT, limits.RESETS_FROM_ADDRESS), of_program=False)
