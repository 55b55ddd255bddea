"""The hot path: a group of commands in one transaction. Load, decide, write; each command with its own outcome.

    resolve   the names that the commands use, to keys                                               (resolving.py)
    lock      what they name, but for what somebody else has in hand: its commands wait for a later group
    load      programs, kept answers, accounts, purchases; lots where time or a command needs them    (loading.py)
    decide    the rules, in memory, one command after the other
    write     one statement for all tables, commit                                                      (group.py)

A refusal is decided before anything is written, so it costs its neighbours nothing.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from rules.draft import LotsNotAtHand
from storage.engine.database import Busy
from storage.engine.nouns import PassedOver
from storage.engine.session import Session, rolled_back_on_error
from storage.engine.slots import LATER
from storage.ledger.commands import AllOrNothing, Command
from storage.ledger.group import CommandFailed, Group, Outcome
from storage.ledger.loading import Loaded, lock_and_load, reads_of
from storage.ledger.names import LotsNeeded
from storage.ledger.resolving import Resolver
from storage.programs.queries import ProgramCache

Item = Command | AllOrNothing
# How often a group is decided anew: it needs lots that were not brought, for points that it gives itself, an account
# that nobody locks changed between two readings, or a command failed that should not have.
ATTEMPTS_MAX = 3


class Ledger:
    """Runs groups of commands. One for each writing lane: what it remembers is not shared.

    With `patience_ms` it waits that long for each lock, where without it passes over what somebody else has in hand.
    """

    def __init__(self, patience_ms: int | None = None) -> None:
        self._patience_ms = patience_ms
        self._resolver = Resolver()
        self._programs = ProgramCache()

    async def run(self, session: Session, items: Sequence[Item]) -> list[Outcome | list[Outcome] | Busy]:
        """An outcome for each command, in order: an answer, or the refusal it met; a list of them where all or none
        were to be done; LATER where it must wait. What fails unexpectedly fails alone.

        Raises what the database raises where it refuses the group; nothing was changed then.
        """
        failed: dict[int, Exception] = {}
        for attempt in range(1, ATTEMPTS_MAX + 1):
            numbers = [number for number in range(len(items)) if number not in failed]
            try:
                outcomes = await self._run(session, [items[number] for number in numbers], in_full=attempt > 1)
                found = dict(zip(numbers, outcomes, strict=True))
                return [failed[number] if number in failed else found[number] for number in range(len(items))]
            except CommandFailed as failure:
                # What it left half done is gone with the transaction; the others are decided anew without it.
                failed.update({numbers[number]: error for number, error in failure.errors.items()})
            except LotsNotAtHand:
                if attempt == ATTEMPTS_MAX:
                    raise
        raise CommandFailed(failed)

    async def _run(
        self, session: Session, items: Sequence[Item], in_full: bool
    ) -> list[Outcome | list[Outcome] | Busy]:
        if not items:
            return []
        each = list(chain.from_iterable(map(commands_of, items)))
        reads = reads_of(each)
        resolved = await self._resolver.resolve(session, reads)
        async with rolled_back_on_error(session):
            loaded = await lock_and_load(session, self._programs, each, reads, resolved, self._patience_ms)
            later = _later(loaded, items) if loaded.passed_over else set()
            needed = LotsNeeded()
            for number, item in enumerate(items):
                for command in commands_of(item) if number not in later else ():
                    command.needs(loaded, needed)
            group = Group(session, loaded, await loaded.accounts_in_hand(session, needed, in_full))
            outcomes = await _decide(group, loaded, items, later)
            opened = await group.commit()
        self._resolver.remember(opened)
        return outcomes


def commands_of(item: Item) -> Sequence[Command]:
    """The commands of an item."""
    return item.commands if isinstance(item, AllOrNothing) else (item,)


async def _decide(
    group: Group, loaded: Loaded, items: Sequence[Item], later: set[int]
) -> list[Outcome | list[Outcome] | Busy]:
    outcomes: list[Outcome | list[Outcome] | Busy] = []
    errors: dict[int, Exception] = {}
    # What those need that turned out to wait: what comes after them may not overtake them.
    awaited: set[Any] = set()
    for number, item in enumerate(items):
        mark = group.workspace.mark()
        try:
            if number in later or (awaited and awaited & _locked(loaded, item)):
                outcomes.append(LATER)
            elif isinstance(item, AllOrNothing):
                outcomes.append(await group.outcomes(item))
            else:
                outcomes.append(await group.outcome(item))
        except PassedOver:
            group.workspace.return_to(mark)
            awaited |= _locked(loaded, item)
            outcomes.append(LATER)
        except CommandFailed as failure:
            [errors[number]] = failure.errors.values()
    if errors:
        raise CommandFailed(errors)
    return outcomes


def _later(loaded: Loaded, items: Sequence[Item]) -> set[int]:
    """The numbers of those that wait for a row, or for one that waits for it before them."""
    passed_over = set(loaded.passed_over)
    later = set()
    for number, item in enumerate(items):
        locked = _locked(loaded, item)
        if locked & passed_over:
            later.add(number)
            passed_over |= locked
    return later


def _locked(loaded: Loaded, item: Item) -> set[Any]:
    return loaded.locked_by(one for one in commands_of(item) if not one.context.validate_only)
