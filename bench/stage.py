"""The stage of a measurement: a PostgreSQL of its own, a program with customers, and the server that is measured."""

import math
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from peewee import PostgresqlDatabase

from bench.load import Load, Stream, Unary, run
from bench.payload import Payload
from bench.requests import CUSTOMERS, PROGRAM
from bench.tls import SCHEME
from cli import authority
from cli.settings import LocalTls
from rules.access import Role, in_role
from rules.activity import Kind, by_operator
from rules.calendar import Rounding
from rules.programs import Card, EarnRate, ExpiryPolicy, Settings
from storage import migrate
from storage.access.commands import create_key
from storage.embedded import EmbeddedPostgres
from storage.engine import unit
from storage.engine.commands import CommandContext, carry_out
from storage.engine.database import Connection, Database, connection, open_database, patient
from storage.engine.requests import Request
from storage.personal.keys import ensure
from storage.programs.commands import CreateProgram

# The card of accounts with many lots: its points last so long that a purchase of any day in the last thirty years
# still has them, and each day's expire on a day of their own.
DEEP_CARD = "deep"
DEEP_MONTHS = 12 * 40
# How long a load runs before it counts.
WARMUP_S = 1.0
# What a server may take to come up on a busy machine.
START_S = 60


@dataclass(frozen=True)
class Stage:
    """A running server and its database."""

    postgres: EmbeddedPostgres
    database: Database
    target: str
    # The processes of the server.
    server: Sequence[int]
    token: str
    seconds: float

    @property
    def seconds_in_all(self) -> float:
        """How long a load takes, with what comes before it counts."""
        return WARMUP_S + self.seconds

    @property
    def watched(self) -> Mapping[str, Sequence[int]]:
        """Whose processor time each load says."""
        assert self.postgres.process is not None
        return {"server": self.server, "PostgreSQL": (self.postgres.process.pid,)}

    def calls(self, path: str, make: Callable[[int], bytes], in_flight: int = 64, connections: int = 8) -> Unary:
        """Calls of a unary method, to be run."""
        return Unary(
            self.target,
            path,
            make,
            token=self.token,
            in_flight=in_flight,
            connections=min(connections, in_flight),
            warmup_s=WARMUP_S,
            duration_s=self.seconds,
            watched=self.watched,
        )

    def unary(self, path: str, make: Callable[[int], bytes], in_flight: int = 64, connections: int = 8) -> Load:
        """Loads a unary method."""
        return run(self.calls(path, make, in_flight, connections))

    def stream(self, path: str, make: Payload, inspect: Callable[[bytes], Iterable[str]], in_flight: int = 8) -> Load:
        """Loads a bidirectional stream; `inspect` names what failed in an answer."""
        work = Stream(
            self.target,
            path,
            make,
            token=self.token,
            in_flight=in_flight,
            connections=4,
            warmup_s=WARMUP_S,
            duration_s=self.seconds,
            watched=self.watched,
            inspect=inspect,
        )
        return run(work)

    @contextmanager
    def patiently(self) -> Iterator[Connection]:
        """A connection to its books, whose statements may take as long as they take."""
        with connection(self.database) as books, patient(books):
            books.execute("SET statement_timeout = 0")
            yield books
            books.execute("RESET statement_timeout")

    @contextmanager
    def served_by(self, processes: int) -> Iterator["Stage"]:
        """The same books behind one more server, of so many processes."""
        with _server(self.postgres, processes) as (target, server):
            yield replace(self, target=target, server=server)

    @contextmanager
    def secured(self) -> Iterator["Stage"]:
        """The same books behind one more server, which speaks TLS."""
        made = LocalTls(self.postgres.data_dir / "tls")
        authority.ensure(made)
        files = {"FEALTY_CERTIFICATE_FILE": str(made.certificate), "FEALTY_KEY_FILE": str(made.key)}
        with _server(self.postgres, 1, files) as (target, server):
            yield replace(self, target=f"{SCHEME}{target}", server=server)


@contextmanager
def stage(seconds: float, environment: Mapping[str, str] | None = None, customers: int = CUSTOMERS) -> Iterator[Stage]:
    """Sets the stage in a folder of its own, and clears it away. `environment` is for PostgreSQL only."""
    with tempfile.TemporaryDirectory(prefix="fealty-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL must reach its data as another user where we are root
        postgres = EmbeddedPostgres(Path(folder), environment=environment)
        postgres.start()
        try:
            database = open_database(postgres.url)
            migrate.migrate(database)
            ensure(database, personal_keys(postgres))
            token = unit.run(database, lambda work: create_key(work, "bench", Role.ADMINISTRATOR)).key.text
            _program(database, customers)
            with _server(postgres, processes=1) as (target, server):
                yield Stage(postgres, database, target, server, token, seconds)
            database.close()
        finally:
            postgres.stop()


def _program(database: PostgresqlDatabase, customers: int) -> None:
    card = Card("points", "Points", 0, EarnRate(1, 100, "USD"), None, ExpiryPolicy(12, Rounding.MONTH))
    deep = Card(DEEP_CARD, "Deep", 0, EarnRate(1, 100, "USD"), None, ExpiryPolicy(DEEP_MONTHS, Rounding.DAY))
    origin = by_operator(Kind("program.created", "SYSTEM", "CONFIGURATION"))
    caller = in_role("bench", "bench", Role.ADMINISTRATOR)
    key = Request(caller.id, "CreateProgram", "00000000-0000-4000-8000-000000000001", "00")
    context = CommandContext(caller, key, origin, validate_only=False, deadline=math.inf)
    carry_out(database, CreateProgram(PROGRAM, Settings("Bench", "Europe/Prague", (card, deep)), None, context))
    with connection(database) as books:
        books.execute(_CUSTOMERS, (customers,))
        books.execute("INSERT INTO account (program, customer, card_id) SELECT program, id, 'points' FROM customer")
        books.execute("VACUUM ANALYZE")


@contextmanager
def _server(
    postgres: EmbeddedPostgres, processes: int, more: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Sequence[int]]]:
    """Where it listens, and its processes. `more` is what it is told besides."""
    port = free_port()
    settings = {
        "FEALTY_DATABASE_URL": postgres.url,
        "FEALTY_PERSONAL_KEY_FILE": str(personal_keys(postgres)),
        "FEALTY_PORT": str(port),
        "FEALTY_PROCESSES": str(processes),
        **(more or {}),
    }
    command, environment = [sys.executable, "-m", "bench.server"], {**os.environ, **settings}
    servers = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    try:
        for server in servers:
            assert server.stdout is not None
            if server.stdout.readline().strip() != "ready":
                raise RuntimeError("the measured server did not start; its message stands above")
        yield f"127.0.0.1:{port}", [server.pid for server in servers]
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(START_S)


def personal_keys(postgres: EmbeddedPostgres) -> Path:
    """The file of personal keys of its books."""
    return postgres.data_dir / "personal.key"


def free_port() -> int:
    """One of this host that nobody listens on."""
    # Below the range of ephemeral ports, so that no client's connection takes it first.
    for _ in range(100):
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError("no free port between 20000 and 30000")


_CUSTOMERS = """
INSERT INTO customer (program, customer_id, version, created_at, updated_at, activity)
SELECT p.id, 'c' || n, 1, now(), now(), p.activity FROM program p, generate_series(0, %s - 1) AS n ORDER BY n
"""
