"""How a pass comes into the books: its template was found to fit what it shows, and it is written with the act that
issues it."""

from typing import Any, NamedTuple
from uuid import UUID

from rules.passes.issuing import check_possible
from storage.activity.commands import Scope
from storage.coupons.queries import campaign_name, coupon_name
from storage.engine.ids import new_uuid_text
from storage.engine.workspace import Workspace
from storage.ledger.addresses import CustomerName
from storage.passes.nouns import TemplateInHand, find_template
from storage.passes.reading.passes import PassName, PassRead
from storage.passes.records import PASSES
from storage.rewards.claims import ClaimName


class Shown(NamedTuple):
    """What a pass shows beside its customer: a coupon, by the internal id of its campaign and its own, and a claim;
    with the public ids of the campaign and of the reward. Of what there is none, empty."""

    campaign: int | None = None
    coupon: str = ""
    campaign_id: str = ""
    claim: str = ""
    reward_id: str = ""


class Making(NamedTuple):
    """A pass that is about to be issued."""

    name: PassName
    template: TemplateInHand
    shown: Shown

    @property
    def told(self) -> dict[str, Any]:
        """What the record of an act says that issues it among other things."""
        return {"pass": self.name.name, "pass_template": self._template}

    @property
    def said(self) -> dict[str, Any]:
        """What the record says that is of nothing else."""
        said, shown = {"pass_template": self._template, "called": self.template.display_name}, self.shown
        if shown.coupon:
            campaign = campaign_name(self.name.program, shown.campaign_id)
            said["coupon"] = coupon_name(campaign, UUID(shown.coupon).int)
        if shown.claim:
            said["claim"] = ClaimName(*self.name.owner, shown.claim).name
        return said

    @property
    def _template(self) -> str:
        return f"programs/{self.name.program}/passTemplates/{self.template.template_id}"


def prepare(template: TemplateInHand, owner: CustomerName, shown: Shown) -> Making:
    """A pass of a template for what it is to show. Raises PassNotPossible."""
    check_possible(template.kind, template.campaign_id, shown.campaign_id, bool(shown.claim))
    return Making(PassName(*owner, new_uuid_text()), template, shown)


def prepare_loaded(workspace: Workspace, owner: CustomerName, template_id: str, shown: Shown) -> Making | None:
    """The same of a template that was loaded; None where the id is empty, so that no pass is wanted. Raises
    PassTemplateNotFound, PassTemplateArchived, PassNotPossible."""
    if not template_id:
        return None
    return prepare(find_template(workspace, (owner.program, template_id)), owner, shown)


def make(unit: Workspace, made: Making, scope: Scope, activity: str) -> PassRead:
    """Writes it, by the activity that issues it. It lives by the clock of the database, as phones do."""
    shown, at = made.shown, unit.now
    row = {
        "id": made.name.id,
        "program": scope.program,
        "customer": scope.customer,
        "template": made.template.id,
        "campaign": shown.campaign,
        "coupon": shown.coupon or None,
        "claim": shown.claim or None,
        "created_at": at,
        "activity": activity,
    }
    unit.add(PASSES.made, row)
    shows = (shown.campaign_id, shown.coupon, shown.claim, shown.reward_id)
    return PassRead(made.name, made.template.template_id, made.template.kind, at, at, activity, None, *shows)
