"""Coupon campaigns, and codes for many."""

from typing import Any

from fealty.v1 import coupon_campaigns_pb2 as pb
from rules.coupons.codes import normalise
from rules.refusals import UpdateMaskInvalid
from server.call import Call
from server.convert import names, terms
from server.convert.requests import context, given_fixed, receipt, timestamp, timestamp_or_none
from server.policy import word
from storage.coupons.campaigns import ArchiveCampaign, CreateCampaign, UpdateCampaign
from storage.coupons.queries import Campaign
from storage.coupons.reading.batches import BatchRead
from storage.coupons.reading.statistics import Statistics
from storage.coupons.sharing import CreateSharedCoupon, SharedCoupon
from storage.engine.requests import Answer

# What an update may send back as it was read.
_FIXED = ("state", "version", "create_time", "update_time")


def create_campaign(call: Call, message: pb.CreateCouponCampaignRequest) -> CreateCampaign:
    """The command in a request. Raises TermsInvalid."""
    campaign = message.campaign
    return CreateCampaign(
        names.program_id(message.parent),
        message.campaign_id,
        campaign.display_name,
        terms.terms(campaign.terms),
        context(call, message),
    )


def created(command: CreateCampaign, answer: Answer[Campaign]) -> pb.CreateCouponCampaignResponse:
    """What is answered to it."""
    return pb.CreateCouponCampaignResponse(campaign=message(answer.value), receipt=receipt(answer))


def update_campaign(call: Call, message: pb.UpdateCouponCampaignRequest) -> UpdateCampaign:
    """The command in a request. Raises UpdateMaskInvalid, TermsInvalid."""
    campaign = message.campaign
    masked = list(message.update_mask.paths)
    paths = masked or [field.name for field, _ in campaign.ListFields() if field.name in _UPDATED]
    changes: dict[str, Any] = {}
    fields: set[str] = set()
    for path in paths:
        part, _, field = path.partition(".")
        if path == "display_name":
            changes["display_name"] = campaign.display_name
        elif path == "terms":
            fields |= terms.FIELDS.difference(terms.BENEFITS) | {terms.benefit_field(campaign.terms)}
        elif part == "terms" and _is_given(campaign.terms, field):
            fields.add(field)
        else:
            raise UpdateMaskInvalid(path=path)
    changes |= terms.changes(campaign.terms, frozenset(fields))
    # A mask says what is meant; without one, what is sent is.
    fixed = () if masked else given_fixed(campaign, _FIXED)
    fixed = tuple((field, _state(value) if field == "state" else value) for field, value in fixed)
    return UpdateCampaign(*names.campaign(campaign.name), campaign.etag, changes, context(call, message), fixed)


def updated(command: UpdateCampaign, answer: Answer[Campaign]) -> pb.UpdateCouponCampaignResponse:
    """What is answered to it."""
    return pb.UpdateCouponCampaignResponse(campaign=message(answer.value), receipt=receipt(answer))


def archive_campaign(call: Call, message: pb.ArchiveCouponCampaignRequest) -> ArchiveCampaign:
    """The command in a request."""
    return ArchiveCampaign(*names.campaign(message.name), message.etag, True, context(call, message))


def archived(command: ArchiveCampaign, answer: Answer[Campaign]) -> pb.ArchiveCouponCampaignResponse:
    """What is answered to it."""
    return pb.ArchiveCouponCampaignResponse(campaign=message(answer.value), receipt=receipt(answer))


def unarchive_campaign(call: Call, message: pb.UnarchiveCouponCampaignRequest) -> ArchiveCampaign:
    """The command in a request."""
    return ArchiveCampaign(*names.campaign(message.name), message.etag, False, context(call, message))


def unarchived(command: ArchiveCampaign, answer: Answer[Campaign]) -> pb.UnarchiveCouponCampaignResponse:
    """What is answered to it."""
    return pb.UnarchiveCouponCampaignResponse(campaign=message(answer.value), receipt=receipt(answer))


def create_shared(call: Call, message: pb.CreateSharedCouponRequest) -> CreateSharedCoupon:
    """The command in a request, with the code sealed. Raises CodeMalformed."""
    name = names.campaign(message.parent)
    code = normalise(message.code)
    sealed = call.codes.seal(name.program, code).hex()
    asked = pb.CreateSharedCouponRequest()
    asked.CopyFrom(message)
    asked.code = sealed
    return CreateSharedCoupon(*name, sealed, code.last_four, context(call, message, asked))


def shared(command: CreateSharedCoupon, answer: Answer[SharedCoupon]) -> pb.CreateSharedCouponResponse:
    """What is answered to it."""
    return pb.CreateSharedCouponResponse(coupon=answer.value.coupon, receipt=receipt(answer))


def message(campaign: Campaign) -> pb.CouponCampaign:
    """A campaign as the contract shows it."""
    shown = pb.CouponCampaign(
        name=campaign.name,
        display_name=campaign.display_name,
        state=pb.CAMPAIGN_STATE_ARCHIVED if campaign.archived else pb.CAMPAIGN_STATE_ACTIVE,
        version=campaign.version,
        etag=campaign.etag,
        create_time=timestamp(campaign.created_at),
        update_time=timestamp(campaign.updated_at),
    )
    terms.fill(shown.terms, campaign.terms)
    return shown


def batch(batch: BatchRead) -> pb.CouponBatch:
    """A batch as the contract shows it."""
    return pb.CouponBatch(
        name=batch.name,
        coupons=batch.coupons,
        origin=_ORIGINS[batch.origin],
        create_time=timestamp(batch.created_at),
        publish_time=timestamp_or_none(batch.published_at),
        export_time=timestamp_or_none(batch.exported_at),
        activity=names.activity(batch.activity),
    )


def statistics(found: Statistics) -> pb.CouponStatistics:
    """How a campaign stands, as the contract shows it."""
    counted = found._asdict()
    value, as_of = counted.pop("value_given"), counted.pop("as_of")
    shown = pb.CouponStatistics(**counted, as_of_time=timestamp(as_of))
    for currency, amount_minor in value.items():
        shown.value_given.add(currency_code=currency, amount_minor=amount_minor)
    return shown


def is_archived(state: pb.CampaignState) -> bool | None:
    """Whether campaigns in a state are; None where any state is meant."""
    return None if not state else state == pb.CAMPAIGN_STATE_ARCHIVED


def _is_given(given: pb.CouponTerms, field: str) -> bool:
    """Whether a message can say what a field is to be: of what a coupon gives, one is always filled."""
    return field in terms.FIELDS and (field not in terms.BENEFITS or given.WhichOneof("benefit") == field)


def _state(number: Any) -> str:
    return word(pb.CampaignState, number, "CAMPAIGN_STATE_")


_UPDATED = ("display_name", "terms")
_ORIGINS: dict[str, Any] = {name.removeprefix("COUPON_ORIGIN_"): n for name, n in pb.CouponOrigin.items()}
