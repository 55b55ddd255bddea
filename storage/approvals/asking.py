"""Whether an act needs approval; where it does, it is asked for under its maker's own request id."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rules import calendar
from rules.approvals.deciding import Need, party
from rules.approvals.matching import EXPIRES_AFTER_HOURS, Match, RequestFacts, Rule, exceeds, match, may_match
from rules.programs import time_zone
from storage.approvals.queries import ApprovalRequest
from storage.approvals.ruling import ruling
from storage.approvals.submitting import Frozen, submit
from storage.engine import requests
from storage.engine.commands import CommandContext
from storage.engine.unit import Unit
from storage.programs.queries import from_row
from storage.programs.records import ProgramRow

# What was let through counts as done for so long, whatever became of it: no call takes longer (server/limits.py).
IN_FLIGHT_S = 60


class AskApproval(NamedTuple):
    """An act that may need approval, by what it says. `is_fit` is whether it could be done, as things stand: only then
    it is asked for."""

    frozen: Frozen
    asked: RequestFacts
    context: CommandContext
    is_fit: bool = False


class Verdict(NamedTuple):
    """What is to become of an act: it needs no approval by this version of the rules; it needs some, and is to be found
    fit first (`is_needed`); or it was asked for, under a name."""

    version: int = 0
    is_needed: bool = False
    name: str = ""


def ask(unit: Unit, asking: AskApproval) -> Verdict:
    """Decides by the rules as they are. Of an act that was answered before, what was answered: by a version that nobody
    looks at. Raises ApprovalRequired where it was asked for before, RequestIdReused, KeyringError."""
    context, frozen = asking.context, asking.frozen
    if kept := requests.find(unit.connection, context.request):
        requests.replay_asked(context.request, kept)
        return Verdict()
    version, rules = ruling(unit.connection, frozen.program, for_share=True)
    found = {number: (rule, match(rule, asking.asked)) for number, rule in rules.items()}
    sums = {number: rule for number, (rule, matched) in found.items() if matched is Match.BY_SUM}
    today = _today(unit, frozen.program) if sums else ""
    needed = [rule for rule, matched in found.values() if matched is Match.YES]
    needed += [rule for number, rule in sums.items() if _exceeds(unit, number, rule, asking, today)]
    if not needed:
        for number, rule in sums.items():
            _note(unit, number, rule, asking, today)
        return Verdict(version)
    if not asking.is_fit:
        return Verdict(version, is_needed=True)
    made = _submit(unit, context, frozen, needed)
    requests.keep_asked(unit, context.request, made.name)
    return Verdict(version, name=made.name)


def submit_besides(
    unit: Unit, context: CommandContext, frozen: Frozen, asked: RequestFacts, needs: Sequence[Need]
) -> ApprovalRequest:
    """Asks for approval of an act that takes `needs` in any case, and besides what the rules want whose it is, too.
    Raises KeyringError."""
    _, rules = ruling(unit.connection, frozen.program, for_share=True)
    # Nobody has the day's sum of an act that nobody does without approval: it counts as too large.
    return _submit(unit, context, frozen, [rule for rule in rules.values() if may_match([rule], asked)], needs)


def _submit(
    unit: Unit, context: CommandContext, frozen: Frozen, rules: Sequence[Rule], besides: Sequence[Need] = ()
) -> ApprovalRequest:
    return submit(
        unit,
        context,
        frozen,
        [*besides, *(Need(rule.rule_id, rule.approvers, rule.role) for rule in rules)],
        min((rule.expires_after_hours for rule in rules), default=EXPIRES_AFTER_HOURS),
        any(rule.begins_as_draft for rule in rules),
    )


def _exceeds(unit: Unit, number: int, rule: Rule, asking: AskApproval, today: str) -> bool:
    """Whether it makes the day's sum of anybody whose act it is too large, which nobody else adds to until this unit
    ends."""
    whose, request = sorted(party(asking.context.caller).whose), asking.context.request
    for one in whose:
        unit.connection.execute(_ALONE, (number, one))
    sums = [unit.connection.execute(_DONE, (number, one, one, today, *request.key, IN_FLIGHT_S)) for one in whose]
    return any(exceeds(rule, rule.amount(asking.asked), int(done)) for [(done,)] in sums)


def _note(unit: Unit, number: int, rule: Rule, asking: AskApproval, today: str) -> None:
    who, request = party(asking.context.caller), asking.context.request
    maker = who.user or who.caller
    unit.connection.execute(_NOTE, (number, *request.key, maker, who.acted_for, today, rule.amount(asking.asked)))


def _today(unit: Unit, program: str) -> str:
    """The day in a program, by its clock; in none, that of UTC."""
    at: datetime = unit.now
    zone = time_zone("UTC")
    row = ProgramRow.get_or_none(ProgramRow.program_id == program) if program else None
    if row is not None:
        found = from_row(row)
        at, zone = found.now(at), time_zone(found.settings.time_zone)
    return calendar.local_day(at.astimezone(UTC), zone).isoformat()


_ALONE = "SELECT pg_advisory_xact_lock(%s, hashtext(%s))"

# What was let through and then refused by the books was not done: no answer to it is kept, but that it was asked for.
_DONE = """
SELECT coalesce(sum(amount), 0) FROM approval_use u
WHERE rule = %s AND (maker = %s OR acted_for = %s) AND day = %s AND (caller, method, request_id) <> (%s, %s, %s)
    AND (used_at > clock_timestamp() - make_interval(secs => %s) OR EXISTS (
        SELECT FROM request r WHERE (r.caller, r.method, r.request_id) = (u.caller, u.method, u.request_id)
            AND NOT starts_with(r.response, '{"approval_request":')
    ))
"""

_NOTE = """
INSERT INTO approval_use (rule, caller, method, request_id, maker, acted_for, day, amount, used_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())
ON CONFLICT (rule, caller, method, request_id) DO UPDATE
    SET maker = excluded.maker, acted_for = excluded.acted_for, day = excluded.day, amount = excluded.amount,
        used_at = excluded.used_at
"""
