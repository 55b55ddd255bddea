"""`fealty keys`: made, listed, revoked; and never shown twice."""

import json
from datetime import UTC, datetime, timedelta

from rules.access import Caller, known
from storage.access.authenticating import authenticate as find_callers
from storage.access.credentials import Credential, CredentialKind
from storage.engine.database import Database, connection
from storage.engine.session import session
from storage.engine.sockets import blocking
from tests.cli.terminal import KEY, Terminal, sentence
from tests.storage.blocking import authenticate


def test_a_key_speaks_for_its_caller_until_it_is_revoked(connected: Terminal, database: Database) -> None:
    """The life of a key as an operator sees it."""
    made = connected.run("keys", "create", "shop", "--role", "service", "--days", "30")
    [key] = KEY.findall(made.out)
    with connection(database) as held:
        caller = authenticate(held, key)
    assert caller is not None
    assert (caller.name, caller.roles, caller.programs()) == ("shop", ("SERVICE",), None)

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
    assert "it is empty" in connected.run("keys", "create", " ").err
    assert connected.run("keys", "create", "shop", "--role", "service").code == 0
    assert "another role" in sentence(connected.run("keys", "create", "shop", "--role", "auditor"))


def test_a_wrong_key_is_not_quoted(connected: Terminal) -> None:
    """It may be a secret with a letter missing."""
    wrong = "fealty_0123456789abcdef_" + "a" * 63
    assert wrong not in sentence(connected.run("keys", "revoke", wrong))


def test_a_key_is_bound_rotated_and_shows_when_it_was_used(connected: Terminal, database: Database) -> None:
    """A till that may sell, and nothing more; exchanged without a minute in which it cannot."""
    bounds = ("--permissions", "points_earn,programs_read", "--act-for", "customers")
    made = json.loads(connected.run("keys", "create", "till", *bounds, "--json").out)
    rotated = json.loads(connected.run("keys", "rotate", made["id"], "--overlap", "2", "--json").out)
    with connection(database) as held:
        for key in (made["key"], rotated["key"]):
            caller = authenticate(held, key)
            assert caller is not None
            assert (caller.acts_for, caller.grants[0].permissions) == (
                ("CUSTOMERS",),
                known(["POINTS_EARN", "PROGRAMS_READ"]),
            )
    rows = json.loads(connected.run("keys", "list", "--json").out)
    assert [(row["id"], row["expires_at"] is None, row["used_at"] is None) for row in rows] == [
        (made["id"], False, False),
        (rotated["id"], True, False),
    ]
    connected.run("keys", "rotate", made["id"], "--overlap", "0", "--json")
    with connection(database) as held:
        assert authenticate(held, made["key"]) is None
    assert "no permission that can be given" in connected.run("keys", "create", "x", "--permissions", "all").err


def test_a_service_is_known_by_a_certificate(connected: Terminal, database: Database) -> None:
    """It shows one that is renewed by a machine, and nobody copies a key."""
    register = ("keys", "certificates", "register", "till", "till.example.com", "--role", "storefront")
    assert "is till, storefront of all programs" in connected.run(*register).out
    caller = _shows_certificate(database, "till.example.com")
    assert caller is not None
    assert (caller.name, caller.roles) == ("till", ("STOREFRONT",))
    assert "registered already" in sentence(connected.run(*register))
    assert connected.run("keys", "certificates", "revoke", "till.example.com").code == 0
    listed = json.loads(connected.run("keys", "certificates", "list", "--json").out)
    assert [(one["name"], one["service"], one["revoked_at"] is None) for one in listed] == [
        ("till.example.com", "till", False)
    ]
    assert _shows_certificate(database, "till.example.com") is None


def test_roles_are_made_on_the_shell_and_the_report_shows_who_holds_them(connected: Terminal) -> None:
    """A role of one's own, given, told of, and kept while somebody holds it."""
    connected.run("roles", "create", "till-desk", "--permissions", "points_earn")
    connected.run("keys", "create", "desk", "--role", "till-desk")
    connected.run("roles", "update", "till-desk", "--permissions", "points_earn,points_spend")
    listed = {one["role"]: one["permissions"] for one in json.loads(connected.run("roles", "list", "--json").out)}
    assert listed["till-desk"] == ["POINTS_EARN", "POINTS_SPEND"]
    assert set(listed) >= {"ADMINISTRATOR", "AUDITOR"}
    report = json.loads(connected.run("access", "report", "--permission", "points_spend", "--json").out)
    assert [(one["name"], one["role"], one["is_usable"]) for one in report] == [("desk", "till-desk", True)]
    assert json.loads(connected.run("access", "report", "--day", "2020-01-01", "--json").out) == []
    assert "desk" in connected.run("access", "report").out
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert "past day or today" in connected.run("access", "report", "--day", tomorrow.isoformat()).err
    assert "hold" in sentence(connected.run("roles", "delete", "till-desk"))
    connected.run("roles", "create", "spare", "--permissions", "points_earn")
    assert connected.run("roles", "delete", "spare").code == 0


def _shows_certificate(database: Database, name: str) -> Caller | None:
    with connection(database) as held:
        [caller] = blocking(find_callers(session(held), [Credential(CredentialKind.CERTIFICATE, name)]))
        assert not isinstance(caller, Exception)
        return caller
