"""All of Fealty on one host: started in order, watched, and stopped in order.

PostgreSQL, Valkey, the schema, the personal key, the first API key; then server, passes, worker, clock. Stopped in the
order in which nothing is lost: server, passes, worker, clock, and only then the servers that these need.
"""

import fcntl
import os
import socket
import time
from collections.abc import Callable, Mapping
from signal import SIGKILL, SIGTERM

import structlog

from cli import authority, books, health
from cli.dialing import dialing
from cli.failures import Failure
from cli.process import Process, await_leftover, how_it_ended
from cli.serve import of_server
from cli.settings import Settings
from cli.stopping import StopRequest
from rules.access import Role
from storage import migrate
from storage.access.commands import create_key
from storage.access.queries import any_key
from storage.embedded import EmbeddedPostgres
from storage.engine import child
from storage.engine.child import Owner
from storage.engine.database import connection, open_database
from storage.engine.unit import transaction
from storage.personal.keys import ensure
from storage.rights import login_of
from workers import diagnosis
from workers.embedded import EmbeddedValkey

WATCH_S = 0.2  # a dead process is noticed within it
# SIGTERM to exit. Longer than each takes by its own limits, so that SIGKILL is for what hangs.
STOP_LIMIT_S = {"server": 30.0, "passes": 30.0, "worker": 45.0, "clock": 30.0}
# What each gets when we are killed, again and again while our threads die. The server then ends its calls and its
# own processes. The others have nothing to end: their broker and database go at the same moment, and no task is lost.
DEATH_SIGNAL = {"server": SIGTERM, "passes": SIGKILL, "worker": SIGKILL, "clock": SIGKILL}
FIRST_KEY_NAME = "administrator"


class AlreadyRunning(Failure):
    """Somebody else runs this data directory."""


