"""The balance at a past instant, by value date: what the books say today of what it was then.

active, earned, spent, expired, revoked, moved    the sums of the entries that hold from then or before
pending    lots that count from then or before and were not active then, less what had been taken back of them
held       holds made by then that had not ended
debt       debts made by then, less what had been repaid and written off

What had fallen due by then and stands in no entry yet is done in memory first, as for the balance of now.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from rules.accounts import Account, EntryKind, Lot, ShortfallKind
from rules.refusals import TimeUnknowable
from storage.engine.database import Connection
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance, balance
from storage.ledger.reading import accounts, cancellations, moves
from storage.ledger.reading.accounts import Reading
from storage.ledger.reading.figures import figure
from storage.ledger.reading.lots import BOUGHT, SINCE
from storage.ledger.records import LOTS


def balance_at(books: Connection, address: Address, at: datetime) -> Balance:
    """The balance at `at`, by the program's clock.

    Before the first purchase it is zero, be it before the program or its customer was there: purchases may be older
    than both. Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound; TimeUnknowable after now.
    """
    with accounts.snapshot(books):
        reading = accounts.read(books, address, at)
        if at > reading.program.now:
            raise TimeUnknowable(now=reading.program.now.isoformat(), given=at.isoformat())
        figures = _figures(books, reading, at)
        # What was merged away for a while has rows here too; it counted elsewhere.
        away = moves.is_away(books, reading.key, at)
        account = Account(
            pending=0 if away else _pending(books, reading, at),
            active=figures["active"],
            held=0 if away else _held(books, reading, at),
            debt=0 if away else _debt(books, reading, at, figures["repaid"]),
            earned=figures["earned"],
            spent=figures["spent"],
            expired=figures["expired"],
            revoked=figures["revoked"],
            moved=figures["moved"],
        )
        return balance(account, reading.card, at)


def _figures(books: Connection, reading: Reading, at: datetime) -> dict[str, int]:
    """The sums of entries, of those in the books and of those that time has made and nobody has written."""
    figures: defaultdict[str, int] = defaultdict(int)
    written: Iterable[tuple[str, bool, int]] = books.execute(_ENTRIES, (reading.key.account, at), prepare=True)
    passed = [step.entry for step in reading.draft.passed if step.entry is not None]
    unwritten = [(entry.kind, entry.amount > 0, entry.amount) for entry in passed]
    for kind, _, amount in [*written, *unwritten]:
        name, sign = figure(EntryKind(kind), amount)
        figures[name] += sign * amount
        figures["active"] += amount
        if kind == EntryKind.REPAYMENT:
            figures["repaid"] -= amount
    return figures


def _pending(books: Connection, reading: Reading, at: datetime) -> int:
    [found] = books.execute(_WAITING, (reading.key.account, at, at), prepare=True)
    waiting: list[Lot] = [lot for _, _, lot in LOTS.decode(found[0])]
    numbers = [one.number for one in waiting]
    moved = moves.of_lots(books, reading.key, numbers)
    taken = cancellations.of(books, reading.key, numbers)
    gone = sum(one.points for one in taken if one.occurred_at <= at)
    return sum(one.points for one in waiting) - gone + sum(move.points for move in moved if move.occurred_at <= at)


def _held(books: Connection, reading: Reading, at: datetime) -> int:
    row = books.execute(_HELD, (reading.key.account, at, at, at), prepare=True).fetchone()
    assert row is not None
    return int(row[0])


def _debt(books: Connection, reading: Reading, at: datetime, repaid: int) -> int:
    row = books.execute(_DEBTS, {"account": reading.key.account, "at": at}, prepare=True).fetchone()
    assert row is not None
    return int(row[0]) + moves.of_debts(books, reading.key, at) - repaid


_ENTRIES = """
SELECT kind, amount > 0, sum(amount)::bigint FROM entry WHERE account = %s AND occurred_at <= %s GROUP BY 1, 2
"""

_WAITING = f"""
SELECT json_agg(json_build_array(l.account, l.number, json_build_array({LOTS.select("l")})))::text FROM lot l {BOUGHT}
WHERE account = %s AND {SINCE} <= %s AND (activates_at IS NULL OR activates_at > %s)
"""  # noqa: S608

_HELD = """
SELECT coalesce(sum(points), 0)::bigint FROM hold
WHERE account = %s AND created_at <= %s AND CASE state WHEN 'ACTIVE' THEN expires_at > %s ELSE ended_at > %s END
"""

# Debts that were there, less what had been given up of them.
_DEBTS = f"""
SELECT coalesce(sum(s.points - (
    SELECT coalesce(sum(w.points), 0) FROM write_off w
    WHERE w.account = s.account AND w.shortfall = s.number AND w.occurred_at <= %(at)s
)), 0)::bigint
FROM shortfall s
WHERE s.account = %(account)s AND s.created_at <= %(at)s AND s.kind = '{ShortfallKind.DEBT}'
"""  # noqa: S608
