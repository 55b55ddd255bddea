"""The processes that Fealty runs in: each may be started, told to stop, killed, and started again."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Protocol

from attack import limits
from storage.embedded import EmbeddedPostgres
from storage.engine import child
from storage.engine.child import Owner
from workers.embedded import EmbeddedValkey

POLL_S = 0.02
KILOBYTE = 1024


class Part(Protocol):
    """What can be killed, and started again."""

    name: str

    def alive(self) -> bool:
        """Whether it was started and has not ended."""

    def start(self) -> None:
        """Start it, or start it again where it has ended."""

    def kill(self) -> None:
        """SIGKILL, and the wait for the end."""


class Command:
    """A command of `fealty` as a process of its own; it dies with us."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._arguments = arguments
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, and return at once."""
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = child.spawn(
            [sys.executable, "-m", "cli.main", *self._arguments],
            log=self.log,
            owner=Owner.ourselves(),
            death_signal=SIGKILL,
            environment=self._environment,
        )

    def await_started(self) -> None:
        """Return once it says that it is at work. Raises RuntimeError with its log where it ends or takes too long."""
        deadline = time.monotonic() + limits.START_S
        while " started" not in (written := self.log.read_text()[self._log_start :]):
            if not self.alive() or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start: {written}")
            time.sleep(POLL_S)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, limit_s: float) -> float | None:
        """SIGTERM; the seconds until it has ended, or None where it had to be killed after `limit_s`."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(SIGTERM)
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        return time.monotonic() - began

    def memory_mb(self) -> float:
        """What it holds in memory; 0 where it does not run."""
        if self._process is None or not self.alive():
            return 0.0
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / KILOBYTE


class Engine:
    """PostgreSQL or Valkey. It is alive once it answers: a start that was killed halfway would not be its own fault."""

    def __init__(self, name: str, server: EmbeddedPostgres | EmbeddedValkey) -> None:
        self.name = name
        self.server = server
        self._answered = False

    def alive(self) -> bool:
        process = self.server.process
        return self._answered and process is not None and process.poll() is None

    def start(self) -> None:
        """Start it, and return when it answers: after a kill that is when it has put its data in order."""
        self._answered = False
        self.server.start()
        self._answered = True

    def kill(self) -> None:
        process = self.server.process
        assert process is not None
        process.kill()
        process.wait()


class Backend:
    """The process of one of PostgreSQL's connections. When one is killed, PostgreSQL throws all of them out."""

    name = "backend"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def alive(self) -> bool:
        return self._engine.alive() and bool(self._connections())

    def start(self) -> None:
        """Nothing: PostgreSQL starts its own."""

    def kill(self) -> None:
        for pid in self._connections()[:1]:
            with suppress(ProcessLookupError):  # it ended while we looked
                os.kill(pid, SIGKILL)

    def _connections(self) -> list[int]:
        process = self._engine.server.process
        assert process is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        found = map(int, children.read_text().split()) if children.exists() else ()
        return [pid for pid in found if self._is_connection(pid)]

    @staticmethod
    def _is_connection(pid: int) -> bool:
        command = Path(f"/proc/{pid}/cmdline")
        return command.exists() and command.read_bytes().startswith(b"postgres: fealty fealty")
