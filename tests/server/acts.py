"""Every command of the contract: how to come to it, how to ask for it, and what it must leave behind.

The one catalogue of calls that change something. Which there are is the table of commands' to say (test_acts.py).
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from fealty.v1 import (
    activity_pb2,
    audit_pb2,
    coupon_campaigns_pb2,
    customers_pb2,
    events_pb2,
    holds_pb2,
    lots_pb2,
    operations_pb2,
    pass_templates_pb2,
    points_pb2,
    programs_pb2,
    reports_pb2,
    retention_pb2,
    rewards_pb2,
    transactions_pb2,
)
from tests.pictures import png
from tests.server import approving, batching, campaigning, crediting, organizing, passing, redeeming
from tests.server.campaigning import SPRING
from tests.server.club import ADA, BEN, NAME, WHY, Club, account, money
from tests.server.designing import icon, look
from tests.server.peopled import USER_ACTS
from tests.server.serving import START, fresh, program, timestamp

Details = dict[str, Any]
GWEN: Details = {"parent": NAME, "customer_id": "gwen"}


NOBODY = ""


class Act(NamedTuple):
    """`ask` brings about what the act needs and answers its request. `about` is the subject of its record, `details`
    some of what stands in it; `points` are those of the event in the history of `whose`, which is of type `event`. What
    is done to no customer is `NOBODY`'s."""

    ask: Callable[[Club], Awaitable[Any]]
    action: str
    about: str
    details: Details
    points: int = 0
    event: str = ""
    whose: str = ADA


async def _record(club: Club) -> Any:
    return transactions_pb2.RecordTransactionRequest(
        account=account("slow"), transaction_id="t1", source="till", amount=money(100)
    )


async def _update(club: Club) -> Any:
    name = await _bought(club, "slow")
    return transactions_pb2.UpdateTransactionRequest(name=name, amount=money(60), reason=WHY)


async def _accept(club: Club) -> Any:
    return transactions_pb2.AcceptTransactionRequest(name=await _bought(club, "hand"), reason=WHY)


async def _reject(club: Club) -> Any:
    return transactions_pb2.RejectTransactionRequest(name=await _bought(club, "hand"), reason=WHY)


async def _refund(club: Club) -> Any:
    name = await _bought(club, "plain")
    await club.spend(80)
    return transactions_pb2.RefundTransactionRequest(name=name, amount_minor=50, reason=WHY)


async def _spend(club: Club) -> Any:
    await club.earn(100)
    return points_pb2.SpendPointsRequest(account=account(), points=30, reference="order-7")


async def _roll_back(club: Club) -> Any:
    await club.earn(100)
    spent = await club.spend(30)
    return points_pb2.RollBackSpendingRequest(name=spent.entry.name, points=20, reason=WHY)


async def _adjust(club: Club) -> Any:
    await club.earn(100)
    return points_pb2.AdjustPointsRequest(account=account(), points=-40, reason=WHY)


async def _transfer(club: Club) -> Any:
    await club.earn(100)
    return points_pb2.TransferPointsRequest(account=account(), to_account=account("plain", BEN), points=25, reason=WHY)


async def _hold(club: Club) -> Any:
    await club.earn(100)
    return holds_pb2.CreateHoldRequest(account=account(), points=60, ttl_s=600, reference="cart-3")


async def _capture(club: Club) -> Any:
    await club.earn(100)
    return holds_pb2.CaptureHoldRequest(name=(await club.hold(60)).name, points=45)


async def _release(club: Club) -> Any:
    await club.earn(100)
    return holds_pb2.ReleaseHoldRequest(name=(await club.hold(60)).name, reason=WHY)


async def _activate(club: Club) -> Any:
    await club.earn(100, "hand")
    return lots_pb2.ActivateLotRequest(name=f"{account('hand')}/lots/1", reason=WHY)


async def _cancel(club: Club) -> Any:
    await club.earn(100, "hand")
    return lots_pb2.CancelLotRequest(name=f"{account('hand')}/lots/1", reason=WHY)


