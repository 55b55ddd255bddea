"""Entries of an account by kind and time. Pages without a filter are the reading lane's (storage/ledger/queries.py):
they stop where they are full, while a rare kind is looked for through the whole history."""

from datetime import datetime
from typing import NamedTuple

from msgspec import json

from storage.engine.database import Connection
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.ledger.addresses import Address
from storage.ledger.entries import COLUMNS, EntryRead, with_facts
from storage.ledger.reading import accounts


class EntryFilter(NamedTuple):
    """Which entries: of a kind (empty: of any), that occurred at or after `start`, and before `end`."""

    kind: str = ""
    start: datetime | None = None
    end: datetime | None = None


def page(books: Connection, address: Address, wanted: EntryFilter, before: int, size: int) -> list[EntryRead]:
    """Up to `size` entries that a filter lets through, newest first, before number `before`.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound.
    """
    with accounts.snapshot(books):
        key = accounts.readable(books, address)
        asked = {**wanted._asdict(), "account": key.account, "before": before, "size": size}
        reads = [_ROW.decode(row) for (row,) in books.execute(_PAGE, asked, prepare=True)]
        return list(blocking(with_facts(session(books), reads, lambda _: key.account)))


_ROW = json.Decoder(EntryRead)

_PAGE = f"""
SELECT json_build_array({COLUMNS})::text FROM entry e
WHERE e.account = %(account)s AND e.seq < %(before)s::bigint AND (%(kind)s::text = '' OR e.kind = %(kind)s::text)
  AND e.occurred_at >= coalesce(%(start)s::timestamptz, '-infinity')
  AND e.occurred_at < coalesce(%(end)s::timestamptz, 'infinity')
ORDER BY e.seq DESC LIMIT %(size)s
"""  # noqa: S608
