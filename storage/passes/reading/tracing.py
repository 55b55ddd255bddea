"""What became of the updates of a pass, phone by phone, and what phones reported."""

from datetime import datetime
from typing import Any, NamedTuple

from msgspec import json

from rules.passes import verdicts
from rules.passes.refusals import PassNotFound
from rules.passes.verdicts import AtGoogle, Delivery, Newest
from storage.engine.database import Connection
from storage.ledger.reading import accounts
from storage.passes.pushing import APPLE, GOOGLE
from storage.passes.reading import passes
from storage.passes.reading.passes import OWNER, PassName, PassRead

# Phones of one pass that are shown, the newest first: more are no customer's.
INSTALLATIONS_MAX = 100
# Updates of each that are shown: who asks wants to know of the last days.
DELIVERIES_MAX = 20


class Installation(NamedTuple):
    """A card in one wallet. `device` tells Apple's devices apart, empty for Google."""

    device: str
    installed_at: datetime | None
    deliveries: tuple[Delivery, ...]
    verdict: str


class Trace(NamedTuple):
    """All that is known of the updates of a pass. `revision` is the newest, 0: there is none yet, and then no instants.
    `halted` is why pushes are stopped, empty: they are not."""

    of: PassRead
    revision: int
    changed_at: datetime | None
    built_at: datetime | None
    installations: tuple[Installation, ...]
    halted: str


class LogLine(NamedTuple):
    """What a phone reported; `id` is its place among all."""

    id: int
    received_at: datetime
    line: str


def trace(books: Connection, name: PassName) -> Trace:
    """Of one pass. Raises PassNotFound."""
    with accounts.snapshot(books):
        found = passes.get(books, name)
        row = books.execute(_UPDATES, (name.id,), prepare=True).fetchone()
        assert row is not None
        revision, changed_at, built_at, apple_halt, google_halt, apple_waits, google_waits, now, *google = row
        newest = Newest(revision or 0, built_at or found.created_at)
        phones = [
            _phone(newest, device, installed_at, deliveries, apple_halt or "", apple_waits or "", now)
            for device, installed_at, deliveries in books.execute(
                _PHONES, {"pass": name.id, "most": INSTALLATIONS_MAX}, prepare=True
            )
        ]
        if google[0] is not None:
            phones.append(_google(newest, AtGoogle(*google[:5]), google[5], google_halt or "", google_waits or "", now))
        halted = "; ".join(filter(None, (apple_halt, google_halt)))
        return Trace(found, revision or 0, changed_at, built_at, tuple(phones), halted)


def logs(books: Connection, name: PassName, after: int | None, size: int) -> list[LogLine]:
    """Up to `size` lines that phones reported of a pass, newest first, from the first after a place. Raises
    PassNotFound."""
    with accounts.snapshot(books):
        if books.execute(_THERE, name._asdict(), prepare=True).fetchone() is None:
            raise PassNotFound
        return [LogLine(*row) for row in books.execute(_LOGS, (name.id, after, after, size), prepare=True)]


def _phone(
    newest: Newest, device: str, installed_at: datetime | None, deliveries: Any, halted: str, waits: str, now: datetime
) -> Installation:
    found = _DELIVERIES.decode(deliveries)
    verdict = verdicts.of_phone(newest, installed_at, found, halted, now, waits)
    return Installation(device, installed_at, tuple(found), verdict)


def _google(
    newest: Newest, found: AtGoogle, changed_at: datetime, halted: str, waits: str, now: datetime
) -> Installation:
    sent = Delivery(found.revision, changed_at, found.sent_at, answer=found.answer)
    return Installation("", found.saved_at, (sent,), verdicts.of_google(newest, found, halted, now, waits))


_DELIVERIES = json.Decoder(list[Delivery])

# A template that names no account is made with the only one that there is, whose halt is then the only one. What the
# push of a revision waits for is with its task.
_UPDATES = f"""
SELECT c.revision, c.changed_at, c.built_at,
    (SELECT reason FROM push_halt WHERE platform = 'APPLE'
     AND coalesce(t.design ->> 'apple_pass_type', '') IN ('', topic) LIMIT 1),
    (SELECT reason FROM push_halt WHERE platform = 'GOOGLE'
     AND coalesce(t.design ->> 'google_issuer', '') IN ('', topic) LIMIT 1),
    (SELECT last_error FROM task
     WHERE unique_key = '{APPLE}:' || m.id || ':' || c.revision AND state IN ('READY', 'SENT')),
    (SELECT last_error FROM task
     WHERE unique_key = '{GOOGLE}:' || m.id || ':' || c.revision AND state IN ('READY', 'SENT')),
    statement_timestamp(), g.revision, g.sent_at, g.answer, g.saved_at, g.removed_at, g.changed_at
FROM pass AS m JOIN pass_template AS t ON t.id = m.template
LEFT JOIN pass_content AS c ON c.pass = m.id LEFT JOIN pass_google AS g ON g.pass = m.id
WHERE m.id = %s
"""  # noqa: S608 - our own words

# Those that have it, then those that had it and were told something of late. A number tells nothing of a phone; it is
# scrambled so that nobody takes it for one.
_PHONES = f"""
WITH phone AS (
    (SELECT device, registered_at FROM pass_registration WHERE pass = %(pass)s
     ORDER BY registered_at DESC, device LIMIT %(most)s)
    UNION ALL
    (SELECT DISTINCT d.device, NULL::timestamptz FROM pass_delivery AS d
     WHERE d.pass = %(pass)s
     AND NOT EXISTS (SELECT FROM pass_registration AS r WHERE r.pass = d.pass AND r.device = d.device)
     LIMIT %(most)s)
)
SELECT left(md5(p.device::text), 8), p.registered_at, coalesce((
    SELECT json_agg(json_build_array(
        d.revision, d.changed_at, d.pushed_at, coalesce(d.push_id::text, ''), coalesce(d.answer, ''), d.listed_at,
        d.fetched_at
    ) ORDER BY d.revision DESC)
    FROM (
        SELECT * FROM pass_delivery AS o WHERE o.pass = %(pass)s AND o.device = p.device
        ORDER BY revision DESC LIMIT {DELIVERIES_MAX}
    ) AS d
), '[]')::text
FROM phone AS p ORDER BY p.registered_at DESC NULLS LAST, p.device DESC LIMIT %(most)s
"""  # noqa: S608 - our own words

_THERE = f"SELECT true FROM pass AS m WHERE m.customer = ({OWNER}) AND m.id = %(id)s::uuid"  # noqa: S608

_LOGS = """
SELECT id, received_at, line FROM pass_device_log WHERE pass = %s AND (%s::bigint IS NULL OR id < %s) ORDER BY id DESC
LIMIT %s
"""
