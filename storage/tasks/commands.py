"""The life of a task: planned with its cause, claimed by the relay, done or failed with its effect."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg.errors import LockNotAvailable

from storage.engine.database import Connection
from storage.engine.ids import new_uuid_text
from storage.engine.part import part
from storage.engine.unit import Unit
from storage.engine.workspace import Workspace
from storage.tasks.records import PLANNED, TaskState


class Task(NamedTuple):
    """A claimed task: what the broker is told, and nothing more.

    `sending` names this sending of it: another when it is sent again, the same when the claim is not committed
    and made once more.
    """

    id: str
    actor: str
    queue: str
    sending: str


class Work(NamedTuple):
    """What an actor needs of its task. `args` are ids, never personal data.

    `begun` counts how often it was begun outside the database with nothing recorded of it since, the last time until
    `begun_until`.
    """

    actor: str
    args: Mapping[str, Any]
    begun: int
    begun_until: datetime | None


class Failed(NamedTuple):
    """An attempt that failed, and the pause before the next; None: the task was given up."""

    attempts: int
    retry_after: timedelta | None


def plan(
    unit: Workspace,
    actor: str,
    queue: str,
    args: Mapping[str, Any],
    unique_key: str,
    program: int | None = None,
    customer: int | None = None,
    due_at: datetime | None = None,
) -> None:
    """Writes a task in the transaction that causes it, due at once, or later by the database's clock; unless one of its
    key is open."""
    row: dict[str, Any] = {
        "id": new_uuid_text(),
        "actor": actor,
        "queue": queue,
        "args": args,
        "unique_key": unique_key,
        "program": program,
        "customer": customer,
        "state": TaskState.READY,
        "first_due_at": due_at or unit.now,
        "due_at": due_at or unit.now,
        "created_at": unit.now,
    }
    unit.add(PLANNED, row)


def plan_sweep(unit: Unit, program: int) -> None:
    """The sweep of one program: settles the accounts in which something fell due."""
    plan(unit, "sweep_program", "sweep", {"program": program}, _sweep_key(program), program)


def _sweep_key(program: int) -> str:
    return f"sweep_program:{program}"


def plan_sweeps(unit: Unit, programs: Sequence[int]) -> None:
    """The sweeps of many programs, written at once; those that are held are left out (plan_unless_held)."""
    keys = {_sweep_key(program): program for program in programs}
    for key in _free(unit, keys):
        with suppress(LockNotAvailable), part(unit) as alone:
            plan_sweep(alone, keys[key])


def plan_unless_held(unit: Unit, actor: str, queue: str, args: Mapping[str, Any], unique_key: str) -> None:
    """Writes a task at once. One that somebody plans or ends right now is not waited for longer than the connection's
    `lock_timeout`, and left out: the next look plans it, if it is still due."""
    if _free(unit, [unique_key]):
        with suppress(LockNotAvailable), part(unit) as alone:
            plan(alone, actor, queue, args, unique_key)


def _free(unit: Unit, keys: Collection[str]) -> list[str]:
    # Those that are open are known without asking for the key, which their worker may hold in a transaction that hangs.
    open_ = {key for (key,) in unit.connection.execute(_OPEN_KEYS, (list(keys),), prepare=True)}
    return [key for key in keys if key not in open_]


def claim(connection: Connection, limit: int, send_again_after: timedelta) -> list[Task]:
    """Marks up to `limit` due tasks as sent and answers them, in the caller's transaction.

    A task that was sent and is not done by `send_again_after` is due again: the broker may have lost it. That is
    no further attempt: nothing is known to have failed.
    """
    return [Task(*row) for row in connection.execute(_CLAIM, (limit, send_again_after), prepare=True)]


def begin(connection: Connection, task: str) -> Work | None:
    """Takes a task for an actor, in the caller's transaction. None where another worker has it, may still be at it
    outside the database, or it is done.

    A relay that has sent it and not yet committed is waited for.
    """
    found = connection.execute(_BEGIN, (task, task), prepare=True).fetchone()
    return Work(*found) if found else None


def reserve(connection: Connection, task: str, work: Work, limit: timedelta) -> Work:
    """Notes, in the transaction that took it, that it is begun outside the database: for so long nobody else begins it,
    and then, unless something was recorded of it, it is due again."""
    found = connection.execute(_RESERVE, (limit, limit, task), prepare=True).fetchone()
    assert found is not None
    return work._replace(begun=work.begun + 1, begun_until=found[0])


def hand_back(connection: Connection, task: str, work: Work, after: timedelta = timedelta(0), why: str = "") -> None:
    """Leaves it, or the rest of it, to whoever is sent it next, at once or later: no attempt has failed. `why`: what it
    waits for, in a word. Does nothing where somebody else has begun it since."""
    connection.execute(_HAND_BACK, (after, why, task, work.begun_until), prepare=True)


def finish(connection: Connection, task: str) -> bool:
    """Marks it done, in the transaction of its effect; False where it had ended before."""
    return connection.execute(_FINISH, (task,), prepare=True).rowcount == 1


def fail(
    connection: Connection, task: str, work: Work | None, error: str, retry_after: Callable[[int], timedelta | None]
) -> Failed | None:
    """Keeps the name of the error, and makes the task due again, after the pause that `retry_after` answers to the
    number of attempts, or where that is None gives it up. Answers None where it has ended, or somebody else has begun
    it since. `work` is None where it could not even be taken.

    The row counts the attempts, so a task of which nothing else can be read is given up like any other.
    """
    begun_until = work.begun_until if work else None
    found = connection.execute(_ATTEMPTS, (task, work is None, begun_until), prepare=True).fetchone()
    if found is None:
        return None
    (attempts,) = found
    pause = retry_after(attempts)
    connection.execute(_FAIL, (error, pause, pause, pause, task), prepare=True)
    return Failed(attempts, pause)


def prune(connection: Connection, older_than: timedelta, limit: int) -> int:
    """Removes up to `limit` tasks that ended longer ago; answers how many."""
    return connection.execute(_PRUNE, (older_than, limit)).rowcount


def open_tasks(connection: Connection, programs: Sequence[int] | None = None, left_out: Collection[str] = ()) -> int:
    """How many are neither done nor given up; but for those of the queues that are left out."""
    asked = (list(programs) if programs is not None else None, list(programs or ()), list(left_out))
    found = connection.execute(_OPEN, asked).fetchone()
    assert found is not None
    return int(found[0])


_OPEN_KEYS = "SELECT unique_key FROM task WHERE unique_key = ANY(%s) AND state IN ('READY', 'SENT')"

# ARRAY, not IN: a guess about how many are due would decide whether the whole table is read.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id, actor, queue, due_at FROM task
    WHERE state IN ('READY', 'SENT') AND due_at <= now()
    ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
), sent AS (
    UPDATE task SET attempts = attempts + (state = 'READY')::int, state = 'SENT', due_at = now() + %s
    WHERE id = ANY(ARRAY(SELECT id FROM due))
)
SELECT id::text, actor, queue, id || '@' || to_char(due_at, 'YYYYMMDDHH24MISSUS') FROM due
"""

