"""`fealty retention`: what would go, before it does."""

import json

from storage.engine.database import Database
from storage.ledger.addresses import CustomerName
from storage.retention.commands import PlaceLegalHold
from tests.cli.terminal import Terminal, sentence
from tests.storage.retention.past import DAY, YEAR, dropped, recorded, swept
from tests.storage.scene import Scene, asked


def test_the_plan_shows_what_the_next_sweep_drops_by_program_and_category(
    connected: Terminal, database: Database
) -> None:
    """An operator looks before anything is gone; what is held is told apart. Looking drops nothing."""
    scene = Scene(database, "ada", "ben")
    recorded(scene, YEAR + DAY, number=12, customer="ada")
    recorded(scene, YEAR + DAY, number=3, customer="ben")
    scene.carry_out(PlaceLegalHold(CustomerName("coffee", "ben"), asked("case")))
    shown = connected.run("retention", "plan")
    assert shown.code == 0
    heading, line, total = shown.out.splitlines()
    assert heading.split() == ["PROGRAM", "CATEGORY", "EFFECT", "DAYS", "TO", "DROP", "HELD"]
    assert line.split() == ["coffee", "customers", "read", "365", "12", "3"]
    assert total == "The next sweep drops what 12 activities said; 3 are due and held."
    planned = json.loads(connected.run("retention", "plan", "--program", "coffee", "--json").out)
    assert [(one["category"], one["effect"], one["due"], one["held"]) for one in planned if one["due"]] == [
        ("CUSTOMERS", "READ", 15, 3)
    ]
    assert dropped(scene) == set()
    swept(database)
    assert len(dropped(scene)) == 12


def test_holds_are_listed(connected: Terminal, database: Database) -> None:
    """Why nothing goes, an operator asks here."""
    scene = Scene(database)
    hold = scene.carry_out(PlaceLegalHold(CustomerName("coffee", ""), asked("case"))).value
    heading, line = connected.run("retention", "holds", "coffee").out.splitlines()
    assert heading.split() == ["HELD", "SINCE", "REASON", "NAME"]
    assert (line.split()[0], line.split()[-1]) == ("programs/coffee", hold.name)
    listed = json.loads(connected.run("retention", "holds", "coffee", "--json").out)
    assert [one["name"] for one in listed] == [hold.name]
    assert "There is no program tea" in sentence(connected.run("retention", "holds", "tea"))
