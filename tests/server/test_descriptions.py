"""Sentences of the log and of the events history, word by word: whoever changes one reads it first."""

import re

import pytest

from fealty.v1 import audit_pb2, customers_pb2, programs_pb2
from tests.server.acts import ACTS, call_of
from tests.server.club import ADA, BEN, CARDS, EVENT_TYPES, NAME, Club, account
from tests.server.serving import Served, activities, fresh, program, purchase, told

# What no sentence for people says: names of resources, smallest parts, ids that mean nothing to them.
_UNREADABLE = re.compile(
    r"programs/|customers/|units|minor|_|[a-z]+_[0-9a-z]{26}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}|None|\{|\["
)
_HAND = " (Administrator admin for u-17, GOODWILL)"
_COUPON = "Coupon ••••3K25 of campaign spring"

SENTENCES = {
    "transactions.RecordTransaction": "Purchase till~t1 of €1.00: 100 points (slow), pending (Administrator admin).",
    "transactions.UpdateTransaction": "Purchase t1 updated from €1.00 → €0.60: 60 points (slow) in place of 100 points"
    f"{_HAND}.",
    "transactions.AcceptTransaction": f"Purchase t1 accepted: 100 points (hand) became active{_HAND}.",
    "transactions.RejectTransaction": f"Purchase t1 rejected: 100 points (hand) cancelled{_HAND}.",
    "transactions.RefundTransaction": "€0.50 of purchase t1 refunded: 20 points taken back and 30 points that "
    f"could not be taken back (plain){_HAND}.",
    "points.SpendPoints": "30 points (plain) of customer ada spent on order-7 (Administrator admin).",
    "points.RollBackSpending": "Spending of 20 points by customer ada rolled back: 20 points (plain) came back"
    f"{_HAND}.",
    "points.AdjustPoints": f"40 points (plain) taken from customer ada by hand{_HAND}.",
    "points.TransferPoints": f"25 points (plain) transferred from customer ada to customer ben{_HAND}.",
    "organizations.CreateNetwork": "Network North created (Administrator admin).",
    "organizations.UpdateNetwork": "Name of network Far north updated from North → Far north (Administrator admin).",
    "organizations.DeleteNetwork": f"Network North deleted{_HAND}.",
    "organizations.CreatePartner": "Partner Beans created in network north (Administrator admin).",
    "organizations.UpdatePartner": "Network of partner Beans set to north (Administrator admin).",
    "organizations.DeletePartner": f"Partner Beans deleted{_HAND}.",
    "organizations.TransferProgram": f"Program Coffee club given to partner beans{_HAND}.",
    "clubs.CreateClub": "Club Early birds created (Administrator admin).",
    "clubs.UpdateClub": "Name of club Larks updated from Early birds → Larks (Administrator admin).",
    "clubs.DeleteClub": f"Club Early birds deleted{_HAND}.",
    "clubs.JoinClub": "Customer ada joined club Early birds (Administrator admin).",
    "clubs.LeaveClub": "Customer ada left club Early birds (Administrator admin).",
    "rewards.CreateReward": "Reward Mug created: 20 stamps (Administrator admin).",
    "rewards.UpdateReward": "Price of reward Mug updated from 60 points (plain) → 80 points (plain) "
    "(Administrator admin).",
    "rewards.ArchiveReward": f"Reward Mug archived{_HAND}.",
    "rewards.UnarchiveReward": f"Reward Mug unarchived{_HAND}.",
    "rewards.ClaimReward": "Reward Mug claimed by customer ada for order-7: 60 points (plain) (Administrator admin).",
    "rewards.CancelClaim": f"Claim of reward Mug by customer ada cancelled: 60 points (plain) came back{_HAND}.",
    "pass_templates.CreatePassTemplate": "Pass template Club card created: a card of points (Administrator admin).",
    "pass_templates.UpdatePassTemplate": "Background colour of pass template Club card updated from #4a2c12 → #203040 "
    "(Administrator admin).",
    "pass_templates.ArchivePassTemplate": f"Pass template Club card archived{_HAND}.",
    "pass_templates.UnarchivePassTemplate": f"Pass template Club card unarchived{_HAND}.",
    "pass_templates.UploadPassImage": "Image of passes uploaded: 29 x 29 pixels (Administrator admin).",
    "passes.IssuePass": "Pass Club card issued to customer ada (Administrator admin).",
    "passes.EmailPass": "Pass Club card mailed to customer ada (Administrator admin).",
    "passes.PushPass": "Phones to look for an update of pass Club card of customer ada: 1 device "
    "(Administrator admin).",
    "passes.VoidPass": f"Pass Club card of customer ada voided, with 1 link to it{_HAND}.",
    "passes.GetSaveLinks": "Link to pass Club card of customer ada made, for 30 days (Administrator admin).",
    "passes.RevokeLink": "1 link to pass Club card of customer ada revoked (Administrator admin).",
    "holds.CreateHold": "60 points (plain) of customer ada set aside for cart-3, until 13:10 on 1 January 2025 "
    "(Administrator admin).",
    "holds.CaptureHold": "Hold 1 of customer ada (plain) captured: 45 points spent (Administrator admin).",
    "holds.ReleaseHold": f"Hold 1 of customer ada (plain) released: 60 points can be spent again{_HAND}.",
    "lots.ActivateLot": f"Lot 1 of customer ada (hand) made active by hand: 100 points{_HAND}.",
    "lots.CancelLot": f"Lot 1 of customer ada (hand) cancelled by hand: 100 points{_HAND}.",
    "lots.RedateLots": f"Expiry of points (slow) of customer ada is being set to never, in 1 account{_HAND}.",
    "events.RecordEvent": f"Event Review of customer ada: 25 points (plain){_HAND}.",
    "audit.StartExport": f"Export of activities of program Coffee club as CSV into a file begun{_HAND}.",
    "audit.RecordActivity": "Booking 4711 of customer ada created (Administrator admin).",
    "reports.WriteOffShortfall": "30 points of shortfall 1 of customer ada (owing) written off, 70 points of it left"
    f"{_HAND}.",
    "customers.SuspendCustomer": f"Customer ada suspended{_HAND}.",
    "customers.BlockCustomer": f"Customer ada blocked: 60 points (plain) released from holds{_HAND}.",
    "customers.CloseCustomer": "Customer ada closed for ever: 60 points (plain) released from holds and 100 points "
    f"(plain) expired{_HAND}.",
    "customers.EraseCustomer": f"Customer ada erased: 100 points (plain) expired{_HAND}.",
    "customers.ReactivateCustomer": f"Customer ada reactivated{_HAND}.",
    "customers.MergeCustomers": f"Customer ada merged into customer ben, which got 100 points (plain){_HAND}.",
    "customers.UnmergeCustomers": "Customer ada parted from customer ben again, and got back 100 points (plain)"
    f"{_HAND}.",
    "customers.CreateCustomer": "Customer gwen created (Administrator admin).",
    "customers.UpdateCustomer": "Name of customer ada changed (Administrator admin).",
    "programs.CreateProgram": "Program Coffee club created, with a test clock (Administrator admin).",
    "programs.UpdateProgram": "Program name updated from Coffee club → Tea club (Administrator admin).",
    "programs.ArchiveProgram": f"Program Coffee club archived{_HAND}.",
    "programs.UnarchiveProgram": f"Program Coffee club unarchived{_HAND}.",
    "programs.ArchiveCard": f"Card plain archived{_HAND}.",
    "programs.UnarchiveCard": f"Card plain unarchived{_HAND}.",
    "programs.AdvanceTestClock": "Test clock of program Coffee club moved from 13:00 on 1 January 2025 → 13:00 on "
    "1 February 2025 (Administrator admin).",
    "coupon_campaigns.GenerateCoupons": "1,500 codes of campaign spring being made, as batch 1 (Administrator admin).",
    "coupons.AssignCoupon": f"{_COUPON} given to customer ada{_HAND}.",
    "coupons.ReserveCoupons": f"{_COUPON} reserved by customer ada for order o1, until 13:10 on 1 January 2025 "
    "(Administrator admin).",
    "coupons.ReleaseCoupons": f"{_COUPON} released by customer ada, reserved for order o1{_HAND}.",
    "coupons.RedeemCoupons": f"{_COUPON} redeemed by customer ada for order o1: €5.00 off, 30 points (plain) spent"
    f"{_HAND}.",
    "coupons.RollBackRedemption": f"{_COUPON} given back to customer ada for order o1{_HAND}.",
    "coupons.VoidCoupon": f"{_COUPON} voided{_HAND}.",
    "coupons.AssignCoupons": f"Coupons of campaign spring being given to 2 customers{_HAND}.",
    "coupons.VoidCoupons": f"5 coupons of batch 1 of campaign spring being voided{_HAND}.",
    "coupon_campaigns.CreateCouponCampaign": "Campaign spring created, of coupons for 10% off (Administrator admin).",
    "coupon_campaigns.UpdateCouponCampaign": "Percentage of campaign spring updated from 10% → 12.5%; currency of "
    "campaign spring set to EUR; uses in all of campaign spring set to 500; minimum spend of campaign spring set to "
    "€20.00 (Administrator admin).",
    "coupon_campaigns.ArchiveCouponCampaign": f"Campaign spring archived{_HAND}.",
    "coupon_campaigns.UnarchiveCouponCampaign": f"Campaign spring unarchived{_HAND}.",
    "coupon_campaigns.CreateSharedCoupon": "Code for many, ending in 2026, made for campaign spring "
    "(Administrator admin).",
    "operations.CancelOperation": "Change of the expiry of points (slow) cancelled after 0 of 1 account: nothing "
    f"changed{_HAND}.",
    "approvals.CreateApprovalRule": "Approval rule large created: calls under approval set to AdjustPoints; amount set "
    "to points; amount above which it takes approval set to 1,000; approvers set to 1; role of approvers set to "
    f"PARTNER; hours to decide set to 72{_HAND}.",
    "approvals.UpdateApprovalRule": "Approval rule large updated: amount above which it takes approval updated from "
    f"1,000 → 500; approvers updated from 1 → 2; role of approvers taken away{_HAND}.",
    "approvals.DeleteApprovalRule": f"Approval rule large deleted{_HAND}.",
    "approvals.SubmitApprovalRequest": "Request submitted to adjust points of customer ada by 10 points (plain): "
    "request … (Administrator admin).",
    "approvals.ApproveRequest": f"Request … to adjust points of customer ada by 10 points (plain) approved{_HAND}.",
    "approvals.RejectRequest": f"Request … to adjust points of customer ada by 10 points (plain) rejected{_HAND}.",
    "approvals.WithdrawRequest": f"Request … to adjust points of customer ada by 10 points (plain) withdrawn{_HAND}.",
    "retention.UpdateRetention": f"Retention of customers (read) updated from 365 → 730 days{_HAND}.",
    "retention.PlaceLegalHold": f"Legal hold on what the log says of customer ada placed{_HAND}.",
    "retention.LiftLegalHold": f"Legal hold on what the log says of customer ada lifted{_HAND}.",
    "users.InviteUser": "User Gwendolyn invited (Administrator admin).",
    "users.ResendInvitation": "Invitation sent to user Gwendolyn again (Administrator admin).",
    "users.UpdateUser": "Name of user Gwendolyn Gold updated (Administrator admin).",
    "users.LockUser": f"User Gwendolyn locked, and 1 login ended{_HAND}.",
    "users.UnlockUser": f"User Gwendolyn unlocked{_HAND}.",
    "users.ArchiveUser": f"User Gwendolyn archived{_HAND}.",
    "users.UnarchiveUser": f"User Gwendolyn unarchived{_HAND}.",
    "users.AssignRole": f"Role greeter given to user Gwendolyn in program club{_HAND}.",
    "users.EndRole": f"Role greeter taken from user Gwendolyn in program club{_HAND}.",
    "users.ResetSecondFactor": f"Second factor of user Gwendolyn reset{_HAND}.",
    "users.RevokeLogin": f"A login of user Greta ended{_HAND}.",
    "roles.CreateRole": "Role Till desk created, which permits points earn and programs read (Administrator admin).",
    "roles.UpdateRole": "Role Till desk updated: permits points spend; no longer permits programs read "
    "(Administrator admin).",
    "roles.DeleteRole": "Role Till desk deleted (Administrator admin).",
    "credentials.CreateKey": "API key ID made for desk, as service of program club, for no more than points earn, "
    "which may act for customers (Administrator admin).",
    "credentials.RotateKey": "API key ID made for desk in place of ID, which ends at TIME (Administrator admin).",
    "credentials.RevokeKey": "API key ID revoked (Administrator admin).",
    "credentials.RegisterCertificate": "Certificate desk.example.com registered for desk, as service of program club "
    "(Administrator admin).",
    "credentials.RevokeCertificate": "Certificate desk.example.com of desk revoked (Administrator admin).",
    "credentials.UpdateService": "Service desk: roles updated from service of program club → service of program club "
    "and operator of all programs; limit on read set to 600 calls a minute (Administrator admin).",
}


