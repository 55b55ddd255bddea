"""Passwords are hashed on a thread of their own, which stands back for all others, and no more than may wait.

Argon2 gives up the interpreter's lock while it works: the event loop goes on.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from rules.passwords import normalised
from server import limits
from server.errors import PasswordsBusy
from storage.logins import hashing

Result = TypeVar("Result")


class Passwords:
    """One for each server process; used on its event loop. Threads begin with the first password."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(limits.PASSWORD_THREADS, "passwords", initializer=_stand_back)
        self._in_hand = 0
        self._rests_until = 0.0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place among those in hand: taken before anything is looked up. Raises PasswordsBusy."""
        if self._in_hand >= limits.PASSWORDS_IN_HAND_MAX:
            raise PasswordsBusy
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1

    async def match(self, password: str, phc: str) -> bool:
        """Whether that is the password of a hash; where there is none (empty), that of nobody, which takes as long."""
        return await self._run(lambda: hashing.matches(normalised(password), phc or hashing.NOBODYS))

    async def derive(self, password: str) -> str:
        """The hash of a password."""
        return await self._run(lambda: hashing.derive(normalised(password)))

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._rested, work)

    def _rested(self, work: Callable[[], Result]) -> Result:
        """Does it once the thread has rested from the one before: a login alone does not wait, a flood leaves room."""
        time.sleep(max(0.0, self._rests_until - time.monotonic()))
        began = time.monotonic()
        try:
            return work()
        finally:
            now = time.monotonic()
            self._rests_until = now + (now - began) * limits.PASSWORD_REST


def _stand_back() -> None:
    # Only Linux has it for one thread; elsewhere the few threads compete like others.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), limits.PASSWORD_NICE)
