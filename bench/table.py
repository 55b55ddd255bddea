"""Prints the table of what Fealty measures itself by, and writes it to bench/latest.json.

    make bench                 all rows, about ten minutes
    make bench ARGS="--seconds 1 --rounds 1 earn"    only rows whose name contains `earn`, roughly

Every figure is a ratio of two things done in turns in one run on one machine; with several rounds, the median.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import pgbench, relay, slow_disk
from bench.load import Load
from bench.server import NOTHING, PLAIN, RECORD
from bench.stage import Stage, account, messages, purchases, stage
from fealty.v1 import points_pb2 as pb

LATEST = Path(__file__).with_name("latest.json")
BALANCE = "/fealty.v1.PointsService/GetBalance"
HISTORY = "/fealty.v1.PointsService/ListEntries"
INGEST = "/fealty.v1.PointsService/IngestTransactions"

IN_FLIGHT = (1, 16, 64, 256)
# Purchases of one ingest message.
ITEMS = 100
# Accounts whose histories are read, and how many entries each has at least: more than a page.
READ_ACCOUNTS = 500
HISTORY_ENTRIES = 25


@dataclass(frozen=True)
class Row:
    """One row of the table. `at_least` and `aim` are DESIGN's; for `lower` ones they are limits from above."""

    name: str
    value: float
    at_least: float | None
    aim: float | None
    note: str
    lower: bool = False

    @property
    def verdict(self) -> str:
        """How the value stands to its limits."""
        if self.at_least is None or self.aim is None:
            return ""
        sign = -1 if self.lower else 1
        if sign * self.value >= sign * self.aim:
            return "aim"
        return "ok" if sign * self.value >= sign * self.at_least else "MISSED"


