"""Phones that have a card: each tells us once by what Apple's service wakes it, and once that it has the card no more.

Calls that arrive together share a transaction. What is recorded of a phone in the log is that it came and went, never
which it is.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from msgspec import json

from rules.access import ActorType
from rules.activity import PASS_INSTALLED, PASS_REMOVED, Kind, Origin
from storage.activity.commands import Scope, record
from storage.engine.ids import typeid
from storage.engine.session import Session, Statement, rolled_back_on_error
from storage.engine.slots import LATER
from storage.engine.workspace import Workspace
from storage.passes.crowds import FORGET, PHONES_MAX, drop_oldest
from storage.passes.marking import AHEAD

PLATFORM = "APPLE"


class Register(NamedTuple):
    """A phone that has a pass. Of the phone the hash of its id, and its push token as it is sealed. `pass_types` are
    what designs call the type that it said; an empty one among them stands for those that name none."""

    card: UUID
    pass_types: tuple[str, ...]
    library_hash: bytes
    push_token: bytes


class Unregister(NamedTuple):
    """A phone that has it no more."""

    card: UUID
    pass_types: tuple[str, ...]
    library_hash: bytes


Change = Register | Unregister


class Registered(StrEnum):
    """What became of it: it is new; it was so already; there is no such pass of that type, or it is forgotten."""

    NEW = "NEW"
    AGAIN = "AGAIN"
    UNKNOWN = "UNKNOWN"


class _Card(NamedTuple):
    """A pass that is locked; `pass_type` as its design says it, `now` what the clock of its program shows."""

    id: UUID
    program: int
    customer: int
    subject: str
    pass_type: str
    now: datetime


class _Found(NamedTuple):
    """What is locked, and all that there are of those that were asked for."""

    now: datetime
    cards: list[_Card]
    there: list[UUID]


async def change_registrations(session: Session, changes: Sequence[Change]) -> list[Registered | Exception]:
    """What became of each, in order, all in one transaction; LATER where somebody else holds the pass. Of those that
    concern the same phone and pass at the same time the registrations come first: nobody waited for one to begin the
    other."""
    async with rolled_back_on_error(session):
        wanted = sorted({change.card for change in changes})
        found = _FOUND.decode(await session.run(_LOCK, [json.encode(wanted)], begin=True))
        unit = Workspace(found.now)
        cards = {card.id: card for card in found.cards}
        known = [
            (number, change)
            for number, change in enumerate(changes)
            if (card := cards.get(change.card)) is not None and card.pass_type in change.pass_types
        ]
        held = set(found.there).difference(cards)
        outcomes: list[Registered | Exception] = [
            LATER if change.card in held else Registered.UNKNOWN for change in changes
        ]
        added = [(number, change) for number, change in known if isinstance(change, Register)]
        if added:
            await _register(session, unit, cards, added, outcomes)
        gone = [(number, change) for number, change in known if isinstance(change, Unregister)]
        if gone:
            await _unregister(session, unit, cards, gone, outcomes)
        await unit.flush(session, commit=True)
        return outcomes


async def _register(
    session: Session,
    unit: Workspace,
    cards: dict[UUID, _Card],
    asked: Sequence[tuple[int, Register]],
    outcomes: list[Registered | Exception],
) -> None:
    rows = [
        {"number": number, "pass": one.card, "hash": one.library_hash.hex(), "token": one.push_token.hex()}
        for number, one in asked
    ]
    new = _NEW.decode(await session.run(_REGISTER, [json.encode(rows), str(unit.now).encode()]))
    devices = {card: count for card, _, count in new}
    added = Counter(card for card, _, _ in new)
    untold = {(card, library_hash) for card, library_hash, _ in new}
    for number, one in asked:
        which = one.card, one.library_hash.hex()
        outcomes[number] = Registered.NEW if which in untold else Registered.AGAIN
        if which in untold:
            untold.remove(which)
    for card, count in sorted(devices.items()):
        if count == added[card]:
            _record(unit, PASS_INSTALLED, cards[card], min(count, PHONES_MAX))
    if new:
        await session.run(_MARK, [json.encode(sorted(devices))])
    if crowded := sorted(card for card, count in devices.items() if count > PHONES_MAX):
        await drop_oldest(session, crowded)


async def _unregister(
    session: Session,
    unit: Workspace,
    cards: dict[UUID, _Card],
    asked: Sequence[tuple[int, Unregister]],
    outcomes: list[Registered | Exception],
) -> None:
    # The phones are locked before it is looked what they have left: one that registers another pass just now is seen.
    rows = json.encode([{"pass": one.card, "hash": one.library_hash.hex()} for _, one in asked])
    await session.run(_LOCK_DEVICES, [rows])
    gone = _GONE.decode(await session.run(_UNREGISTER, [rows]))
    if gone:
        await session.run(FORGET, [json.encode(sorted({device for _, device, _ in gone}))])
    for number, _ in asked:
        outcomes[number] = Registered.AGAIN
    for card in sorted({card for card, _, left in gone if not left}):
        _record(unit, PASS_REMOVED, cards[card], 0)


def _record(unit: Workspace, kind: Kind, card: _Card, devices: int) -> None:
    """That a card is in a phone now, where it was in none, or that none has it any more: `devices` is how many do."""
    record(
        unit,
        Origin(ActorType.CUSTOMER, "", "CUSTOMER", kind),
        f"{card.subject}/passes/{typeid('pass', card.id.int)}",
        Scope(card.program, card.customer),
        card.now,
        details={"devices": devices, "platform": PLATFORM},
        event=kind.action,
    )


_FOUND = json.Decoder(_Found)
_NEW = json.Decoder(list[tuple[UUID, str, int]])
_GONE = json.Decoder(list[tuple[UUID, int, int]])

# Whoever else changes registrations of a pass holds it too: how many there are is known. One that is held keeps nobody
# waiting who asks for another.
_LOCK = Statement(
    """