@pytest.mark.parametrize("name", ACTS)
async def test_every_act_has_a_sentence_that_people_can_read(club: Club, name: str) -> None:
    """Support reads it aloud to a customer: what happened, with its figures, by whom and why. And no sentence needs a
    machine to be read, neither in the log, with all that it took to come so far, nor in the customer's history."""
    activity = await _asked(club, name)
    [recorded] = [found for found in await activities(club.admin) if found.name == activity]
    assert _without_ids(recorded.description) == SENTENCES[name]
    sentences = [found.description for found in await activities(club.admin, parent=NAME)]
    sentences += [event.description for event in await club.history(BEN)]
    assert sentences
    for sentence in sentences:
        # The ids of some purchases on the way there are a till's, and are shown as it chose them.
        assert not _UNREADABLE.search(re.sub(r"[Pp]urchase t-\S+", "purchase", sentence)), sentence
        assert sentence[0].isupper() or sentence[0] in "0123456789€"
        assert sentence.endswith(".")


def _without_ids(sentence: str) -> str:
    """The same, where it names keys and requests, and until when a key holds: they are of this run alone."""
    sentence = re.sub(r"…\w{6}\b", "…", sentence)
    sentence = re.sub(r"\b[0-9a-f]{16}\b", "ID", sentence)
    return re.sub(r"ends at \d\d:\d\d on \d+ [A-Z][a-z]+ \d{4}", "ends at TIME", sentence)


