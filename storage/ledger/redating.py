"""Gives open lots another expiry: the only way in which points lose that of the policy they were issued under.

An act of its own, previewed with validate_only and recorded lot by lot. It holds the accounts it touches until it is
done: some seconds for a hundred thousand lots.
"""

from collections import defaultdict
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from rules import calendar
from rules.access import Caller
from rules.activity import Origin
from rules.programs import Card, ExpiryMode, time_zone
from rules.refusals import ExpiryInPast, SettingsInvalid
from storage.activity.commands import Scope, record
from storage.engine.requests import Answer, Request, once
from storage.engine.unit import Unit
from storage.ledger.addresses import Address
from storage.ledger.commands import Reason
from storage.programs import queries as programs
from storage.programs.queries import Program

# Lots that an answer shows of all that were changed.
SAMPLE_MAX = 20


class Expiry(StrEnum):
    """What the expiry becomes."""

    AT = "AT"
    NEVER = "NEVER"
    BY_CURRENT_POLICY = "BY_CURRENT_POLICY"


class RedateLots(NamedTuple):
    """The open lots of a card: of one customer, or (empty) of all. `expires_at` belongs to Expiry.AT."""

    program_id: str
    customer_id: str
    card_id: str
    expire_before: datetime | None
    expiry: Expiry
    expires_at: datetime | None
    reason: Reason


class RedatedLot(NamedTuple):
    """One of them, by its resource name."""

    name: str
    before: datetime | None
    after: datetime | None


class Redated(NamedTuple):
    """How many lots, points and accounts it changed; the first SAMPLE_MAX."""

    lots: int
    points: int
    accounts: int
    sample: list[RedatedLot]


class _Change(NamedTuple):
    account: int
    customer: int
    customer_id: str
    lot: int
    points: int
    before: datetime | None
    after: datetime | None


def redate(
    unit: Unit, command: RedateLots, caller: Caller, origin: Origin, request: Request, validate_only: bool = False
) -> Answer[Redated]:
    """Raises ProgramNotFound, CardNotFound, ExpiryInPast; SettingsInvalid where it is to follow today's policy and
    that slides, which no lot can be made to do afterwards. A customer without such lots has none to redate."""

    def change() -> Answer[Redated]:
        program = programs.get(command.program_id, caller)
        card = program.settings.card(command.card_id, program.program_id)
        now = program.now(unit.now)
        _check(command, card, now)
        changes = _changes(unit, command, program, card, now)
        by_account: defaultdict[int, list[_Change]] = defaultdict(list)
        for one in changes:
            by_account[one.account].append(one)
        why = {"reason_code": command.reason.code}
        if command.reason.acting_user:
            why["admin"] = command.reason.acting_user
        details: dict[str, Any] = {
            "accounts": len(by_account),
            "card": command.card_id,
            "expires_at": command.expires_at.isoformat() if command.expires_at else None,
            "expiry": command.expiry,
            **_figures(changes),
            **why,
        }
        subject = program.name
        if command.customer_id:
            subject = Address(command.program_id, command.customer_id, command.card_id).name
        note, key = command.reason.note, request.request_id
        activity = record(unit, origin, subject, Scope(program.id), now, details=details, request_id=key, note=note)
        for lots in by_account.values():
            # Each customer's own history says so too.
            scope = Scope(program.id, lots[0].customer)
            name = _address(command, lots[0]).name
            event = origin.kind.action
            told = {**_figures(lots), **why}
            record(unit, origin, name, scope, now, details=told, request_id=key, event=event, points=0)
        unit.write()
        _apply(unit, changes, activity)
        sample = [
            RedatedLot(f"{_address(command, one).name}/lots/{one.lot}", one.before, one.after)
            for one in changes[:SAMPLE_MAX]
        ]
        return Answer(Redated(len(changes), details["points"], len(by_account), sample), activity)

    return once(unit, request, Redated, change, validate_only)


