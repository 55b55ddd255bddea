"""Reads coupon campaigns and the versions of their terms."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from rules.coupons.refusals import CampaignNotFound
from rules.coupons.terms import Terms
from storage.coupons.records import CampaignRow, CampaignVersionRow
from storage.engine.database import NO_KEY_UPDATE
from storage.engine.ids import typeid
from storage.programs.queries import Program

TERMS = TypeAdapter(Terms)


class Campaign(NamedTuple):
    """A campaign as it stands; `id` is internal, `campaign_id` public in the program of public id `program_id`. `stock`
    counts its uses."""

    id: int
    program_id: str
    campaign_id: str
    version: int
    display_name: str
    terms: Terms
    archived: bool
    stock: int
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return campaign_name(self.program_id, self.campaign_id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return f'"{self.version}-{int(self.updated_at.timestamp() * 1_000_000):x}"'


def get(program: Program, campaign_id: str, for_update: bool = False) -> Campaign:
    """The campaign of that public id. Raises CampaignNotFound."""
    query = CampaignRow.select().where((CampaignRow.program == program.id) & (CampaignRow.campaign_id == campaign_id))
    found = (query.for_update(NO_KEY_UPDATE) if for_update else query).first()
    if found is None:
        raise CampaignNotFound(program=program.program_id)
    return from_row(found, program)


def at_version(campaign: Campaign, version: int, program: Program) -> Campaign:
    """The campaign with its name and terms as they were in a version, 0: in the one in force. Raises
    CampaignNotFound."""
    if version in (0, campaign.version):
        return campaign
    row = CampaignVersionRow.get_or_none(campaign=campaign.id, version=version)
    if row is None:
        raise CampaignNotFound(program=program.program_id)
    terms = TERMS.validate_python(row.terms)
    return campaign._replace(version=version, display_name=row.display_name, terms=terms, updated_at=row.recorded_at)


def page(program: Program, archived: bool | None, after: str, size: int) -> list[Campaign]:
    """Up to `size` campaigns in a state (None: in any), by public id, from the first after `after`."""
    query = CampaignRow.select().where((CampaignRow.program == program.id) & (CampaignRow.campaign_id > after))
    if archived is not None:
        query = query.where(CampaignRow.archived == archived)
    return [from_row(row, program) for row in query.order_by(CampaignRow.campaign_id).limit(size)]


def from_row(row: Any, program: Program) -> Campaign:
    """A campaign out of its row."""
    return Campaign(
        row.id,
        program.program_id,
        row.campaign_id,
        row.version,
        row.display_name,
        TERMS.validate_python(row.terms),
        row.archived,
        row.stock,
        row.created_at,
        row.updated_at,
    )


def campaign_name(program_id: str, campaign_id: str) -> str:
    """The resource name of a campaign."""
    return f"programs/{program_id}/couponCampaigns/{campaign_id}"


def coupon_name(campaign: str, number: int) -> str:
    """The resource name of a coupon: of the name of its campaign, and the 128 bits of its id."""
    return f"{campaign}/coupons/{typeid('coupon', number)}"


def spread(terms: Terms) -> dict[str, Any]:
    """The terms as a flat map, field by field as the log names them: limits by their period, stacking by its parts."""
    plain: dict[str, Any] = TERMS.dump_python(terms, mode="json")
    limits: Sequence[dict[str, Any]] = plain.pop("customer_limits")
    stacking: dict[str, Any] = plain.pop("stacking")
    return {
        **plain,
        **{f"customer_limits.{limit['period']}": limit["uses"] for limit in limits},
        **{f"stacking.{name}": value for name, value in stacking.items()},
    }
