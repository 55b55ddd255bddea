"""The promise of the books: whatever is killed in the middle, the next run ends with the same figures, to the point."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from storage.embedded import APPLICATION_LOGIN, socket_url
from tests.cli.terminal import Terminal
from tests.cli.test_demo import LONG, counted, expected_figures, replayed
from tests.cli.test_demo_phones import AT_HOME, check_phones
from tests.conftest import open_folder


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A fresh machine."""
    with open_folder() as folder:
        made = Terminal(folder)
        yield made
        made.kill_all()


# In the order in which a kill of one leaves the others less to lose.
PARTS = {
    "server": r"cli.main serve",
    "worker": r"cli.main worker",
    "clock": r"cli.main clock",
    "Valkey": r"valkey-server|redis-server",
    "PostgreSQL": r"/postgres -D",
}


def test_kill_9_of_any_part_in_the_middle_of_the_demo_changes_no_figure(terminal: Terminal) -> None:
    """`kill -9`, then `make up` and `make demo` again, for each part in turn: nothing is lost or counted twice."""
    for part, pattern in PARTS.items():
        running = terminal.up()
        _pass_a_minute(terminal)
        demo = terminal.start(*LONG.arguments)
        demo.await_said("2017-0")
        terminal.kill(pattern)
        assert running.await_end().code == 1, f"half of Fealty does not run on without its {part}"
        assert demo.await_end().code != 0, f"a demo without {part} does not say that it is done"
        terminal.await_nothing_running()

    terminal.up()
    _pass_a_minute(terminal)
    figures = replayed(terminal, LONG)
    assert counted(figures) == expected_figures(LONG)
    assert figures["ledger_ok"] is True


def test_kill_9_of_the_public_endpoints_leaves_cards_that_the_next_demo_makes_true(terminal: Terminal) -> None:
    """Phones reach nobody, and show old points: the demo must see that, or its `stale passes: 0` is worth nothing."""
    demo = terminal.start(*AT_HOME.arguments)
    demo.await_said("2017-01-2")
    terminal.kill(r"cli.main passes")
    ended = demo.await_end()
    assert ended.code == 1
    assert json.loads(ended.out)["stale_passes"] > 0
    figures = replayed(terminal, AT_HOME, has_phones=True)
    assert counted(figures) == expected_figures(AT_HOME)
    check_phones(figures, AT_HOME)


def _pass_a_minute(terminal: Terminal) -> None:
    """A task that was lost with its worker or its broker is sent again after a minute (SEND_AGAIN_AFTER)."""
    with psycopg.connect(socket_url(terminal.data_dir, APPLICATION_LOGIN)) as books:
        books.execute("UPDATE task SET due_at = due_at - interval '1 minute' WHERE state = 'SENT'")
