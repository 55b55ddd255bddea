"""What server processes tell each other adds up, whoever comes first and however often it is read."""

import asyncio
from collections.abc import Sequence

from storage.attempts.exchange import Counted, Total
from storage.books import Books
from storage.engine.database import Database, connection
from tests.personal import CODES, KEYRING, WALLET

KEY, OTHER = "00ff", "01ff"
THEN = 1_700_000_040


def exchanged(database: Database, *parts: Sequence[Counted]) -> list[Sequence[Total | Exception]]:
    """What each of several processes is told, which tell their parts at once."""

    async def run() -> list[Sequence[Total | Exception]]:
        processes = [Books(database, KEYRING, CODES, WALLET) for _ in parts]
        try:
            return list(await asyncio.gather(*(one.exchange(part) for one, part in zip(processes, parts, strict=True))))
        finally:
            await asyncio.gather(*(one.close() for one in processes))

    return asyncio.run(run())


def test_failures_of_all_processes_add_up_by_key_and_window(database: Database) -> None:
    """What another key, or another window, has failed must not close this one."""
    exchanged(database, [Counted(KEY, THEN, 3), Counted(KEY, THEN - 60, 7), Counted(OTHER, THEN, 5)])
    [told] = exchanged(database, [Counted(KEY, THEN, 2), Counted(KEY, THEN - 60, 0), Counted(OTHER, THEN, 0)])
    assert told == [Total(5), Total(7), Total(5)]


def test_processes_that_tell_the_same_at_once_lose_nothing(database: Database) -> None:
    """Under attack all processes add to the same rows each second, in whichever order they have them."""
    keys = [f"{number:04x}" for number in range(200)]
    parts = [[Counted(key, THEN, 1) for key in order] for order in (keys, keys[::-1], keys, keys[::-1])]
    exchanged(database, *parts)
    [told] = exchanged(database, [Counted(key, THEN, 0) for key in keys])
    assert told == [Total(4)] * 200


def test_whoever_says_first_that_a_limit_is_reached_is_who_records_it(database: Database) -> None:
    """Each is told whose it is: else there would be an activity of each process, or none."""
    told = exchanged(database, *([Counted(KEY, THEN, 1, closed_by=number)] for number in (11, 12, 13)))
    named = {total.closed_by for [total] in told if isinstance(total, Total)}
    assert len(named) == 1
    assert named < {11, 12, 13}
    [[later]] = exchanged(database, [Counted(KEY, THEN, 0, closed_by=14)])
    assert later == Total(3, named.pop())


def test_who_only_asks_leaves_nothing(database: Database) -> None:
    """Most keys of most exchanges are only read: rows of them would be written for nothing."""
    [told] = exchanged(database, [Counted(KEY, THEN, 0)])
    assert told == [Total()]
    with connection(database) as books:
        assert books.execute("SELECT count(*) FROM attempt").fetchone() == (0,)
