"""Makes early what is true anyway: settles accounts in which something fell due, so that histories and phones know."""

from storage.engine.database import Connection
from storage.engine.session import session
from storage.engine.unit import Unit
from storage.ledger import load
from storage.ledger.standing import Standing
from storage.programs.queries import Clocks


def sweep(unit: Unit, program: int, limit: int) -> int:
    """Settles up to `limit` due accounts of a program; answers how many it found. Fewer than `limit`: none are left.

    Accounts that somebody else has in hand are passed over: whoever writes to them settles them.
    """
    clock = load.clock(session(unit.connection), Clocks(), program)
    if clock is None:
        return 0
    due = load.lock_due(unit.connection, program, clock.now, limit)
    if not due:
        return 0
    lots = load.open_lots(unit.connection, [place.account for place in due])
    for place, (name, account) in due.items():
        standing = Standing(place, name, clock, account, lots[place.account])
        standing.pass_time(unit, standing.settled())
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