class Stack:
    """`start`, `watch`, `stop`: once each. `show_key` is given the first key, the only time that it can be seen.
    `environment` is what our processes are told beside the settings; `makes_tls` makes certificates where there are
    none."""

    def __init__(
        self,
        settings: Settings,
        show_key: Callable[[str], None] | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        makes_tls: bool = False,
    ) -> None:
        self._settings = settings
        self._show_key = show_key
        self._environment = environment or {}
        self._makes_tls = makes_tls
        self._log = structlog.get_logger("fealty.up")
        self._lock = -1
        self._postgres: EmbeddedPostgres | None = None
        self._valkey: EmbeddedValkey | None = None
        self._processes: list[Process] = []

    def start(self, stopping: StopRequest) -> None:
        """Return when all are ready, or, between two of them, once `stopping` is set.

        Raises Failure, EmbeddedError, EmbeddedBrokerError, StorageUnavailable, BrokerUnavailable, KeyringError. Call
        `stop` then too.
        """
        steps = (
            self._take_data_dir,
            self._await_leftovers,
            self._local_tls,
            self._check_ports,
            self._start_postgres,
            self._start_valkey,
            self._migrate,
            self._personal_key,
            self._first_key,
            lambda: self._start_process("server", stopping),
            lambda: self._start_process("passes", stopping),
            lambda: self._start_process("worker", stopping),
            lambda: self._start_process("clock", stopping),
        )
        for step in steps:
            if stopping.is_set():
                return
            step()

    def watch(self, stopping: StopRequest) -> str | None:
        """Return what ended, in a sentence; or None once `stopping` is set."""
        while not stopping.wait(WATCH_S):
            for process in self._processes:
                if process.has_ended():
                    return process.ending()
            for name, server, log in (
                ("PostgreSQL", self._postgres, "postgres.log"),
                ("Valkey", self._valkey, "broker.log"),
            ):
                if server and server.process and (code := server.process.poll()) is not None:
                    return f"{name} {how_it_ended(code)}: the last lines of {server.data_dir / log} say why"
        return None

    def stop(self) -> None:
        """End all that was started here, in order; each within its limit."""
        for process in self._processes:
            began = time.monotonic()
            if process.stop():
                self._log.info(f"{process.name} stopped", seconds=round(time.monotonic() - began, 1))
            else:
                self._log.warning(f"{process.name} killed: it did not end within {STOP_LIMIT_S[process.name]:.0f} s")
        self._processes.clear()
        for name, server in (("Valkey", self._valkey), ("PostgreSQL", self._postgres)):
            if server:
                adopted = server.adopted
                server.stop()
                self._log.info(f"{name} left running: it was there before" if adopted else f"{name} stopped")
        self._postgres = self._valkey = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _take_data_dir(self) -> None:
        data_dir = self._settings.data_dir
        with child.errors_as(Failure, data_dir):
            # For PostgreSQL's uid, which must reach what lies in it.
            child.make_data_dir(data_dir, Owner.unprivileged())
            self._lock = os.open(data_dir / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(self._lock, 20).decode().strip()
                raise AlreadyRunning(
                    f"Fealty runs already on {data_dir} (process {holder}): use it, stop it with Ctrl-C,"
                    " or start another one with its own FEALTY_DATA_DIR and FEALTY_PORT"
                ) from None
            os.truncate(self._lock, 0)
            os.write(self._lock, f"{os.getpid()}\n".encode())

    def _await_leftovers(self) -> None:
        for name in _COMMANDS:
            await_leftover(name, self._settings.data_dir)

    def _local_tls(self) -> None:
        place = self._settings.local
        if (self._makes_tls or place.is_made) and authority.ensure(place):
            self._log.info("certificate made", file=str(place.certificate), authority=str(place.authority))

    def _check_ports(self) -> None:
        # The server says so too; said here, nothing has to be started and stopped first.
        settings = self._settings
        of_server(settings).check()
        check_port(settings.host, settings.port, "FEALTY_PORT")
        if settings.clients_port:
            check_port(settings.host, settings.clients_port, "FEALTY_CLIENTS_PORT")
        for number in range(settings.processes):
            check_port(settings.probe_host, settings.probe_port + number, "FEALTY_PROBE_PORT", "FEALTY_PROBE_HOST")
        check_port(settings.passes_host, settings.passes_port, "FEALTY_PASSES_PORT", "FEALTY_PASSES_HOST")
        check_port(settings.probe_host, settings.passes_probe_port, "FEALTY_PASSES_PROBE_PORT", "FEALTY_PROBE_HOST")

    def _start_postgres(self) -> None:
        if self._settings.database_url is not None:
            self._log.info(
                "PostgreSQL not started", using=self._settings.database_shown, named_by="FEALTY_DATABASE_URL"
            )
            return
        server = EmbeddedPostgres(self._settings.data_dir)
        server.start()
        self._postgres = server
        self._log.info(_started("PostgreSQL", server.adopted), data=self._settings.database_shown)

    def _start_valkey(self) -> None:
        if self._settings.redis_url is not None:
            diagnosis.ask(self._settings.redis)
            self._log.info("Valkey not started", using=self._settings.redis_shown, named_by="FEALTY_REDIS_URL")
            return
        server = EmbeddedValkey(self._settings.data_dir)
        server.start()
        self._valkey = server
        self._log.info(_started("Valkey", server.adopted), data=self._settings.redis_shown)

    def _migrate(self) -> None:
        with books.owned(self._settings) as database:
            applied = migrate.migrate(database, login_of(self._settings.database))
        if applied:
            self._log.info("schema migrated", applied=", ".join(applied))
        else:
            self._log.info("schema is current")

    def _personal_key(self) -> None:
        database = open_database(self._settings.database)
        made = ensure(database, self._settings.personal_keys)
        if made is not None:
            self._log.info("personal key made", id=made.id, file=str(self._settings.personal_keys))
        database.close()

    def _first_key(self) -> None:
        if self._show_key is None:
            return
        database = open_database(self._settings.database)
        with connection(database):
            if not any_key():
                with transaction(database) as unit:
                    made = create_key(unit, FIRST_KEY_NAME, Role.ADMINISTRATOR)
                self._show_key(made.key.text)
        database.close()

    def _start_process(self, name: str, stopping: StopRequest) -> None:
        settings = self._settings

        def ready(written: str) -> bool:
            return f"{name} started" in written and (
                name != "server" or health.serving(settings.address, dialing(settings))
            )

        limit_s, death = STOP_LIMIT_S[name], DEATH_SIGNAL[name]
        process = Process(name, [_COMMANDS[name]], settings, ready, limit_s, death, self._environment)
        self._processes.append(process)
        process.start(stopping)
        if stopping.is_set():
            return
        where = {"grpc": settings.address, "tls": settings.tls_files[0] is not None} if name == "server" else {}
        if name == "passes":
            where = {"address": f"{settings.passes_host}:{settings.passes_port}"}
        self._log.info(f"{name} started", **where, log=str(process.log))


def check_port(host: str, port: int, variable: str, host_variable: str = "FEALTY_HOST") -> None:
    """Raise Failure where nobody could listen on `port` of `host`."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise Failure(f"{host} is no address of this host: correct {host_variable}") from None
    family, kind, protocol, _, address = addresses[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise Failure(
                f"port {port} on {host} cannot be used ({(error.strerror or str(error)).lower()}): end what listens"
                f" there, or choose another with {variable}"
            ) from None


_COMMANDS = {"server": "serve", "passes": "passes", "worker": "worker", "clock": "clock"}


def _started(name: str, adopted: bool) -> str:
    return f"{name} was running already" if adopted else f"{name} started"
