"""Rows: what a figure is held to, and calls of which each uses up what it names."""

import pickle
from collections.abc import Iterator

import pytest

from bench.load import Load, Unary, run
from bench.payload import PLACEHOLDER, Exhausted, Once
from bench.row import Row, clean, speeds, waits
from bench.table import GROWN, OUT, PARTS, PASSES, USED
from tests.bench.test_wire import Books, serving

HOLDS = [b"hold %03d " % number + PLACEHOLDER.encode() for number in range(300)]


@pytest.fixture
def books() -> Books:
    """A server's methods, to look into after the load."""
    return Books()


@pytest.fixture
def target(books: Books) -> Iterator[str]:
    """Where a server of `books` listens."""
    with serving(books) as (where, _):
        yield where


def load(per_s: float, p50_ms: float = 1.0, failed: int = 0) -> Load:
    """What a load may have seen."""
    refused = {"NOT_FOUND": failed} if failed else {}
    return Load(100, 1.0, per_s, p50_ms, 2.0, refused, 0.1, ("NOT_FOUND: gone",) if failed else ())


def test_each_prepared_message_is_sent_once_whichever_process_sends_it() -> None:
    """A hold that is captured twice is refused, and the run would end for a reason that is not the server's."""
    mine = Once(*HOLDS)
    theirs: Once = pickle.loads(pickle.dumps(mine))
    sent = [(mine if number % 2 else theirs)(number) for number in range(len(HOLDS))]
    assert len({message[:8] for message in sent}) == len(HOLDS)
    assert len({message[9:] for message in sent}) == len(HOLDS)


@pytest.mark.process
def test_a_load_that_runs_dry_says_so_and_gives_no_figure(books: Books, target: str) -> None:
    """Its calls a second would be those of a client that had nothing to send."""
    work = Unary(target, "/books/keep", Once(*HOLDS), in_flight=2, connections=2, warmup_s=0.1, duration_s=30)
    with pytest.raises(Exhausted, match="all 300 messages were sent"):
        run(work)
    assert len({message[:8] for message in books.seen}) == len(books.seen) > 0


@pytest.mark.parametrize(
    ("value", "lower", "verdict"),
    [(0.9, False, "aim"), (0.6, False, "ok"), (0.4, False, "MISSED"), (0.4, True, "aim"), (0.9, True, "MISSED")],
)
def test_a_row_knows_which_way_is_better(value: float, lower: bool, verdict: str) -> None:
    """The exit code hangs on it."""
    at_least, aim = (0.8, 0.5) if lower else (0.5, 0.8)
    assert Row("spend_vs_earn", value, at_least, aim, "", lower).verdict == verdict


def test_a_row_is_the_median_of_its_rounds() -> None:
    """A round that somebody disturbed must not decide."""
    ours, theirs = [load(100, 2.0), load(10, 90.0), load(120, 3.0)], [load(100), load(100), load(100)]
    assert speeds(ours, theirs) == 1.0
    assert waits(ours, theirs) == 3.0


def test_calls_that_fail_have_no_speed() -> None:
    """Refusals are quick."""
    with pytest.raises(RuntimeError, match=r"NOT_FOUND.*gone"):
        clean(load(1e6, failed=1))


def test_no_row_has_two_names_or_another_rows_name() -> None:
    """A row is asked for by its name."""
    names = [name for part, _ in PARTS for name in part] + [*OUT, *USED, *PASSES, *GROWN]
    assert len(names) == len(set(names))
