"""What calls share: the processors of the machine, the event loop of a process, and a line that others may hear."""

from collections.abc import Iterable

from bench.load import Load, beside
from bench.requests import purchases
from bench.row import Row, clean, cost, median, p99, rate, speeds
from bench.server import NOTHING, RECORD
from bench.stage import Stage

# Calls in flight against one server and two. A port that is shared spreads connections, not calls.
CROWD, CONNECTIONS = 256, 16
# Do-nothing calls in flight, and how many others beside them.
PROBES, OTHERS = 8, 64


def two_processes(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_two_processes`."""
    make = purchases()
    one, two = [], []
    with here.served_by(2) as both:
        both.unary(RECORD, make, CROWD, CONNECTIONS)  # they have answered nothing so far
        for _ in range(rounds):
            one.append(clean(here.unary(RECORD, make, CROWD, CONNECTIONS)))
            two.append(clean(both.unary(RECORD, make, CROWD, CONNECTIONS)))
    note = (
        f"{rate(two)} against {rate(one)}, {CROWD} in flight, {CONNECTIONS} connections, p99 {p99(two)} against "
        f"{p99(one)}; {cost(two)} a call against {cost(one)}"
    )
    yield Row("earn_two_processes", speeds(two, one), 1.2, 1.5, note)


def over_tls(here: Stage, rounds: int) -> Iterable[Row]:
    """`earn_over_tls`."""
    make = purchases()
    plain, secured = [], []
    with here.secured() as private:
        private.unary(RECORD, make)  # it has answered nothing so far
        for _ in range(rounds):
            plain.append(clean(here.unary(RECORD, make)))
            secured.append(clean(private.unary(RECORD, make)))
    note = (
        f"{rate(secured)} over TLS 1.3 against {rate(plain)}, 64 in flight, 8 connections, p99 {p99(secured)} against "
        f"{p99(plain)}; {cost(secured)} a call against {cost(plain)}"
    )
    yield Row("earn_over_tls", speeds(secured, plain), 0.85, 0.95, note)


def noop_beside_writes(here: Stage, rounds: int) -> Iterable[Row]:
    """`noop_beside_writes`."""
    make = purchases()

    def probes_beside(path: str) -> list[Load]:
        return [clean(load) for load in beside(here.calls(NOTHING, make, PROBES), here.calls(path, make, OTHERS))]

    turns = [(*probes_beside(NOTHING), *probes_beside(RECORD)) for _ in range(rounds)]
    quiet, nothing, disturbed, earned = zip(*turns, strict=True)
    note = (
        f"p99 {p99(disturbed)} of {PROBES} do-nothing calls in flight beside {OTHERS} purchases, {rate(earned)}, "
        f"against {p99(quiet)} beside {OTHERS} do-nothing calls, {rate(nothing)}"
    )
    ratio = median(a.p99_ms / b.p99_ms for a, b in zip(disturbed, quiet, strict=True))
    yield Row("noop_beside_writes", ratio, 4, 2, note, lower=True)
