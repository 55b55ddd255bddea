"""Asks for coupons to be given to many."""

from typing import NamedTuple
from uuid import UUID

from rules import archiving
from rules.coupons.campaigns import check_active
from storage.activity.commands import Scope
from storage.coupons.assigning.steps import NOTHING
from storage.coupons.campaigns import locked
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.operations import commands as operations
from storage.operations import customers
from storage.operations.commands import NewOperation
from storage.operations.queries import Operation
from storage.operations.records import OperationKind, OperationState


class AssignCoupons(NamedTuple):
    """A coupon of a campaign for each customer of some public ids, or (none) for all that are active now."""

    program_id: str
    campaign_id: str
    customer_ids: tuple[str, ...]
    context: CommandContext

    def answers(self) -> type[Operation]:
        """The operation that gives them."""
        return Operation

    def decide(self, unit: Unit) -> Answer[Operation]:
        """Settles whom it reaches, and plans the task that does. Ids of nobody count as refused from the beginning.

        Raises ProgramNotFound, ProgramArchived, CampaignNotFound, CampaignArchived.
        """
        context, named = self.context, set(self.customer_ids)
        program, campaign = locked(self.program_id, self.campaign_id, "", context)
        archiving.check_active(program.settings, program.program_id)
        check_active(campaign.archived, campaign.campaign_id)
        new = NewOperation(
            OperationKind.ASSIGN_COUPONS,
            campaign.name,
            Scope(program.id),
            {"campaign": campaign.campaign_id, "named": len(named)},
        )
        connection, total = unit.connection, len(named)
        if context.validate_only:
            there = customers.count(connection, program.id, list(named))
            figures = {**NOTHING, "refused": total - there}
            total = total or customers.count_active(connection, program.id)
            rehearsed = operations.rehearsed(unit, program, new, context, total, figures)
            running = rehearsed._replace(state=OperationState.RUNNING, accounts_done=figures["refused"], ended_at=None)
            return Answer(running, None)

        def choose(operation: UUID) -> int:
            if named:
                customers.choose(connection, operation, program.id, list(named))
                return len(named)
            return customers.choose_active(connection, operation, program.id)

        begun = operations.begin(unit, program, new, context, choose, NOTHING)
        missing = total - customers.count(connection, program.id, list(named))
        if missing:
            begun = operations.advance(unit, begun, missing, {"assigned": 0, "refused": missing})
        operations.go_on(unit, begun, program.id)
        return Answer(begun, str(begun.activity))