def main() -> int:
    """Exit code 1 where a row misses its least."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", help="measure only rows whose name contains one of these")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each measurement (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="how often A and B take turns (default 3)")
    asked = parser.parse_args()
    rows = list(measure(asked.seconds, asked.rounds, asked.only))
    _print(rows)
    if not asked.only:
        machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "machine": platform.machine()}
        found = [{key: value for key, value in asdict(row).items() if key != "lower"} for row in rows]
        LATEST.write_text(json.dumps(found, indent=1) + "\n")
        print(f"\nwritten to {LATEST.relative_to(Path.cwd())}; {machine}")
    return int(any(row.verdict == "MISSED" for row in rows))


def measure(seconds: float, rounds: int, only: Iterable[str]) -> Iterable[Row]:
    """The rows, as they are measured."""

    def wanted(name: str) -> bool:
        return not only or any(part in name for part in only)

    parts: list[tuple[tuple[str, ...], Callable[[Stage, int], Iterable[Row]]]] = [
        (("earn_vs_noop", "earn_tail", "earn_alone", "earn_vs_plain_peewee", "earn_vs_pgbench"), _earn),
        (("earn_hot_vs_spread",), _hot),
        (("ingest_vs_pgbench",), _ingest),
        (("balance_vs_noop", "history_vs_noop"), _reads),
    ]
    chosen = [part for names, part in parts if any(wanted(name) for name in names)]
    if chosen:
        with stage(seconds) as here:
            for part in chosen:
                for row in part(here, rounds):
                    if wanted(row.name):
                        yield row
    if wanted("earn_slow_disk"):
        yield from _slow_disk(seconds, rounds)
    if wanted("relay_vs_send"):
        yield Row("relay_vs_send", relay.ratio(rounds), 4, 6, "tasks relayed a second against one-by-one sends")


def _earn(here: Stage, rounds: int) -> Iterable[Row]:
    make = purchases()
    earned: dict[int, list[Load]] = {number: [] for number in IN_FLIGHT}
    nothing: dict[int, list[Load]] = {number: [] for number in IN_FLIGHT}
    plain: list[float] = []
    postgres: list[float] = []
    here.unary(RECORD, make)  # the first statements are planned, the caches are filled
    for _ in range(rounds):
        for number in IN_FLIGHT:
            nothing[number].append(_clean(here.unary(NOTHING, make, number)))
            earned[number].append(_clean(here.unary(RECORD, make, number)))
        plain.append(_clean(here.unary(PLAIN, make)).per_s)
        postgres.append(pgbench.singles(here))
    for number in IN_FLIGHT:
        ratio = _median(a.per_s / b.per_s for a, b in zip(earned[number], nothing[number], strict=True))
        note = (
            f"{number} in flight: {_rate(earned[number])}/s against {_rate(nothing[number])}/s, "
            f"p50 {_ms(load.p50_ms for load in earned[number])}, p99 {_ms(load.p99_ms for load in earned[number])}; "
            f"the client takes {_median(load.client_cpu_share for load in earned[number]):.2f} of a processor"
        )
        if number == 64:
            yield Row("earn_vs_noop", ratio, 0.45, 0.70, note)
        else:
            yield Row(f"earn_vs_noop_{number}", ratio, None, None, note)
    many = earned[64]
    yield Row(
        "earn_vs_plain_peewee",
        _median(a.per_s / b for a, b in zip(many, plain, strict=True)),
        10,
        18,
        f"{_rate(many)}/s against {_median(plain):.0f}/s",
    )
    yield Row(
        "earn_vs_pgbench",
        _median(a.per_s / b for a, b in zip(many, postgres, strict=True)),
        0.9,
        1.3,
        f"{_rate(many)}/s against {_median(postgres):.0f}/s, 8 connections, single statements",
    )
    alone = _median(a.p50_ms / b.p50_ms for a, b in zip(earned[1], nothing[1], strict=True))
    note = f"p50 {_ms(load.p50_ms for load in earned[1])} against {_ms(load.p50_ms for load in nothing[1])}"
    yield Row("earn_alone", alone, 9, 5, note, lower=True)
    tail = _median(load.p99_ms / load.p50_ms for load in many)
    yield Row("earn_tail", tail, 4, 2, "p99 / p50 at 64 in flight", lower=True)


def _hot(here: Stage, rounds: int) -> Iterable[Row]:
    spread, hot = purchases(), purchases(1)
    pairs = [(_clean(here.unary(RECORD, hot)).per_s, _clean(here.unary(RECORD, spread)).per_s) for _ in range(rounds)]
    note = f"{_median(a for a, _ in pairs):.0f}/s on one account"
    yield Row("earn_hot_vs_spread", _median(a / b for a, b in pairs), 0.9, 1.0, note)


def _ingest(here: Stage, rounds: int) -> Iterable[Row]:
    make = messages(ITEMS)
    pairs = [(_clean(here.stream(INGEST, make, _refused)).per_s * ITEMS, pgbench.sets(here)) for _ in range(rounds)]
    note = (
        f"{_median(a for a, _ in pairs):.0f} postings/s in messages of {ITEMS} "
        f"against {_median(b for _, b in pairs):.0f}/s in sets of {pgbench.SET}"
    )
    yield Row("ingest_vs_pgbench", _median(a / b for a, b in pairs), 0.7, 1.0, note)


def _reads(here: Stage, rounds: int) -> Iterable[Row]:
    names = [account(number) for number in range(READ_ACCOUNTS)]
    balances = Requests([pb.GetBalanceRequest(account=name).SerializeToString() for name in names])
    pages = Requests([pb.ListEntriesRequest(parent=name, page_size=20).SerializeToString() for name in names])
    entries = 0
    while entries < READ_ACCOUNTS * HISTORY_ENTRIES:
        entries += _clean(here.stream(INGEST, messages(ITEMS, READ_ACCOUNTS), _refused)).calls * ITEMS
    nothing, read, listed = [], [], []
    for _ in range(rounds):
        nothing.append(_clean(here.unary(NOTHING, balances)).per_s)
        read.append(_clean(here.unary(BALANCE, balances)).per_s)
        listed.append(_clean(here.unary(HISTORY, pages)).per_s)
    for name, found, least, aim in (("balance_vs_noop", read, 0.45, 0.75), ("history_vs_noop", listed, 0.3, 0.5)):
        note = f"{_median(found):.0f}/s against {_median(nothing):.0f}/s"
        yield Row(name, _median(a / b for a, b in zip(found, nothing, strict=True)), least, aim, note)


def _slow_disk(seconds: float, rounds: int) -> Iterable[Row]:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # PostgreSQL loads it as another user where we are root
        library = slow_disk.build(Path(folder))
        if library is None:
            print("earn_slow_disk needs a C compiler (cc) for a shim of 50 lines; not measured", file=sys.stderr)
            return
        with stage(seconds, {"LD_PRELOAD": str(library), slow_disk.LENGTH_VARIABLE: "1000"}) as here:
            make = purchases()
            here.unary(RECORD, make)
            pairs = [(_clean(here.unary(RECORD, make)).per_s, pgbench.singles(here)) for _ in range(rounds)]
    note = f"{_median(a for a, _ in pairs):.0f}/s against {_median(b for _, b in pairs):.0f}/s, 1 ms more a sync"
    yield Row("earn_slow_disk", _median(a / b for a, b in pairs), 2.0, 3.0, note)


@dataclass(frozen=True)
class Requests:
    """Requests that need nothing fresh, in turns."""

    variants: list[bytes]

    def __call__(self, i: int) -> bytes:
        """The request of call number `i`."""
        return self.variants[i % len(self.variants)]


def _refused(answer: bytes) -> list[str]:
    results = pb.IngestTransactionsResponse.FromString(answer).results
    return [result.refused.message for result in results if result.HasField("refused")]


def _clean(load: Load) -> Load:
    if load.failed:
        raise RuntimeError(f"calls failed, so their speed means nothing: {load.failed} {load.messages[:1]}")
    return load


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _rate(loads: Iterable[Load]) -> str:
    return f"{_median(load.per_s for load in loads):.0f}"


def _ms(values: Iterable[float]) -> str:
    return f"{_median(values):.1f} ms"


def _print(rows: Iterable[Row]) -> None:
    print(f"{'name':24}{'value':>8}{'at least':>10}{'aim':>7}  {'':7} note")
    for row in rows:
        least = "" if row.at_least is None else f"{'<=' if row.lower else ''}{row.at_least:g}"
        aim = "" if row.aim is None else f"{'<=' if row.lower else ''}{row.aim:g}"
        print(f"{row.name:24}{row.value:8.2f}{least:>10}{aim:>7}  {row.verdict:7} {row.note}")