# The row lock does not tell a relay from a worker, so workers keep each other out by a lock of their own; it ends
# with the transaction.
_BEGIN = """
WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)) AS taken)
SELECT actor, args, begun, begun_until FROM task, mine
WHERE mine.taken AND id = %s AND state IN ('READY', 'SENT') AND (begun_until IS NULL OR begun_until <= now())
FOR UPDATE OF task
"""

_RESERVE = """
UPDATE task SET begun = begun + 1, begun_until = now() + %s, due_at = now() + %s WHERE id = %s RETURNING begun_until
"""

_HAND_BACK = """
UPDATE task SET due_at = now() + %s, begun = 0, begun_until = NULL, last_error = coalesce(nullif(%s, ''), last_error)
WHERE id = %s AND state IN ('READY', 'SENT') AND begun_until IS NOT DISTINCT FROM %s::timestamptz
"""

_FINISH = """
UPDATE task SET state = 'DONE', finished_at = now(), last_error = NULL WHERE id = %s AND state IN ('READY', 'SENT')
"""

_ATTEMPTS = """
SELECT attempts FROM task
WHERE id = %s AND state IN ('READY', 'SENT') AND (%s OR begun_until IS NOT DISTINCT FROM %s::timestamptz)
FOR UPDATE
"""

_FAIL = """
UPDATE task SET last_error = %s,
    state = CASE WHEN %s::interval IS NULL THEN 'FAILED' ELSE 'READY' END,
    due_at = now() + coalesce(%s::interval, '0'), begun = 0, begun_until = NULL,
    finished_at = CASE WHEN %s::interval IS NULL THEN now() END
WHERE id = %s
"""

_PRUNE = """
DELETE FROM task WHERE id = ANY(ARRAY(
    SELECT id FROM task WHERE finished_at < now() - %s::interval LIMIT %s FOR UPDATE SKIP LOCKED
))
"""

_OPEN = """
SELECT count(*) FROM task WHERE state IN ('READY', 'SENT') AND (%s::int[] IS NULL OR program = ANY(%s::int[]))
AND NOT queue = ANY(%s::text[])
"""