async def _redate(club: Club) -> Any:
    await club.earn(100, "slow")
    return lots_pb2.RedateLotsRequest(parent=account("slow"), never=True, reason=WHY)


async def _event(club: Club) -> Any:
    return events_pb2.RecordEventRequest(parent=ADA, event_type="review.written", properties={"stars": "5"}, reason=WHY)


async def _activity(club: Club) -> Any:
    return audit_pb2.RecordActivityRequest(
        parent=ADA,
        action="booking.created",
        category=activity_pb2.ACTIVITY_CATEGORY_BOOKINGS,
        type=activity_pb2.ACTIVITY_TYPE_BOOKING,
        event=activity_pb2.ACTIVITY_EVENT_CREATED,
        related="bookings/4711",
        facts={"room": "12"},
        figures={"nights": 3},
    )


async def _write_off(club: Club) -> Any:
    await _overdraw(club)
    return reports_pb2.WriteOffShortfallRequest(name=f"{account('owing')}/shortfalls/1", points=30, reason=WHY)


async def _suspend(club: Club) -> Any:
    return customers_pb2.SuspendCustomerRequest(name=ADA, reason=WHY)


async def _block(club: Club) -> Any:
    await club.earn(100)
    await club.hold(60)
    return customers_pb2.BlockCustomerRequest(name=ADA, reason=WHY)


async def _close(club: Club) -> Any:
    await club.earn(100)
    await club.hold(60)
    return customers_pb2.CloseCustomerRequest(name=ADA, reason=WHY)


async def _erase(club: Club) -> Any:
    await club.earn(100)
    return customers_pb2.EraseCustomerRequest(name=ADA, reason=WHY)


async def _reactivate(club: Club) -> Any:
    await club.suspend()
    return customers_pb2.ReactivateCustomerRequest(name=ADA, reason=WHY)


async def _merge(club: Club) -> Any:
    await club.earn(100)
    return customers_pb2.MergeCustomersRequest(name=ADA, into=BEN, reason=WHY)


async def _unmerge(club: Club) -> Any:
    await club.earn(100)
    await club.merge()
    return customers_pb2.UnmergeCustomersRequest(name=ADA, reason=WHY)


async def _create_program(club: Club) -> Any:
    return program("tea")


async def _update_program(club: Club) -> Any:
    changed = programs_pb2.Program(name=NAME, display_name="Tea club")
    return programs_pb2.UpdateProgramRequest(program=changed, update_mask={"paths": ["display_name"]})


async def _archive_program(club: Club) -> Any:
    return programs_pb2.ArchiveProgramRequest(name=NAME, reason=WHY)


async def _unarchive_program(club: Club) -> Any:
    return programs_pb2.UnarchiveProgramRequest(name=NAME, etag=(await club.archive()).etag, reason=WHY)


async def _archive_card(club: Club) -> Any:
    return programs_pb2.ArchiveCardRequest(name=f"{NAME}/cards/plain", reason=WHY)


async def _unarchive_card(club: Club) -> Any:
    await club.archive("plain")
    return programs_pb2.UnarchiveCardRequest(name=f"{NAME}/cards/plain", reason=WHY)


async def _advance(club: Club) -> Any:
    return programs_pb2.AdvanceTestClockRequest(name=NAME, to_time=timestamp(START.replace(month=2)))


async def _create_customer(club: Club) -> Any:
    return customers_pb2.CreateCustomerRequest(**GWEN)


async def _update_customer(club: Club) -> Any:
    changed = customers_pb2.Customer(name=ADA, display_name="Ada")
    return customers_pb2.UpdateCustomerRequest(customer=changed, update_mask={"paths": ["display_name"]})


async def _cancel_operation(club: Club) -> Any:
    return operations_pb2.CancelOperationRequest(name=(await club.redate_slowly()).name, reason=WHY)


async def _export(club: Club) -> Any:
    wanted = audit_pb2.ActivityFilter(subjects=[ADA])
    return audit_pb2.StartExportRequest(
        parent=NAME, format=audit_pb2.EXPORT_FORMAT_CSV, filter=wanted, filter_text="outcome = DENIED", reason=WHY
    )


