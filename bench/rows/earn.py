"""Purchases: the earn call against nothing, against the usual way, against PostgreSQL alone, and in a stream."""

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench import pgbench, slow_disk
from bench.load import Load
from bench.requests import messages, purchases, refused
from bench.row import Row, clean, median, p50, p99, rate, speeds, waits
from bench.server import NOTHING, PLAIN, RECORD
from bench.stage import Stage, stage

INGEST = "/fealty.v1.IngestService/BatchIngest"

IN_FLIGHT = (1, 16, 64, 256)
# Purchases of one ingest message.
ITEMS = 100


def earn(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_vs_…`, `earn_alone` and `earn_tail`."""
    make = purchases()
    earned: dict[int, list[Load]] = {number: [] for number in IN_FLIGHT}
    nothing: dict[int, list[Load]] = {number: [] for number in IN_FLIGHT}
    plain: list[Load] = []
    postgres: list[float] = []
    here.unary(RECORD, make)  # the first statements are planned, the caches are filled
    for _ in range(rounds):
        for number in IN_FLIGHT:
            nothing[number].append(clean(here.unary(NOTHING, make, number)))
            earned[number].append(clean(here.unary(RECORD, make, number)))
        plain.append(clean(here.unary(PLAIN, make)))
        postgres.append(pgbench.singles(here))
    for number in IN_FLIGHT:
        note = (
            f"{number} in flight: {rate(earned[number])} against {rate(nothing[number])}, "
            f"p50 {p50(earned[number])}, p99 {p99(earned[number])}; "
            f"the client takes {median(load.client_cpu_share for load in earned[number]):.2f} of a processor"
        )
        ratio = speeds(earned[number], nothing[number])
        if number == 64:
            yield Row("earn_vs_noop", ratio, 0.45, 0.70, note)
        else:
            yield Row(f"earn_vs_noop_{number}", ratio, None, None, note)
    many = earned[64]
    yield Row("earn_vs_plain_peewee", speeds(many, plain), 10, 18, f"{rate(many)} against {rate(plain)}")
    against = median(a.per_s / b for a, b in zip(many, postgres, strict=True))
    note = f"{rate(many)} against {median(postgres):.0f}/s, 8 connections, single statements"
    yield Row("earn_vs_pgbench", against, 0.9, 1.3, note)
    note = f"p50 {p50(earned[1])} against {p50(nothing[1])}"
    yield Row("earn_alone", waits(earned[1], nothing[1]), 9, 5, note, lower=True)
    tail = median(load.p99_ms / load.p50_ms for load in many)
    yield Row("earn_tail", tail, 4, 2, "p99 / p50 at 64 in flight", lower=True)


def hot(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_hot_vs_spread`."""
    spread, one = purchases(), purchases(range(1))
    heated, cool = [], []
    for _ in range(rounds):
        heated.append(clean(here.unary(RECORD, one)))
        cool.append(clean(here.unary(RECORD, spread)))
    yield Row("earn_hot_vs_spread", speeds(heated, cool), 0.9, 1.0, f"{rate(heated)} on one account")


def ingest(here: Stage, rounds: int) -> Iterable[Row]:
    """`ingest_vs_pgbench`."""
    make = messages(ITEMS)
    pairs = [(clean(here.stream(INGEST, make, refused)).per_s * ITEMS, pgbench.sets(here)) for _ in range(rounds)]
    note = (
        f"{median(a for a, _ in pairs):.0f} postings/s in messages of {ITEMS} "
        f"against {median(b for _, b in pairs):.0f}/s in sets of {pgbench.SET}"
    )
    yield Row("ingest_vs_pgbench", median(a / b for a, b in pairs), 0.7, 1.0, note)


def on_slow_disk(seconds: float, rounds: int) -> Iterable[Row]:
    """`earn_slow_disk`, on a stage of its own; nothing where there is no C compiler."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # PostgreSQL loads it as another user where we are root
        library = slow_disk.build(Path(folder))
        if library is None:
            print("earn_slow_disk needs a C compiler (cc) for a shim of 50 lines; not measured", file=sys.stderr)
            return
        with stage(seconds, {"LD_PRELOAD": str(library), slow_disk.LENGTH_VARIABLE: "1000"}) as here:
            make = purchases()
            here.unary(RECORD, make)
            pairs = [(clean(here.unary(RECORD, make)).per_s, pgbench.singles(here)) for _ in range(rounds)]
    note = f"{median(a for a, _ in pairs):.0f}/s against {median(b for _, b in pairs):.0f}/s, 1 ms more a sync"
    yield Row("earn_slow_disk", median(a / b for a, b in pairs), 2.0, 3.0, note)
