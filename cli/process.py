"""One process of ours under `fealty up`: the server, the worker or the clock."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

from cli.failures import Failure
from cli.settings import Settings
from cli.stopping import StopRequest
from storage.engine import child
from storage.engine.child import Owner

START_LIMIT_S = 60.0  # takes 0.5 s, most of it imports; a laptop that is busy starting up takes longer
LEFTOVER_LIMIT_S = 60.0  # a process whose `up` was killed ends by itself, within its own stop limit
POLL_S = 0.02
LOG_HEAD_BYTES = 65_536  # in which its ready line stands
LOG_TAIL_BYTES = 4096  # in which its last sentence stands


class Process:
    """A command of `fealty` as our child, apart from the terminal; when we die in any way, it gets `death_signal`.

    `ready` is shown what it has written to its log since it started, and says whether it is at work. `environment` is
    what it is told beside the settings.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        settings: Settings,
        ready: Callable[[str], bool],
        stop_limit_s: float,
        death_signal: Signals,
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self.log = _log(name, settings.data_dir)
        self._command = (sys.executable, "-m", "cli.main", *arguments)
        self._environment = settings.environment(environment)
        self._ready = ready
        self._stop_limit_s = stop_limit_s
        self._death_signal = death_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self, stopping: StopRequest) -> None:
        """Return when it is ready, or `stopping` is set. Raises Failure where it ends instead."""
        with child.errors_as(Failure, self.log.parent):
            self._log_start = self.log.stat().st_size if self.log.exists() else 0
            self._process = child.spawn(
                self._command,
                log=self.log,
                owner=Owner.ourselves(),
                death_signal=self._death_signal,
                environment=self._environment,
            )
        deadline = time.monotonic() + START_LIMIT_S
        while not self._ready(self._written()) and not stopping.is_set():
            if self._process.poll() is not None:
                raise Failure(f"the {self.name} did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise Failure(f"the {self.name} was not ready within {START_LIMIT_S:.0f} s: {self.log} may say why")
            time.sleep(POLL_S)

    def has_ended(self) -> bool:
        """Whether it was started and is no more."""
        return self._process is not None and self._process.poll() is not None

    def ending(self) -> str:
        """How it ended, in words, and why or where to read why."""
        assert self._process is not None
        return f"the {self.name} {how_it_ended(self._process.returncode)}: {self._last_words()}"

    def stop(self) -> bool:
        """End it, and all that it started; False where any had to be killed because it did not end in its time."""
        process, self._process = self._process, None
        if process is None:
            return True
        process.send_signal(SIGTERM)  # nothing, where it has ended
        try:
            process.wait(self._stop_limit_s)
        except subprocess.TimeoutExpired:
            child.stop(process, ())
            return False
        return self._stop_orphans(process.pid)

    def _stop_orphans(self, group: int) -> bool:
        """End what a killed process left: the further processes of a server, which hold its log and its port."""
        deadline = time.monotonic() + self._stop_limit_s
        while child.is_served(self.log):
            late = time.monotonic() > deadline
            with suppress(ProcessLookupError):  # the last of them has just ended
                os.killpg(group, SIGKILL if late else SIGTERM)
            if late:
                return False
            time.sleep(POLL_S)
        return True

    def _written(self) -> str:
        with self.log.open("rb") as log:
            # A log that was put aside at the start, because it was long, began anew.
            log.seek(self._log_start if self._log_start <= self.log.stat().st_size else 0)
            return log.read(LOG_HEAD_BYTES).decode(errors="replace")

    def _last_words(self) -> str:
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
            last = log.read().decode(errors="replace").rstrip().rpartition("\n")[2]
        if last.startswith("Error: "):
            return last.removeprefix("Error: ")
        return f"the last lines of {self.log} say why"


def await_leftover(name: str, data_dir: Path) -> None:
    """Return once no process of that name, whose `up` was killed, lives on the data directory. Raises Failure."""
    deadline = time.monotonic() + LEFTOVER_LIMIT_S
    while child.is_served(_log(name, data_dir)):
        if time.monotonic() > deadline:
            raise Failure(f"a {name} from before does not end: end the processes that hold {_log(name, data_dir)}")
        time.sleep(POLL_S)


def how_it_ended(code: int) -> str:
    """An exit code of `subprocess` in words."""
    return f"was killed by {Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _log(name: str, data_dir: Path) -> Path:
    return data_dir / f"{name}.log"
