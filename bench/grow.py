"""Fills a database with millions of entries, as the server would have written them in most of a year."""

import json
import sys
import time
from datetime import timedelta
from typing import Any, NamedTuple

import psycopg

from bench import growing
from bench.bare import bare
from storage.engine.requests import RETENTION

# How far back the entries reach: less than the year in which points expire, so that nothing is overdue.
PERIOD = timedelta(days=300)
# Entries of one transaction: some hundred megabytes of rows.
CHUNK_ENTRIES = 200_000
TABLES = ("activity", "transaction", "lot", "entry", "split", "spending", "request")
# Each of them once for every chunk.
INSERTS = (
    growing.ACTIVITIES,
    growing.TRANSACTIONS,
    growing.LOTS,
    growing.ENTRIES,
    growing.SPLITS,
    growing.SPENDINGS,
)

# Loading waits for nobody and may take long. Indexes are made in memory as far as they fit.
SESSION = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": "60s",
    "synchronous_commit": "off",
    "maintenance_work_mem": "1GB",
    "work_mem": "256MB",
    "temp_buffers": "256MB",
}


class Grown(NamedTuple):
    """What was loaded: so many entries, the bytes of the whole database, and how long it took."""

    entries: int
    bytes: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.entries:,} entries, {self.bytes / 1e9:.1f} GB, loaded in {self.seconds:.0f} s"


def grow(books: "psycopg.Connection[Any]", entries: int) -> Grown:
    """Spreads about so many entries over all accounts of the card `points` that have none yet.

    The database must hold one purchase and one spending of other accounts that the server has written: bodies and kept
    answers are copied from them, and the last entries are as old as they are.
    """
    started = time.monotonic()
    for name, value in SESSION.items():
        books.execute("SELECT set_config(%s, %s, false)", (name, value))
    books.execute(growing.ACCOUNTS, {"entries": entries})
    books.execute(growing.SAMPLES)
    books.execute(growing.CHUNK)
    ends = _prepare_samples(books)
    with bare(books, TABLES):
        _fill(books, ends, -(-entries // CHUNK_ENTRIES))
    books.execute(growing.SUMS.encode())
    # What a running installation has done long since; and no autovacuum comes in the middle of a measurement.
    books.execute("VACUUM ANALYZE")
    books.execute("CHECKPOINT")
    [(found,)] = books.execute("SELECT sum(last)::bigint FROM grown_account")
    [(size,)] = books.execute("SELECT pg_database_size(current_database())")
    books.execute("DROP TABLE grown, grown_account, grown_sample")
    for name in SESSION:
        books.execute(f"RESET {name}".encode())
    return Grown(found, size, time.monotonic() - started)


def _fill(books: "psycopg.Connection[Any]", ends: Any, chunks: int) -> None:
    for number in range(chunks):
        part = {"since": number / chunks, "until": (number + 1) / chunks, "ends": ends, "period": PERIOD}
        with books.transaction():
            books.execute("TRUNCATE grown")
            books.execute(growing.FILL.encode(), part)
            for insert in INSERTS:
                books.execute(insert.encode())
            books.execute(growing.REQUESTS, {"ends": ends, "retention": RETENTION})
        if sys.stderr.isatty():
            print(f"\rgrowing: {number + 1} of {chunks}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)


def _prepare_samples(books: "psycopg.Connection[Any]") -> Any:
    """Makes formats of the bodies; answers when the samples were written."""
    samples = books.execute("SELECT is_spending, body, occurred_at FROM grown_sample ORDER BY is_spending").fetchall()
    if [is_spending for is_spending, _, _ in samples] != [False, True]:
        raise RuntimeError("a purchase and a spending must be there, each with its kept answer")
    for is_spending, body, _ in samples:
        books.execute("UPDATE grown_sample SET body = %s WHERE is_spending = %s", (_format(body), is_spending))
    return min(occurred_at for _, _, occurred_at in samples)


def _format(body: str) -> str:
    """A body as PostgreSQL's `format` takes it: with the numbers of growing.ACTIVITIES where acts differ."""
    found = json.loads(body.replace("%", "%%"))
    found |= {"id": "%1$s", "occurred_at": "%2$s", "recorded_at": "%2$s", "request_id": "%3$s", "subject": "%4$s"}
    if "entry" in found["details"]:
        found["details"]["entry"] = "%5$s"
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False).replace('"%5$s"', "%5$s")
