"""Changes programs."""

from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from rules.access import Permission
from rules.activity import Change
from rules.archiving import check_active, state
from rules.organizations import partner_of_new, scopes
from rules.programs import (
    Settings,
    check_awaited,
    check_begins,
    check_change,
    check_clock,
    check_settings,
    keep_states,
    taken_away,
)
from rules.refusals import ProgramExists, ProgramNotFound, StaleEtag
from rules.updates import check_fixed
from storage.activity.commands import Scope, record
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.ledger.reading.lots import awaiting
from storage.organizations import queries as organizations
from storage.programs import queries
from storage.programs.queries import SETTINGS, Program
from storage.programs.records import ProgramRow, ProgramVersionRow
from storage.tasks.commands import plan_sweep


class CreateProgram(NamedTuple):
    """A new program; an empty `program_id` lets us choose. It is the partner's (public id), or nobody's where that is
    empty and its maker makes programs everywhere."""

    program_id: str
    settings: Settings
    test_clock_at: datetime | None
    context: CommandContext
    partner: str = ""

    @property
    def sees_all(self) -> str:
        """Why it is not behind the wall."""
        return "nobody has been told yet that it is theirs, and whether its name is taken must be known"

    def answers(self) -> type[Program]:
        """The program."""
        return Program

    def decide(self, unit: Unit) -> Answer[Program]:
        """Raises ProgramExists, TimeZoneUnknown, SettingsInvalid, PartnerNeeded, PartnerNotFound, and ProgramNotFound
        where the caller could not see what it made."""
        context, settings = self.context, self.settings
        program_id = self.program_id or typeid("program", new_uuid().int)
        held = scopes(context.caller, Permission.PROGRAMS_WRITE)
        partner_id = partner_of_new(context.caller, self.partner)
        if held is not None and not partner_id:
            raise ProgramNotFound(program=program_id)
        partner = organizations.partner(partner_id, held) if partner_id else None
        check_settings(settings)
        check_begins(settings.cards)
        if ProgramRow.select().where(ProgramRow.program_id == program_id).exists():
            raise ProgramExists(program=program_id)
        number = _next_number(unit)
        activity = record(
            unit,
            context.origin,
            f"programs/{program_id}",
            Scope(number),
            details={"settings": _plain(settings), "test_clock": self.test_clock_at is not None},
            request_id=context.request.request_id,
        )
        unit.write()
        row = {
            "program_id": program_id,
            "version": 1,
            "settings": _plain(settings),
            "test_clock_at": self.test_clock_at,
            "created_at": unit.now,
            "updated_at": unit.now,
            "activity": activity,
            "partner": partner.id if partner else None,
        }
        ProgramRow.insert(id=number, **row).execute()
        _keep_version(number, 1, settings, unit.now, activity)
        program = Program(number, program_id, 1, settings, self.test_clock_at, unit.now, unit.now, partner_id)
        return Answer(program, activity)


class UpdateProgram(NamedTuple):
    """New values for some settings. An empty etag agrees to any state; so do cards of `any_state` to theirs.

    `fixed` are values of fields that no update can change, by the names of the contract, which must be what stands.
    What changes nothing leaves no record.
    """

    program_id: str
    etag: str
    changes: dict[str, Any]
    context: CommandContext
    any_state: frozenset[str] = frozenset()
    fixed: tuple[tuple[str, Any], ...] = ()

    def answers(self) -> type[Program]:
        """The program."""
        return Program

    def decide(self, unit: Unit) -> Answer[Program]:
        """Raises ProgramNotFound, StaleEtag, ProgramArchived, FieldFixed, CardFixed, EventTypeAwaited, TimeZoneUnknown,
        SettingsInvalid.

        No lot in the books is left waiting for an event type that is declared no more. What a purchase earns in the
        same moment by the version before, or one of before once it is corrected from nothing, is not seen here: it
        waits, and can be accepted by hand.
        """
        context = self.context
        old = locked(self.program_id, self.etag, context)
        check_active(old.settings, old.program_id)
        stands = {
            "state": state(old.settings.archived),
            "settings_version": old.version,
            "test_clock_time": old.test_clock_at,
            "create_time": old.created_at,
            "update_time": old.updated_at,
            "partner": f"partners/{old.partner}" if old.partner else "",
        }
        check_fixed(self.fixed, stands)
        settings = replace(old.settings, **self.changes)
        if self.any_state:
            settings = replace(settings, cards=keep_states(old.settings, settings.cards, self.any_state))
        if settings == old.settings:
            return Answer(old, None)
        check_change(old.settings, settings)
        # Purchases read the settings without a lock: one that kept them out would make every till wait for it.
        check_awaited(awaiting(unit.connection, old.id, taken_away(old.settings, settings)))
        changes = _differences(old.settings, settings)
        request_id = context.request.request_id
        activity = record(unit, context.origin, old.name, Scope(old.id), changes=changes, request_id=request_id)
        return Answer(supersede(unit, old, settings, activity), activity)


