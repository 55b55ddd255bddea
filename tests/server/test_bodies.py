"""No answer but the activity log's own needs the body of an activity, whichever call asks."""

from typing import Any

from fealty.v1 import coupons_pb2, events_pb2, options_pb2, points_pb2
from server.policy import Method, methods
from tests.server import campaigning, organizing, passing
from tests.server.acts import ACTS, TOLD, call_of
from tests.server.calling import request_of, send
from tests.server.club import ADA, BEN, CARDS, NAME, WHY, Club, account, money
from tests.server.listing import overdraw
from tests.server.serving import START, fresh, timestamp

# As a superuser would: nobody else can.
EMPTY = """
ALTER TABLE activity DISABLE TRIGGER only_dropped;
UPDATE activity SET body = NULL, body_hash = '', dropped_by = id;
ALTER TABLE activity ENABLE ALWAYS TRIGGER only_dropped;
"""
# Shows the log itself; there is nothing else to show it from.
LOG = "fealty.v1.AuditService"


async def test_every_call_that_reads_answers_the_same_when_all_bodies_are_gone(club: Club) -> None:
    """Retention drops bodies one day. Sentences, details, figures of the past: all of it must stand elsewhere too."""
    await _live(club)
    asked = await _asked(club)
    before = [await send(club.admin, method, request) for method, request in asked]
    told = {event.event_type for customer in (ADA, BEN) for event in await club.history(customer)}
    assert told >= {act.event or act.action for act in map(ACTS.__getitem__, TOLD)}
    club.served.execute(EMPTY)
    for (method, request), answer in zip(asked, before, strict=True):
        assert await send(club.admin, method, request) == answer, (method.name, request)


async def _asked(club: Club) -> list[tuple[Method, Any]]:
    """A request of every method that reads; and of those that would show it first, about all that there is."""
    reading = {options_pb2.AUDIT_CLASS_READ, options_pb2.AUDIT_CLASS_PERSONAL_READ}
    # An export notes that it was made, and a list shows it.
    found = {one.name: one for one in methods() if one.audit in reading and one.service != LOG}
    del found["ExportCoupons"]
    # What it rehearses would be recorded now, by the clock.
    del found["PreviewApprovalRequest"]
    # Of a user, who has no program's log.
    del found["ListMyLogins"]
    asked = [(method, await request_of(club, method)) for method in found.values()]
    assert len(asked) > 10
    for customer in (ADA, BEN):
        events = events_pb2.ListEventsRequest(parent=customer, page_size=1000)
        asked.append((found["ListEvents"], events))
        for card in CARDS:
            name = account(card.card_id, customer)
            asked.append((found["ListEntries"], points_pb2.ListEntriesRequest(account=name)))
            asked.append((found["ExplainBalance"], points_pb2.ExplainBalanceRequest(account=name)))
            for moment in (START, club.now):
                past = points_pb2.GetBalanceRequest(account=name, as_of_time=timestamp(moment))
                asked.append((found["GetBalance"], past))
    return asked


async def _live(club: Club) -> None:
    """Everything happens to ada, at several instants, and some of it to ben."""
    await _buy(club)
    await club.move(days=1)
    await _pay(club)
    await _use(club)
    await club.move(days=1)
    await _owe(club)
    await organizing.birds(club, "owls")
    for call in ("Join", "Leave"):
        await _do(club, f"clubs.{call}Club", name=f"{NAME}/clubs/owls", customer=ADA)
    await club.redate(parent=account("slow"))
    await club.event("review.written", properties={"stars": "5"}, reason=WHY)
    for stop in (club.suspend, club.block):
        await stop()
        await _do(club, "customers.ReactivateCustomer", name=ADA)
    await club.merge()
    await club.move(days=1)
    await _do(club, "customers.UnmergeCustomers", name=ADA)
    await club.close(BEN)
    await club.erase(BEN)


async def _buy(club: Club) -> None:
    """Purchases corrected, refunded, accepted and rejected; lots activated and cancelled by hand."""
    cards = ("slow", "slow", "hand", "hand", "hand", "hand")
    corrected, refunded, accepted, rejected, *_ = [(await club.earn(100, card)).transaction.name for card in cards]
    await _do(club, "transactions.UpdateTransaction", name=corrected, amount=money(60))
    await club.refund(refunded, amount_minor=30)
    await _do(club, "transactions.AcceptTransaction", name=accepted)
    await _do(club, "transactions.RejectTransaction", name=rejected)
    await _do(club, "lots.ActivateLot", name=f"{account('hand')}/lots/3")
    await _do(club, "lots.CancelLot", name=f"{account('hand')}/lots/4")


async def _pay(club: Club) -> None:
    """Points spent and given back, set aside, added by hand, given away, and stamps taken for a reward."""
    await club.earn(500)
    spent = await club.spend(30, reference="order-7")
    await _do(club, "points.RollBackSpending", name=spent.entry.name, points=20)
    await _do(club, "points.AdjustPoints", account=account(), points=-40)
    await _do(club, "points.TransferPoints", account=account(), to_account=account("plain", BEN), points=25)
    await _do(club, "holds.CaptureHold", name=(await club.hold(60, reference="cart-3")).name, points=45)
    await _do(club, "holds.ReleaseHold", name=(await club.hold(60)).name)
    await club.earn(25, "stamps")
    two = await club.reward("two", card_id="stamps", price_points=20)
    await club.claim(two.name, "stamps", reference="mug")


async def _use(club: Club) -> None:
    """A coupon given, reserved, released, redeemed, given back and voided; a claim cancelled; a pass mailed and
    voided."""
    campaign = (await campaigning.created(club, "welcome", amount_off=money(500))).name
    given = await club.admin.coupons.AssignCoupon(
        coupons_pb2.AssignCouponRequest(customer=ADA, campaign=campaign, request_id=fresh())
    )
    uses = [coupons_pb2.CouponUse(name=given.coupon.name)]
    for call, order_id in (("Reserve", "o1"), ("Release", "o1"), ("Redeem", "o2")):
        fields: dict[str, Any] = {"order_id": order_id}
        if call != "Release":
            fields = {"order": coupons_pb2.Order(order_id=order_id, amount=money(2000)), "coupons": uses}
        await _do(club, f"coupons.{call}Coupons", customer=ADA, **fields)
    listed = await club.admin.coupons.ListRedemptions(coupons_pb2.ListRedemptionsRequest(parent=ADA, order_id="o2"))
    await _do(club, "coupons.RollBackRedemption", name=listed.redemptions[0].name)
    await _do(club, "coupons.VoidCoupon", name=given.coupon.name)
    await club.earn(100)
    claim = (await club.claim((await club.reward("cup")).name)).claim
    await _do(club, "rewards.CancelClaim", name=claim.name, account=claim.account)
    card = await passing.addressed(club)
    await _do(club, "passes.EmailPass", name=card.name)
    await _do(club, "passes.VoidPass", name=card.name)


async def _owe(club: Club) -> None:
    """A debt, of which a part is given up."""
    await overdraw(club)
    await _do(club, "reports.WriteOffShortfall", name=f"{account('owing')}/shortfalls/1", points=3)


async def _do(club: Club, call: str, **fields: Any) -> None:
    """A call with these fields and, where it takes one, a reason."""
    [method] = [one for one in methods() if one.name == call.rpartition(".")[2]]
    request = method.request(request_id=fresh(), **fields)
    if "reason" in request.DESCRIPTOR.fields_by_name:
        request.reason.CopyFrom(WHY)
    await call_of(club.admin, call)(request)