async def _asked(club: Club, name: str) -> str:
    """Asks for an act; the name of its activity."""
    request = await ACTS[name].ask(club)
    request.request_id = fresh()
    answer = await call_of(club.admin, name)(request)
    return str(answer.receipt.activity)


async def test_what_time_does_has_sentences_too(club: Club) -> None:
    """Nobody called: the sentence begins with what happened, and names nobody."""
    await club.earn(70, "slow")
    await club.earn(50)
    await club.hold(20)
    bought = await club.earn(100, "owing", transaction_id="t1")
    await club.spend(100, "owing")
    await club.refund(bought.transaction.name)
    await club.earn(40, "owing")
    await club.move(days=60)
    for card in ("slow", "plain"):
        await club.earn(1, card)
    sentences = [found.description for found in await activities(club.admin)]
    assert "70 points (slow) of customer ada became active." in sentences
    assert "70 points (slow) of customer ada expired." in sentences
    assert "Hold 1 of customer ada expired: 20 points (plain) can be spent again." in sentences
    assert "€1.00 of purchase t1 refunded: 100 points owed (owing) (Service till for u-17, GOODWILL)." in sentences


async def test_points_are_told_in_the_parts_and_by_the_name_of_their_card(club: Club) -> None:
    """1250 of a card with two decimals are 12.50; a program's own name for an event or a card is the one shown."""
    await club.earn(1250, "fine", transaction_id="till-71")
    [event] = await club.history(event_type="transaction.recorded")
    assert event.description == "Purchase till-71 of €12.50: 12.50 points (fine)."
    changed = programs_pb2.Program(name=NAME, cards=[*CARDS[:-1], CARDS[-1]], event_types=EVENT_TYPES)
    changed.cards[-1].display_name = "Miles"
    changed.event_types[2].display_name = "Coffee with us"
    request = programs_pb2.UpdateProgramRequest(program=changed, update_mask={"paths": ["cards", "event_types"]})
    request.request_id = fresh()
    await club.admin.programs.UpdateProgram(request)
    recorded = (await club.event("visit", account=account("fine"), points=50)).event.description
    assert [one.description for one in await club.history()] == [recorded, event.description.replace("fine", "Miles")]
    assert recorded == "Event Coffee with us of customer ada: 0.50 points (Miles)."
    [updated] = await activities(club.admin, action="program.updated")
    assert updated.description == (
        "Name of card Miles updated from fine → Miles; name of event type Coffee with us updated from Visit → "
        "Coffee with us (Administrator admin)."
    )


