"""Campaigns as administrators work with them: made, read back, changed in part or whole, archived."""

from typing import Any

import pytest

from fealty.v1 import coupon_campaigns_pb2 as pb
from rules.access import Role
from tests.server.campaigning import (
    BENEFITS,
    FULL,
    SPRING,
    archived,
    create,
    created,
    day,
    read,
    shared,
    unarchived,
    updated,
)
from tests.server.club import NAME, Club, money
from tests.server.serving import activities, fresh, told


@pytest.mark.parametrize("benefit", BENEFITS)
async def test_a_campaign_is_read_back_as_it_was_made(club: Club, benefit: str) -> None:
    """Every field of every kind of terms goes through seven hands between the two; none may lose it."""
    more = {name: value for name, value in FULL.items() if not (benefit == "balance" and name == "uses_per_code")}
    if benefit == "points":
        del more["product_ids"], more["categories"]
    wanted = pb.CouponTerms(**BENEFITS[benefit], **more)
    made = await created(club, name="Spring", **BENEFITS[benefit], **more)
    assert (made.name, made.display_name, made.version) == (SPRING, "Spring", 1)
    assert made.state == pb.CAMPAIGN_STATE_ACTIVE
    assert made.terms == wanted
    assert await read(club) == made
    assert await read(club, version=1) == made
    whole = (await updated(club, "terms", terms=wanted)).campaign
    assert whole == made, "what is read and sent back changes nothing"


async def test_an_id_that_nobody_chose_is_made_and_one_that_is_taken_is_refused(club: Club) -> None:
    """Whoever sends the same twice under two request ids must not have two campaigns without knowing."""
    made = await created(club, "")
    assert made.name.startswith(f"{NAME}/couponCampaigns/campaign_")
    await created(club)
    answer = await told(created(club))
    assert (answer.reason, answer.facts["campaign"]) == ("CAMPAIGN_EXISTS", SPRING)


async def test_what_would_be_is_answered_and_not_done(club: Club) -> None:
    """validate_only of all of them, and a request that is sent again gets the same answer."""
    request = create()
    request.validate_only = True
    would = await club.admin.coupon_campaigns.CreateCouponCampaign(request)
    assert would.campaign.name == SPRING
    assert not would.receipt.activity
    assert (await told(read(club))).reason == "CAMPAIGN_NOT_FOUND"
    again = create()
    first = await club.admin.coupon_campaigns.CreateCouponCampaign(again)
    second = await club.admin.coupon_campaigns.CreateCouponCampaign(again)
    assert (second.campaign, second.receipt.replayed) == (first.campaign, True)


async def test_single_fields_are_updated_and_the_others_stay(club: Club) -> None:
    """A mask says which; the benefit need not be sent for a day to be moved."""
    made = await created(club, name="Spring", **BENEFITS["percent_off"], **FULL)
    last = day(2025, 6, 30)
    found = (
        await updated(club, "terms.last_day", "display_name", display_name="May", terms={"last_day": last})
    ).campaign
    wanted = pb.CouponTerms()
    wanted.CopyFrom(made.terms)
    wanted.last_day.CopyFrom(last)
    assert (found.display_name, found.version, found.terms) == ("May", 2, wanted)
    assert found.etag != made.etag
    less = {"percent_off": {"basis_points": 500}, "minimum_spend": None}
    found = (await updated(club, "terms.percent_off", "terms.minimum_spend", terms=less)).campaign
    wanted.percent_off.CopyFrom(pb.PercentOff(basis_points=500))
    wanted.ClearField("minimum_spend")
    assert found.terms == wanted, "the currency went with the last money, and may be another from then on"
    spent = {"minimum_spend": money(100, "CZK")}
    assert (await updated(club, "terms.minimum_spend", terms=spent)).campaign.terms.minimum_spend == money(100, "CZK")
    assert (await read(club, version=1)).terms == made.terms
    assert (await told(read(club, version=9))).reason == "CAMPAIGN_NOT_FOUND"


