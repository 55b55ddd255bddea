"""Prints the table of what Fealty measures itself by, and writes it to bench/latest.json.

    make bench                 all rows; the last need ten million entries, and most of the time
    make bench ARGS="--seconds 1 --rounds 1 earn_vs"     only rows whose name contains `earn_vs`

Every figure is a ratio of two things done in turns in one run on one machine; with several rounds, the median.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from bench import relay
from bench.requests import purchases
from bench.row import Row
from bench.rows import coupons
from bench.rows.depth import depth
from bench.rows.earn import alone, crowd, few, hot, ingest, many, on_slow_disk, plain, postgres
from bench.rows.grown import ENTRIES, grown
from bench.rows.log import recording
from bench.rows.logins import logins_beside_earn
from bench.rows.passes_list import lists
from bench.rows.passes_mail import mails
from bench.rows.passes_phones import arriving, earning
from bench.rows.passes_push import pushes
from bench.rows.passes_signed import signed
from bench.rows.points import points
from bench.rows.reads import reads
from bench.rows.sharing import noop_beside_writes, over_tls, two_processes
from bench.server import RECORD
from bench.stage import Stage, stage

LATEST = Path(__file__).with_name("latest.json")

# What is measured on one stage, one after the other, and the rows that come of it.
PARTS: tuple[tuple[tuple[str, ...], Callable[[Stage, int], Iterable[Row]]], ...] = (
    (("earn_vs_noop_1", "earn_alone"), alone),
    (("earn_vs_noop_16",), few),
    (("earn_vs_noop", "earn_cpu_vs_noop", "earn_tail"), many),
    (("earn_vs_noop_256",), crowd),
    (("earn_vs_plain_peewee",), plain),
    (("earn_vs_pgbench",), postgres),
    (("earn_two_processes",), two_processes),
    (("earn_over_tls",), over_tls),
    (("noop_beside_writes",), noop_beside_writes),
    (("logins_beside_earn",), logins_beside_earn),
    (("earn_hot_vs_spread",), hot),
    (("ingest_vs_pgbench",), ingest),
    (("balance_vs_noop", "history_vs_noop"), reads),
    (("activity_vs_earn",), recording),
    (("spend_10k_lots",), depth),
    (("coupons_made_vs_copy",), coupons.made),
)
# Of passes, each on a stage of its own.
PASSES: Mapping[str, Callable[[float, int], Iterable[Row]]] = {
    "passes_vs_signing": signed,
    "pushes_vs_http2": pushes,
    "mails_vs_smtplib": mails,
    "pass_seconds": arriving,
    "earn_with_passes": earning,
    "pass_list_vs_noop": lists,
}
USED = ("redeem_vs_earn", "redeem_spend_vs_earn", "validate_vs_noop", "redeem_shared_vs_spread")
OUT = ("spend_vs_earn", "hold_vs_earn", "capture_vs_earn", "refund_vs_earn")
LOG = (
    *("log_page_vs_noop", "log_text_rare_vs_noop", "log_text_common_vs_noop", "log_text_mixed_vs_noop"),
    *("log_analyze_vs_noop", "log_export_vs_copy"),
)
GROWN = ("events_grown_vs_noop", "points_grown_vs_noop", "earn_10m_vs_empty", *LOG)


def main() -> int:
    """Exit code 1 where a row misses its least."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", help="measure only rows whose name contains one of these")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each measurement (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="how often A and B take turns (default 3)")
    parser.add_argument("--entries", type=int, default=ENTRIES, help=f"of the grown database (default {ENTRIES:,})")
    asked = parser.parse_args()
    rows = list(measure(asked.seconds, asked.rounds, asked.entries, asked.only))
    _print(rows)
    if not asked.only:
        machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "machine": platform.machine()}
        LATEST.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
        print(f"\nwritten to {LATEST.relative_to(Path.cwd())}; {machine}")
    return int(any(row.verdict == "MISSED" for row in rows))


def measure(seconds: float, rounds: int, entries: int, only: Iterable[str]) -> Iterable[Row]:
    """The rows, as they are measured; those of a grown database last."""

    def wanted(*names: str) -> bool:
        return not only or any(part in name for part in only for name in names)

    chosen = [part for names, part in PARTS if wanted(*names)]
    if chosen:
        with stage(seconds) as here:
            here.unary(RECORD, purchases())  # the first statements are planned, the caches are filled
            for part in chosen:
                yield from (row for row in part(here, rounds) if wanted(row.name))
    if wanted(*OUT):
        yield from (row for row in points(seconds, rounds) if wanted(row.name))
    if wanted(*USED):
        yield from (row for row in coupons.use(seconds, rounds) if wanted(row.name))
    if wanted("coupon_lookup_grown"):
        yield from coupons.lookups(seconds, rounds, entries)
    if wanted("earn_slow_disk"):
        yield from on_slow_disk(seconds, rounds)
    if wanted("relay_vs_send"):
        yield Row("relay_vs_send", relay.ratio(rounds), 4, 6, "tasks relayed a second against one-by-one sends")
    for name, passes in PASSES.items():
        if wanted(name):
            yield from passes(seconds, rounds)
    if wanted(*GROWN):
        yield from (row for row in grown(seconds, rounds, entries) if wanted(row.name))


def _print(rows: Iterable[Row]) -> None:
    print(f"{'name':24}{'value':>8}{'at least':>10}{'aim':>7}  {'':7} note")
    for row in rows:
        least = "" if row.at_least is None else f"{'<=' if row.lower else ''}{row.at_least:g}"
        aim = "" if row.aim is None else f"{'<=' if row.lower else ''}{row.aim:g}"
        print(f"{row.name:24}{row.value:8.2f}{least:>10}{aim:>7}  {row.verdict:7} {row.note}")
