"""Which coupons of a campaign are to be voided.

Ids grow with time: what is below one that was made when the operation was asked for, and could be seen then, is settled
without a list. What a step voids it never finds again; what it passes over, because somebody else has it in hand, the
next pass finds.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from storage.engine.database import Connection
from storage.operations.accounts import WAIT_MS

FIRST = str(UUID(int=0))


class Which(NamedTuple):
    """Coupons of a campaign, by its internal id: of a batch (None: of any), that customers have or nobody has (None:
    either), unused or all; with ids up to `last`, in batches that were published by an instant."""

    campaign: int
    batch: int | None
    assigned: bool | None
    unused: bool
    last: str
    published_by: str

    def arguments(self) -> dict[str, Any]:
        """For an operation to keep, which knows the campaign."""
        return {name: value for name, value in self._asdict().items() if name != "campaign"}


def which(arguments: Mapping[str, Any], campaign: int) -> Which:
    """What an operation kept."""
    return Which(campaign, **{name: arguments[name] for name in Which._fields if name != "campaign"})


def count(connection: Connection, which: Which) -> int:
    """How many match now and are not voided."""
    [found] = connection.execute(_COUNT, {**which._asdict(), "after": FIRST}).fetchone() or ()
    return int(found)


def take(connection: Connection, which: Which, after: str, limit: int) -> list[tuple[Any, ...]]:
    """Locks up to `limit` of them behind an id that nobody else has in hand: id, code, last four symbols, customer by
    internal id, whether it is a code for many. Where others have all that are left, it waits for the first, up to
    WAIT_MS; then the transaction fails as Busy."""
    asked = {**which._asdict(), "after": after, "limit": limit}
    found = connection.execute(_TAKE.format("SKIP LOCKED").encode(), asked).fetchall()
    if not found and after == FIRST:
        connection.execute(f"SET LOCAL lock_timeout = {WAIT_MS}".encode())
        found = connection.execute(_TAKE.format("").encode(), {**asked, "limit": 1}).fetchall()
    return found


_MATCHES = """
c.campaign = %(campaign)s AND c.id > %(after)s::uuid AND c.id <= %(last)s::uuid AND c.voided_at IS NULL
AND (%(batch)s::integer IS NULL OR c.batch = %(batch)s)
AND (%(assigned)s::boolean IS NULL OR (c.customer IS NOT NULL) = %(assigned)s)
AND (NOT %(unused)s OR c.uses = 0 AND (
    c.stock IS NULL OR NOT EXISTS (SELECT FROM stock_slot WHERE stock_slot.stock = c.stock HAVING sum(taken) > 0)
))
AND (c.batch IS NULL OR EXISTS (
    SELECT FROM coupon_batch b
    WHERE b.campaign = c.campaign AND b.number = c.batch AND b.published_at <= %(published_by)s::timestamptz
))
"""

_COUNT = f"SELECT count(*) FROM coupon c WHERE {_MATCHES}".encode()  # noqa: S608

_TAKE = f"""
SELECT c.id, c.code, c.last_four, c.customer, c.stock IS NOT NULL
FROM coupon c WHERE {_MATCHES} ORDER BY c.id LIMIT %(limit)s FOR NO KEY UPDATE OF c {{}}
"""  # noqa: S608
