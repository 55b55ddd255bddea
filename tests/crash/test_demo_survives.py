"""The promise of the books: whatever is killed in the middle, the next run ends with the same figures, to the point."""

import signal
from collections.abc import Iterator

import psycopg
import pytest

from storage.embedded import APPLICATION_LOGIN, socket_url
from tests.cli.terminal import Terminal, sentence
from tests.cli.test_demo import LONG, counted, expected_figures, replayed
from tests.conftest import open_folder


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A fresh machine."""
    with open_folder() as folder:
        made = Terminal(folder)
        yield made
        made.kill_all()


# In the order in which a kill of one leaves the others less to lose. Workers and clocks die in tests/attack.
PARTS = {
    "server": r"cli.main serve",
    "Valkey": r"valkey-server|redis-server",
    "PostgreSQL": r"/postgres -D",
}


@pytest.mark.thorough
def test_kill_9_of_any_part_in_the_middle_of_the_demo_changes_no_figure(terminal: Terminal) -> None:
    """`kill -9`, then `make up` and `make demo` again, as is said in a sentence: nothing is lost or counted twice. The
    demo itself is killed too."""
    for part, pattern in PARTS.items():
        running = terminal.up()
        _pass_a_minute(terminal)
        demo = terminal.start(*LONG.arguments)
        demo.await_said("2017-0")
        if part == "server":
            demo.end(signal.SIGKILL)
            demo = terminal.start(*LONG.arguments)
            demo.await_said("2017-0")
        terminal.kill(pattern)
        assert running.await_end().code == 1, f"half of Fealty does not run on without its {part}"
        said = sentence(demo.await_end())
        assert part != "server" or ("`make up`" in said and "`make demo`" in said)
        terminal.await_nothing_running()

    terminal.up()
    _pass_a_minute(terminal)
    figures = replayed(terminal, LONG)
    assert counted(figures) == expected_figures(LONG)
    assert figures["ledger_ok"] is True


def _pass_a_minute(terminal: Terminal) -> None:
    """A task that was lost with its worker or its broker is sent again after a minute (SEND_AGAIN_AFTER)."""
    with psycopg.connect(socket_url(terminal.data_dir, APPLICATION_LOGIN)) as books:
        books.execute("UPDATE task SET due_at = due_at - interval '1 minute' WHERE state = 'SENT'")
