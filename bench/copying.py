"""Coupons in the table by the million: made as a worker makes them, copied as PostgreSQL copies, and merely there."""

import multiprocessing
import os
import time
from typing import Any, NamedTuple
from uuid import UUID

from bench import coupons
from bench.bare import bare
from bench.processor import peak_mb
from bench.stage import Stage
from storage.coupons.generating import steps
from storage.coupons.sealing import CodeSeals
from storage.engine.database import Connection, open_database
from storage.engine.unit import run

# Bytes of a piece of the copy: as `psql` sends them.
PIECE = 1 << 16


class Made(NamedTuple):
    """How long it took, in seconds, and the most memory that the maker held, in megabytes."""

    seconds: float
    peak_mb: int


def generated(here: Stage, parent: str, count: int) -> Made:
    """Makes so many codes by the steps of an operation, in a process of its own, as a worker is."""
    operation = coupons.begun(here, parent, count)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_generate, (here.postgres.url, coupons.key(here), operation))


def copied(here: Stage, parent: str) -> float:
    """Seconds that a plain COPY takes for the coupons of a campaign, which are taken out of the table and put back."""
    with here.patiently() as books:
        rows = _out(books, parent)
        _empty(books, parent)
        books.execute("CHECKPOINT")
        start = time.monotonic()
        with books.transaction(), books.cursor().copy("COPY coupon FROM STDIN") as copy:
            for piece in rows:
                copy.write(piece)
        return time.monotonic() - start


def filled(here: Stage, parent: str, count: int) -> None:
    """So many coupons more of a campaign, with codes that nobody knows."""
    with here.patiently() as books:
        with bare(books, ["coupon"]):
            books.execute(_FILL, (count, _id(parent)))
        books.execute("VACUUM ANALYZE coupon")
        books.execute("CHECKPOINT")


def emptied(here: Stage, parent: str) -> None:
    """Takes the coupons of a campaign out of the table."""
    with here.patiently() as books:
        _empty(books, parent)


def _generate(url: str, key: bytes, operation: UUID) -> Made:
    database, seals = open_database(url), CodeSeals(key)
    start = time.monotonic()
    while not run(database, lambda unit: steps.step(unit, operation, seals)):
        pass
    return Made(time.monotonic() - start, peak_mb(os.getpid()))


def _empty(books: Connection, parent: str) -> None:
    books.execute(_REMOVE, (_id(parent),))
    books.execute("VACUUM coupon")


def _out(books: Any, parent: str) -> list[bytes]:
    found = bytearray()
    with books.cursor().copy(_OUT.format(int(parent_number(books, parent)))) as copy:
        for piece in copy:
            found += piece
    return [bytes(found[start : start + PIECE]) for start in range(0, len(found), PIECE)]


def parent_number(books: Any, parent: str) -> int:
    """The internal id of a campaign."""
    return int(books.execute(_NUMBER, (_id(parent),)).fetchone()[0])


def _id(parent: str) -> str:
    return parent.rpartition("/")[2]


_NUMBER = "SELECT id FROM coupon_campaign WHERE campaign_id = %s"

_OUT = "COPY (SELECT * FROM coupon WHERE campaign = {}) TO STDOUT"

_REMOVE = "DELETE FROM coupon WHERE campaign = (SELECT id FROM coupon_campaign WHERE campaign_id = %s)"

# Ids in the order of time, as they are made; a code has 29 bytes under seal.
_FILL = """
INSERT INTO coupon (campaign, id, program, code, last_four, origin, added_at)
SELECT c.id, (lpad(to_hex(1764500000000 + n / 8), 12, '0') || '7000' || '8' || substr(md5(n::text), 1, 15))::uuid,
       c.program, substr(sha256(n::text::bytea), 1, 29), 'AAAA', 'GENERATED', now()
FROM generate_series(1, %s) AS n, coupon_campaign c WHERE c.campaign_id = %s
"""
