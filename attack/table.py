"""Runs what is asked for and prints a table, a row for each attack, as docs/operating.md has it."""

import math
from collections.abc import Iterable, Iterator, Sequence

from attack import limits
from attack.parts import Command
from attack.probe import READ, WRITE, Figures
from attack.raw import counted
from attack.stage import Stage, running
from attack.trial import KINDS, Attack, Row, trial

HEAD = (
    "Attack",
    "write alone, p50 / p99",
    "write beside, p50 / p99 / worst",
    "read alone",
    "read beside",
    "failed",
    "memory",
    "what became of it",
)


def rows(here: Stage, attacks: Sequence[Attack], seconds: float) -> Iterator[Row]:
    """Each attack on a server of its own, one after the other; a worker and a clock run beside all of them."""
    here.open_programs(limits.LOTS if any(attack.crowded for attack in attacks) else 0)
    beside: list[Command] = [here.command("worker", "worker"), here.command("clock", "clock")]
    with running(*beside):
        for attack in attacks:
            yield trial(attack, here, seconds)


def lines(found: Iterable[Row]) -> Iterator[str]:
    """The table in Markdown, a line as soon as its row is there."""
    yield _line(HEAD)
    yield _line("---" for _ in HEAD)
    for row in found:
        yield _line(_cells(row))


def _cells(row: Row) -> Sequence[str]:
    failed = sum((row.beside[kind].failed for kind in KINDS), type(row.beside[WRITE].failed)())
    calls = sum(row.beside[kind].calls for kind in KINDS)
    verdict = "; ".join(f"FAULT: {fault}" for fault in row.faults)
    return (
        row.attack.what,
        _alone(row.alone[WRITE]),
        _beside(row.beside[WRITE]),
        _alone(row.alone[READ]),
        _beside(row.beside[READ]),
        f"{sum(failed.values())} of {calls}" + (f": {counted(failed)}" if failed else ""),
        f"{row.memory_mb:+.0f} MB" if row.attack.survived else "",
        "; ".join(filter(None, (row.note, verdict))),
    )


def _alone(figures: Figures) -> str:
    return f"{_ms(figures.p50_ms)} / {_ms(figures.p99_ms)} ms"


def _beside(figures: Figures) -> str:
    return f"{_ms(figures.p50_ms)} / {_ms(figures.p99_ms)} / {_ms(figures.worst_ms)} ms"


def _ms(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
