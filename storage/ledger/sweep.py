"""Makes early what is true anyway: settles accounts in which something fell due, so that histories and phones know."""

from storage.engine.database import Connection
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.engine.unit import Unit
from storage.ledger import load
from storage.ledger.standing import Standing
from storage.programs.queries import BlockingClocks


def sweep(unit: Unit, program: int, limit: int) -> int:
    """Settles up to `limit` due accounts of a program; answers how many it found. Fewer than `limit`: none are left.

    Accounts that somebody else has in hand are passed over: whoever writes to them settles them.
    """
    books = session(unit.connection)
    clocks = BlockingClocks(books)
    clock = blocking(load.clock(books, clocks, program))
    if clock is None:
        return 0
    due = load.lock_due(unit.connection, program, clock.now, limit)
    if not due:
        return 0
    question = load.question([place.account for place in due], (), ())
    loaded = blocking(load.lock_group(books, clocks, question, [program], begin=False))
    pinned = {
        account: [lot for hold in holds.values() for lot, _ in hold.pins] for account, holds in loaded.holds.items()
    }
    wanted = [(place.account, clock.now, 0, pinned.get(place.account, [])) for place in due]
    lots = blocking(load.lots_at_hand(books, wanted))
    for place, address in due.items():
        sliding = clocks.sliding(program, address.card)
        standing = Standing(place, address, clock, loaded, lots[place.account], sliding)
        standing.take(unit, standing.draft(), "")
        standing.write(unit)
    return len(due)


def programs_with_due(connection: Connection) -> list[int]:
    """The programs in which something fell due by their own clock."""
    return [program for (program,) in connection.execute(_DUE, prepare=True)]


_DUE = """
SELECT p.id FROM program p
WHERE EXISTS (
    SELECT FROM account a WHERE a.program = p.id AND a.due_at <= coalesce(p.test_clock_at, clock_timestamp())
)
"""
