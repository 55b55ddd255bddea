"""Makes early what is true anyway: settles accounts in which something fell due, so that histories and phones know.

    lock      due accounts that nobody else has in hand
    settle    all of them, in one statement
    halve     where that fails; an account that fails alone is set aside, and tried again after a pause that doubles

Whoever writes to an account that is set aside settles it first, as always, and fails as long as that does.
"""

import time
from datetime import datetime, timedelta
from typing import NamedTuple

from storage.engine.database import Busy, Connection, StorageUnavailable, known
from storage.engine.part import part
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.engine.unit import Unit
from storage.ledger.addresses import AccountKey, Address
from storage.ledger.locked_account import LockedAccount
from storage.ledger.nouns import load_accounts, load_lots, load_program, pinned
from storage.programs.queries import BlockingProgramCache, ProgramCache, ProgramState

# Forty times what a statement for a batch takes. One account for which it is not enough keeps callers from the whole
# batch for as often as that can be halved, which is eight times.
STATEMENT_LIMIT_MS = 2_000
# What one step may take to find out who is at fault: those eight times. All in the batch are locked meanwhile.
HALVING_LIMIT_S = 20.0
# What ails an account is a fault of ours, mended by a new version or by hand: soon after that it should be settled,
# and until then a thousand of them should be no load.
RETRY_MIN = timedelta(minutes=1)
RETRY_MAX = timedelta(hours=1)

Due = dict[AccountKey, Address]


class Swept(NamedTuple):
    """How many accounts were found due, and those of them that were set aside, by internal id, with the reason."""

    found: int
    set_aside: dict[int, Exception]


class SetAside(NamedTuple):
    """An account that cannot be settled: internal ids, the type of the last error, the number of tries."""

    account: int
    program: int
    since: datetime
    error: str
    tries: int


def sweep(unit: Unit, program: int, limit: int) -> Swept:
    """Settles up to `limit` due accounts of a program. Fewer than `limit` found: none are left.

    Accounts that somebody else has in hand are passed over: whoever writes to them settles them. Writes to the unit's
    transaction at once, not at its end. Raises what says that the database is away.
    """
    books = session(unit.connection)
    programs = BlockingProgramCache(books)
    state = blocking(load_program(books, programs, program))
    if state is None:
        return Swept(0, {})
    unit.connection.execute(_LIMIT, (str(STATEMENT_LIMIT_MS),))
    due = _lock(unit.connection, _LOCK_DUE, state, limit)
    # By themselves, so that an account that failed before makes no batch fail again.
    again = _lock(unit.connection, _LOCK_AGAIN, state, limit - len(due))
    failed = _settle_or_halve(unit, programs, state, due) | _settle_or_halve(unit, programs, state, again)
    for account, error in failed.items():
        unit.connection.execute(_SET_ASIDE, (account, program, type(error).__name__, RETRY_MIN, RETRY_MIN, RETRY_MAX))
    unit.connection.execute(_SETTLED, (program, state.now))
    return Swept(len(due) + len(again), failed)


def programs_with_due(connection: Connection) -> list[int]:
    """The programs in which something fell due by their own clock, and may be swept now."""
    return [program for (program,) in connection.execute(_DUE, prepare=True)]


def set_aside(connection: Connection) -> list[SetAside]:
    """The accounts that are due and cannot be settled, oldest first."""
    return [SetAside(*row) for row in connection.execute(_ALL_SET_ASIDE)]


def _lock(connection: Connection, query: str, program: ProgramState, limit: int) -> Due:
    rows = connection.execute(query.encode(), (program.id, program.now, limit), prepare=True)
    return {
        AccountKey(account, program.id, customer): Address(program_id, customer_id, card)
        for account, customer, program_id, customer_id, card in rows
    }


