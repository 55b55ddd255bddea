"""What becomes of the passes of a customer who is closed or erased.

They are voided: a card that is left in a wallet says that it is no longer valid. Those of one who is erased show
nothing about anybody; phones fetch that as the last update, and then the pass is forgotten (forgetting.py). The record
of the closing or the erasure is their mark, as of any other change.
"""

from collections.abc import Sequence

from storage.engine.unit import Unit


def live(unit: Unit, customer: int) -> int:
    """How many a customer has that are not voided."""
    [count] = unit.connection.execute(_LIVE, (customer,)).fetchone() or (0,)
    return int(count)


def void(unit: Unit, customer: int, activity: str) -> None:
    """Voids them. The activity is written."""
    unit.connection.execute(_VOID, (unit.now, activity, customer))


def erase(unit: Unit, customers: Sequence[int], activity: str) -> None:
    """Voids and empties all passes of some customers, which are erased. What phones wrote about them goes at once."""
    unit.connection.execute(_ERASE, (unit.now, unit.now, activity, list(customers)))
    unit.connection.execute(_FORGET_LINES, (list(customers),))


_LIVE = "SELECT count(*) FROM pass WHERE customer = %s AND voided_at IS NULL"

_VOID = "UPDATE pass SET voided_at = %s, activity = %s WHERE customer = %s AND voided_at IS NULL"

_ERASE = """
UPDATE pass SET voided_at = coalesce(voided_at, %s), erased_at = %s, activity = %s
WHERE customer = ANY(%s) AND erased_at IS NULL
"""

_FORGET_LINES = """
DELETE FROM pass_device_log USING pass WHERE pass_device_log.pass = pass.id AND pass.customer = ANY(%s)
"""
