"""A row of the table, and how figures of several rounds become one."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.load import Load


@dataclass(frozen=True)
class Row:
    """One row of the table. `at_least` and `aim` are what we promise ourselves; for `lower` ones limits from above."""

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


def clean(load: Load) -> Load:
    """The load, if every call of it succeeded. Raises RuntimeError: the speed of calls that fail means nothing."""
    if load.failed:
        raise RuntimeError(f"calls failed, so their speed means nothing: {load.failed} {load.messages[:1]}")
    return load


def median(values: Iterable[float]) -> float:
    """What a row says of its rounds: one that was disturbed does not count."""
    return statistics.median(values)


def speeds(ours: Sequence[Load], theirs: Sequence[Load]) -> float:
    """How many times as many calls a second ours were, round by round."""
    return median(a.per_s / b.per_s for a, b in zip(ours, theirs, strict=True))


def waits(ours: Sequence[Load], theirs: Sequence[Load]) -> float:
    """How many times as long ours took, by the medians of their latencies, round by round."""
    return median(a.p50_ms / b.p50_ms for a, b in zip(ours, theirs, strict=True))


def costs(ours: Sequence[Load], theirs: Sequence[Load]) -> float:
    """How many times as much processor time a call of ours took, of server and PostgreSQL together, round by round."""
    return median(
        sum(a.processor_us.values()) / sum(b.processor_us.values()) for a, b in zip(ours, theirs, strict=True)
    )


def rate(loads: Iterable[Load]) -> str:
    """Calls a second, for a note."""
    return f"{median(load.per_s for load in loads):.0f}/s"


def p50(loads: Iterable[Load]) -> str:
    """How long the middle call took, for a note."""
    return _ms(load.p50_ms for load in loads)


def p99(loads: Iterable[Load]) -> str:
    """How long all but one call of a hundred took, for a note."""
    return _ms(load.p99_ms for load in loads)


def cost(loads: Sequence[Load], items: int = 1) -> str:
    """Processor time for a call, or for one of the `items` that each brings, for a note."""
    names = loads[0].processor_us
    return ", ".join(f"{name} {median(load.processor_us[name] / items for load in loads):.0f} us" for name in names)


def _ms(values: Iterable[float]) -> str:
    return f"{median(values):.2f} ms"
