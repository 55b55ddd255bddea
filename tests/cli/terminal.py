"""A terminal of an operator: `fealty …` as processes of their own, on a data directory and ports of their own."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.cli.forking import Forked

# A start takes 3 s and a stop 2 s; a busy machine may take many times that.
WAIT_LIMIT_S = 120.0
# Commands that start others.
STARTING = {"up", "demo"}
KEY = re.compile(r"fealty_[0-9a-f]{16}_[0-9a-f]{64}")


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Running:
    """A command that runs."""

    def __init__(self, process: subprocess.Popen[bytes] | Forked, out: Path, err: Path) -> None:
        self.process = process
        self._out = out
        self._err = err

    @property
    def out(self) -> str:
        """What it printed so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """What it said on stderr so far."""
        return self._err.read_text()

    def await_said(self, text: str) -> None:
        """Return once it said so on stderr."""
        eventually(lambda: text in self.err or self.process.poll() is not None)
        assert text in self.err, self.err

    def end(self, number: signal.Signals) -> Outcome:
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        return self.await_end()

    def await_end(self) -> Outcome:
        """Wait for the end."""
        code = self.process.wait(WAIT_LIMIT_S)
        return Outcome(code, self.out, self.err)


class Terminal:
    """Commands find each other by the data directory and the ports of this terminal."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._started: list[Running] = []
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FEALTY_")}
        self.environment = {
            **inherited,
            "FEALTY_DATA_DIR": str(self.data_dir),
            "FEALTY_PORT": str(self.port),
            "FEALTY_PROBE_PORT": str(free_port()),
            "FEALTY_PASSES_PORT": str(free_port()),
            "FEALTY_PASSES_PROBE_PORT": str(free_port()),
            **variables,
        }

    def run(self, *arguments: str, program: str = "", **variables: str) -> Outcome:
        """A command to its end. `program` is Python to run first, in a process that has imported nothing yet."""
        environment = {**self.environment, **variables}
        if not program:
            with TemporaryDirectory() as told:
                out, err = Path(told, "out"), Path(told, "err")
                forked = Forked(arguments, environment, self.folder, out, err)
                try:
                    return Running(forked, out, err).await_end()
                finally:
                    forked.kill()
        command = [sys.executable, "-c", f"{program}\nfrom cli.main import main\nmain()", *arguments]
        done = subprocess.run(
            command,
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=WAIT_LIMIT_S,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, **variables: str) -> Running:
        """A command that goes on. Those that start others are processes like any, as one sees them from outside."""
        number = len(self._started)
        out, err = self.folder / f"{number}.out", self.folder / f"{number}.err"
        environment = {**self.environment, **variables}
        process: subprocess.Popen[bytes] | Forked
        if arguments[0] in STARTING:
            with out.open("wb") as to_out, err.open("wb") as to_err:
                process = subprocess.Popen(
                    [sys.executable, "-m", "cli.main", *arguments],
                    env=environment,
                    cwd=self.folder,
                    stdout=to_out,
                    stderr=to_err,
                    start_new_session=True,
                )
        else:
            for empty in (out, err):
                empty.touch()
            process = Forked(arguments, environment, self.folder, out, err)
        self._started.append(Running(process, out, err))
        return self._started[-1]

    def up(self, **variables: str) -> Running:
        """`fealty up`, ready."""
        running = self.start("up", **variables)
        running.await_said("Fealty is up")
        return running

    def processes(self) -> dict[int, str]:
        """The command lines of all processes that live on this data directory."""
        forked = [one.process for one in self._started if isinstance(one.process, Forked)]
        found = {one.pid: f"cli.main {' '.join(one.arguments)}" for one in forked if one.poll() is None}
        for place in Path("/proc").glob("[1-9]*"):
            try:
                command, environment = ((place / name).read_bytes() for name in ("cmdline", "environ"))
            except OSError:  # it ended while we looked
                continue
            if command and os.fsencode(self.data_dir) in command + environment:
                found[int(place.name)] = command.replace(b"\0", b" ").decode()
        return found

    def process(self, pattern: str) -> int:
        """The first, that is the oldest, of them whose command line has the pattern."""
        return next(pid for pid, command in sorted(self.processes().items()) if re.search(pattern, command))

    def kill(self, pattern: str) -> None:
        """`kill -9` of that process."""
        os.kill(self.process(pattern), signal.SIGKILL)

    def await_nothing_running(self) -> None:
        """Return once none of them lives."""
        eventually(lambda: not self.processes())

    def kill_all(self) -> None:
        """Whatever a failed test left."""
        for running in self._started:
            running.process.kill()
            running.process.wait()
        self.await_nothing_running()


def free_port() -> int:
    """A port that nobody listens on, below those that clients are given."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def eventually(holds: Callable[[], object]) -> None:
    """Return when it holds."""
    deadline = time.monotonic() + WAIT_LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sentence(outcome: Outcome) -> str:
    """What a command that refused said: one line, no traceback, exit code 1, nothing printed."""
    assert outcome.code == 1, outcome
    assert outcome.out == "", outcome
    assert "Traceback" not in outcome.err
    errors = [line for line in outcome.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, outcome.err
    assert outcome.err.rstrip().endswith(errors[0])
    assert errors[0].endswith("."), errors[0]
    return errors[0]
