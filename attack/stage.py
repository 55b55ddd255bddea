"""What is attacked: all of Fealty as processes of its own, in a folder of its own, with two programs in its books."""

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from attack import club
from attack.parts import Command, Engine
from attack.proxy import Proxy
from rules.access import Role
from storage import migrate
from storage.access.commands import create_key
from storage.embedded import APPLICATION_LOGIN, EmbeddedPostgres, socket_url
from storage.engine import unit
from storage.engine.database import open_database
from storage.personal.keys import ensure
from workers.embedded import EmbeddedValkey

HOST = "127.0.0.1"
# A stop with nothing in hand takes less than a second; what takes longer is killed.
STOP_S = 30.0
PERSONAL_KEYS = "personal.key"


@dataclass(frozen=True)
class Keys:
    """Of callers that have nothing to do with each other."""

    administrator: str
    # The honest one.
    probe: str
    # Who attacks with a right key.
    rival: str
    # Who may read reports.
    auditor: str


@dataclass(frozen=True)
class Scene:
    """A server, and what an attack may use of it. `proxy` is between it and its database, where there is one."""

    server: Command
    target: str
    keys: Keys
    database_url: str
    proxy: Proxy | None = None


@dataclass(frozen=True)
class Stage:
    """Migrated books and their keys. Nothing of Fealty runs until it is asked for."""

    folder: Path
    postgres: Engine
    valkey: Engine
    keys: Keys

    @property
    def database_url(self) -> str:
        return self.postgres.server.url

    def environment(self, port: int = 0, database_url: str = "") -> dict[str, str]:
        """For commands of `fealty` on these books; `port` is for a server, and the next is that of its probes."""
        ports = {"FEALTY_PORT": str(port), "FEALTY_PROBE_PORT": str(port + 1)} if port else {}
        return {
            "FEALTY_DATABASE_URL": database_url or socket_url(self.folder / "data", APPLICATION_LOGIN),
            "FEALTY_REDIS_URL": self.valkey.server.url,
            "FEALTY_DATA_DIR": str(self.folder / "data"),
            "FEALTY_PERSONAL_KEY_FILE": str(self.folder / "data" / PERSONAL_KEYS),
            **ports,
        }

    def command(self, name: str, command: str, port: int = 0, database_url: str = "") -> Command:
        """A command of `fealty` on these books, to be started; its log has its name."""
        return Command(name, [command], self.environment(port, database_url), self.folder / f"{name}.log")

    @contextmanager
    def scene(self, behind_proxy: bool = False) -> Iterator[Scene]:
        """A server that runs as long as this lasts."""
        with ExitStack() as ending:
            proxy = ending.enter_context(Proxy(self.postgres_socket)) if behind_proxy else None
            url = f"postgresql://{APPLICATION_LOGIN}@{HOST}:{proxy.port}/fealty" if proxy else ""
            port = free_port()
            server = self.command("proxied" if proxy else "server", "serve", port=port, database_url=url)
            ending.enter_context(running(server))
            yield Scene(server, f"{HOST}:{port}", self.keys, self.database_url, proxy)

    def open_programs(self, lots: int = 0) -> None:
        """Makes the two programs, and that many lots in the crowd's."""
        with self.scene() as scene:
            club.open_programs(scene.target, self.keys.administrator, lots)

    @property
    def postgres_socket(self) -> Path:
        """The one way to PostgreSQL, which listens on no port."""
        [found] = [path for path in self._socket_folder().iterdir() if path.is_socket()]
        return found

    def _socket_folder(self) -> Path:
        return Path(parse_qs(urlsplit(self.database_url).query)["host"][0])


@contextmanager
def stage(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """Sets the stage in `folder`, which PostgreSQL's unprivileged uid must reach; `settings` are PostgreSQL's."""
    postgres = Engine("PostgreSQL", EmbeddedPostgres(folder / "data", settings))
    valkey = Engine("Valkey", EmbeddedValkey(folder / "data"))
    try:
        postgres.start()
        valkey.start()
        yield Stage(folder, postgres, valkey, _prepared(postgres.server.url, folder / "data"))
    finally:
        valkey.server.stop()
        postgres.server.stop()


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for a stage, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="fealty-attack-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # PostgreSQL must reach its data as another user where we are root
        yield Path(folder)


@contextmanager
def running(*commands: Command) -> Iterator[None]:
    """Runs them, each ready, and stops them in the same order."""
    try:
        for command in commands:
            command.start()
        for command in commands:
            command.await_started()
        yield
    finally:
        for command in commands:
            if command.alive():
                command.stop(STOP_S)


def free_port() -> int:
    """A port that nobody listens on, nor on the next, below those that clients are given."""
    for _ in range(100):
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as first, socket.socket() as second:
            if first.connect_ex((HOST, port)) and second.connect_ex((HOST, port + 1)):
                return port
    raise RuntimeError("no two free ports between 20000 and 30000")


def _prepared(url: str, data_dir: Path) -> Keys:
    database = open_database(url)
    migrate.migrate(database)
    ensure(database, data_dir / PERSONAL_KEYS)

    def key(name: str, role: Role, program: str | None = None) -> str:
        return unit.run(database, lambda work: create_key(work, name, role, program)).key.text

    keys = Keys(
        administrator=key("administrator", Role.ADMINISTRATOR),
        probe=key("probe", Role.SERVICE),
        rival=key("rival", Role.SERVICE),
        auditor=key("auditor", Role.AUDITOR),
    )
    database.close()
    return keys
