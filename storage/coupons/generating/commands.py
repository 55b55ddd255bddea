"""Asks for codes to be made."""

from typing import Any, NamedTuple

from rules import archiving
from rules.coupons.campaigns import check_active
from rules.coupons.codes import DEFAULT_PATTERN, Pattern, check_density
from rules.coupons.coupons import Origin
from rules.coupons.terms import Benefit
from storage.activity.commands import Scope
from storage.coupons import batches
from storage.coupons.campaigns import locked
from storage.coupons.generating.steps import NOTHING
from storage.coupons.queries import Campaign
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.operations import commands as operations
from storage.operations.commands import NewOperation
from storage.operations.queries import Operation
from storage.operations.records import OperationKind, OperationState


class GenerateCoupons(NamedTuple):
    """So many codes of a campaign, of its pattern or (not empty) another."""

    program_id: str
    campaign_id: str
    coupons: int
    pattern: str
    context: CommandContext

    def answers(self) -> type[Operation]:
        """The operation that makes them."""
        return Operation

    def decide(self, unit: Unit) -> Answer[Operation]:
        """Begins a batch, and plans the task that fills it.

        Raises ProgramNotFound, ProgramArchived, CampaignNotFound, CampaignArchived, PatternInvalid, KeyspaceTooSmall.
        """
        context = self.context
        program, campaign = locked(self.program_id, self.campaign_id, "", context)
        archiving.check_active(program.settings, program.program_id)
        check_active(campaign.archived, campaign.campaign_id)
        pattern = Pattern.parse(self.pattern or campaign.terms.code_pattern or DEFAULT_PATTERN)
        check_density(pattern, batches.existing(unit.connection, program.id, pattern), self.coupons)
        number = batches.next_number(unit, campaign.id)
        arguments = _arguments(campaign, number, pattern)
        new = NewOperation(OperationKind.GENERATE_COUPONS, campaign.name, Scope(program.id), arguments)
        if context.validate_only:
            rehearsed = operations.rehearsed(unit, program, new, context, self.coupons, NOTHING)
            return Answer(rehearsed._replace(state=OperationState.RUNNING, accounts_done=0, ended_at=None), None)
        begun = operations.begin(unit, program, new, context, lambda _: self.coupons, NOTHING)
        assert begun.activity is not None
        batches.begin(unit, campaign, number, Origin.GENERATED, pattern.text, (begun.id, begun.activity))
        operations.go_on(unit, begun, program.id)
        return Answer(begun, str(begun.activity))


def _arguments(campaign: Campaign, number: int, pattern: Pattern) -> dict[str, Any]:
    """What the steps need. A gift card's balance is that of the terms now: all codes of a batch are worth the same."""
    terms = campaign.terms
    balance = {"balance_minor": terms.amount_minor} if terms.benefit is Benefit.BALANCE else {}
    return {"batch": batches.name(campaign.name, number), "pattern": pattern.text, **balance}
