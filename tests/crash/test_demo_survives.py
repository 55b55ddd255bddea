"""The promise of the books: whatever is killed in the middle, the next run ends with the same figures, to the point."""

from collections.abc import Iterator

import psycopg
import pytest

from storage.embedded import APPLICATION_LOGIN, socket_url
from tests.cli.terminal import Terminal
from tests.cli.test_demo import EXPIRING, counted, expected_figures, replayed
from tests.conftest import open_folder


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A fresh machine."""
    with open_folder() as folder:
        made = Terminal(folder)
        yield made
        made.kill_all()


@pytest.mark.parametrize(
    "pattern",
    [r"cli.main serve", r"cli.main worker", r"cli.main clock", r"/postgres -D", r"valkey-server|redis-server"],
    ids=["server", "worker", "clock", "PostgreSQL", "Valkey"],
)
def test_kill_9_in_the_middle_of_the_demo_changes_no_figure(terminal: Terminal, pattern: str) -> None:
    """`kill -9`, then `make up` and `make demo` again: nothing is lost, nothing is counted twice."""
    running = terminal.up()
    demo = terminal.start(*EXPIRING.arguments)
    demo.await_said("2017-0")
    terminal.kill(pattern)
    assert running.await_end().code == 1, "half of Fealty does not run on"
    assert demo.await_end().code != 0, "a demo without a server does not say that it is done"
    terminal.await_nothing_running()

    terminal.up()
    _pass_a_minute(terminal)
    figures = replayed(terminal, EXPIRING)
    assert counted(figures) == expected_figures(EXPIRING)
    assert figures["ledger_ok"] is True


def _pass_a_minute(terminal: Terminal) -> None:
    """A task that was lost with its worker or its broker is sent again after a minute (SEND_AGAIN_AFTER)."""
    with psycopg.connect(socket_url(terminal.data_dir, APPLICATION_LOGIN)) as books:
        books.execute("UPDATE task SET due_at = due_at - interval '1 minute' WHERE state = 'SENT'")
