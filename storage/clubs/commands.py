"""Makes, changes and deletes clubs; takes customers in, and lets them go."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rules import clubs as rules
from rules.activity import Change
from rules.archiving import check_active
from rules.clubs import ClubExists
from rules.refusals import StaleEtag
from storage.activity.commands import Scope, record
from storage.clubs import queries
from storage.clubs.queries import Club
from storage.clubs.records import ClubCustomerRow, ClubRow
from storage.customers import queries as customers
from storage.customers.states import check_lives
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.programs import queries as programs
from storage.programs.queries import Program
from storage.rewards.records import RewardRow


class CreateClub(NamedTuple):
    """A new club; an empty `club_id` lets us choose."""

    program_id: str
    club_id: str
    club: rules.Club
    context: CommandContext

    def answers(self) -> type[Club]:
        """The club."""
        return Club

    def decide(self, unit: Unit) -> Answer[Club]:
        """Raises ProgramNotFound, ProgramArchived, ClubExists, CardNotFound, RewardNotFound."""
        program = programs.get(self.program_id, self.context.caller)
        check_active(program.settings, program.program_id)
        club_id = self.club_id or typeid("club", new_uuid().int)
        if ClubRow.select().where((ClubRow.program == program.id) & (ClubRow.club_id == club_id)).exists():
            raise ClubExists(club=club_id)
        _check(program, self.club)
        made = Club(0, program.program_id, club_id, 1, self.club, 0, unit.now, unit.now)
        activity = _record(unit, self.context, program, made, settings=_plain(self.club))
        number = ClubRow.insert(
            program=program.id,
            club_id=club_id,
            version=1,
            created_at=unit.now,
            updated_at=unit.now,
            activity=activity,
            **_plain(self.club),
        ).execute()
        return Answer(made._replace(id=number), activity)


class UpdateClub(NamedTuple):
    """New values for some fields, by their names. An empty etag agrees to any state. What changes nothing leaves no
    record."""

    program_id: str
    club_id: str
    etag: str
    changes: Mapping[str, Any]
    context: CommandContext

    def answers(self) -> type[Club]:
        """The club."""
        return Club

    def decide(self, unit: Unit) -> Answer[Club]:
        """Raises ProgramNotFound, ClubNotFound, StaleEtag, ProgramArchived, CardNotFound, RewardNotFound."""
        program, old = _locked(self.program_id, self.club_id, self.etag, self.context)
        check_active(program.settings, program.program_id)
        club = old.club._replace(**self.changes)
        if club == old.club:
            return Answer(old, None)
        _check(program, club)
        before, after = _plain(old.club), _plain(club)
        changes = [Change(field, before[field], after[field]) for field in before if before[field] != after[field]]
        new = old._replace(version=old.version + 1, club=club, updated_at=unit.now)
        activity = _record(unit, self.context, program, new, changes)
        _save(new, activity, **after)
        return Answer(new, activity)


class DeleteClub(NamedTuple):
    """Ends a club; its customers are in it no longer. An empty etag agrees to any state."""

    program_id: str
    club_id: str
    etag: str
    context: CommandContext

    def answers(self) -> type[Club]:
        """The club as it was."""
        return Club

    def decide(self, unit: Unit) -> Answer[Club]:
        """Raises ProgramNotFound, ClubNotFound, StaleEtag."""
        program, old = _locked(self.program_id, self.club_id, self.etag, self.context)
        activity = _record(unit, self.context, program, old, customers=old.customers)
        _save(old._replace(updated_at=unit.now), activity, deleted_at=unit.now)
        is_in = (ClubCustomerRow.club == old.id) & ClubCustomerRow.left_at.is_null()
        ClubCustomerRow.update(left_at=unit.now, activity=activity).where(is_in).execute()
        return Answer(old, activity)


class JoinClub(NamedTuple):
    """Takes a customer in or (not `join`) lets it go. Where it is so already, nothing is recorded."""

    program_id: str
    club_id: str
    customer_id: str
    join: bool
    context: CommandContext

    def answers(self) -> type[Club]:
        """The club."""
        return Club

    def decide(self, unit: Unit) -> Answer[Club]:
        """Raises ProgramNotFound, ClubNotFound, CustomerNotFound, and where it is to join ProgramArchived,
        CustomerMerged, CustomerClosed."""
        # The club's row keeps the same from being done twice at once.
        program, old = _locked(self.program_id, self.club_id, "", self.context)
        customer = customers.get(program, self.customer_id)
        if self.join:
            check_active(program.settings, program.program_id)
            check_lives(customer)
        is_in = (ClubCustomerRow.club == old.id) & (ClubCustomerRow.customer == customer.id)
        is_in &= ClubCustomerRow.left_at.is_null()
        if ClubCustomerRow.select().where(is_in).exists() == self.join:
            return Answer(old, None)
        activity = record(
            unit,
            self.context.origin,
            old.name,
            Scope(program.id, customer.id),
            details={"called": old.club.display_name, "customer": customer.name},
            request_id=self.context.request.request_id,
            event=self.context.origin.kind.action,
        )
        unit.write()
        if self.join:
            ClubCustomerRow.insert(
                id=new_uuid(), club=old.id, customer=customer.id, joined_at=unit.now, activity=activity
            ).execute()
        else:
            ClubCustomerRow.update(left_at=unit.now, activity=activity).where(is_in).execute()
        return Answer(old._replace(customers=old.customers + (1 if self.join else -1)), activity)


def _locked(program_id: str, club_id: str, etag: str, context: CommandContext) -> tuple[Program, Club]:
    """A club, to be changed, and its program. Raises ProgramNotFound, ClubNotFound, and StaleEtag unless the etag is
    empty or its own."""
    program = programs.get(program_id, context.caller)
    found = queries.get(program, club_id, for_update=True)
    if etag and etag != found.etag:
        raise StaleEtag(etag=found.etag)
    return program, found


def _check(program: Program, club: rules.Club) -> None:
    wanted = (RewardRow.program == program.id) & RewardRow.reward_id.in_(club.reward_ids)
    found = [row.reward_id for row in RewardRow.select(RewardRow.reward_id).where(wanted)] if club.reward_ids else []
    rules.check(club, program.settings, program.program_id, found)


def _record(
    unit: Unit,
    context: CommandContext,
    program: Program,
    club: Club,
    changes: list[Change] | None = None,
    **details: Any,
) -> str:
    """Writes the record of a change of a club."""
    reason = context.reason
    activity = record(
        unit,
        context.origin,
        club.name,
        Scope(program.id),
        changes=changes or (),
        details=reason.added_to({"called": club.club.display_name, **details}),
        request_id=context.request.request_id,
        note=reason.note,
    )
    unit.write()
    return activity


def _save(club: Club, activity: str, **columns: Any) -> None:
    ClubRow.update(version=club.version, updated_at=club.updated_at, activity=activity, **columns).where(
        ClubRow.id == club.id
    ).execute()


def _plain(club: rules.Club) -> dict[str, Any]:
    return {**club._asdict(), "card_ids": list(club.card_ids), "reward_ids": list(club.reward_ids)}
