"""`fealty personal-key`: made, rotated, and missed in a sentence by whoever needs it; never shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from storage.engine import keyring
from storage.engine.database import Database, connection
from storage.engine.keyring import new_key
from tests.cli.terminal import Terminal, sentence
from tests.personal import KEY


@pytest.fixture
def path(connected: Terminal) -> Path:
    """Where this machine has its file; it is not there yet."""
    connected.environment.pop("FEALTY_PERSONAL_KEY_FILE")
    return connected.data_dir / "personal.key"


def test_an_operator_makes_it_for_a_database_of_his_own(
    connected: Terminal, path: Path, empty_database_url: str
) -> None:
    """What operating.md says to type, in its order; asked twice it is the same key."""
    own = {"FEALTY_DATABASE_URL": empty_database_url, "FEALTY_OWNER_DATABASE_URL": ""}
    assert connected.run("migrate", **own).code == 0
    said = sentence(connected.run("serve", **own))
    assert "no file of personal keys" in said
    assert "`fealty personal-key create`" in said
    made = connected.run("personal-key", "create", **own)
    [key] = keyring.read(path)
    assert made.code == 0, made.err
    assert key.id in made.out
    assert key.line not in made.out + made.err
    again = connected.run("personal-key", "create", "--json", **own)
    assert json.loads(again.out) == {"file": str(path), "id": None}
    assert [one.id for one in keyring.read(path)] == [key.id]


@pytest.mark.parametrize(
    "command", [["serve"], ["up"], ["personal-key", "create"], ["personal-key", "rotate"]], ids=" ".join
)
def test_where_the_file_is_missing_or_anothers_nothing_starts(
    connected: Terminal, path: Path, command: list[str]
) -> None:
    """A restore on a new host: a key that is made in place of the lost one would only look like a repair."""
    assert "no file of personal keys" in sentence(connected.run(*command))
    assert not path.exists()
    keyring.write(path, [new_key()])
    before = path.read_bytes()
    said = sentence(connected.run(*command))
    assert f"does not have the personal key {KEY.id}" in said
    assert path.read_bytes() == before


def test_doctor_says_what_is_wrong_with_the_file(connected: Terminal, path: Path) -> None:
    """Before the day on which it is needed."""
    assert "no file of personal keys" in _check(connected)["found"]
    keyring.write(path, [new_key()])
    wrong = _check(connected)
    assert KEY.id in wrong["found"]
    assert "bring the file that belongs to it" in wrong["advice"]
    keyring.write(path, [KEY])
    assert _check(connected)["ok"]
    path.chmod(0o640)
    assert _check(connected)["advice"] == f"chmod 600 {path}"


def test_a_rotation_changes_the_file_and_says_what_to_keep(connected: Terminal, path: Path, database: Database) -> None:
    """Prepared for servers elsewhere, then done."""
    keyring.write(path, [KEY])
    prepared = json.loads(connected.run("personal-key", "rotate", "--prepare", "--json").out)
    assert [key.id for key in keyring.read(path)] == [prepared["id"], KEY.id]
    done = connected.run("personal-key", "rotate")
    [key] = keyring.read(path)
    assert done.code == 0, done.err
    assert f"0 keys of customers lie under personal key {prepared['id']}" in done.out
    assert key.id == prepared["id"]
    assert key.line not in done.out + done.err
    with connection(database) as books:
        assert books.execute("SELECT id FROM personal_key").fetchall() == [(key.id,)]
    assert json.loads(connected.run("personal-key", "rotate", "--json").out)["id"] != key.id


def _check(terminal: Terminal) -> dict[str, Any]:
    checks = json.loads(terminal.run("doctor", "--json").out)["checks"]
    [found] = [check for check in checks if check["check"] == "personal keys"]
    assert isinstance(found, dict)
    return found
