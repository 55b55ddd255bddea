"""Processes of `fealty …` that fork from one in which all of it is imported: that takes a second of a processor, and
most commands that are tested end at once."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# Theirs are the imports that take long; what a command imports beyond them, it imports itself.
IMPORTED = ["cli.main", "cli.books", "cli.up", "server.main", "workers.worker", "workers.clock", "wallet.web.process"]

# As every command does before it imports anything (cli/main.py): here it is imported before.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(IMPORTED)


class Forked:
    """A command that runs, in a session of its own, and is asked and told as a subprocess is."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path
    ) -> None:
        self.arguments = list(arguments)
        self._process = _processes.Process(target=_run, args=(self.arguments, dict(environment), folder, out, err))
        self._process.start()

    @property
    def pid(self) -> int:
        """The id of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Sends it, if the process lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it at once."""
        self.send_signal(signal.SIGKILL)

    def wait(self, limit_s: float | None = None) -> int:
        """The exit code, once it has ended."""
        self._process.join(limit_s)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.arguments, limit_s or 0.0)
        return code


def _run(arguments: list[str], environment: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    from cli.main import main

    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, place in enumerate((Path(os.devnull), out, err)):
        opened = os.open(place, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["fealty", *arguments]
    main()
