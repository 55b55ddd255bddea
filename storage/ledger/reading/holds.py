"""Holds of an account, as time has made them: one that nobody captured in time has expired."""

from datetime import datetime
from typing import NamedTuple

from rules.accounts import Hold, HoldState
from rules.refusals import HoldNotFound
from storage.engine.database import Connection
from storage.ledger.addresses import Address
from storage.ledger.reading import accounts
from storage.ledger.records import HOLDS


class HoldRead(NamedTuple):
    """A hold, and the activity that made it."""

    hold: Hold
    activity: str


def get(books: Connection, address: Address, number: int) -> HoldRead:
    """One hold. Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound, HoldNotFound."""
    for found in page(books, address, "", number + 1, 1):
        if found.hold.number == number:
            return found
    raise HoldNotFound(hold=number)


def page(books: Connection, address: Address, state: str, after: int | None, size: int) -> list[HoldRead]:
    """Up to `size` holds in a state (empty: in any), newest first, from the first after number `after`.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound.
    """
    with accounts.snapshot(books):
        key = accounts.readable(books, address)
        now = accounts.program_state(books, key.program).now
        asked = {"account": key.account, "now": now, "after": after, "state": state, "size": size}
        rows = books.execute(_PAGE, asked, prepare=True)
        return [HoldRead(_at(HOLDS.read(columns), now), activity) for activity, columns in rows]


def _at(hold: Hold, now: datetime) -> Hold:
    if hold.state is HoldState.ACTIVE and hold.expires_at <= now:
        return hold._replace(state=HoldState.EXPIRED, ended_at=hold.expires_at)
    return hold


_STATE = "CASE WHEN h.state = 'ACTIVE' AND h.expires_at <= %(now)s::timestamptz THEN 'EXPIRED' ELSE h.state END"

_PAGE = f"""
SELECT h.activity::text, {HOLDS.as_json("h")}
FROM hold h
WHERE h.account = %(account)s AND h.number < coalesce(%(after)s::bigint, 2147483648)
  AND (%(state)s::text = '' OR {_STATE} = %(state)s::text)
ORDER BY h.number DESC LIMIT %(size)s
"""  # noqa: S608