async def test_without_a_mask_what_is_filled_is_updated(club: Club) -> None:
    """Read, change, send back: what no update changes must be as it stands."""
    made = await created(club, name="Spring")
    assert (await updated(club, display_name="May")).campaign.terms == made.terms
    found = await read(club)
    found.terms.uses_max = 7
    request = pb.UpdateCouponCampaignRequest(campaign=found, request_id=fresh())
    changed = (await club.admin.coupon_campaigns.UpdateCouponCampaign(request)).campaign
    assert (changed.terms.uses_max, changed.version) == (7, 3)
    answer = await told(club.admin.coupon_campaigns.UpdateCouponCampaign(_again(request)))
    assert answer.reason == "STALE_ETAG"
    request.campaign.etag = ""
    answer = await told(club.admin.coupon_campaigns.UpdateCouponCampaign(_again(request)))
    assert (answer.reason, answer.facts) == ("FIELD_FIXED", {"field": "version"})


@pytest.mark.parametrize(
    ("path", "terms"),
    [
        ("name", {}),
        ("terms.benefit", {}),
        ("terms.percent_off.basis_points", {"percent_off": {"basis_points": 5}}),
        ("terms.amount_off", {"percent_off": {"basis_points": 5}}),
        ("terms.percent_off", {}),
    ],
)
async def test_a_mask_names_fields_that_are_sent(club: Club, path: str, terms: dict[str, Any]) -> None:
    """A benefit cannot be taken away, so one that is named must be there."""
    await created(club)
    answer = await told(updated(club, path, terms=terms))
    assert (answer.reason, answer.facts) == ("UPDATE_MASK_INVALID", {"path": path})


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("terms.benefit", BENEFITS["free_item"]),
        (
            "terms.percent_off.discount_max.currency_code",
            {"percent_off": {"basis_points": 1, "discount_max": money(1, "CZK")}},
        ),
        ("terms.code_source", {**BENEFITS["percent_off"], "code_source": pb.CODE_SOURCE_POOL}),
    ],
)
async def test_what_codes_that_are_out_stand_for_is_fixed(club: Club, field: str, terms: dict[str, Any]) -> None:
    """Ten percent off that turn into a free coffee would be a broken promise to whoever has the code."""
    await created(club, **BENEFITS["percent_off"])
    answer = await told(updated(club, "terms", terms=terms))
    assert (answer.reason, answer.facts) == ("FIELD_FIXED", {"field": field})


@pytest.mark.parametrize(
    ("terms", "part"),
    [
        ({"percent_off": None}, "they give nothing; fill one of amount_off"),
        ({"last_day": day(2025, 2, 30)}, "there is no 2025-02-30"),
        ({"amount_off": money(5), "minimum_spend": money(5, "CZK")}, "money is in CZK and EUR"),
        ({"first_day": day(2025, 2, 2), "last_day": day(2025, 2, 1)}, "before it begins"),
        ({"points": {"card_id": "plain", "points": 1}, "categories": ["tea"]}, "leave product_ids and categories away"),
    ],
)
async def test_terms_that_contradict_themselves_say_what_to_do(club: Club, terms: dict[str, Any], part: str) -> None:
    """When they are made and when they become so; nothing of it is kept."""
    answer = await told(created(club, **terms))
    assert answer.reason == "TERMS_INVALID"
    assert part in answer.message
    assert (await told(read(club))).reason == "CAMPAIGN_NOT_FOUND"


async def test_points_are_of_a_card_that_gets_some(club: Club) -> None:
    """One that is archived later stops no other change of the campaign: its coupons say what they always said."""
    gives: dict[str, Any] = {"points": {"card_id": "nothing", "points": 1}}
    assert (await told(created(club, **gives))).reason == "CARD_NOT_FOUND"
    gives["points"]["card_id"] = "plain"
    await created(club, **gives)
    await club.archive("plain")
    answer = await told(created(club, "other", **gives))
    assert (answer.reason, "unarchive it" in answer.message) == ("TERMS_INVALID", True)
    assert (await updated(club, "terms.uses_max", terms={"uses_max": 5})).campaign.version == 2