async def _update_retention(club: Club) -> Any:
    rule = retention_pb2.RetentionRule(
        category=activity_pb2.ACTIVITY_CATEGORY_CUSTOMERS, effect=retention_pb2.ACTIVITY_EFFECT_READ, days=730
    )
    return retention_pb2.UpdateRetentionRequest(name=f"{NAME}/retention", rules=[rule], reason=WHY)


async def _place_hold(club: Club) -> Any:
    return retention_pb2.PlaceLegalHoldRequest(parent=ADA, reason=WHY)


async def _lift_hold(club: Club) -> Any:
    return retention_pb2.LiftLegalHoldRequest(name=(await club.legal_hold()).name, reason=WHY)


async def _create_campaign(club: Club) -> Any:
    return campaigning.create(name="Spring sale", minimum_spend=money(2000))


async def _update_campaign(club: Club) -> Any:
    await campaigning.created(club)
    terms = coupon_campaigns_pb2.CouponTerms(
        percent_off=coupon_campaigns_pb2.PercentOff(basis_points=1250), minimum_spend=money(2000), uses_max=500
    )
    return coupon_campaigns_pb2.UpdateCouponCampaignRequest(
        campaign=coupon_campaigns_pb2.CouponCampaign(name=SPRING, terms=terms),
        update_mask={"paths": ["terms.percent_off", "terms.minimum_spend", "terms.uses_max"]},
    )


async def _archive_campaign(club: Club) -> Any:
    await campaigning.created(club)
    return coupon_campaigns_pb2.ArchiveCouponCampaignRequest(name=SPRING, reason=WHY)


async def _unarchive_campaign(club: Club) -> Any:
    await campaigning.created(club)
    await campaigning.archived(club)
    return coupon_campaigns_pb2.UnarchiveCouponCampaignRequest(name=SPRING, reason=WHY)


async def _share_code(club: Club) -> Any:
    await campaigning.created(club, unlimited_for_customer=True)
    return coupon_campaigns_pb2.CreateSharedCouponRequest(parent=SPRING, code="SUMMER2026")


async def _create_reward(club: Club) -> Any:
    terms = rewards_pb2.RewardTerms(card_id="stamps", price_points=20, item=rewards_pb2.RewardItem(sku="MUG-1"))
    made = rewards_pb2.Reward(display_name="Mug", terms=terms)
    return rewards_pb2.CreateRewardRequest(parent=NAME, reward_id="mug", reward=made)


async def _update_reward(club: Club) -> Any:
    changed = rewards_pb2.Reward(name=(await club.reward()).name, terms=rewards_pb2.RewardTerms(price_points=80))
    return rewards_pb2.UpdateRewardRequest(reward=changed, update_mask={"paths": ["terms.price_points"]})


async def _archive_reward(club: Club) -> Any:
    return rewards_pb2.ArchiveRewardRequest(name=(await club.reward()).name, reason=WHY)


async def _unarchive_reward(club: Club) -> Any:
    request = await _archive_reward(club)
    request.request_id = fresh()
    await club.admin.rewards.ArchiveReward(request)
    return rewards_pb2.UnarchiveRewardRequest(name=request.name, reason=WHY)


async def _claim(club: Club) -> Any:
    await club.earn(100)
    return rewards_pb2.ClaimRewardRequest(account=account(), reward=(await club.reward()).name, reference="order-7")


async def _cancel_claim(club: Club) -> Any:
    await club.earn(100)
    made = (await club.claim((await club.reward()).name)).claim
    return rewards_pb2.CancelClaimRequest(name=made.name, account=made.account, reason=WHY)


async def _bought(club: Club, card: str) -> str:
    """The name of a purchase that earns 100."""
    return (await club.earn(100, card, transaction_id="t1")).transaction.name


async def _overdraw(club: Club) -> None:
    """Refunds a purchase whose 100 points are spent."""
    name = await _bought(club, "owing")
    await club.spend(100, "owing")
    await club.refund(name)


