"""Processor time of other processes: what a call costs them, however busy the machine is with others."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat behind the name of the program, which may hold anything (proc(5) counts from 1, and three
# come before these).
_PARENT, _ENDED_USER, _ENDED_SYSTEM = 1, 13, 14
# The kernel's clock of all threads of a process, in nanoseconds; bits of a clock's number (posix-timers.h).
_SCHEDULER_CLOCK = 2


def spent_s(roots: Iterable[int]) -> float:
    """Processor time that these processes and all they have started used so far, in seconds.

    Children that have ended count too, once they were waited for: to a tick (10 ms), the living to the nanosecond.
    Raises KeyError with the number of a process that is not there.
    """
    found = dict(_processes())
    children: dict[int, list[int]] = {}
    for process, stat in found.items():
        children.setdefault(int(stat[_PARENT]), []).append(process)
    left, spent = list(roots), 0.0
    while left:
        process = left.pop()
        left += children.get(process, ())
        stat = found[process]
        spent += _own_s(process) + (int(stat[_ENDED_USER]) + int(stat[_ENDED_SYSTEM])) / TICKS_PER_S
    return spent


def peak_mb(process: int) -> int:
    """The most memory that a process ever had, in megabytes."""
    [line] = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) // 1024


def _own_s(process: int) -> float:
    try:
        return time.clock_gettime(~process << 3 | _SCHEDULER_CLOCK)
    except OSError:  # it has just ended: its parent has its time from now on
        return 0.0


def _processes() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
            yield int(folder.name), stat.rpartition(")")[2].split()
