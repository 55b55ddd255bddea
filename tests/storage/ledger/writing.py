"""What one of several server processes does to accounts that others write to as well, in a process of its own.

Not every command is drawn: few kinds, so that they meet, of those that lock one account, two, or pin points in one.
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rules.refusals import Refusal
from storage.engine.database import open_database
from storage.engine.requests import Answer
from storage.ledger.commands import Command
from tests.storage.asking import Asking
from tests.storage.blocking import Ledger

GROUPS = 20
GROUP_SIZE = 8


def write(url: str, program: str, seed: int, names: Sequence[str], kinds: Sequence[str]) -> dict[str, int]:
    """Writes groups of commands by chance; answers by how much each sum changed, and what was refused how often."""
    chance = random.Random(seed)
    asking = Asking(program)
    database = open_database(url)
    ledger = Ledger(database)
    sums: Counter[str] = Counter()
    open_holds: list[tuple[str, int]] = []
    for group in range(GROUPS):
        commands: list[Command] = []
        for place in range(GROUP_SIZE):
            name, other = chance.sample(names, 2) if len(names) > 1 else (names[0], names[0])
            points = chance.randint(1, 9)
            kind = chance.choice(kinds)
            if kind == "capture" and open_holds:
                holder, number = open_holds.pop()
                commands.append(asking.capture(number, name=holder))
            elif kind == "hold":
                commands.append(asking.hold(points, name))
            elif kind == "transfer":
                commands.append(asking.transfer(points, name, other))
            elif kind == "spend":
                commands.append(asking.spending(points, name))
            else:
                commands.append(asking.purchase(points, name, transaction_id=f"{seed}-{group}-{place}"))
        for command, outcome in zip(commands, ledger.run(commands), strict=True):
            _count(sums, command, outcome, open_holds)
    database.close()
    return dict(sums)


def _count(sums: "Counter[str]", command: Any, outcome: Any, open_holds: list[tuple[str, int]]) -> None:
    if isinstance(outcome, Refusal):
        sums[type(outcome).__name__] += 1
        return
    assert isinstance(outcome, Answer), outcome
    sums["done"] += 1
    kind, value = type(command).__name__, outcome.value
    if kind == "RecordTransaction":
        sums["active"] += value.points
    elif kind == "SpendPoints":
        sums["active"] += value.entry.amount
    elif kind == "CreateHold":
        sums["held"] += value.hold.points
        open_holds.append((command.address.customer, value.hold.number))
    elif kind == "CaptureHold":
        sums["held"] -= value.hold.points
        sums["active"] += value.entry.amount
    elif kind == "TransferPoints":
        sums["transferred"] += value.received.amount