class AdvanceTestClock(NamedTuple):
    """Moves a test clock to an instant."""

    program_id: str
    to: datetime
    context: CommandContext

    def answers(self) -> type[Program]:
        """The program."""
        return Program

    def decide(self, unit: Unit) -> Answer[Program]:
        """Moves it, and plans the sweep of what it makes due. Raises ProgramNotFound, NoTestClock, ClockMovesBack."""
        context = self.context
        old = queries.get(self.program_id, context.caller, for_update=True)
        check_clock(old.program_id, old.test_clock_at, self.to)
        assert old.test_clock_at is not None
        moved = Change("test_clock_time", old.test_clock_at.isoformat(), self.to.isoformat())
        activity = record(
            unit,
            context.origin,
            old.name,
            Scope(old.id),
            self.to,
            changes=[moved],
            request_id=context.request.request_id,
        )
        new = old._replace(test_clock_at=self.to, updated_at=unit.now)
        unit.write()
        _save(new, activity)
        plan_sweep(unit, new.id)
        return Answer(new, activity)


def locked(program_id: str, etag: str, context: CommandContext) -> Program:
    """A program, to be changed. Raises ProgramNotFound, and StaleEtag unless the etag is empty or its own."""
    found = queries.get(program_id, context.caller, for_update=True)
    if etag and etag != found.etag:
        raise StaleEtag(etag=found.etag)
    return found


def supersede(unit: Unit, old: Program, settings: Settings, activity: str) -> Program:
    """The program with its next version of settings, whose activity is planned."""
    new = old._replace(version=old.version + 1, settings=settings, updated_at=unit.now)
    unit.write()
    _save(new, activity)
    _keep_version(new.id, new.version, settings, unit.now, activity)
    return new


def _save(program: Program, activity: str) -> None:
    ProgramRow.update(
        version=program.version,
        settings=_plain(program.settings),
        test_clock_at=program.test_clock_at,
        updated_at=program.updated_at,
        activity=activity,
    ).where(ProgramRow.id == program.id).execute()


def _keep_version(program: int, version: int, settings: Settings, now: datetime, activity: str) -> None:
    ProgramVersionRow.insert(
        program=program, version=version, settings=_plain(settings), recorded_at=now, activity=activity
    ).execute()


def _next_number(unit: Unit) -> int:
    # The record of a creation names the program's number, and must stand before the program does.
    found = unit.connection.execute("SELECT nextval(pg_get_serial_sequence('program', 'id'))").fetchone()
    assert found is not None
    return int(found[0])


def _plain(settings: Settings) -> Any:
    return SETTINGS.dump_python(settings, mode="json")


# What parts of the settings are known by.
_KEYS = {"cards": "card_id", "event_types": "event_type"}


def _differences(old: Settings, new: Settings) -> list[Change]:
    before, after = _flat(_plain(old)), _flat(_plain(new))
    changed = [field for field in {**before, **after} if before.get(field) != after.get(field)]
    return [Change(field, before.get(field), after.get(field)) for field in changed]


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    # A card is found by its id and an event type by its name, wherever it stands: moving it changes nothing.
    if isinstance(value, dict):
        parts = value.items()
    elif path in _KEYS:
        parts = {part[_KEYS[path]]: part for part in value}.items()
    else:
        return {path: value}
    return {name: one for key, part in parts for name, one in _flat(part, f"{path}.{key}" if path else key).items()}