def _settle_or_halve(unit: Unit, programs: ProgramCache, program: ProgramState, due: Due) -> dict[int, Exception]:
    """Those that could not be settled, and why. What is left when the time is up stays due."""
    deadline = time.monotonic() + HALVING_LIMIT_S
    failed: dict[int, Exception] = {}
    settled = 0
    batches = [list(due)] if due else []
    while batches:
        batch = batches.pop()
        error = _settle(unit, programs, program, {key: due[key] for key in batch})
        if error is None:
            settled += len(batch)
        elif len(batch) == 1:
            failed[batch[0].account] = error
        elif time.monotonic() < deadline:
            middle = len(batch) // 2
            batches += [batch[middle:], batch[:middle]]
        elif not (settled or failed):
            raise error  # it is no single account's fault, or nothing would come of it next time either
        else:
            break
    return failed


def _settle(unit: Unit, programs: ProgramCache, program: ProgramState, due: Due) -> Exception | None:
    """Settles all or, with what stood against it, none."""
    try:
        with part(unit) as batch:
            _write(batch, programs, program, due)
    except Exception as error:
        # A statement that took too long may be one account's fault; an outage, or a row that is held, is nobody's.
        if isinstance(known(error) or error, StorageUnavailable | Busy):
            raise
        return error
    return None


def _write(unit: Unit, programs: ProgramCache, program: ProgramState, due: Due) -> None:
    books = session(unit.connection)
    blocking(load_accounts(books, programs, due, unit))
    wanted = [(key.account, program.now, 0, sorted(pinned(unit, key.account))) for key in due]
    blocking(load_lots(books, unit, wanted))
    for key, address in due.items():
        sliding = programs.sliding(program.id, address.card)
        locked = LockedAccount(unit, key, address, program, sliding, is_at_hand=True)
        locked.apply(locked.draft(), "")


_LIMIT = "SELECT set_config('statement_timeout', %s, true)"

_ADDRESSES = """
SELECT a.id, a.customer, p.program_id, c.customer_id, a.card_id
FROM account a JOIN customer c ON c.id = a.customer JOIN program p ON p.id = a.program
"""

# OFFSET 0: one look-up for each account that is found, in their order, however many are thought to be set aside.
_LOCK_DUE = f"""{_ADDRESSES}
WHERE a.program = %s AND a.due_at <= %s AND NOT EXISTS (SELECT FROM set_aside WHERE account = a.id OFFSET 0)
ORDER BY a.due_at, a.id LIMIT %s FOR NO KEY UPDATE OF a SKIP LOCKED
"""

_LOCK_AGAIN = f"""{_ADDRESSES} JOIN set_aside s ON s.account = a.id
WHERE s.program = %s AND a.due_at <= %s AND s.retry_at <= clock_timestamp()
ORDER BY s.retry_at LIMIT %s FOR NO KEY UPDATE OF a SKIP LOCKED
"""

_SET_ASIDE = """
INSERT INTO set_aside (account, program, error, since, tries, retry_at)
VALUES (%s, %s, %s, clock_timestamp(), 1, clock_timestamp() + %s)
ON CONFLICT (account) DO UPDATE SET error = excluded.error, tries = set_aside.tries + 1,
    retry_at = clock_timestamp() + least(%s * (1 << least(set_aside.tries, 16)), %s)
"""

# Also those that callers have settled since.
_SETTLED = """
DELETE FROM set_aside s USING account a WHERE s.program = %s AND a.id = s.account AND (a.due_at <= %s) IS NOT TRUE
"""

_DUE = """
SELECT p.id FROM program p
WHERE EXISTS (
    SELECT FROM account a WHERE a.program = p.id AND a.due_at <= coalesce(p.test_clock_at, clock_timestamp())
    AND NOT EXISTS (SELECT FROM set_aside WHERE account = a.id AND retry_at > clock_timestamp() OFFSET 0)
)
"""

_ALL_SET_ASIDE = """
SELECT s.account, s.program, s.since, s.error, s.tries
FROM set_aside s JOIN account a ON a.id = s.account JOIN program p ON p.id = s.program
WHERE a.due_at <= coalesce(p.test_clock_at, clock_timestamp()) ORDER BY s.since, s.account
"""
