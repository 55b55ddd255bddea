"""`fealty approvals`: what waits is seen, rules are made, and nobody approves on a shell."""

import json

from storage.approvals.deciding import ApproveRequest
from storage.engine.database import Database
from tests.cli.terminal import Terminal, sentence
from tests.storage.approvals.submitting import FROZEN, as_somebody, ask_somebody
from tests.storage.scene import Scene, asked


def test_rules_are_made_listed_and_ended(connected: Terminal, database: Database) -> None:
    """Before the first person can log in, an operator says what takes two."""
    Scene(database, "ada")
    create = ("approvals", "rules", "create", "large", "--program", "coffee", "--call", "AdjustPoints")
    limits = ("--field", "points", "--above", "1000", "--approvers", "2", "--role", "ADMINISTRATOR")
    made = connected.run(*create, *limits)
    said = "AdjustPoints with points above 1,000 takes 2 more people by administrator"
    assert made.out.strip() == f"{said}: programs/coffee/approvalRules/large"
    assert connected.run("approvals", "rules", "list", "--program", "coffee").out.strip() == f"large: {said}"
    assert connected.run("approvals", "rules", "list").out == ""
    [listed] = json.loads(connected.run("approvals", "rules", "list", "--program", "coffee", "--json").out)
    assert (listed["name"], listed["above"]) == ("programs/coffee/approvalRules/large", 1000)
    ended = connected.run("approvals", "rules", "delete", "large", "--program", "coffee")
    assert ended.out.strip() == "Rule programs/coffee/approvalRules/large is deleted."
    assert connected.run("approvals", "rules", "list", "--program", "coffee").out == ""


def test_wrong_rules_are_answered_in_a_sentence(connected: Terminal, database: Database) -> None:
    """Whoever mistypes a call would protect nothing."""
    Scene(database, "ada")
    create = ("approvals", "rules", "create", "x", "--program", "coffee", "--call")
    assert "no change is called AdjustPoint " in sentence(connected.run(*create, "AdjustPoint"))
    assert "AdjustPoints has no whole number units" in sentence(
        connected.run(*create, "AdjustPoints", "--field", "units", "--above", "5")
    )
    assert "There is no program tea" in sentence(
        connected.run("approvals", "rules", "create", "x", "--program", "tea", "--call", "AdjustPoints")
    )
    assert "There is no rule y" in sentence(connected.run("approvals", "rules", "delete", "y", "--program", "coffee"))


def test_what_was_asked_for_is_listed_and_shown(connected: Terminal, database: Database) -> None:
    """An operator sees that something waits, and for whom: not what it says of people."""
    scene = Scene(database, "ada")
    name = ask_somebody(scene, FROZEN._replace(figures={"points": -1500}))
    heading, line = connected.run("approvals", "list").out.splitlines()
    assert heading.split() == ["ASKED", "STATE", "CALL", "APPROVED", "NAME"]
    assert line.split()[2:] == ["pending", "AdjustPoints", "0", "of", "1", name]
    assert connected.run("approvals", "list", "--state", "executed").out.splitlines() == [heading]
    scene.carry_out(ApproveRequest(name, "", as_somebody(asked("yes"))))
    shown = connected.run("approvals", "show", name).out.splitlines()
    assert shown[:2] == [
        "AdjustPoints of programs/coffee/customers/ada/accounts/plain, asked for by caller_2",
        "State:     approved",
    ]
    assert "Figure:    points -1,500" in shown
    assert "Takes:     1 approved by administrator; 1 so far" in shown
    assert json.loads(connected.run("approvals", "show", name, "--json").out)["figures"] == {"points": -1500}
    assert "There is no request" in sentence(connected.run("approvals", "show", f"{name[:-1]}x"))


def test_nobody_approves_on_the_shell(connected: Terminal, database: Database) -> None:
    """A shell does not know who types: an approval there would be nobody's."""
    name = ask_somebody(Scene(database, "ada"))
    for deed in ("approve", "reject"):
        assert f"Nobody {deed}s on this shell" in sentence(connected.run("approvals", deed, name))