async def _create_template(club: Club) -> Any:
    made = pass_templates_pb2.PassTemplate(display_name="Club card", design=look(images=[icon(await club.image())]))
    return pass_templates_pb2.CreatePassTemplateRequest(parent=NAME, pass_template_id="card", pass_template=made)


async def _update_template(club: Club) -> Any:
    design = pass_templates_pb2.PassDesign(background_color="#203040")
    changed = pass_templates_pb2.PassTemplate(name=(await club.template()).name, design=design)
    mask = {"paths": ["design.background_color"]}
    return pass_templates_pb2.UpdatePassTemplateRequest(pass_template=changed, update_mask=mask)


async def _archive_template(club: Club) -> Any:
    return pass_templates_pb2.ArchivePassTemplateRequest(name=(await club.template()).name, reason=WHY)


async def _unarchive_template(club: Club) -> Any:
    request = await _archive_template(club)
    request.request_id = fresh()
    await club.admin.pass_templates.ArchivePassTemplate(request)
    return pass_templates_pb2.UnarchivePassTemplateRequest(name=request.name, reason=WHY)


async def _upload_image(club: Club) -> Any:
    return pass_templates_pb2.UploadPassImageRequest(parent=NAME, content=png())


_T1 = f"{ADA}/transactions/t1"
_PLAIN = account()
_MUG = f"{NAME}/rewards/mug"
_TEMPLATE = f"{NAME}/passTemplates/card"
_IMAGE = f"{NAME}/passImages/{hashlib.sha256(png()).hexdigest()}"
_OF_TEMPLATE = {"called": "Club card", "kind": "LOYALTY"}
_PASS = f"{ADA}/passes/MADE"
_OF_PASS = {"pass_template": passing.CARD, "called": "Club card"}
_HOLD = f"{_PLAIN}/holds/1"
_LOT = f"{account('hand')}/lots/1"
_REDEMPTION = f"{ADA}/redemptions/MADE"
_CAMPAIGN = f"{NAME}/couponCampaigns/spring"
_USED = {"campaign": _CAMPAIGN, "last_four": "3K25"}
_ADJUSTMENT = {"method": "AdjustPoints", "of": account()}
_CLEARED = {"cancelled": 0, "card_id": "plain", "expired": 0, "holds": 1, "lots": 0, "released": 60, "repaid": 0}
_MOVED = {"accounts": [{"active": 100, "card_id": "plain", "debt": 0, "held": 0, "holds": 0, "lots": 1, "pending": 0}]}

_KEY = "services/MADE/keys/MADE"
_CERTIFICATE = "services/MADE/certificates/MADE"
_OF_DESK = {"name": "desk", "certificate": "desk.example.com"}
_NORTH = {"called": "North"}
_BEANS = {"called": "Beans"}
_BIRDS = {"called": "Early birds"}

