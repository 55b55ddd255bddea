"""What refunds asked for and nobody had, as time has made it: points that became free have repaid debt."""

from datetime import datetime
from typing import Any, NamedTuple

from rules.accounts import Shortfall
from rules.refusals import ProgramNotFound, ShortfallNotFound
from storage.engine.database import Connection
from storage.ledger.addresses import Address, CustomerName
from storage.ledger.reading import accounts
from storage.ledger.records import SHORTFALLS


class ShortfallCursor(NamedTuple):
    """Where a shortfall stands in its list: what to ask the next page with."""

    created_at: datetime
    account: int
    number: int


class ShortfallRead(NamedTuple):
    """A shortfall, whose it is, and the activity of the refund that left it."""

    address: Address
    shortfall: Shortfall
    activity: str
    cursor: ShortfallCursor


def get(books: Connection, address: Address, number: int) -> ShortfallRead:
    """One shortfall. Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound, ShortfallNotFound."""
    with accounts.snapshot(books):
        reading = accounts.read(books, address)
        row = books.execute(_GET, (reading.key.account, number), prepare=True).fetchone()
        if row is None:
            raise ShortfallNotFound(shortfall=number)
        found = _read(address.program, *row[1:])
        return found._replace(shortfall=reading.draft.shortfalls.get(number, found.shortfall))


def page(
    books: Connection, program: str, customer: str | None, open_only: bool, after: ShortfallCursor | None, size: int
) -> list[ShortfallRead]:
    """Up to `size` shortfalls of a program, or of one of its customers, newest first, from the first after `after`.

    With `open_only`, those of which something remains. Raises ProgramNotFound, CustomerNotFound, CustomerMerged.
    """
    found: list[ShortfallRead] = []
    with accounts.snapshot(books):
        asked: dict[str, Any] = {"open_only": open_only, "size": size, **_scope(books, program, customer)}
        while True:
            asked["at"], asked["account"], asked["number"] = after or (None, 0, 0)
            statement = _OF_PROGRAM if customer is None else _OF_CUSTOMER
            rows = books.execute(statement, asked, prepare=True).fetchall()
            for read in _settled(books, program, rows):
                if len(found) < size and (read.shortfall.remaining or not open_only):
                    found.append(read)
            # Debts that time has repaid leave gaps in a page of open ones; the next rows fill them.
            if len(rows) < size or len(found) == size:
                return found
            after = _read(program, *rows[-1][1:]).cursor


def _scope(books: Connection, program: str, customer: str | None) -> dict[str, int | None]:
    if customer is not None:
        holder = accounts.holder(books, CustomerName(program, customer))
        return {"program": holder.program, "customer": holder.customer}
    row = books.execute("SELECT id FROM program WHERE program_id = %s", (program,), prepare=True).fetchone()
    if row is None:
        raise ProgramNotFound(program=program)
    return {"program": row[0], "customer": None}


def _settled(books: Connection, program: str, rows: list[tuple[Any, ...]]) -> list[ShortfallRead]:
    readings: dict[Address, accounts.Reading] = {}
    found = []
    for is_due, *row in rows:
        read = _read(program, *row)
        if is_due:
            if read.address not in readings:
                readings[read.address] = accounts.read(books, read.address)
            shortfall = readings[read.address].draft.shortfalls.get(read.shortfall.number, read.shortfall)
            read = read._replace(shortfall=shortfall)
        found.append(read)
    return found


def _read(program: str, account: int, customer: str, card: str, activity: str, columns: str) -> ShortfallRead:
    shortfall = SHORTFALLS.read(columns)
    cursor = ShortfallCursor(shortfall.created_at, account, shortfall.number)
    return ShortfallRead(Address(program, customer, card), shortfall, activity, cursor)


_COLUMNS = f"""
s.kind = 'DEBT' AND s.remaining > 0 AND a.state <> 'MERGED'
    AND a.due_at <= coalesce(p.test_clock_at, clock_timestamp()),
s.account, c.customer_id, a.card_id, s.activity::text, {SHORTFALLS.as_json("s")}
"""

_OWNER = """
CROSS JOIN LATERAL (SELECT * FROM account WHERE account.id = s.account OFFSET 0) AS a
CROSS JOIN LATERAL (SELECT customer_id FROM customer WHERE customer.id = a.customer OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT test_clock_at FROM program WHERE program.id = s.program OFFSET 0) AS p
"""

_GET = f"SELECT {_COLUMNS} FROM shortfall s {_OWNER} WHERE s.account = %s AND s.number = %s"  # noqa: S608

_PAGE = f"""
SELECT {_COLUMNS}
FROM (
    SELECT * FROM shortfall
    WHERE {{scope}} AND (NOT %(open_only)s OR remaining > 0)
      AND (created_at, account, number)
          < (coalesce(%(at)s::timestamptz, 'infinity'), %(account)s::bigint, %(number)s::int)
    ORDER BY created_at DESC, account DESC, number DESC LIMIT %(size)s
) AS s {_OWNER}
ORDER BY s.created_at DESC, s.account DESC, s.number DESC
"""  # noqa: S608

_OF_PROGRAM = _PAGE.format(scope="program = %(program)s").encode()
_OF_CUSTOMER = _PAGE.format(scope="account = ANY(ARRAY(SELECT id FROM account WHERE customer = %(customer)s))").encode()
