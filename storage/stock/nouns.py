"""How a transaction counts stocks: it holds some of their slots, takes from them, and gives back to them.

A noun that has a stock finds it by its own key, in its own functions: `{lock_slots}(stocks, waits)` in the one
that locks, which answers the stocks whose slots are all in other hands; `{load_slots}(stocks)` in the one that loads,
whose answer goes to `put`. Both are in FUNCTIONS, which is handed to that noun's own `Functions` (docs/decisions/0040).
"""

from pathlib import Path
from typing import NamedTuple

from msgspec import Raw, json

from storage.engine.functions import Functions
from storage.engine.nouns import PassedOver
from storage.engine.records import Kind
from storage.engine.workspace import Workspace
from storage.stock.records import SLOTS

FUNCTIONS = Functions(Path(__file__).parent / "load.sql", {SLOTS.table: SLOTS.select})


class Sums(NamedTuple):
    """A stock as it was loaded, over all its slots; `capacity` None: any number. Of the slots that this transaction
    does not hold, what is free in them (1 in each without a capacity), and whether one of them is in debt."""

    capacity: int | None
    taken: int
    free_elsewhere: int
    is_owed_elsewhere: bool


SUMS: Kind[Sums] = Kind("stock_sums")
# What those who only ask have given back, without what they took: they hold no slots.
IN_THOUGHT: Kind[int] = Kind("stock_in_thought")


def put(workspace: Workspace, loaded: Raw) -> None:
    """Takes stocks in hand, with the slots that are held."""
    slots, sums = _PARTS.decode(loaded)
    for stock, slot, value in SLOTS.decode(slots):
        workspace.load(SLOTS, (stock, slot), value)
    for stock, value in _SUMS.decode(sums) or ():
        workspace.load(SUMS, (stock,), value)


def take(workspace: Workspace, stock: int, counts: bool = True) -> bool:
    """Takes one of a stock; says no where all of it is taken. Raises PassedOver where only others may have one. Where
    it does not count, nobody but this transaction hears of it."""
    if not counts:
        if left(workspace, stock) == 0:
            return False
        _think(workspace, stock, -1)
        return True
    for slot, held in workspace.within(SLOTS, (stock,)).items():
        if held.capacity is None or held.taken < held.capacity:
            workspace.put(SLOTS, (stock, slot), held._replace(taken=held.taken + 1))
            return True
    if _sums(workspace, stock).free_elsewhere:
        raise PassedOver
    return False


def give_back(workspace: Workspace, stock: int, counts: bool = True) -> None:
    """Gives one back: to a slot in debt where there is one, so that nothing is free before all that is too much came
    back; else to any. Raises PassedOver where none of these is held. Where it does not count, nobody but this
    transaction hears of it."""
    if not counts:
        _think(workspace, stock, 1)
        return
    in_hand = workspace.within(SLOTS, (stock,))
    fitting = [slot for slot, held in in_hand.items() if held.is_in_debt]
    if not fitting and in_hand and not _sums(workspace, stock).is_owed_elsewhere:
        fitting = list(in_hand)
    if not fitting:
        raise PassedOver
    held = in_hand[fitting[0]]
    workspace.put(SLOTS, (stock, fitting[0]), held._replace(taken=held.taken - 1))


def capacity(workspace: Workspace, stock: int) -> int | None:
    """How much of a stock there is in all; None: any number."""
    return _sums(workspace, stock).capacity


def left(workspace: Workspace, stock: int) -> int | None:
    """What may be free of it as this transaction has left it, None: any number. Others may be taking it just now: never
    more than so much can be taken, and `take` says whether it can."""
    sums = _sums(workspace, stock)
    if sums.capacity is None:
        return None
    held = workspace.within(SLOTS, (stock,))
    here = sum(slot.capacity - slot.taken for slot in held.values() if slot.capacity is not None)
    free = here + sums.free_elsewhere if held else sums.capacity - sums.taken
    return max(0, free + (workspace.get(IN_THOUGHT, (stock,)) or 0))


def debt(workspace: Workspace, stock: int) -> int:
    """How much more was taken, when it was loaded, than there is."""
    sums = _sums(workspace, stock)
    return max(0, sums.taken - sums.capacity) if sums.capacity is not None else 0


def _think(workspace: Workspace, stock: int, count: int) -> None:
    workspace.note(IN_THOUGHT, (stock,), (workspace.get(IN_THOUGHT, (stock,)) or 0) + count)


def _sums(workspace: Workspace, stock: int) -> Sums:
    found = workspace.get(SUMS, (stock,))
    assert found is not None
    return found


_PARTS = json.Decoder(list[Raw])
_SUMS = json.Decoder(list[tuple[int, Sums]] | None)