ACTS: dict[str, Act] = {
    "organizations.CreateNetwork": Act(
        organizing.ask_create_network, "network.created", organizing.NORTH, _NORTH, whose=NOBODY
    ),
    "organizations.UpdateNetwork": Act(
        organizing.ask_update_network, "network.updated", organizing.NORTH, {"called": "Far north"}, whose=NOBODY
    ),
    "organizations.DeleteNetwork": Act(
        organizing.ask_delete_network, "network.deleted", organizing.NORTH, _NORTH, whose=NOBODY
    ),
    "organizations.CreatePartner": Act(
        organizing.ask_create_partner, "partner.created", organizing.BEANS, {**_BEANS, "network": "north"}, whose=NOBODY
    ),
    "organizations.UpdatePartner": Act(
        organizing.ask_update_partner, "partner.updated", organizing.BEANS, _BEANS, whose=NOBODY
    ),
    "organizations.DeletePartner": Act(
        organizing.ask_delete_partner, "partner.deleted", organizing.BEANS, _BEANS, whose=NOBODY
    ),
    "organizations.TransferProgram": Act(organizing.ask_transfer, "program.transferred", NAME, {}, whose=NOBODY),
    "clubs.CreateClub": Act(organizing.ask_create_club, "club.created", organizing.BIRDS, _BIRDS, whose=NOBODY),
    "clubs.UpdateClub": Act(
        organizing.ask_update_club, "club.updated", organizing.BIRDS, {"called": "Larks"}, whose=NOBODY
    ),
    "clubs.DeleteClub": Act(
        organizing.ask_delete_club, "club.deleted", organizing.BIRDS, {**_BIRDS, "customers": 1}, whose=NOBODY
    ),
    "clubs.JoinClub": Act(organizing.ask_join, "club.joined", organizing.BIRDS, {**_BIRDS, "customer": ADA}),
    "clubs.LeaveClub": Act(organizing.ask_leave, "club.left", organizing.BIRDS, {**_BIRDS, "customer": ADA}),
    "transactions.RecordTransaction": Act(
        _record, "transaction.recorded", f"{ADA}/transactions/till~t1", {"amount_minor": 100, "points": 100}, 100
    ),
    "transactions.UpdateTransaction": Act(
        _update, "transaction.updated", _T1, {"amount_minor": [100, 60], "points": [100, 60]}, -40
    ),
    "transactions.AcceptTransaction": Act(_accept, "transaction.accepted", _T1, {"points": 100}, 100),
    "transactions.RejectTransaction": Act(_reject, "transaction.rejected", _T1, {"points": 100}, -100),
    "transactions.RefundTransaction": Act(
        _refund,
        "transaction.refunded",
        _T1,
        {"amount_minor": 50, "points": 50, "own_lot": 20, "shortfall": 30, "policy": "WITHIN_BALANCE"},
        -20,
    ),
    "points.SpendPoints": Act(_spend, "points.spent", _PLAIN, {"amount": -30, "entry": 2, "reference": "order-7"}, -30),
    "points.RollBackSpending": Act(
        _roll_back, "spending.rolled_back", f"{_PLAIN}/entries/2", {"points": 20, "restored": 20, "expired": 0}, 20
    ),
    "points.AdjustPoints": Act(_adjust, "points.adjusted", _PLAIN, {"amount": -40, "entry": 2}, -40),
    "points.TransferPoints": Act(
        _transfer, "points.transferred", _PLAIN, {"amount": -25, "to": account("plain", BEN)}, -25
    ),
    "holds.CreateHold": Act(_hold, "hold.created", _HOLD, {"points": 60, "reference": "cart-3"}),
    "holds.CaptureHold": Act(_capture, "hold.captured", _HOLD, {"amount": -45, "entry": 2}, -45),
    "holds.ReleaseHold": Act(_release, "hold.released", _HOLD, {"points": 60}),
    "coupons.AssignCoupon": Act(redeeming.ask_assign, "coupon.assigned", ADA, _USED),
    "coupons.ReserveCoupons": Act(redeeming.ask_reserve, "coupon.reserved", _REDEMPTION, {**_USED, "order": "o1"}),
    "coupons.ReleaseCoupons": Act(redeeming.ask_release, "coupon.released", _REDEMPTION, {**_USED, "order": "o1"}),
    "coupons.RedeemCoupons": Act(
        redeeming.ask_redeem,
        "coupon.redeemed",
        _REDEMPTION,
        {**_USED, "order": "o1", "discount_minor": 500, "currency": "EUR", "amount": -30, "entry": 2},
        -30,
    ),
    "coupons.RollBackRedemption": Act(
        redeeming.ask_roll_back, "redemption.rolled_back", _REDEMPTION, {**_USED, "order": "o1"}
    ),
    "coupons.VoidCoupon": Act(redeeming.ask_void, "coupon.voided", f"{_CAMPAIGN}/coupons/MADE", _USED),
    "lots.ActivateLot": Act(_activate, "lot.activated", _LOT, {"points": 100}, 100),
    "lots.CancelLot": Act(_cancel, "lot.cancelled", _LOT, {"points": 100}, -100),
    "lots.RedateLots": Act(
        _redate, "redating.started", account("slow"), {"accounts": 1, "expiry": "NEVER"}, 0, "lot.redated"
    ),
    "events.RecordEvent": Act(
        _event,
        "event.recorded",
        ADA,
        {"event_type": "review.written", "properties": {"stars": "5"}, "points": 25, "account": _PLAIN},
        25,
        "review.written",
    ),
    "audit.RecordActivity": Act(
        _activity,
        "booking.created",
        ADA,
        {"related": "bookings/4711", "facts": {"room": "12"}, "figures": {"nights": 3}},
        whose=NOBODY,
    ),
    "reports.WriteOffShortfall": Act(
        _write_off, "shortfall.written_off", f"{account('owing')}/shortfalls/1", {"points": 30, "remaining": 70}
    ),
    "customers.SuspendCustomer": Act(_suspend, "customer.suspended", ADA, {}),
    "customers.BlockCustomer": Act(_block, "customer.blocked", ADA, {"accounts": [_CLEARED]}),
    "customers.CloseCustomer": Act(
        _close, "customer.closed", ADA, {"accounts": [{**_CLEARED, "expired": 100, "lots": 1}]}, -100
    ),
    "customers.EraseCustomer": Act(
        _erase,
        "customer.erased",
        ADA,
        {"accounts": [{**_CLEARED, "expired": 100, "holds": 0, "lots": 1, "released": 0}]},
        -100,
    ),
    "customers.ReactivateCustomer": Act(_reactivate, "customer.reactivated", ADA, {}),
    "customers.MergeCustomers": Act(_merge, "customer.merged", ADA, {"into": BEN, **_MOVED}, 100, whose=BEN),
    "customers.UnmergeCustomers": Act(_unmerge, "customer.unmerged", ADA, {"from": BEN, **_MOVED}, 100),
    "customers.CreateCustomer": Act(_create_customer, "customer.created", f"{NAME}/customers/gwen", {}, whose=NOBODY),
    "customers.UpdateCustomer": Act(_update_customer, "customer.updated", ADA, {}, whose=NOBODY),
    "programs.CreateProgram": Act(_create_program, "program.created", "programs/tea", {}, whose=NOBODY),
    "programs.UpdateProgram": Act(_update_program, "program.updated", NAME, {}, whose=NOBODY),
    "programs.ArchiveProgram": Act(_archive_program, "program.archived", NAME, {}, whose=NOBODY),
    "programs.UnarchiveProgram": Act(_unarchive_program, "program.unarchived", NAME, {}, whose=NOBODY),
    "programs.ArchiveCard": Act(_archive_card, "card.archived", f"{NAME}/cards/plain", {}, whose=NOBODY),
    "programs.UnarchiveCard": Act(_unarchive_card, "card.unarchived", f"{NAME}/cards/plain", {}, whose=NOBODY),
    "programs.AdvanceTestClock": Act(_advance, "program.clock_advanced", NAME, {}, whose=NOBODY),
    "coupon_campaigns.GenerateCoupons": Act(
        batching.ask_generate,
        "coupons.generated",
        SPRING,
        {"accounts": 1_500, "batch": f"{SPRING}/batches/1", "pattern": "####-####-####@"},
        whose=NOBODY,
    ),
    "coupons.AssignCoupons": Act(
        batching.ask_assign, "coupons.assigned", SPRING, {"accounts": 2, "named": 2}, whose=NOBODY
    ),
    "coupons.VoidCoupons": Act(
        batching.ask_void,
        "coupons.voided",
        SPRING,
        {"accounts": 5, "batch": 1, "assigned": None, "unused": True},
        whose=NOBODY,
    ),
    "coupon_campaigns.CreateCouponCampaign": Act(
        _create_campaign, "campaign.created", SPRING, {"display_name": "Spring sale"}, whose=NOBODY
    ),
    "coupon_campaigns.UpdateCouponCampaign": Act(
        _update_campaign, "campaign.updated", SPRING, {"currency": "EUR"}, whose=NOBODY
    ),
    "coupon_campaigns.ArchiveCouponCampaign": Act(_archive_campaign, "campaign.archived", SPRING, {}, whose=NOBODY),
    "coupon_campaigns.UnarchiveCouponCampaign": Act(
        _unarchive_campaign, "campaign.unarchived", SPRING, {}, whose=NOBODY
    ),
    "coupon_campaigns.CreateSharedCoupon": Act(
        _share_code,
        "coupon.shared",
        f"{SPRING}/coupons/MADE",
        {"campaign": SPRING, "last_four": "2026"},
        whose=NOBODY,
    ),
    "audit.StartExport": Act(
        _export, "export.planned", NAME, {"format": "CSV", "filter": ["subjects", "filter_text"]}, whose=NOBODY
    ),
    "operations.CancelOperation": Act(
        _cancel_operation, "operation.cancelled", f"{NAME}/operations/OPERATION", {}, whose=NOBODY
    ),
    "rewards.CreateReward": Act(_create_reward, "reward.created", _MUG, {"called": "Mug"}, whose=NOBODY),
    "rewards.UpdateReward": Act(_update_reward, "reward.updated", _MUG, {"called": "Mug"}, whose=NOBODY),
    "rewards.ArchiveReward": Act(_archive_reward, "reward.archived", _MUG, {"called": "Mug"}, whose=NOBODY),
    "rewards.UnarchiveReward": Act(_unarchive_reward, "reward.unarchived", _MUG, {"called": "Mug"}, whose=NOBODY),
    "rewards.ClaimReward": Act(
        _claim,
        "reward.claimed",
        f"{ADA}/claims/MADE",
        {"amount": -60, "reference": "order-7", "reward": _MUG, "account": _PLAIN},
        -60,
    ),
    "rewards.CancelClaim": Act(
        _cancel_claim,
        "claim.cancelled",
        f"{ADA}/claims/MADE",
        {"points": 60, "restored": 60, "entry": 2, "reward": _MUG},
        60,
    ),
    "pass_templates.CreatePassTemplate": Act(
        _create_template, "pass_template.created", _TEMPLATE, _OF_TEMPLATE, whose=NOBODY
    ),
    "pass_templates.UpdatePassTemplate": Act(
        _update_template, "pass_template.updated", _TEMPLATE, _OF_TEMPLATE, whose=NOBODY
    ),
    "pass_templates.ArchivePassTemplate": Act(
        _archive_template, "pass_template.archived", _TEMPLATE, _OF_TEMPLATE, whose=NOBODY
    ),
    "pass_templates.UnarchivePassTemplate": Act(
        _unarchive_template, "pass_template.unarchived", _TEMPLATE, _OF_TEMPLATE, whose=NOBODY
    ),
    "pass_templates.UploadPassImage": Act(
        _upload_image, "pass_image.uploaded", _IMAGE, {"width": 29, "height": 29}, whose=NOBODY
    ),
    "passes.IssuePass": Act(passing.ask_issue, "pass.issued", _PASS, _OF_PASS),
    "passes.EmailPass": Act(passing.ask_email, "pass.mailed", _PASS, _OF_PASS),
    "passes.PushPass": Act(
        passing.ask_push, "pass.pushed", _PASS, {**_OF_PASS, "devices": 1, "google": False}, whose=NOBODY
    ),
    "passes.VoidPass": Act(passing.ask_void, "pass.voided", _PASS, {**_OF_PASS, "links": 1}),
    "passes.GetSaveLinks": Act(passing.ask_link, "pass_link.created", f"{_PASS}/links/MADE", _OF_PASS, whose=NOBODY),
    "passes.RevokeLink": Act(
        passing.ask_revoke, "pass_link.revoked", f"{_PASS}/links/MADE", {**_OF_PASS, "count": 1}, whose=NOBODY
    ),
    "approvals.CreateApprovalRule": Act(
        approving.ask_create, "approval_rule.created", approving.LARGE, {}, whose=NOBODY
    ),
    "approvals.UpdateApprovalRule": Act(
        approving.ask_update, "approval_rule.updated", approving.LARGE, {}, whose=NOBODY
    ),
    "approvals.DeleteApprovalRule": Act(
        approving.ask_delete, "approval_rule.deleted", approving.LARGE, {}, whose=NOBODY
    ),
    "approvals.SubmitApprovalRequest": Act(
        approving.ask_submit, "approval.submitted", f"{NAME}/approvalRequests/MADE", _ADJUSTMENT, whose=NOBODY
    ),
    "approvals.ApproveRequest": Act(
        approving.ask_approve, "approval.approved", f"{NAME}/approvalRequests/MADE", _ADJUSTMENT, whose=NOBODY
    ),
    "approvals.RejectRequest": Act(
        approving.ask_reject, "approval.rejected", f"{NAME}/approvalRequests/MADE", _ADJUSTMENT, whose=NOBODY
    ),
    "approvals.WithdrawRequest": Act(
        approving.ask_withdraw, "approval.withdrawn", f"{NAME}/approvalRequests/MADE", _ADJUSTMENT, whose=NOBODY
    ),
    "retention.UpdateRetention": Act(
        _update_retention, "retention.updated", f"{NAME}/retention", {"reason_code": "GOODWILL"}, whose=NOBODY
    ),
    "retention.PlaceLegalHold": Act(
        _place_hold, "legalhold.placed", f"{NAME}/legalholds/MADE", {"of": ADA}, whose=NOBODY
    ),
    "retention.LiftLegalHold": Act(
        _lift_hold, "legalhold.lifted", f"{NAME}/legalholds/MADE", {"of": ADA}, whose=NOBODY
    ),
    **{name: Act(*act, whose=NOBODY) for name, act in USER_ACTS.items()},
    "roles.CreateRole": Act(
        crediting.ask_create_role, "role.created", crediting.DESK, {"called": "Till desk"}, whose=NOBODY
    ),
    "roles.UpdateRole": Act(
        crediting.ask_update_role, "role.updated", crediting.DESK, {"called": "Till desk"}, whose=NOBODY
    ),
    "roles.DeleteRole": Act(
        crediting.ask_delete_role, "role.deleted", crediting.DESK, {"called": "Till desk"}, whose=NOBODY
    ),
    "credentials.CreateKey": Act(
        crediting.ask_create_key,
        "key.created",
        _KEY,
        {"name": "desk", "permissions": ["POINTS_EARN"], "may_act_for": ["CUSTOMERS"]},
        whose=NOBODY,
    ),
    "credentials.RotateKey": Act(crediting.ask_rotate_key, "key.rotated", _KEY, {"name": "desk"}, whose=NOBODY),
    "credentials.RevokeKey": Act(crediting.ask_revoke_key, "key.revoked", _KEY, {"name": "desk"}, whose=NOBODY),
    "credentials.RegisterCertificate": Act(
        crediting.ask_register_certificate, "client_certificate.registered", _CERTIFICATE, _OF_DESK, whose=NOBODY
    ),
    "credentials.RevokeCertificate": Act(
        crediting.ask_revoke_certificate, "client_certificate.revoked", _CERTIFICATE, _OF_DESK, whose=NOBODY
    ),
    "credentials.UpdateService": Act(
        crediting.ask_update_service, "service.updated", "services/MADE", {"name": "desk"}, whose=NOBODY
    ),
}
# Those that are told in somebody's events history.
TOLD = [name for name, act in ACTS.items() if act.whose != NOBODY]


def without_operation(text: str) -> str:
    """The same text, wherever it names what got an id of its own: an operation, a claim, a redemption and the like."""
    made = "coupons|redemptions|claims|passes|links|logins|approvalRequests|keys|certificates"
    text = re.sub(rf"/({made})/\w+", r"/\1/MADE", text)
    text = re.sub(r"users/user_\w+", "users/MADE", text)
    text = re.sub(r"services/\w+", "services/MADE", text)
    text = re.sub(rf"{NAME}/operations/\w+", f"{NAME}/operations/OPERATION", text)
    return re.sub(rf"{NAME}/legalholds/\w+", f"{NAME}/legalholds/MADE", text)


def call_of(client: Any, name: str) -> Any:
    """The call of that name with a client's key."""
    service, method = name.split(".")
    return getattr(getattr(client, service), method)
