"""Changes for how long a program keeps what its log says, and holds some of it back from being dropped.

Each has the program's row in hand: a drop that is being made is waited for, and the next one sees what is changed here.
"""

from typing import NamedTuple
from uuid import UUID

from rules.activity import Change
from rules.refusals import CustomerNotFound, LegalHoldLifted, StaleEtag
from rules.retention import Kept
from storage.activity.commands import Scope, record
from storage.customers.records import CustomerRow
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.ledger.addresses import CustomerName
from storage.programs import queries as programs
from storage.retention import queries, sweep
from storage.retention.queries import LegalHold, Retention, Rule
from storage.retention.records import LegalHoldRow, RetentionRow, RuleRow


class UpdateRetention(NamedTuple):
    """Other days for what the rules name. An empty etag agrees to any state. What changes nothing leaves no record."""

    program_id: str
    etag: str
    rules: tuple[Rule, ...]
    context: CommandContext

    def answers(self) -> type[Retention]:
        """What holds in the program."""
        return Retention

    def decide(self, unit: Unit) -> Answer[Retention]:
        """Raises ProgramNotFound, StaleEtag."""
        context = self.context
        program = programs.get(self.program_id, context.caller, for_update=True)
        old = queries.of_program(program)
        if self.etag and self.etag != old.etag:
            raise StaleEtag(etag=old.etag)
        stands = {Kept(rule.category, rule.effect): rule.days for rule in old.rules}
        changed = [rule for rule in self.rules if stands[Kept(rule.category, rule.effect)] != rule.days]
        if not changed:
            return Answer(old, None)
        kept = [(rule, Kept(rule.category, rule.effect)) for rule in changed]
        activity = record(
            unit,
            context.origin,
            old.name,
            Scope(program.id),
            changes=[Change(of.field, stands[of], rule.days) for rule, of in kept],
            details=context.reason.added_to({}),
            request_id=context.request.request_id,
            note=context.reason.note,
        )
        unit.write()
        row = {"version": old.version + 1, "updated_at": unit.now, "activity": activity}
        RetentionRow.insert(program=program.id, **row).on_conflict(
            conflict_target=[RetentionRow.program], update=row
        ).execute()
        for rule in changed:
            RuleRow.insert(program=program.id, **rule._asdict()).on_conflict(
                conflict_target=[RuleRow.program, RuleRow.category, RuleRow.effect], update={"days": rule.days}
            ).execute()
        sweep.days_changed(unit.connection, program.id)
        return Answer(queries.of_program(program), activity)


class PlaceLegalHold(NamedTuple):
    """Keeps what the log says of a customer or, where the name has none, of a program, until the hold is lifted."""

    subject: CustomerName
    context: CommandContext

    def answers(self) -> type[LegalHold]:
        """The hold."""
        return LegalHold

    def decide(self, unit: Unit) -> Answer[LegalHold]:
        """Raises ProgramNotFound, CustomerNotFound."""
        context, reason = self.context, self.context.reason
        program = programs.get(self.subject.program, context.caller, for_update=True)
        customer = self._customer(program.id)
        identity = new_uuid()
        placed = LegalHold(identity, program.program_id, self.subject.customer, reason.code, unit.now, UUID(int=0))
        activity = record(
            unit,
            context.origin,
            placed.name,
            Scope(program.id, customer),
            details=reason.added_to({"of": placed.subject}),
            request_id=context.request.request_id,
            note=reason.note,
        )
        unit.write()
        LegalHoldRow.insert(
            id=identity,
            program=program.id,
            customer=customer,
            reason_code=reason.code,
            placed_at=unit.now,
            activity=activity,
        ).execute()
        return Answer(placed._replace(activity=UUID(activity)), activity)

    def _customer(self, program: int) -> int | None:
        if not self.subject.customer:
            return None
        is_it = (CustomerRow.program == program) & (CustomerRow.customer_id == self.subject.customer)
        found = CustomerRow.get_or_none(is_it)
        if found is None:
            raise CustomerNotFound(program=self.subject.program)
        return int(found.id)


class LiftLegalHold(NamedTuple):
    """Ends a hold: what is due is dropped by the next sweep, unless another hold has it."""

    name: str
    context: CommandContext

    def answers(self) -> type[LegalHold]:
        """The hold."""
        return LegalHold

    def decide(self, unit: Unit) -> Answer[LegalHold]:
        """Raises ProgramNotFound, LegalHoldNotFound, LegalHoldLifted."""
        context, reason = self.context, self.context.reason
        found, program = queries.hold(self.name, context.caller, for_update=True)
        if found.lifted_at is not None:
            raise LegalHoldLifted(lifted_at=found.lifted_at.isoformat())
        row = LegalHoldRow.get_by_id(found.id)
        activity = record(
            unit,
            context.origin,
            found.name,
            Scope(program.id, row.customer),
            details=reason.added_to({"of": found.subject}),
            request_id=context.request.request_id,
            note=reason.note,
            cause=found.activity,
        )
        unit.write()
        LegalHoldRow.update(lifted_at=unit.now, lift_activity=activity).where(LegalHoldRow.id == found.id).execute()
        sweep.hold_lifted(unit.connection, program.id)
        return Answer(found._replace(lifted_at=unit.now, lift_activity=UUID(activity)), activity)