SELECT json_build_array(clock_timestamp(), (
    SELECT coalesce(json_agg(json_build_array(
        p.id, p.program, p.customer, 'programs/' || g.program_id || '/customers/' || c.customer_id,
        coalesce(t.design ->> 'apple_pass_type', ''), coalesce(g.test_clock_at, clock_timestamp())
    )), '[]')
    FROM (
        SELECT id, program, customer, template FROM pass
        WHERE id IN (SELECT w::uuid FROM json_array_elements_text($1) AS w) AND forgotten_at IS NULL
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    ) AS p
    JOIN program AS g ON g.id = p.program
    JOIN customer AS c ON c.id = p.customer
    JOIN pass_template AS t ON t.id = p.template
), (
    SELECT coalesce(json_agg(id), '[]') FROM pass
    WHERE id IN (SELECT w::uuid FROM json_array_elements_text($1) AS w) AND forgotten_at IS NULL
))
""",
    ["json"],
)

# Of a phone that tells two push tokens at once, one is kept. Phones in order of their hashes, as they are locked below.
_REGISTER = Statement(
    """
WITH asked AS (
    SELECT a.number, a.pass, decode(a.hash, 'hex') AS hash, decode(a.token, 'hex') AS token
    FROM json_to_recordset($1) AS a(number integer, pass uuid, hash text, token text)
), device AS (
    INSERT INTO pass_device (library_hash, push_token, token_at, created_at)
    SELECT DISTINCT ON (hash) hash, token, $2, $2 FROM asked ORDER BY hash, number DESC
    ON CONFLICT (library_hash) DO UPDATE SET push_token = excluded.push_token, token_at = excluded.token_at
    RETURNING id, library_hash
), added AS (
    INSERT INTO pass_registration (pass, device, registered_at)
    SELECT DISTINCT a.pass, d.id, $2 FROM asked AS a JOIN device AS d ON d.library_hash = a.hash
    ON CONFLICT (pass, device) DO NOTHING RETURNING pass, device
)
SELECT coalesce(json_agg(json_build_array(
    n.pass, encode(d.library_hash, 'hex'),
    (SELECT count(*) FROM pass_registration AS r WHERE r.pass = n.pass)
    + (SELECT count(*) FROM added AS o WHERE o.pass = n.pass)
)), '[]')
FROM added AS n JOIN device AS d ON d.id = n.device
""",
    ["json", "timestamptz"],
)

# Nobody knows when the card was made that came to a phone, by a link or a mail that was opened late: it is told at the
# next refresh, whatever the card says (storage/passes/marking.py).
_MARK = Statement(
    f"""
INSERT INTO pass_mark (pass, position, due_at, since)
SELECT w::uuid, {AHEAD}, clock_timestamp(), clock_timestamp() FROM json_array_elements_text($1) AS w
ON CONFLICT (pass, position) DO UPDATE SET since = pass_mark.since
""",  # noqa: S608 - our own number
    ["json"],
)

_LOCK_DEVICES = Statement(
    """
SELECT count(*) FROM (
    SELECT id FROM pass_device WHERE library_hash IN (
        SELECT decode(w ->> 'hash', 'hex') FROM json_array_elements($1) AS w
    ) ORDER BY library_hash FOR UPDATE
) AS locked
""",
    ["json"],
)

# What was registered, and how many other phones have the pass still.
_UNREGISTER = Statement(
    """
WITH gone AS (
    DELETE FROM pass_registration AS r USING (
        SELECT DISTINCT a.pass, d.id AS device FROM json_to_recordset($1) AS a(pass uuid, hash text)
        JOIN pass_device AS d ON d.library_hash = decode(a.hash, 'hex')
    ) AS a
    WHERE r.pass = a.pass AND r.device = a.device RETURNING r.pass, r.device
)
SELECT coalesce(json_agg(json_build_array(
    g.pass, g.device,
    (SELECT count(*) FROM pass_registration AS r WHERE r.pass = g.pass)
    - (SELECT count(*) FROM gone AS o WHERE o.pass = g.pass)
)), '[]')
FROM gone AS g
""",
    ["json"],
)