async def test_where_there_is_one_card_it_goes_without_saying(server: Served) -> None:
    """`Purchase till-71 of €12.50: 12 points`: no till asks of which card."""
    rate = programs_pb2.EarnRate(points=1, per_amount_minor=100, currency_code="EUR")
    card = programs_pb2.Card(card_id="beans", display_name="Coffee beans", earn_rate=rate)
    await server.admin.programs.CreateProgram(program("tea", cards=[card]))
    created = customers_pb2.CreateCustomerRequest(parent="programs/tea", request_id=fresh())
    gwen = (await server.admin.customers.CreateCustomer(created)).customer.name
    await server.till.transactions.RecordTransaction(purchase(1250, f"{gwen}/accounts/beans", transaction_id="till-71"))
    told_of = [one.description for one in await activities(server.admin, parent="programs/tea")]
    assert told_of[:2] == [
        "Purchase till-71 of €12.50: 12 points (Service till).",
        "A customer created (Administrator admin).",
    ]


@pytest.mark.parametrize("accepted", ["", "en", "tlh", "cs-CZ,cs;q=0.9,en-GB;q=0.5", "*", ";;,q=x", "en;q=0"])
async def test_whoever_reads_another_language_is_told_in_english(club: Club, accepted: str) -> None:
    """Also where the header is no header; the languages to come are chosen by it."""
    await club.earn(100, transaction_id="t1")
    request = audit_pb2.ListActivitiesRequest(parent=ADA, page_size=1)
    listed = await club.admin.audit.ListActivities(request, metadata=[("accept-language", accepted)])
    assert listed.activities[0].description == "Purchase t1 of €1.00: 100 points (plain) (Service till)."


