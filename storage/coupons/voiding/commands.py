"""Asks for coupons to be voided, or how many that would be."""

from typing import NamedTuple

from storage.activity.commands import Scope
from storage.coupons import batches, queries
from storage.coupons.voiding.filters import Which, count
from storage.coupons.voiding.steps import NOTHING
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.operations import commands as operations
from storage.operations.commands import NewOperation
from storage.operations.queries import Operation
from storage.operations.records import OperationKind, OperationState
from storage.programs import queries as programs


class VoidCoupons(NamedTuple):
    """The end of all coupons of a campaign: of a batch, or None; that customers have, that nobody has, or None; and
    maybe only of those that are unused."""

    program_id: str
    campaign_id: str
    batch: int | None
    assigned: bool | None
    unused: bool
    context: CommandContext

    def answers(self) -> type[Operation]:
        """The operation that voids them."""
        return Operation

    def decide(self, unit: Unit) -> Answer[Operation]:
        """Settles which it covers, and plans the task that voids them: those that can be seen now.

        Raises ProgramNotFound, CampaignNotFound, BatchNotFound.
        """
        context = self.context
        program = programs.get(self.program_id, context.caller)
        campaign = queries.get(program, self.campaign_id)
        if self.batch is not None:
            batches.get(unit.connection, campaign.id, self.batch)
        which = Which(campaign.id, self.batch, self.assigned, self.unused, str(new_uuid()), unit.now.isoformat())
        total = count(unit.connection, which)
        new = NewOperation(OperationKind.VOID_COUPONS, campaign.name, Scope(program.id), which.arguments())
        if context.validate_only:
            rehearsed = operations.rehearsed(unit, program, new, context, total, NOTHING)
            return Answer(rehearsed._replace(state=OperationState.RUNNING, accounts_done=0, ended_at=None), None)
        begun = operations.begin(unit, program, new, context, lambda _: total, NOTHING)
        operations.go_on(unit, begun, program.id)
        return Answer(begun, str(begun.activity))
