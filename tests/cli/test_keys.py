"""`fealty keys`: made, listed, revoked; and never shown twice."""

import json

from storage.engine.database import Database, connection
from tests.cli.terminal import KEY, Terminal, sentence
from tests.storage.blocking import authenticate


def test_a_key_speaks_for_its_caller_until_it_is_revoked(connected: Terminal, database: Database) -> None:
    """The life of a key as an operator sees it."""
    made = connected.run("keys", "create", "shop", "--role", "service", "--days", "30")
    [key] = KEY.findall(made.out)
    with connection(database) as held:
        caller = authenticate(held, key)
    assert caller is not None
    assert (caller.name, caller.role, caller.program) == ("shop", "SERVICE", None)

    revoked = connected.run("keys", "revoke", key.split("_")[1])
    assert revoked.code == 0
    with connection(database) as held:
        assert authenticate(held, key) is None
    assert "revoked already" in sentence(connected.run("keys", "revoke", key))


def test_the_list_shows_every_key_and_no_secret(connected: Terminal) -> None:
    """Who may call is read from here."""
    keys = [
        json.loads(connected.run("keys", "create", name, "--role", role, "--json").out)
        for name, role in (("shop", "service"), ("boss", "administrator"))
    ]
    assert json.loads(connected.run("keys", "revoke", keys[0]["id"], "--json").out)["revoked"] is True
    shown = connected.run("keys", "list")
    listed = connected.run("keys", "list", "--json")
    rows = [(row["id"], row["name"], row["role"], row["state"]) for row in json.loads(listed.out)]
    assert rows == [(keys[0]["id"], "shop", "SERVICE", "revoked"), (keys[1]["id"], "boss", "ADMINISTRATOR", "usable")]
    assert [line.split()[0] for line in shown.out.splitlines()] == ["KEY", keys[0]["id"], keys[1]["id"]]
    for key in keys:
        assert key["key"] not in shown.out + listed.out


def test_what_cannot_be_made_is_refused_in_a_sentence(connected: Terminal) -> None:
    """A program that does not exist, and a name that is somebody else's."""
    missing = sentence(connected.run("keys", "create", "shop", "--program", "club"))
    assert "There is no program club; make it first" in missing
    assert connected.run("keys", "create", "shop", "--role", "service").code == 0
    assert "another role" in sentence(connected.run("keys", "create", "shop", "--role", "auditor"))


def test_a_wrong_key_is_not_quoted(connected: Terminal) -> None:
    """It may be a secret with a letter missing."""
    wrong = "fealty_0123456789abcdef_" + "a" * 63
    assert wrong not in sentence(connected.run("keys", "revoke", wrong))
