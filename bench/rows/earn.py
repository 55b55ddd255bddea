"""Purchases: the earn call against nothing, against the usual way, against PostgreSQL alone, and in a stream."""

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench import pgbench, slow_disk
from bench.load import Load
from bench.requests import messages, purchases, refused
from bench.row import Row, clean, cost, costs, median, p50, p99, rate, speeds, waits
from bench.server import NOTHING, PLAIN, RECORD
from bench.stage import Stage, stage

INGEST = "/fealty.v1.IngestService/BatchIngest"

# Purchases of one ingest message.
ITEMS = 100


def alone(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_vs_noop_1` and `earn_alone`."""
    earned, nothing = _turns(here, rounds, 1)
    yield _against_nothing("earn_vs_noop_1", 1, earned, nothing)
    note = f"p50 {p50(earned)} against {p50(nothing)}; {cost(earned)} a call against {cost(nothing)}"
    yield Row("earn_alone", waits(earned, nothing), 6, 4, note, lower=True)


def few(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_vs_noop_16`."""
    yield _against_nothing("earn_vs_noop_16", 16, *_turns(here, rounds, 16))


def many(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_vs_noop`, `earn_cpu_vs_noop` and `earn_tail`."""
    earned, nothing = _turns(here, rounds, 64)
    yield _against_nothing("earn_vs_noop", 64, earned, nothing, 0.50, 0.70)
    note = f"64 in flight: {cost(earned)} a call against {cost(nothing)}"
    yield Row("earn_cpu_vs_noop", costs(earned, nothing), 2.3, 1.8, note, lower=True)
    tail = median(load.p99_ms / load.p50_ms for load in earned)
    yield Row("earn_tail", tail, 4, 2, "p99 / p50 at 64 in flight", lower=True)


def crowd(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_vs_noop_256`."""
    yield _against_nothing("earn_vs_noop_256", 256, *_turns(here, rounds, 256), 0.55, 0.75)


def plain(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_vs_plain_peewee`."""
    make = purchases()
    usual, earned = [], []
    for _ in range(rounds):
        usual.append(clean(here.unary(PLAIN, make)))
        earned.append(clean(here.unary(RECORD, make)))
    note = f"{rate(earned)} against {rate(usual)}; {cost(earned)} a call against {cost(usual)}"
    yield Row("earn_vs_plain_peewee", speeds(earned, usual), 10, 18, note)


def postgres(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_vs_pgbench`."""
    make = purchases()
    pairs = [(clean(here.unary(RECORD, make)), pgbench.singles(here)) for _ in range(rounds)]
    note = f"{_against(pairs)}, 8 connections, single statements"
    yield Row("earn_vs_pgbench", median(a.per_s / b.per_s for a, b in pairs), 1.0, 1.5, note)


def hot(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_hot_vs_spread`."""
    spread, one = purchases(), purchases(range(1))
    heated, cool = [], []
    for _ in range(rounds):
        heated.append(clean(here.unary(RECORD, one)))
        cool.append(clean(here.unary(RECORD, spread)))
    note = f"{rate(heated)} on one account against {rate(cool)}; {cost(heated)} a call against {cost(cool)}"
    yield Row("earn_hot_vs_spread", speeds(heated, cool), 0.9, 1.0, note)


def ingest(here: Stage, rounds: int) -> Iterable[Row]:
    """`ingest_vs_pgbench`."""
    make = messages(ITEMS)
    pairs = [(clean(here.stream(INGEST, make, refused)), pgbench.sets(here)) for _ in range(rounds)]
    note = f"{_against(pairs, ITEMS)}, messages of {ITEMS} against sets of {pgbench.SET}"
    yield Row("ingest_vs_pgbench", median(a.per_s * ITEMS / b.per_s for a, b in pairs), 0.5, 0.8, note)


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
            pairs = [(clean(here.unary(RECORD, make)), pgbench.singles(here)) for _ in range(rounds)]
    note = f"{_against(pairs)}, 1 ms more a sync"
    yield Row("earn_slow_disk", median(a.per_s / b.per_s for a, b in pairs), 1.5, 3, note)


def _turns(here: Stage, rounds: int, in_flight: int) -> tuple[list[Load], list[Load]]:
    make = purchases()
    earned, nothing = [], []
    for _ in range(rounds):
        nothing.append(clean(here.unary(NOTHING, make, in_flight)))
        earned.append(clean(here.unary(RECORD, make, in_flight)))
    return earned, nothing


def _against_nothing(
    name: str,
    in_flight: int,
    earned: list[Load],
    nothing: list[Load],
    at_least: float | None = None,
    aim: float | None = None,
) -> Row:
    note = (
        f"{in_flight} in flight: {rate(earned)} against {rate(nothing)}, p50 {p50(earned)}, p99 {p99(earned)}; "
        f"{cost(earned)} a call against {cost(nothing)}; "
        f"the client takes {median(load.client_cpu_share for load in earned):.2f} of a processor"
    )
    return Row(name, speeds(earned, nothing), at_least, aim, note)


def _against(pairs: list[tuple[Load, pgbench.Purchases]], items: int = 1) -> str:
    """Both sides' figures, where a call of ours is so many purchases."""
    ours, theirs = zip(*pairs, strict=True)
    return (
        f"{median(load.per_s * items for load in ours):.0f}/s against {median(run.per_s for run in theirs):.0f}/s; "
        f"{cost(ours, items)} a purchase against PostgreSQL {median(run.postgres_us for run in theirs):.0f} us"
    )