def _check(command: RedateLots, card: Card, now: datetime) -> None:
    if command.expires_at is not None and command.expires_at <= now:
        raise ExpiryInPast(given=command.expires_at.isoformat(), now=now.isoformat())
    policy = card.expiry_policy
    if command.expiry is Expiry.BY_CURRENT_POLICY and policy is not None and policy.mode is ExpiryMode.SLIDING:
        raise SettingsInvalid(what=f"the expiry of card {card.card_id} slides today; name an instant, or never")


def _changes(unit: Unit, command: RedateLots, program: Program, card: Card, now: datetime) -> list[_Change]:
    """Locks the accounts, in the order of their ids, and answers what is to change of which lots."""
    parameters = {
        "program": program.id,
        "card": card.card_id,
        "customer": command.customer_id,
        "before": command.expire_before,
        "now": now,
    }
    unit.connection.execute(_LOCK, parameters)
    zone = time_zone(program.settings.time_zone)
    found = []
    for account, customer, customer_id, lot, points, before, activates_at in unit.connection.execute(_LOTS, parameters):
        after = command.expires_at
        if command.expiry is Expiry.BY_CURRENT_POLICY and activates_at is not None:
            day = calendar.start_of_day(calendar.local_day(activates_at, zone), zone)
            after = program.settings.usable_until(card, max(day, activates_at))
            # A shorter policy ends them now, not before anybody said so.
            after = None if after is None else max(after, now)
        if after != before:
            found.append(_Change(account, customer, customer_id, lot, points, before, after))
    return found


def _apply(unit: Unit, changes: list[_Change], activity: str) -> None:
    if not changes:
        return
    lots = ([one.account for one in changes], [one.lot for one in changes], [one.after for one in changes])
    unit.connection.execute(_KEEP, (unit.now, activity, [one.before for one in changes], *lots))
    unit.connection.execute(_REDATE, lots)
    unit.connection.execute(_DUE, (lots[0], lots[2]))


def _figures(changes: list[_Change]) -> dict[str, int]:
    return {"lots": len(changes), "points": sum(one.points for one in changes)}


def _address(command: RedateLots, one: _Change) -> Address:
    return Address(command.program_id, one.customer_id, command.card_id)


# What has expired is gone, whether or not a worker has been by.
_WHICH = """
    a.program = %(program)s AND a.card_id = %(card)s AND (%(customer)s = '' OR c.customer_id = %(customer)s)
    AND l.state IN ('PENDING', 'ACTIVE')
    AND (s.expires_at IS NULL OR s.expires_at > %(now)s) AND (l.expires_at IS NULL OR l.expires_at > %(now)s)
    AND (%(before)s::timestamptz IS NULL OR coalesce(s.expires_at, l.expires_at) < %(before)s)
"""

_FROM = """
    FROM account a JOIN customer c ON c.id = a.customer JOIN lot l ON l.account = a.id
    LEFT JOIN slide s ON l.slides AND s.account = a.id AND s.policy_version = l.policy_version
"""

_LOCK = f"""
SELECT count(*) FROM (
    SELECT FROM account WHERE id IN (SELECT a.id {_FROM} WHERE {_WHICH}) ORDER BY id FOR UPDATE
) AS locked
"""  # noqa: S608

_LOTS = f"""
SELECT a.id, c.id, c.customer_id, l.number, l.remaining, coalesce(s.expires_at, l.expires_at), l.activates_at
{_FROM} WHERE {_WHICH} ORDER BY a.id, l.number
"""

_KEEP = """
INSERT INTO redating (account, lot, before, after, recorded_at, activity)
SELECT w.account, w.lot, w.before, w.after, %s, %s::uuid FROM
unnest(%s::timestamptz[], %s::bigint[], %s::integer[], %s::timestamptz[]) AS w(before, account, lot, after)
"""

_REDATE = """
UPDATE lot SET expires_at = w.after, slides = false
FROM unnest(%s::bigint[], %s::integer[], %s::timestamptz[]) AS w(account, number, after)
WHERE lot.account = w.account AND lot.number = w.number
"""

_DUE = """
UPDATE account SET version = version + 1, due_at = least(due_at, w.after)
FROM (
    SELECT account, min(after) AS after FROM unnest(%s::bigint[], %s::timestamptz[]) AS u(account, after)
    GROUP BY account
) AS w WHERE account.id = w.account
"""
