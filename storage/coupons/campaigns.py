"""Changes coupon campaigns: makes, updates and archives them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from rules import archiving
from rules.activity import Change
from rules.coupons.campaigns import check_active, check_archiving, check_change, check_shared, check_terms, tidied
from rules.coupons.refusals import CampaignExists
from rules.coupons.terms import Terms
from rules.refusals import StaleEtag
from rules.updates import check_fixed
from storage.activity.commands import Scope, record
from storage.coupons.queries import TERMS, Campaign, campaign_name, get, spread
from storage.coupons.records import CampaignRow, CampaignVersionRow
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.programs import queries as programs
from storage.programs.queries import Program
from storage.stock import commands as stocks


class CreateCampaign(NamedTuple):
    """A new campaign; an empty `campaign_id` lets us choose."""

    program_id: str
    campaign_id: str
    display_name: str
    terms: Terms
    context: CommandContext

    def answers(self) -> type[Campaign]:
        """The campaign."""
        return Campaign

    def decide(self, unit: Unit) -> Answer[Campaign]:
        """Raises ProgramNotFound, ProgramArchived, CampaignExists, TermsInvalid, PatternInvalid, CardNotFound."""
        context, terms = self.context, self.terms
        program = programs.get(self.program_id, context.caller)
        archiving.check_active(program.settings, program.program_id)
        check_terms(terms, program.settings, program.program_id)
        campaign_id = self.campaign_id or typeid("campaign", new_uuid().int)
        of_program = (CampaignRow.program == program.id) & (CampaignRow.campaign_id == campaign_id)
        if CampaignRow.select().where(of_program).exists():
            raise CampaignExists(campaign=campaign_id)
        activity = record(
            unit,
            context.origin,
            campaign_name(program.program_id, campaign_id),
            Scope(program.id),
            details={"display_name": self.display_name, "terms": _plain(terms)},
            request_id=context.request.request_id,
        )
        unit.write()
        row = {
            "program": program.id,
            "campaign_id": campaign_id,
            "version": 1,
            "display_name": self.display_name,
            "terms": _plain(terms),
            "archived": False,
            "stock": stocks.create(unit.connection, program.id, terms.uses_max or None),
            "batches": 0,
            "created_at": unit.now,
            "updated_at": unit.now,
            "activity": activity,
        }
        number = CampaignRow.insert(**row).execute()
        made = Campaign(
            number,
            program.program_id,
            campaign_id,
            1,
            self.display_name,
            terms,
            False,
            row["stock"],
            unit.now,
            unit.now,
        )
        _keep_version(made, activity)
        return Answer(made, activity)


class UpdateCampaign(NamedTuple):
    """New values for the name and some of the terms, by their names in Terms. An empty etag agrees to any state.

    `fixed` are values of fields that no update can change, by the names of the contract, which must be what stands.
    What changes nothing leaves no record.
    """

    program_id: str
    campaign_id: str
    etag: str
    changes: Mapping[str, Any]
    context: CommandContext
    fixed: tuple[tuple[str, Any], ...] = ()

    def answers(self) -> type[Campaign]:
        """The campaign."""
        return Campaign

    def decide(self, unit: Unit) -> Answer[Campaign]:
        """Raises ProgramNotFound, ProgramArchived, CampaignNotFound, StaleEtag, CampaignArchived, FieldFixed,
        TermsInvalid, PatternInvalid, CardNotFound.

        What is redeemed in the same moment is decided by the version before.
        """
        context = self.context
        program, old = locked(self.program_id, self.campaign_id, self.etag, context)
        archiving.check_active(program.settings, program.program_id)
        check_active(old.archived, old.campaign_id)
        stands = {
            "state": archiving.state(old.archived),
            "version": old.version,
            "create_time": old.created_at,
            "update_time": old.updated_at,
        }
        check_fixed(self.fixed, stands)
        changes = dict(self.changes)
        display_name = changes.pop("display_name", old.display_name)
        terms = tidied(replace(old.terms, **changes))
        new = old._replace(display_name=display_name, terms=terms, version=old.version + 1, updated_at=unit.now)
        if (new.display_name, new.terms) == (old.display_name, old.terms):
            return Answer(old, None)
        check_change(old.terms, terms, program.settings, program.program_id)
        shared = _stocks_of_shared(unit, old)
        if shared:
            check_shared(terms)
        before, after = _as_told(old), _as_told(new)
        named = [field for field in {**before, **after} if before.get(field) != after.get(field)]
        activity = record(
            unit,
            context.origin,
            old.name,
            Scope(program.id),
            changes=[Change(field, before.get(field), after.get(field)) for field in named],
            details=_counted_in(terms),
            request_id=context.request.request_id,
        )
        unit.write()
        _save(new, activity)
        _keep_version(new, activity)
        if terms.uses_max != old.terms.uses_max:
            stocks.resize(unit.connection, old.stock, terms.uses_max or None)
        if terms.uses_per_code != old.terms.uses_per_code:
            for stock in shared:
                stocks.resize(unit.connection, stock, terms.uses_per_code or None)
        return Answer(new, activity)


class ArchiveCampaign(NamedTuple):
    """Ends what begins with a campaign, or (not `archive`) lets it begin again. An empty etag agrees to any state."""

    program_id: str
    campaign_id: str
    etag: str
    archive: bool
    context: CommandContext

    def answers(self) -> type[Campaign]:
        """The campaign."""
        return Campaign

    def decide(self, unit: Unit) -> Answer[Campaign]:
        """Raises ProgramNotFound, CampaignNotFound, StaleEtag, CampaignStateWrong; ProgramArchived where something
        would begin again in an archived program."""
        context, reason = self.context, self.context.reason
        program, old = locked(self.program_id, self.campaign_id, self.etag, context)
        before, after = check_archiving(old.archived, self.archive, old.campaign_id)
        if not self.archive:
            archiving.check_active(program.settings, program.program_id)
        activity = record(
            unit,
            context.origin,
            old.name,
            Scope(program.id),
            changes=[Change("state", before, after)],
            details=reason.added_to({}),
            request_id=context.request.request_id,
            note=reason.note,
        )
        new = old._replace(archived=self.archive, updated_at=unit.now)
        unit.write()
        _save(new, activity)
        return Answer(new, activity)


def locked(program_id: str, campaign_id: str, etag: str, context: CommandContext) -> tuple[Program, Campaign]:
    """A campaign, to be changed, and its program. Raises ProgramNotFound, CampaignNotFound, and StaleEtag unless the
    etag is empty or its own."""
    program = programs.get(program_id, context.caller)
    found = get(program, campaign_id, for_update=True)
    if etag and etag != found.etag:
        raise StaleEtag(etag=found.etag)
    return program, found


def _save(campaign: Campaign, activity: str) -> None:
    CampaignRow.update(
        version=campaign.version,
        display_name=campaign.display_name,
        terms=_plain(campaign.terms),
        archived=campaign.archived,
        updated_at=campaign.updated_at,
        activity=activity,
    ).where(CampaignRow.id == campaign.id).execute()


def _keep_version(campaign: Campaign, activity: str) -> None:
    CampaignVersionRow.insert(
        campaign=campaign.id,
        version=campaign.version,
        display_name=campaign.display_name,
        terms=_plain(campaign.terms),
        recorded_at=campaign.updated_at,
        activity=activity,
    ).execute()


def _stocks_of_shared(unit: Unit, campaign: Campaign) -> list[int]:
    return [stock for (stock,) in unit.connection.execute(_SHARED, (campaign.id,))]


def _counted_in(terms: Terms) -> dict[str, str]:
    """What figures of a change are of."""
    counted = {"currency": terms.currency_code, "card_id": terms.card_id}
    return {name: value for name, value in counted.items() if value}


def _as_told(campaign: Campaign) -> dict[str, Any]:
    return {"display_name": campaign.display_name, **spread(campaign.terms)}


def _plain(terms: Terms) -> Any:
    return TERMS.dump_python(terms, mode="json")


# In the order in which stocks are locked.
_SHARED = "SELECT stock FROM coupon WHERE campaign = %s AND stock IS NOT NULL ORDER BY stock"