async def test_a_call_that_came_to_nothing_says_why(club: Club) -> None:
    """The reason stands in the sentence; of a stream's message, how many of each."""
    await told(club.spend(5))
    await told(club.till.transactions.RecordTransaction(purchase(-1, account())))
    sentences = [found.description for found in await activities(club.admin)][:2]
    assert sentences == [
        "Service till tried to record a purchase of customer ada: not understood, because a field of it was wrong.",
        "Service till tried to spend points of customer ada: refused, because there were not enough points.",
    ]


async def test_the_history_of_a_customer_does_not_say_who_called(club: Club) -> None:
    """Which program of ours carried it is of no interest there; for whom and why is."""
    await club.earn(100)
    await club.spend(30)
    assert [event.description for event in await club.history(event_type="points.spent")] == [
        "30 points (plain) of customer ada spent."
    ]
    await club.suspend()
    [event] = await club.history(event_type="customer.suspended")
    assert event.description == "Customer ada suspended (for u-17, GOODWILL)."


async def test_an_event_that_was_just_recorded_is_the_one_that_is_listed(club: Club) -> None:
    """A screen that shows the answer, and then the list, must not flicker."""
    asked = {"properties": {"stars": "5"}, "transaction": (await club.earn(1)).transaction.name}
    recorded = (await club.event("review.written", **asked)).event
    [listed] = await club.history(event_type="review.written")
    assert recorded == listed
