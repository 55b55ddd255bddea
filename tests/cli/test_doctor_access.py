"""`fealty doctor` on access: who lies open to others, and what nobody uses or answers any more."""

import json
from typing import Any

import pytest

from storage.engine.database import Database
from tests.cli.terminal import Terminal
from tests.databases import by_owner
from tests.storage.approvals.submitting import ask_somebody
from tests.storage.scene import Scene

CREATE = ("users", "create-administrator")


def test_the_doctor_asks_for_an_administrator_with_an_authenticator_and_a_password_of_their_own(
    connected: Terminal, database: Database
) -> None:
    """Whoever read over a shoulder, or gets into a mailbox, would be let into everything."""
    assert "create-administrator" in _warned(connected, "administrators")["advice"]
    assert _fine(connected, "passwords")
    made = json.loads(connected.run(*CREATE, "anna@coffee.example", "Anna", "--json").out)
    user = made["user"].removeprefix("users/")
    assert user in _warned(connected, "administrators")["found"]
    assert user in _warned(connected, "passwords")["found"]
    by_owner(database.database, "UPDATE password SET must_change = false")
    assert _fine(connected, "passwords")
    enroll = "INSERT INTO totp (person, sealed, created_at, activity) SELECT id, '', now(), activity FROM app_user"
    by_owner(database.database, enroll)
    assert user in _warned(connected, "administrators")["found"], "begun is not enrolled"
    by_owner(database.database, "UPDATE totp SET confirmed_at = now()")
    assert "1 can log in" in _fine(connected, "administrators")["found"]
    assert connected.run("users", "assign", "anna@coffee.example", "auditor").code == 0
    by_owner(database.database, "UPDATE app_user SET state = 'LOCKED'")
    assert _warned(connected, "administrators")["found"] == "none can log in"


def test_the_doctor_names_keys_that_end_or_lie_idle(connected: Terminal, database: Database) -> None:
    """One that ends over night stops all tills; one that nobody uses is missed by nobody who steals it."""
    kept, ending, idle, rotated = (_key(connected, name, *days) for name, *days in KEYS)
    assert connected.run("keys", "rotate", rotated, "--overlap", "1").code == 0
    for key in (kept, idle):
        by_owner(database.database, f"UPDATE api_key SET created_at = now() - interval '91 days' WHERE id = '{key}'")
    by_owner(database.database, f"INSERT INTO credential_use VALUES ('{kept}', now() - interval '89 days')")
    keys = _warned(connected, "keys")
    assert keys["found"] == f"end within 14 days: ending ({ending}); not used for 90 days: idle ({idle})"
    assert "`fealty keys rotate`" in keys["advice"]
    for key in (ending, idle):
        assert connected.run("keys", "revoke", key).code == 0
    assert _fine(connected, "keys")


@pytest.mark.parametrize(("hours", "warns"), [(23, False), (25, True), (73, False)])
def test_the_doctor_says_when_nobody_decides(connected: Terminal, database: Database, hours: int, warns: bool) -> None:
    """Somebody waits for it, and in the end it is over without a word. What is over needs nobody."""
    ask_somebody(Scene(database, "ada"))
    then = f"created_at - interval '{hours} hours', expires_at = expires_at - interval '{hours} hours'"
    by_owner(database.database, f"UPDATE approval_request SET created_at = {then}")
    approvals = (_warned if warns else _fine)(connected, "approvals")
    assert approvals["found"] == ("no request waits" if hours > 72 else f"1 wait, the oldest for {hours} h")


KEYS = (("kept", "15"), ("ending", "13"), ("idle",), ("rotated", "40"))


def _key(terminal: Terminal, name: str, days: str = "") -> str:
    made = terminal.run("keys", "create", name, *(["--days", days] if days else []), "--json")
    return str(json.loads(made.out)["id"])


def _warned(terminal: Terminal, check: str) -> dict[str, Any]:
    found = _check(terminal, check)
    assert (found["ok"], found["warns"], bool(found["advice"])) == (True, True, True), found
    return found


def _fine(terminal: Terminal, check: str) -> dict[str, Any]:
    found = _check(terminal, check)
    assert (found["ok"], found["advice"]) == (True, ""), found
    return found


def _check(terminal: Terminal, check: str) -> dict[str, Any]:
    checks = json.loads(terminal.run("doctor", "--json").out)["checks"]
    return next(one for one in checks if one["check"] == check)
