"""What Google has of cards: what it is to be sent, by whom, when, and what came of it.

A pass has a row (pass_google) from its first push on. Updates are absolute, so a push may be repeated; but of two at
once the older might come last. So one worker at a time is at a pass, and takes what the books say then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from storage.engine.database import Connection
from storage.engine.ids import parse_typeid
from storage.engine.unit import Unit
from storage.engine.workspace import Workspace
from storage.passes.pushing import GOOGLE, GOOGLE_QUEUE
from storage.tasks.commands import plan

# What Google answers where all is well.
TAKEN = "200"
# No turn is reserved that is further away: who comes then goes away without one.
TURN_WAIT_MAX = timedelta(seconds=2)


class Stand(NamedTuple):
    """A pass as Google is to have it, and has it. `issuer` is that of its design, empty for the only one; `newest` and
    `changed_at` are of its newest revision, 0 and None before the first. `sent_by` is the issuer that it was sent by,
    empty where it was not; `is_sent`: Google has taken it."""

    id: UUID
    program: int
    customer: int
    has_coupon: bool
    is_erased: bool
    issuer: str
    time_zone: str
    newest: int
    changed_at: datetime | None
    sent_by: str
    is_sent: bool
    revision: int
    digest: bytes | None
    is_saved: bool
    is_removed: bool
    notified: Any
    begun_until: datetime | None


def find(connection: Connection, card: UUID) -> Stand | None:
    """How a pass stands; None where Google is to have nothing of it: there is none, or it is of somebody who was erased
    and what Google had of it is gone. Held until the caller's transaction ends, where Google has it."""
    connection.execute(_HOLD, (card,))
    found = connection.execute(_FIND, (card,)).fetchone()
    return Stand(*found) if found is not None else None


def begin(unit: Unit, stand: Stand, issuer: str, until: datetime) -> bool:
    """Notes that a worker is at it, until when at most; False where another is."""
    row = (stand.id, issuer, stand.changed_at or unit.now, unit.now, until, unit.now)
    return unit.connection.execute(_BEGIN, row).fetchone() is not None


def is_turn_near(connection: Connection) -> bool:
    """Whether `pace` would reserve a turn, of what others have committed."""
    return connection.execute(_IS_NEAR, (TURN_WAIT_MAX,)).fetchone() is not None


def pace(connection: Connection, requests: int = 1) -> datetime | None:
    """Reserves so many requests to Google, for whichever worker, and answers from when on they may be made: 20 a second
    (https://developers.google.com/wallet/generic/resources/faq). Others wait for the caller's transaction: so take it
    last.

    None, and nothing is reserved, where the next turn is far away: nobody has a place in a line, so what changes now
    does not wait behind a million cards that changed before.
    """
    found = connection.execute(_PACE, (requests, TURN_WAIT_MAX, requests)).fetchone()
    return found[0] if found is not None else None


def release(unit: Unit, card: UUID) -> None:
    """Nobody is at it any more."""
    unit.connection.execute(_RELEASE, (card,))


def skip(unit: Unit, stand: Stand, revision: int) -> None:
    """Google has what a revision says."""
    unit.connection.execute(_SKIP, (revision, stand.changed_at, stand.id))


def class_version(connection: Connection, template: int, issuer: str) -> int:
    """The version of a template that Google has; 0 where none."""
    found = connection.execute(_CLASS, (template, issuer)).fetchone()
    return int(found[0]) if found is not None else 0


def there(connection: Connection, issuer: str, serials: Sequence[str]) -> list[str]:
    """Those of the passes, by their public ids, that Google has of this issuer, in their order."""
    ids = {parse_typeid("pass", serial): serial for serial in serials}
    known = {id for (id,) in connection.execute(_THERE, (list(ids), issuer))} if ids else set()
    return [serial for id, serial in ids.items() if id in known]


def plan_again(
    unit: Workspace,
    program: int,
    customer: int,
    card: UUID,
    cause: str,
    due_at: datetime | None = None,
    asks_who_has_it: bool = False,
) -> None:
    """Plans to send a pass whatever Google has of it, once for each cause; also to learn whether anybody has it."""
    told = {"pass": str(card), "again": True, "asks": asks_who_has_it}
    plan(unit, GOOGLE, GOOGLE_QUEUE, told, f"{GOOGLE}:{card}:{cause}", program, customer, due_at)


def plan_first(unit: Workspace, program: int, customer: int, card: UUID) -> None:
    """Plans to send a pass that Google may not have: for whoever hands out a link, which leads to what is there."""
    plan(unit, GOOGLE, GOOGLE_QUEUE, {"pass": str(card)}, f"{GOOGLE}:{card}:link", program, customer)


_HOLD = "SELECT FROM pass_google WHERE pass = %s FOR NO KEY UPDATE"

_FIND = f"""
SELECT p.id, p.program, p.customer, p.coupon IS NOT NULL, p.erased_at IS NOT NULL,
    coalesce(t.design ->> 'google_issuer', ''), g.settings ->> 'time_zone',
    coalesce(k.revision, 0), k.changed_at,
    coalesce(w.issuer, ''), coalesce(w.answer LIKE '{TAKEN}%%', false), coalesce(w.revision, 0), w.digest,
    w.saved_at IS NOT NULL, w.removed_at IS NOT NULL, w.notified, w.begun_until
FROM pass AS p JOIN pass_template AS t ON t.id = p.template JOIN program AS g ON g.id = p.program
LEFT JOIN pass_content AS k ON k.pass = p.id LEFT JOIN pass_google AS w ON w.pass = p.id
WHERE p.id = %s AND p.forgotten_at IS NULL AND (p.erased_at IS NULL OR w.pass IS NOT NULL)
"""  # noqa: S608 - our own word

_BEGIN = """
INSERT INTO pass_google AS w (pass, issuer, revision, changed_at, sent_at, answer, begun_until)
VALUES (%s, %s, 0, %s, %s, '', %s)
ON CONFLICT (pass) DO UPDATE SET begun_until = excluded.begun_until
WHERE w.begun_until IS NULL OR w.begun_until <= %s
RETURNING true
"""

_PACE = """
UPDATE pass_google_pace SET next_at = greatest(next_at, clock_timestamp()) + %s * interval '50 milliseconds'
WHERE next_at <= clock_timestamp() + %s
RETURNING next_at - %s * interval '50 milliseconds'
"""

_IS_NEAR = "SELECT FROM pass_google_pace WHERE next_at <= clock_timestamp() + %s"

_RELEASE = "UPDATE pass_google SET begun_until = NULL WHERE pass = %s"

_SKIP = """
UPDATE pass_google SET revision = %s, changed_at = coalesce(%s, changed_at), begun_until = NULL
WHERE pass = %s
"""

_CLASS = "SELECT version FROM pass_google_class WHERE template = %s AND issuer = %s"

_THERE = f"""
SELECT pass FROM pass_google WHERE pass = ANY(%s) AND issuer = %s AND answer LIKE '{TAKEN}%%'
"""  # noqa: S608 - our own word
