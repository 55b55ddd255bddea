"""What ten million entries change: reads of one customer must not notice them, nor may the earn call."""

import random
import shutil
import sys
import tempfile
from collections.abc import Iterable

from bench.grow import Grown, grow
from bench.load import Load
from bench.requests import Requests, account, customer, purchase, purchases, spend
from bench.row import Row, clean, cost, p50, rate, speeds, waits
from bench.rows import log
from bench.rows.reads import ENTRIES as LIST_ENTRIES
from bench.rows.reads import PAGE, entry_pages
from bench.server import NOTHING, RECORD
from bench.stage import Stage, stage
from fealty import connect
from fealty.v1 import events_pb2 as pb
from storage.engine.database import connection, patient

LIST_EVENTS = "/fealty.v1.EventService/ListEvents"

ENTRIES = 10_000_000
# On average. Few have hundreds or thousands, half have less than two pages.
ENTRIES_EACH = 50
CUSTOMERS_MIN = 100
# Accounts that are asked, at random: more than the calls of a measurement, so that each finds another's rows.
ASKED = 50_000
# Measured at 200,000 entries, and what the database needs beside: its log, and sorting for its indexes.
ENTRY_BYTES, BESIDE_BYTES = 2_500, 6 << 30


def grown(seconds: float, rounds: int, entries: int) -> Iterable[Row]:
    """`events_grown_vs_noop`, `points_grown_vs_noop`, those of the log, and `earn_10m_vs_empty`; nothing where the disk
    is too small."""
    needed, free = entries * ENTRY_BYTES + BESIDE_BYTES, shutil.disk_usage(tempfile.gettempdir()).free
    if free < needed:
        sentence = f"{entries:,} entries need {needed / 1e9:.0f} GB in {tempfile.gettempdir()}, where {free / 1e9:.0f}"
        print(f"{sentence} are free; the rows of a grown database are not measured", file=sys.stderr)
        return
    customers = max(CUSTOMERS_MIN, entries // ENTRIES_EACH)
    # Both have the same customers, so that entries are all that differs.
    with stage(seconds, customers=customers) as empty, stage(seconds, customers=customers) as full:
        _leave_samples(full)
        # Keys of ten million rows take minutes to come back.
        with connection(full.database) as books, patient(books):
            what = grow(books, entries)
        # The first customer left the samples.
        asked = random.Random(1).sample(range(1, customers), min(ASKED, customers - 1))
        yield from _reads(full, rounds, asked, what)
        yield from log.reads(full, rounds, what)
        yield from _earn(full, empty, rounds, asked, what)


def _reads(full: Stage, rounds: int, asked: Iterable[int], what: Grown) -> Iterable[Row]:
    events = Requests(
        [pb.ListEventsRequest(parent=customer(number), page_size=PAGE).SerializeToString() for number in asked]
    )
    entries = entry_pages(account(number) for number in asked)
    nothing: list[Load] = []
    of_events: list[Load] = []
    of_entries: list[Load] = []
    for _ in range(rounds):
        nothing.append(clean(full.unary(NOTHING, events, 1)))
        of_events.append(clean(full.unary(LIST_EVENTS, events, 1)))
        of_entries.append(clean(full.unary(LIST_ENTRIES, entries, 1)))
    for name, found in (("events_grown_vs_noop", of_events), ("points_grown_vs_noop", of_entries)):
        note = f"p50 {p50(found)} against {p50(nothing)}, 1 in flight; {cost(found)} a call against {cost(nothing)}"
        yield Row(name, waits(found, nothing), 6, 4, f"{note}; {what}", lower=True)


def _earn(full: Stage, empty: Stage, rounds: int, asked: Iterable[int], what: Grown) -> Iterable[Row]:
    make = purchases(asked)
    in_full, in_empty = [], []
    for here in (full, empty):
        here.unary(RECORD, make)  # the first statements are planned, the caches are filled
    for _ in range(rounds):
        in_full.append(clean(full.unary(RECORD, make)))
        in_empty.append(clean(empty.unary(RECORD, make)))
    note = f"{rate(in_full)} against {rate(in_empty)}; {cost(in_full)} a call against {cost(in_empty)}; {what}"
    yield Row("earn_10m_vs_empty", speeds(in_full, in_empty), 0.9, 1.0, note)


def _leave_samples(here: Stage) -> None:
    with connect(here.target, here.token) as fealty:
        fealty.transactions.RecordTransaction(purchase(account(0)))
        fealty.points.SpendPoints(spend(account(0)))
