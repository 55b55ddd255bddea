"""Stocks off the hot path: made, changed in size, and given back to."""

from collections.abc import Mapping

from storage.engine.database import Connection

# So many writers count one stock without meeting: those of eight server processes, with their patient lanes.
SLOTS_MAX = 16


def create(connection: Connection, program: int, capacity: int | None) -> int:
    """A stock of which `capacity` may be had in all, None: any number; answers its id."""
    [stock] = connection.execute(_CREATE, (program, capacity)).fetchone() or ()
    parts = _parts(capacity, SLOTS_MAX if capacity is None else max(1, min(SLOTS_MAX, capacity)))
    connection.execute(_MAKE, (stock, list(range(len(parts))), parts))
    return int(stock)


def resize(connection: Connection, stock: int, capacity: int | None) -> None:
    """Changes how much may be had in all: waits for each slot, and keeps what was taken. Where more is taken already,
    the slots are in debt, and what is given back is free once all of that is paid."""
    connection.execute("UPDATE stock SET capacity = %s WHERE id = %s", (capacity, stock))
    rows = connection.execute(_LOCK, (stock,)).fetchall()
    free = None if capacity is None else capacity - sum(one for _, one in rows)
    made = max(len(rows), SLOTS_MAX if free is None else min(SLOTS_MAX, free))
    new = list(range(len(rows), made))
    connection.execute(_MAKE, (stock, new, [0] * len(new)))
    spare = _parts(free, made)
    kept = [*(one for _, one in rows), *(0 for _ in new)]
    capacities = [None if part is None else part + one for part, one in zip(spare, kept, strict=True)]
    connection.execute(_RESIZE, (stock, list(range(made)), capacities))


def give_back(connection: Connection, counts: Mapping[int, int]) -> None:
    """Gives back so many of each stock: to the slots in debt, and the rest to one that nobody has in hand or, where
    there is none, to the first. Until the transaction ends, nobody changes the size of these stocks."""
    connection.execute(_KEEP_SIZE, (sorted(counts),))
    for stock, count in sorted(counts.items()):
        rest = count
        for slot, debt in connection.execute(_IN_DEBT, (stock,)).fetchall():
            paid = min(debt, rest)
            rest -= paid
            connection.execute(_PAY, (paid, stock, slot))
        if rest and not connection.execute(_GIVE_BACK.format("SKIP LOCKED").encode(), (rest, stock)).rowcount:
            connection.execute(_GIVE_BACK.format("").encode(), (rest, stock))


def taken(connection: Connection, stock: int) -> int:
    """How many were taken and not given back."""
    [sum_] = connection.execute(_TAKEN, (stock,)).fetchone() or (0,)
    return int(sum_)


def _parts(count: int | None, slots: int) -> list[int | None]:
    """As even as can be; all of one sign, so that no slot has something free while another one is in debt."""
    if count is None:
        return [None] * slots
    return [count // slots + (number < count % slots) for number in range(slots)]


_CREATE = "INSERT INTO stock (program, capacity) VALUES (%s, %s) RETURNING id"

_MAKE = """
INSERT INTO stock_slot (stock, slot, capacity)
SELECT %s, made.slot, made.capacity FROM unnest(%s::integer[], %s::bigint[]) AS made (slot, capacity)
"""

_LOCK = "SELECT slot, taken FROM stock_slot WHERE stock = %s ORDER BY slot FOR NO KEY UPDATE"

_RESIZE = """
UPDATE stock_slot SET capacity = new.capacity
FROM (SELECT %s::bigint AS stock) AS of, unnest(%s::integer[], %s::bigint[]) AS new (slot, capacity)
WHERE stock_slot.stock = of.stock AND stock_slot.slot = new.slot
"""

_KEEP_SIZE = "SELECT FROM stock WHERE id = ANY(%s) ORDER BY id FOR SHARE"

_IN_DEBT = """
SELECT slot, taken - capacity FROM stock_slot WHERE stock = %s AND taken > capacity ORDER BY slot FOR NO KEY UPDATE
"""

_PAY = "UPDATE stock_slot SET taken = taken - %s WHERE stock = %s AND slot = %s"

_GIVE_BACK = """
UPDATE stock_slot SET taken = taken - %s
WHERE ctid = (SELECT ctid FROM stock_slot WHERE stock = %s ORDER BY slot LIMIT 1 FOR NO KEY UPDATE {})
"""

_TAKEN = "SELECT coalesce(sum(taken), 0)::bigint FROM stock_slot WHERE stock = %s"
