"""Workers and clocks as processes of their own, to be stopped and killed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
# Everything waited for takes a second or two; a busy machine may take many times that.
WAIT_LIMIT_S = 120.0

WORKER = """
import sys
from tests.workers.acting import ACTORS
from workers.settings import WorkerSettings
from workers.worker import main
sys.exit(main(WorkerSettings(redis_url=sys.argv[2], threads=2), sys.argv[1], ACTORS))
"""

MAIL_WORKER = """
import sys
from workers.settings import WorkerSettings
from workers.worker import main
sys.exit(main(WorkerSettings(redis_url=sys.argv[2], threads=2, queues=("mail",)), sys.argv[1]))
"""

CLOCK = """
import sys
from workers.clock import main
from workers.settings import WorkerSettings
sys.exit(main(WorkerSettings(redis_url=sys.argv[2]), sys.argv[1]))
"""


class Processes:
    """Starts them; each is ready when it is returned."""

    def __init__(self, database_url: str, redis_url: str, folder: Path) -> None:
        self.running: list[subprocess.Popen[bytes]] = []
        self._urls = (database_url, redis_url)
        self._folder = folder

    def worker(self, **variables: str) -> subprocess.Popen[bytes]:
        """A worker with two threads, for the actors of tests.workers.acting."""
        return self._start(WORKER, "worker", **variables)

    def mail_worker(self, mail_url: str, sender: str, trusted: Path) -> subprocess.Popen[bytes]:
        """A worker as operators start it, for mail only, which believes the certificates of a file."""
        known = {"FEALTY_MAIL_URL": mail_url, "FEALTY_MAIL_SENDER": sender, "SSL_CERT_FILE": str(trusted)}
        return self._start(MAIL_WORKER, "worker", **known)

    def clock(self, name: str) -> subprocess.Popen[bytes]:
        """A clock whose connections carry `name`."""
        return self._start(CLOCK, "clock", PGAPPNAME=name)

    @property
    def logs(self) -> str:
        """What all of them have written."""
        return "".join(log.read_text() for log in self._folder.glob("*.log"))

    def kill_all(self) -> None:
        """Ends what still runs."""
        for process in self.running:
            process.kill()
            process.wait()

    def _start(self, program: str, kind: str, **variables: str) -> subprocess.Popen[bytes]:
        log = self._folder / f"{kind}-{len(self.running)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", program, *self._urls],
                cwd=CHECKOUT,
                env={**os.environ, "PGAPPNAME": kind, **variables},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.running.append(process)
        eventually(lambda: f"{kind} started" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        return process


def eventually(holds: Callable[[], object]) -> None:
    """Returns when it holds."""
    deadline = time.monotonic() + WAIT_LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
