"""`fealty log`: words and counts made anew, by the login that servers have."""

import json

from storage.engine.database import Database
from tests.cli.terminal import Terminal
from tests.storage.activity.positioning import act, assign
from tests.storage.activity.summing import advance_all, sums
from tests.storage.activity.test_words import kept, take
from tests.storage.scene import Scene


def test_words_and_counts_are_forgotten_for_the_clock_to_take_anew(connected: Terminal, database: Database) -> None:
    """One command, and no SQL of the owner's; whoever runs it is told how much there is to take."""
    Scene(database, "ada")
    act(database, "lot-1")
    entries = assign(database)
    take(database)
    advance_all(database, 100)
    only = json.loads(connected.run("log", "rebuild", "--only", "counts", "--json").out)
    assert only == {"indexes": ["counts"], "activities": entries}
    assert kept(database)
    assert sums(database) == {}
    both = connected.run("log", "rebuild")
    assert both.code == 0, both.err
    assert both.out.startswith(f"The words and counts of {entries:,} activities are forgotten")
    assert kept(database) == []
    wrong = connected.run("log", "rebuild", "--only", "sentences")
    assert wrong.code == 2
    assert "'words', 'counts'" in wrong.err