async def test_an_archived_campaign_is_not_changed_and_comes_back_as_it_was(club: Club) -> None:
    """Archiving changes no terms, and says itself what it wanted where it is too late."""
    made = await created(club)
    gone = await archived(club, etag=made.etag)
    assert (gone.state, gone.version, gone.terms) == (pb.CAMPAIGN_STATE_ARCHIVED, 1, made.terms)
    assert (await told(archived(club))).reason == "CAMPAIGN_STATE"
    assert (await told(archived(club, etag=made.etag))).reason == "STALE_ETAG"
    assert (await told(updated(club, display_name="May"))).reason == "CAMPAIGN_ARCHIVED"
    assert (await told(shared(club))).reason == "CAMPAIGN_ARCHIVED"
    back = await unarchived(club)
    assert (back.state, back.terms, back.version) == (made.state, made.terms, 1)
    assert (await told(unarchived(club))).reason == "CAMPAIGN_STATE"


async def test_in_an_archived_program_campaigns_only_end(club: Club) -> None:
    """Archiving one is still possible; everything else would begin something."""
    await created(club)
    await created(club, "old")
    await archived(club, f"{NAME}/couponCampaigns/old")
    await club.archive()
    for call in (
        created(club, "new"),
        updated(club, display_name="x"),
        shared(club),
        unarchived(club, f"{NAME}/couponCampaigns/old"),
    ):
        assert (await told(call)).reason == "PROGRAM_ARCHIVED"
    assert (await archived(club)).state == pb.CAMPAIGN_STATE_ARCHIVED


async def test_campaigns_are_listed_by_id_and_state(club: Club) -> None:
    """A page at a time, and those of other programs are not among them."""
    names = [(await created(club, f"c{number}")).name for number in range(5)]
    await archived(club, names[1])
    found: list[str] = []
    request = pb.ListCouponCampaignsRequest(parent=NAME, page_size=2)
    while True:
        page = await club.till.coupon_campaigns.ListCouponCampaigns(request)
        found += [campaign.name for campaign in page.campaigns]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert found == names
    for state, wanted in ((pb.CAMPAIGN_STATE_ARCHIVED, names[1:2]), (pb.CAMPAIGN_STATE_ACTIVE, [names[0], *names[2:]])):
        request = pb.ListCouponCampaignsRequest(parent=NAME, state=state)
        page = await club.till.coupon_campaigns.ListCouponCampaigns(request)
        assert [campaign.name for campaign in page.campaigns] == wanted
    request = pb.ListCouponCampaignsRequest(parent="programs/coffee")
    assert not (await club.admin.coupon_campaigns.ListCouponCampaigns(request)).campaigns


async def test_the_log_says_each_field_before_and_after(club: Club) -> None:
    """An update that changes nothing is in no log; one that does is told by its fields alone."""
    await created(club, **FULL)
    same = await updated(club, "display_name")
    assert not same.receipt.activity
    limits = [{"period": pb.LIMIT_PERIOD_DAY, "uses": 2}]
    terms = {"uses_max": 50, "customer_limits": limits, "stacking": {"exclusive": True}}
    await updated(club, *(f"terms.{field}" for field in terms), terms=terms)
    [found] = await activities(club.admin, NAME, action="campaign.updated")
    assert {change.field: _said(change) for change in found.changes} == {
        "uses_max": (100, 50),
        "customer_limits.DAY": (1, 2),
        "customer_limits.EVER": (5, None),
        "stacking.exclusive": (False, True),
        "stacking.priority": (3, 0),
        "stacking.group": ("seasonal", ""),
    }


async def test_a_reader_does_not_write(club: Club) -> None:
    """Shops and tills redeem; what a coupon gives is decided elsewhere."""
    for role in (Role.SERVICE, Role.STOREFRONT, Role.AUDITOR):
        client = club.served.client(club.served.key(role.value.lower(), role))
        answer = await told(client.coupon_campaigns.CreateCouponCampaign(create()))
        assert answer.reason == "PERMISSION_MISSING"
        assert not (
            await client.coupon_campaigns.ListCouponCampaigns(pb.ListCouponCampaignsRequest(parent=NAME))
        ).campaigns


def _said(change: Any) -> tuple[Any, Any]:
    """What stood before and after, None where nothing did."""
    sides = (change.before, change.after)
    before, after = (getattr(side, kind) if (kind := side.WhichOneof("kind")) else None for side in sides)
    return before, after


def _again(request: pb.UpdateCouponCampaignRequest) -> pb.UpdateCouponCampaignRequest:
    request.request_id = fresh()
    return request
