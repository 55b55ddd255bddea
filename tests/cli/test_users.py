"""`fealty users`: an administrator, a code, another password; each shown once, and recorded as the operator's."""

import json
import re

from storage.engine.database import Database, connection
from storage.logins import accounts, hashing
from tests.cli.terminal import Terminal, sentence
from tests.workers.acting import rows

EMAIL = "Anna@coffee.example"
PASSWORD = re.compile(r"[2-9a-z]{5}(?:-[2-9a-z]{5}){4}")


def test_the_first_administrator_gets_a_password_that_has_to_be_changed(
    connected: Terminal, database: Database
) -> None:
    """It is shown this once: of it there is only a hash."""
    made = connected.run("users", "create-administrator", EMAIL, "Anna Held")
    [password] = PASSWORD.findall(made.out)
    with connection(database) as books:
        known = accounts.by_email(books, EMAIL.lower())
    assert known is not None
    assert (known.account.must_change, known.caller.roles, known.caller.programs()) == (True, ("ADMINISTRATOR",), None)
    assert hashing.matches(password, known.account.phc)
    assert "is a user's already" in sentence(connected.run("users", "create-administrator", EMAIL.upper(), "Other"))
    assert "no mail address" in sentence(connected.run("users", "create-administrator", "anna", "Anna"))
    for command in ("create-administrator", "invite"):
        assert "it is empty" in connected.run("users", command, "ben@coffee.example", "").err
    unset = connected.run("users", "invite", "ben@coffee.example", "Ben", "--role", "staff@")
    assert "No scope follows the @" in sentence(unset)
    [(body,)] = rows(database, "SELECT body FROM activity WHERE action = 'administrator.created'")
    assert json.loads(body)["actor"]["id"] == "operator"
    assert "anna" not in body.lower()


def test_a_code_and_another_password_are_made_for_who_cannot_get_in(connected: Terminal, database: Database) -> None:
    """Where no mail arrives; all logins end with the password."""
    first = json.loads(connected.run("users", "create-administrator", EMAIL, "Anna Held", "--json").out)
    code = json.loads(connected.run("users", "code", EMAIL, "--json").out)
    assert re.fullmatch("[0-9]{6}", code["code"])
    assert code["expires_in_s"] == 600
    shown = connected.run("users", "code", EMAIL)
    assert re.search("^    [0-9]{6}$", shown.out, re.MULTILINE)
    again = connected.run("users", "reset", EMAIL)
    [password] = PASSWORD.findall(again.out)
    assert password != first["password"]
    with connection(database) as books:
        known = accounts.by_email(books, EMAIL.lower())
    assert known is not None
    assert hashing.matches(password, known.account.phc)
    for command in ("code", "reset"):
        assert "No active user has that address" in sentence(connected.run("users", command, "ben@coffee.example"))
    actions = [action for (action,) in rows(database, "SELECT action FROM activity ORDER BY id")]
    assert actions[-4:] == ["administrator.created", "code.requested", "code.requested", "password.reset"]
    kept = str(rows(database, "SELECT a::text FROM activity a"))
    assert not any(secret in kept for secret in (code["code"] + '"', password, first["password"], EMAIL.lower()))
