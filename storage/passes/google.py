"""What is known of cards at Google once it answered, or told us that somebody saved or removed one."""

from typing import Any, NamedTuple
from uuid import UUID

from msgspec import json

from rules.access import ActorType
from rules.activity import PASS_INSTALLED, PASS_REMOVED, Kind, Origin
from storage.activity.commands import Scope, record
from storage.engine.database import Connection
from storage.engine.ids import typeid
from storage.engine.unit import Unit
from storage.passes import google_pushes
from storage.passes.google_pushes import Stand

PLATFORM = "GOOGLE"
# Google's callbacks end after some hours; one that comes later is refused for that.
CALLBACKS_KEPT = "8 days"


class Sent(NamedTuple):
    """What Google took: the revision, what it says by its digest, whether it is new there, whether somebody has it, and
    what is kept of when it rang. `class_version` is that of the template, where its class was sent, else 0."""

    issuer: str
    template: int
    revision: int
    digest: bytes
    was_inserted: bool
    has_users: bool
    notified: Any
    class_version: int


def succeed(unit: Unit, stand: Stand, sent: Sent, was_removed: bool) -> None:
    """Google has it. `was_removed`: Google told that somebody removed it, and this was sent to ask who has it still."""
    answer = f"{google_pushes.TAKEN} inserted" if sent.was_inserted else google_pushes.TAKEN
    row = (
        sent.issuer,
        sent.revision,
        stand.changed_at,
        answer,
        json.encode(sent.notified).decode(),
        sent.digest,
        stand.id,
    )
    unit.connection.execute(_SUCCEED, row)
    if sent.class_version:
        _note_class(unit, stand, sent)
    if sent.has_users and (stand.is_removed or not stand.is_saved):
        note_saved(unit, stand)
    elif was_removed and not sent.has_users and stand.is_saved and not stand.is_removed:
        unit.connection.execute(_REMOVED, (unit.now, stand.id))
        _record(unit, PASS_REMOVED, stand)
    if sent.was_inserted and stand.has_coupon:
        _link(unit, stand)


def fail(connection: Connection, card: UUID, answer: str) -> None:
    """Google did not take it. `answer` is a word, never a sentence."""
    connection.execute(_FAIL, (answer, card))


def give_up(connection: Connection, card: UUID, answer: str) -> None:
    """A task is given up that may never have come to Google: what Google took before it has still, and a worker that is
    at the pass stays at it."""
    connection.execute(_GIVE_UP, (answer, card))


def note_callback(unit: Unit, card: UUID, nonce: str, saved: bool) -> bool:
    """What Google told of a pass, once for each nonce; False where that was done, or there is no such pass.

    Who saves a card is sent it as it is now. Who removes it need not be the only one who has it: Google is asked with
    the next sending, and only when nobody has it, nothing is sent any more.
    """
    if unit.connection.execute(_TAKE, (nonce, unit.now)).fetchone() is None:
        return False
    stand = google_pushes.find(unit.connection, card)
    if stand is None:
        return False
    if saved and stand.sent_by and (stand.is_removed or not stand.is_saved):
        note_saved(unit, stand)
    of = (stand.program, stand.customer, stand.id)
    google_pushes.plan_again(unit, *of, f"callback-{nonce[:64]}", asks_who_has_it=not saved)
    return True


def note_saved(unit: Unit, stand: Stand) -> None:
    """Somebody has it now."""
    unit.connection.execute(_SAVED, (unit.now, stand.id))
    _record(unit, PASS_INSTALLED, stand)


def prune(connection: Connection, limit: int) -> int:
    """Removes up to `limit` callbacks that can come no more; answers how many."""
    return connection.execute(_PRUNE, (CALLBACKS_KEPT, limit)).rowcount


def _record(unit: Unit, kind: Kind, stand: Stand) -> None:
    [(subject,)] = unit.connection.execute(_SUBJECT, (stand.id,))
    record(
        unit,
        Origin(ActorType.CUSTOMER, "", "CUSTOMER", kind),
        f"{subject}/passes/{typeid('pass', stand.id.int)}",
        Scope(stand.program, stand.customer),
        details={"devices": int(kind is PASS_INSTALLED), "platform": PLATFORM},
        event=kind.action,
    )


def _note_class(unit: Unit, stand: Stand, sent: Sent) -> None:
    row = (sent.template, sent.issuer, sent.class_version, unit.now)
    [(version,)] = unit.connection.execute(_CLASS, row)
    if not version:
        # Somebody sent a newer one meanwhile, and ours may have come behind it.
        google_pushes.plan_again(unit, stand.program, stand.customer, stand.id, f"class-{sent.class_version}")


def _link(unit: Unit, stand: Stand) -> None:
    """Google links to what it has: cards of the customer that it was sent before can link to this coupon now."""
    for (card,) in unit.connection.execute(_BESIDE, (stand.customer,)).fetchall():
        google_pushes.plan_again(unit, stand.program, stand.customer, card, f"link-{stand.id}")


_SUCCEED = """
UPDATE pass_google SET issuer = %s, revision = %s, changed_at = coalesce(%s, changed_at), sent_at = clock_timestamp(),
    answer = %s, notified = %s::jsonb, digest = %s, begun_until = NULL
WHERE pass = %s
"""

_FAIL = "UPDATE pass_google SET answer = %s, begun_until = NULL WHERE pass = %s"

_GIVE_UP = f"""
UPDATE pass_google SET answer = %s, begun_until = NULL
WHERE pass = %s AND (begun_until IS NULL OR begun_until <= now()) AND answer NOT LIKE '{google_pushes.TAKEN}%%'
"""  # noqa: S608 - our own word

_SAVED = "UPDATE pass_google SET saved_at = %s, removed_at = NULL WHERE pass = %s"

_REMOVED = "UPDATE pass_google SET removed_at = %s WHERE pass = %s"

_TAKE = """
INSERT INTO pass_google_callback (nonce, received_at) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING true
"""

_SUBJECT = """
SELECT 'programs/' || g.program_id || '/customers/' || c.customer_id
FROM pass AS p JOIN program AS g ON g.id = p.program JOIN customer AS c ON c.id = p.customer WHERE p.id = %s
"""

_CLASS = """
INSERT INTO pass_google_class AS k (template, issuer, version, sent_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (template, issuer) DO UPDATE SET sent_at = excluded.sent_at,
    version = CASE WHEN k.version > excluded.version THEN 0 ELSE excluded.version END
RETURNING version
"""

_BESIDE = """
SELECT w.pass FROM pass_google AS w JOIN pass AS p ON p.id = w.pass
WHERE p.customer = %s AND p.coupon IS NULL AND p.voided_at IS NULL AND w.removed_at IS NULL ORDER BY w.pass
"""

_PRUNE = """
DELETE FROM pass_google_callback WHERE nonce = ANY(ARRAY(
    SELECT nonce FROM pass_google_callback WHERE received_at < now() - %s::interval ORDER BY received_at LIMIT %s
))
"""
