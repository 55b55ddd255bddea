"""`fealty up`: everything in one terminal, started and stopped in order, and never half alive."""

import json
import os
import signal
import socket
from pathlib import Path

import psycopg
import pytest

from cli.process import Process
from cli.settings import Settings
from cli.stopping import StopRequest
from rules.access import Role
from storage import rights
from storage.access.commands import create_key
from storage.embedded import APPLICATION_LOGIN, EmbeddedPostgres, socket_url
from storage.engine import keyring
from storage.engine.database import open_database
from storage.engine.unit import run
from storage.migrate import migrate
from tests.cli.terminal import KEY, Running, Terminal, sentence

OURS = ("server", "passes", "worker", "clock")
STARTED = ["PostgreSQL started", "Valkey started", "schema", *(f"{name} started" for name in OURS)]
STOPPED = [*(f"{name} stopped" for name in OURS), "Valkey stopped", "PostgreSQL stopped"]


def test_a_newcomer_gets_a_running_fealty_its_keys_and_keeps_the_data(terminal: Terminal) -> None:
    """What the README promises of `make up`, from the first start to the second. The personal key is made beside the
    data, and seen nowhere. Meanwhile another `up` says who has the data: two would stop each other's servers."""
    first = terminal.up()
    assert _order(first, STARTED)
    assert terminal.address in first.err
    assert str(terminal.data_dir) in first.err
    [key] = KEY.findall(first.out)
    assert "never again" in first.out
    kept = terminal.data_dir / "personal.key"
    made_once = kept.read_text()
    [personal] = keyring.read(kept)
    assert "personal key made" in first.err
    assert personal.id in first.err
    said = sentence(terminal.run("up"))
    assert str(terminal.data_dir) in said
    assert str(first.process.pid) in said
    assert terminal.run("doctor").code == 0
    made = json.loads(terminal.run("keys", "create", "shop", "--json").out)
    ended = first.end(signal.SIGINT)
    assert ended.code == 0, ended.err
    assert _order(first, STOPPED)
    assert key not in ended.err
    logs = "".join(log.read_text() for log in terminal.data_dir.glob("*.log"))
    assert key not in logs
    assert personal.line not in logs + ended.out + ended.err
    assert not terminal.processes()

    second = terminal.up()
    assert terminal.run("keys", "revoke", made["key"]).code == 0, "the key of the first run is known to the second"
    assert second.end(signal.SIGTERM).code == 0
    assert second.out == "", "the first key is shown once"
    assert "personal key made" not in second.err
    assert kept.read_text() == made_once


@pytest.mark.thorough
def test_data_of_a_version_that_knew_the_owner_only_is_taken_over(terminal: Terminal) -> None:
    """An upgrade is a new checkout and `make up`: all is there, and from now on nothing of it can be changed."""
    server = EmbeddedPostgres(terminal.data_dir)
    server.start()
    with pytest.MonkeyPatch.context() as before:
        before.setattr(rights, "keep", lambda *_, **__: None)
        database = open_database(server.url)
        migrate(database)
        key = run(database, lambda unit: create_key(unit, "shop", Role.SERVICE)).key
        database.close()
    with psycopg.connect(server.url) as owner:
        owner.execute(f"DROP ROLE {APPLICATION_LOGIN}".encode())
    server.stop()
    running = terminal.up()
    assert running.out == "", "there is a key already"
    assert terminal.run("keys", "revoke", key.text).code == 0
    with psycopg.connect(socket_url(terminal.data_dir, APPLICATION_LOGIN), autocommit=True) as books:
        sessions = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'fealty%'"
        assert books.execute(sessions.encode()).fetchall() == [(APPLICATION_LOGIN,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            books.execute("DELETE FROM activity")
    assert running.end(signal.SIGINT).code == 0


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "pattern"), [("server", r"cli.main serve"), ("PostgreSQL", r"/postgres -D")])
def test_a_part_that_dies_is_named_and_takes_the_rest_along(terminal: Terminal, name: str, pattern: str) -> None:
    """Half of Fealty running unnoticed would be worse than none. Of our processes any will do; the demo loses each. Of
    a server's own, which share one port, one that was forgotten would go on answering on it."""
    running = terminal.up(FEALTY_PROCESSES="2")
    terminal.kill(pattern)
    ended = running.await_end()
    assert ended.code == 1
    [error] = [line for line in ended.err.splitlines() if line.startswith("Error: ")]
    assert name in error
    assert "SIGKILL" in error
    assert not terminal.processes()


@pytest.mark.thorough
def test_nothing_outlives_a_killed_up_and_the_next_one_starts(terminal: Terminal) -> None:
    """A closed laptop or an impatient kill -9 must not leave servers that hold the port and the data."""
    terminal.up().end(signal.SIGKILL)
    terminal.up().end(signal.SIGKILL)  # at once: it waits for what is still ending
    terminal.await_nothing_running()


def test_a_taken_port_is_said_before_anything_starts(terminal: Terminal) -> None:
    """The commonest trouble of a first start."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", terminal.port))
        taken.listen(1)
        said = sentence(terminal.run("up"))
    assert str(terminal.port) in said
    assert "FEALTY_PORT" in said
    assert not (terminal.data_dir / "postgres").exists()


def test_ctrl_c_while_starting_stops_what_was_started(terminal: Terminal) -> None:
    """Whoever changes his mind early leaves nothing behind either."""
    running = terminal.start("up")
    running.await_said("PostgreSQL started")
    assert running.end(signal.SIGINT).code == 0
    assert _order(running, ["PostgreSQL started", "stopping", "PostgreSQL stopped"])
    assert not terminal.processes()


def test_servers_that_are_named_are_used_and_not_started(connected: Terminal) -> None:
    """With addresses of real servers, `up` starts our four processes only, and says so. Whoever takes over one of them
    must not find there the owner's login, whose password undoes the roles."""
    running = connected.up(FEALTY_LOG_FORMAT="json")
    lines = [json.loads(line) for line in running.err.splitlines()]
    named = {line["event"]: line["named_by"] for line in lines if "named_by" in line}
    assert named == {
        "PostgreSQL not started": "FEALTY_DATABASE_URL",
        "Valkey not started": "FEALTY_REDIS_URL",
    }
    assert not (connected.data_dir / "postgres").exists()
    for command in ("serve", "passes", "worker", "clock"):
        given = Path(f"/proc/{connected.process(f'cli.main {command}')}/environ").read_bytes()
        assert b"FEALTY_DATABASE_URL=" in given
        assert b"FEALTY_OWNER_DATABASE_URL=" not in given
    assert running.end(signal.SIGINT).code == 0
    assert [line["event"] for line in map(json.loads, running.err.splitlines())][-4:] == STOPPED[:4]


def test_a_part_that_does_not_end_in_its_time_is_killed(connected: Terminal) -> None:
    """Ctrl-C ends in bounded time, whatever hangs."""
    settings = Settings(data_dir=connected.data_dir)
    connected.data_dir.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in connected.environment.items():
            patch.setenv(name, value)
        clock = Process(
            "clock", ["clock"], settings, lambda written: "clock started" in written, 0.5, signal.SIGKILL, {}
        )
        clock.start(StopRequest())
    os.kill(connected.process("cli.main clock"), signal.SIGSTOP)
    assert not clock.stop()
    assert not connected.processes()


def _order(running: Running, events: list[str]) -> bool:
    places = [running.err.find(event) for event in events]
    assert -1 not in places, running.err
    return places == sorted(places)
