"""`fealty users`: on the shell an operator does with users what a back office does, and it stands in the log as his."""

import json

from storage.engine.database import Database, connection
from tests.cli.terminal import Terminal, sentence


def _activities(database: Database) -> list[tuple[str, str, str]]:
    with connection(database) as books:
        return books.execute(
            "SELECT action, actor, body::jsonb -> 'details' ->> 'reason_code' FROM activity"
            " WHERE action LIKE 'user.%' OR action LIKE 'role.%' OR action LIKE 'login.%' ORDER BY recorded_at, id"
        ).fetchall()


def _invite(terminal: Terminal, name: str, *roles: str) -> str:
    given = [part for role in roles for part in ("--role", role)]
    made = terminal.run("users", "invite", f"{name}@example.com", name.capitalize(), *given, "--json")
    return str(json.loads(made.out)["id"])


def test_the_life_of_a_user_on_the_shell(connected: Terminal, database: Database) -> None:
    """Invited, given a role, locked, brought back: each by one line, each recorded as the operator's and why."""
    gwen = _invite(connected, "gwen", "auditor")
    for arguments in (
        ("assign", "gwen@example.com", "staff", "--reason", "PROMOTED"),
        ("end", gwen, "auditor"),
        ("lock", "Gwen@example.com", "--reason", "LEFT"),
        ("unlock", "gwen@example.com"),
        ("archive", gwen),
        ("unarchive", f"users/{gwen}"),
    ):
        ran = connected.run("users", *arguments)
        assert ran.code == 0, ran.err
        assert ran.out.startswith("Gwen is ")
    shown = json.loads(connected.run("users", "show", "gwen@example.com", "--json").out)
    assert (shown["state"], [one["role"] for one in shown["roles"]]) == ("INVITED", ["STAFF"])
    assert "staff everywhere, since" in connected.run("users", "show", gwen).out
    assert _activities(database) == [
        ("user.invited", "operator", None),
        ("role.assigned", "operator", "PROMOTED"),
        ("role.ended", "operator", None),
        ("user.locked", "operator", "LEFT"),
        ("user.unlocked", "operator", None),
        ("user.archived", "operator", None),
        ("user.unarchived", "operator", None),
    ]


def test_users_are_listed_with_what_they_hold_by_what_they_are(connected: Terminal) -> None:
    """Who may what is read from here on the day on which the console does not start."""
    _invite(connected, "gwen", "auditor", "staff")
    _invite(connected, "otto")
    connected.run("users", "lock", "otto@example.com")
    lines = connected.run("users", "list").out.splitlines()
    assert lines[0].split() == ["USER", "ADDRESS", "NAME", "STATE", "ROLES"]
    assert lines[1].split(maxsplit=4)[1:] == [
        "gwen@example.com", "Gwen", "invited", "auditor everywhere, staff everywhere",
    ]  # fmt: skip
    for arguments, names in (
        (("--state", "locked"), ["Otto"]),
        (("--role", "auditor"), ["Gwen"]),
        (("--name", "ott"), ["Otto"]),
    ):
        found = json.loads(connected.run("users", "list", *arguments, "--json").out)
        assert [one["name"] for one in found] == names


def test_who_is_in_is_shown_and_ended(connected: Terminal, database: Database) -> None:
    """A stolen telephone is out before anybody has found the console."""
    gwen = _invite(connected, "gwen")
    with connection(database) as books:
        books.execute(
            "INSERT INTO login (id, person, secret_hash, restricted, ip_address, user_agent, created_at, ends_at,"
            " activity) SELECT repeat('0', 16), %s, '', false, '192.0.2.1', 'Firefox', now(),"
            " now() + interval '1 hour', id FROM activity LIMIT 1",
            (gwen,),
        )
    [_, line] = connected.run("users", "logins", gwen).out.splitlines()
    assert line.split()[0] == "0" * 16
    assert line.endswith("192.0.2.1                                Firefox")
    assert "has ended" in connected.run("users", "revoke-login", gwen, "0" * 16).out
    assert json.loads(connected.run("users", "logins", gwen, "--json").out) == []
    assert "no such login, or it is over" in sentence(connected.run("users", "revoke-login", gwen, "0" * 16))


def test_what_cannot_be_done_is_said_in_a_sentence(connected: Terminal) -> None:
    """Typed wrong, or already so: no traceback, and what to do instead."""
    _invite(connected, "gwen")
    for arguments, said in (
        (("show", "nobody@example.com"), "There is no such user: `fealty users list` shows them"),
        (("invite", "gwen", "Gwen"), "write it as anna@example.com"),
        (("invite", "gwen@example.com", "Gwen"), "`fealty users unlock`"),
        (("invite", "otto@example.com", "Otto", "--role", "chef"), "There is no role chef"),
        (("assign", "gwen@example.com", "staff", "coffee"), "There is no scope coffee: write programs/coffee"),
        (("assign", "gwen@example.com", "staff", "programs/tea"), "There is no programs/tea"),
        (("end", "gwen@example.com", "staff"), "does not have the role STAFF there"),
        (("unlock", "gwen@example.com"), "The user is invited"),
    ):
        assert said in sentence(connected.run("users", *arguments)), arguments
