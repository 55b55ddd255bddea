"""What was counted of the log, as tables with bars that fit a terminal."""

import shutil
import sys
from collections.abc import Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

import click
from google.protobuf.timestamp_pb2 import Timestamp
from rich.cells import cell_len

from cli.activities.counted import DISTRIBUTIONS, RANKS, Row, rows
from cli.activities.shown import printable
from fealty import v1
from rules.sentences.english import speech

WHOLE, ONGOING = "█", "░"
SO_FAR = " so far"
# However wide the terminal is: the eye finds no line at the end of a longer one.
BAR_MAX = 80
# An hour with its offset is not cut.
LABEL_MIN = len("2026-03-01 00:00 +01:00")
GAP = "  "


class Charts:
    """Prints an answer as wide as the terminal; into a file or a pipe with no name cut short."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)
        self._width = shutil.get_terminal_size().columns
        self._label_max = max(self._width // 2, LABEL_MIN) if sys.stdout.isatty() else None

    def show(self, found: v1.AnalyzeActivitiesResponse, parts: Sequence[str], period: str) -> None:
        """The parts that were asked for, in their order; before them how many it were, and of what."""
        counted = speech.count(found.total, "activity", "activities")
        click.echo(f"{counted}, as of {self._at(found.as_of_time)}")
        self._say_basis(found.basis)
        for part in parts:
            click.echo(f"\n{part.upper()}{f', by the {period}' if part == 'trend' else ''}")
            if part in RANKS:
                self._say_basis(found.ranks_basis)
            # What does not add up to all has no shares of it.
            self._table(rows(found, part, period, self._zone.key), found.total if part in DISTRIBUTIONS else None)

    def _say_basis(self, basis: v1.AnalysisBasis) -> None:
        if basis.is_all:
            return
        if basis.HasField("since_time"):
            since = self._at(basis.since_time)
            click.echo(f"Not of all: of the newest {basis.looked:,} entries, which go back to {since}.")
        else:
            click.echo("Not of all: the log is far ahead of what is counted; `fealty clock` catches up.")

    def _table(self, lines: Sequence[Row], total: int | None) -> None:
        if not lines:
            click.echo("none")
            return
        columns = [_left([self._fitting(row.label) for row in lines]), _right([f"{row.number:,}" for row in lines])]
        if total:
            columns.append(_right([f"{row.number / total:.1%}" for row in lines]))
        taken = sum(cell_len(column[0]) + len(GAP) for column in columns)
        if any(row.is_ongoing for row in lines):
            taken += len(SO_FAR)
        longest = min(max(self._width - taken, 0), BAR_MAX)
        most = max(row.number for row in lines)
        for row, *cells in zip(lines, *columns, strict=True):
            # What there is can be seen, however little it is.
            length = max(round(longest * row.number / most), 1) if row.number else 0
            bar = min(length, longest) * (ONGOING if row.is_ongoing else WHOLE)
            click.echo(f"{GAP.join([*cells, bar])}{SO_FAR if row.is_ongoing else ''}".rstrip())

    def _fitting(self, label: str) -> str:
        label = printable(label)
        if self._label_max is None or cell_len(label) <= self._label_max:
            return label
        # The end of a name tells more than its beginning.
        while cell_len(label) >= self._label_max:
            label = label[1:]
        return f"…{label}"

    def _at(self, at: Timestamp) -> str:
        return f"{at.ToDatetime(UTC).astimezone(self._zone):%Y-%m-%d %H:%M:%S} {self._zone.key}"


def _left(cells: Sequence[str]) -> list[str]:
    width = max(map(cell_len, cells))
    return [cell + " " * (width - cell_len(cell)) for cell in cells]


def _right(cells: Sequence[str]) -> list[str]:
    width = max(map(len, cells))
    return [cell.rjust(width) for cell in cells]
