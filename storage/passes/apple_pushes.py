"""What of a pass is to be pushed to which phones, and what became of it.

A push says "look"; so of several revisions only the newest is pushed, and one that a phone has already is not.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from rules.activity import DEVICE_GONE, PASS_REMOVED, by_worker
from storage.activity.commands import Scope, record
from storage.engine.database import Connection
from storage.engine.ids import typeid
from storage.engine.unit import Unit
from storage.passes.crowds import PHONES_MAX
from storage.passes.pushing import APPLE, QUEUE
from storage.tasks.commands import plan


class Phone(NamedTuple):
    """A device that has the pass, and its sealed push token."""

    device: int
    push_token: bytes


class Update(NamedTuple):
    """The newest revision of a pass, and who is to be told. `pass_type` is that of its design, empty where there is
    only one; `program` and `customer` are internal."""

    id: UUID
    pass_type: str
    program: int
    customer: int
    revision: int
    changed_at: datetime
    phones: tuple[Phone, ...]


class Pushed(NamedTuple):
    """What was answered for one phone; `pushed_at` is None where it was not taken."""

    phone: Phone
    push_id: UUID
    answer: str
    pushed_at: datetime | None


def load(connection: Connection, identity: UUID, revision: int | None, only: Sequence[int] | None) -> Update | None:
    """What is to be pushed of a pass. With a `revision`, that one, to those who do not have it: None where there is a
    newer one, whose push is planned with it. `only`: of these devices."""
    found = connection.execute(_UPDATE, (identity,)).fetchone()
    if found is None or (revision is not None and found[3] > revision):
        return None
    pass_type, program, customer, newest, changed_at = found
    rows = connection.execute(_PHONES, (identity, only, only, revision is None, newest, PHONES_MAX))
    phones = tuple(Phone(device, bytes(token)) for device, token in rows)
    return Update(identity, pass_type or "", program, customer, newest, changed_at, phones) if phones else None


def plan_push(unit: Unit, update: Update, devices: Sequence[int] | None, tries: int, due_at: datetime) -> None:
    """Plans to push the same once more, to these devices, or to all."""
    args = {"pass": str(update.id), "revision": update.revision, "tries": tries}
    if devices is not None:
        args["devices"] = list(devices)
    # A push to some devices stands for none to others.
    to = sha256(repr(sorted(devices)).encode()).hexdigest()[:16] if devices is not None else "all"
    key = f"{APPLE}:{update.id}:{update.revision}:{tries}:{to}"
    plan(unit, APPLE, QUEUE, args, key, update.program, update.customer, due_at)


def note(unit: Unit, update: Update, pushes: Sequence[Pushed]) -> None:
    """Writes what was answered."""
    for one in pushes:
        of = (update.id, one.phone.device, update.revision, update.changed_at)
        unit.connection.execute(_NOTE, (*of, one.pushed_at, one.push_id, one.answer))


def hold_passes(unit: Unit, phones: Sequence[Phone]) -> None:
    """Locks what these phones have, as whoever changes registrations does: passes first, all in one order. For whoever
    forgets several."""
    unit.connection.execute(_LOCK_PASSES, ([phone.device for phone in phones],))


def forget(unit: Unit, phone: Phone, before: datetime, answer: str) -> bool:
    """Removes a device that Apple says is gone, with all that it had; False where it told another token since, or this
    one anew after that instant."""
    # How many phones have each of its passes is known then.
    hold_passes(unit, [phone])
    if unit.connection.execute(_LOCK, (phone.device, phone.push_token, before)).fetchone() is None:
        return False
    for identity, left, program, customer, subject, test_clock_at in unit.connection.execute(_LEAVE, (phone.device,)):
        at, scope = test_clock_at or unit.now, Scope(program, customer)
        name = f"{subject}/passes/{typeid('pass', identity.int)}"
        details = {"platform": "APPLE", "devices": left}
        told = {**details, "answer": answer}
        gone = record(unit, by_worker(DEVICE_GONE), name, scope, at, details=told)
        if not left:
            # To whoever counts cards, it is removed: by whom does not matter.
            kind = PASS_REMOVED.action
            record(unit, by_worker(PASS_REMOVED), name, scope, at, details=details, event=kind, cause=UUID(gone))
    unit.connection.execute(_FORGET, (phone.device,))
    return True


_UPDATE = """
SELECT t.design ->> 'apple_pass_type', p.program, p.customer, c.revision, c.changed_at
FROM pass p JOIN pass_template t ON t.id = p.template JOIN pass_content c ON c.pass = p.id WHERE p.id = %s
"""

_PHONES = """
SELECT d.id, d.push_token FROM pass_registration r JOIN pass_device d ON d.id = r.device
WHERE r.pass = %s AND (%s::bigint[] IS NULL OR d.id = ANY(%s)) AND (%s OR NOT EXISTS (
    SELECT FROM pass_delivery y
    WHERE y.pass = r.pass AND y.device = d.id AND y.revision = %s AND y.fetched_at IS NOT NULL
))
ORDER BY d.token_at DESC LIMIT %s
"""

_NOTE = """
INSERT INTO pass_delivery (pass, device, revision, changed_at, pushed_at, push_id, answer)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (pass, device, revision) DO UPDATE
SET pushed_at = coalesce(excluded.pushed_at, pass_delivery.pushed_at), push_id = excluded.push_id,
    answer = excluded.answer
"""

_LOCK_PASSES = """
SELECT id FROM pass WHERE id IN (SELECT pass FROM pass_registration WHERE device = ANY(%s)) ORDER BY id
FOR NO KEY UPDATE
"""

# Whoever registers it at the same time waits, and finds none.
_LOCK = "SELECT true FROM pass_device WHERE id = %s AND push_token = %s AND token_at < %s FOR UPDATE"

# What had it, and how many other phones have that.
_LEAVE = """
WITH gone AS (DELETE FROM pass_registration WHERE device = %s RETURNING pass, device)
SELECT p.id, (SELECT count(*) FROM pass_registration r WHERE r.pass = p.id AND r.device <> gone.device),
    p.program, p.customer, 'programs/' || o.program_id || '/customers/' || c.customer_id, o.test_clock_at
FROM gone JOIN pass p ON p.id = gone.pass JOIN program o ON o.id = p.program JOIN customer c ON c.id = p.customer
"""

_FORGET = "DELETE FROM pass_device WHERE id = %s"
