"""How far the demo is, on stderr: a bar on a terminal, else a line now and then."""

import sys
from datetime import date
from types import TracebackType

import click
import rich.progress
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

LINES = 12  # of a whole replay, where there is no terminal: one a month of the year


class Progress:
    """`say` what is being waited for; `expect` so many baskets, then tell which were `sent`."""

    def __init__(self) -> None:
        self._bar: rich.progress.Progress | None = None
        self._task = rich.progress.TaskID(0)
        self._said = ""
        self._expected = 0
        self._done = 0
        self._lines = 0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, what: str) -> None:
        """What happens now."""
        if self._bar:
            self._bar.update(self._task, description=what)
        elif what != self._said:
            click.echo(what, err=True)
        self._said = what

    def expect(self, baskets: int) -> None:
        """How many there will be. From here on the bar has the terminal for itself."""
        self._expected = baskets
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = rich.progress.Progress(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task("", total=baskets)
            self._bar.start()

    def sent(self, day: date, baskets: int) -> None:
        """So many more are in the books; `day` is theirs."""
        self._done += baskets
        if self._bar:
            self._bar.update(self._task, completed=self._done, description=f"{day:%d %b %Y}")
        elif self._expected and self._done * LINES >= self._expected * (self._lines + 1):
            self._lines = self._done * LINES // self._expected
            click.echo(f"{day}: {self._done:,} of {self._expected:,} baskets", err=True)
