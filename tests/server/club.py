"""A program with every kind of card and event, two customers to whom everything happens, and short ways to ask."""

from datetime import datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from fealty.v1 import (
    activity_pb2,
    audit_pb2,
    cards_pb2,
    customers_pb2,
    events_pb2,
    holds_pb2,
    lots_pb2,
    operations_pb2,
    pass_templates_pb2,
    passes_pb2,
    points_pb2,
    programs_pb2,
    receipt_pb2,
    retention_pb2,
    rewards_pb2,
    transactions_pb2,
    values_pb2,
)
from tests.databases import SEEN
from tests.pictures import png
from tests.server.designing import icon, look
from tests.server.serving import START, Client, Served, fresh, program, purchase, spending, timestamp

NAME = "programs/club"
ADA = f"{NAME}/customers/ada"
BEN = f"{NAME}/customers/ben"
NOTE = "Gwendolyn called, and was kind"
WHY = receipt_pb2.Reason(code="GOODWILL", note=NOTE, acting_user="u-17")

RATE = programs_pb2.EarnRate(points=1, per_amount_minor=1, currency_code="EUR")
MONTH = cards_pb2.ExpiryPolicy(months=1)
DELAY = cards_pb2.PendingPolicy(delay=cards_pb2.PendingDelay(days=10))
BY_HAND = cards_pb2.PendingPolicy(by_hand=cards_pb2.PendingByHand())
DELIVERY = cards_pb2.PendingPolicy(event=cards_pb2.PendingEvent(event_type="order.delivered", days=2))
SLIDING = cards_pb2.ExpiryPolicy(
    days=30, sliding=cards_pb2.ExpirySliding(activity_types=["transaction.recorded", "points.spent", "visit"])
)
EVENT_TYPES = [
    programs_pb2.EventType(event_type="order.delivered", display_name="Delivered"),
    programs_pb2.EventType(event_type="review.written", display_name="Review", points=25, card_id="plain"),
    programs_pb2.EventType(event_type="visit", display_name="Visit"),
]


def _card(card_id: str, **more: Any) -> programs_pb2.Card:
    return programs_pb2.Card(card_id=card_id, display_name=card_id, earn_rate=RATE, **more)


CARDS = [
    _card("plain"),
    _card("slow", pending_policy=DELAY, expiry_policy=MONTH),
    _card("hand", pending_policy=BY_HAND, expiry_policy=MONTH),
    _card("event", pending_policy=DELIVERY),
    _card("sliding", expiry_policy=SLIDING),
    _card("owing", refund_policy=cards_pb2.REFUND_POLICY_UNLIMITED),
    _card("stamps", kind=cards_pb2.CARD_KIND_STAMPS, stamps_per_reward=10),
    _card("capped", transfer_daily_points=100, transfer_daily_count=2, hold_ttl_max_s=600, rollback_days=7),
    _card("fine", decimals=2),
]


class Club:
    """The program `club`, of a server that runs; its clock stands at START until it is moved."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.admin: Client = served.admin
        self.till: Client = served.till
        self.now = START

    async def earn(
        self, points: int = 100, card: str = "plain", customer: str = ADA, **more: Any
    ) -> transactions_pb2.RecordTransactionResponse:
        """Records a purchase."""
        return await self.till.transactions.RecordTransaction(purchase(points, account(card, customer), **more))

    async def spend(self, points: int, card: str = "plain", **more: Any) -> points_pb2.SpendPointsResponse:
        """Spends points of ada's."""
        return await self.till.points.SpendPoints(spending(points, account(card), **more))

    async def hold(self, points: int, card: str = "plain", **more: Any) -> holds_pb2.Hold:
        """Sets points of ada's aside."""
        request = holds_pb2.CreateHoldRequest(account=account(card), points=points, request_id=fresh(), **more)
        return (await self.till.holds.CreateHold(request)).hold

    async def refund(self, name: str, **more: Any) -> transactions_pb2.RefundTransactionResponse:
        """Refunds a purchase; all of it where nothing else is said."""
        request = transactions_pb2.RefundTransactionRequest(name=name, reason=WHY, request_id=fresh(), **more)
        return await self.till.transactions.RefundTransaction(request)

    async def event(self, event_type: str, **more: Any) -> events_pb2.RecordEventResponse:
        """Records an event of ada's."""
        request = events_pb2.RecordEventRequest(
            **{"parent": ADA, "event_type": event_type, "request_id": fresh(), **more}
        )
        return await self.till.events.RecordEvent(request)

    async def activity(self, client: Client | None = None, **more: Any) -> audit_pb2.RecordActivityResponse:
        """Records a visit of ada's."""
        visit = {
            "parent": ADA,
            "action": "visit.started",
            "category": activity_pb2.ACTIVITY_CATEGORY_CUSTOMERS,
            "type": activity_pb2.ACTIVITY_TYPE_VISIT,
        }
        request = audit_pb2.RecordActivityRequest(**{**visit, "request_id": fresh(), **more})
        return await (client or self.till).audit.RecordActivity(request)

    async def suspend(self, name: str = ADA) -> customers_pb2.Customer:
        """Suspends a customer."""
        request = customers_pb2.SuspendCustomerRequest(name=name, reason=WHY, request_id=fresh())
        return (await self.admin.customers.SuspendCustomer(request)).customer

    async def block(self, name: str = ADA) -> customers_pb2.BlockCustomerResponse:
        """Bans a customer."""
        request = customers_pb2.BlockCustomerRequest(name=name, reason=WHY, request_id=fresh())
        return await self.admin.customers.BlockCustomer(request)

    async def close(self, name: str = ADA, **more: Any) -> customers_pb2.CloseCustomerResponse:
        """Ends a customer."""
        request = customers_pb2.CloseCustomerRequest(name=name, reason=WHY, request_id=fresh(), **more)
        return await self.admin.customers.CloseCustomer(request)

    async def erase(self, name: str = ADA, **more: Any) -> customers_pb2.EraseCustomerResponse:
        """Forgets a person."""
        request = customers_pb2.EraseCustomerRequest(**{"name": name, "reason": WHY, "request_id": fresh(), **more})
        return await self.admin.customers.EraseCustomer(request)

    async def merge(self) -> customers_pb2.MergeCustomersResponse:
        """Merges ada into ben."""
        request = customers_pb2.MergeCustomersRequest(name=ADA, into=BEN, reason=WHY, request_id=fresh())
        return await self.admin.customers.MergeCustomers(request)

    async def archive(self, card: str = "") -> programs_pb2.Program:
        """Archives the program, or a card of it."""
        if card:
            of_card = programs_pb2.ArchiveCardRequest(name=f"{NAME}/cards/{card}", reason=WHY, request_id=fresh())
            return (await self.admin.programs.ArchiveCard(of_card)).program
        request = programs_pb2.ArchiveProgramRequest(name=NAME, reason=WHY, request_id=fresh())
        return (await self.admin.programs.ArchiveProgram(request)).program

    async def legal_hold(self, parent: str = ADA) -> retention_pb2.LegalHold:
        """Holds back what the log says of a customer, or of the program."""
        request = retention_pb2.PlaceLegalHoldRequest(parent=parent, reason=WHY, request_id=fresh())
        return (await self.admin.retention.PlaceLegalHold(request)).legal_hold

    async def reward(self, reward_id: str = "mug", **terms: Any) -> rewards_pb2.Reward:
        """Makes a reward: a mug for 60 points of the card `plain`, where nothing else is said."""
        given = {"card_id": "plain", "price_points": 60, **terms}
        if "coupon_of" not in given:
            given.setdefault("item", rewards_pb2.RewardItem(sku="MUG-1"))
        made = rewards_pb2.Reward(display_name=reward_id.capitalize(), terms=rewards_pb2.RewardTerms(**given))
        request = rewards_pb2.CreateRewardRequest(parent=NAME, reward_id=reward_id, reward=made, request_id=fresh())
        return (await self.admin.rewards.CreateReward(request)).reward

    async def claim(
        self, reward: str = f"{NAME}/rewards/mug", card: str = "plain", customer: str = ADA, **more: Any
    ) -> rewards_pb2.ClaimRewardResponse:
        """Claims a reward."""
        request = rewards_pb2.ClaimRewardRequest(
            account=account(card, customer), reward=reward, request_id=fresh(), **more
        )
        return await self.till.rewards.ClaimReward(request)

    async def cancel(self, claim: rewards_pb2.Claim, **more: Any) -> rewards_pb2.CancelClaimResponse:
        """Takes a claim back."""
        named = {"name": claim.name, "account": claim.account, **more}
        request = rewards_pb2.CancelClaimRequest(reason=WHY, request_id=fresh(), **named)
        return await self.till.rewards.CancelClaim(request)

    async def image(self, content: bytes = b"") -> str:
        """Uploads an image, an icon where nothing else is said; its name."""
        request = pass_templates_pb2.UploadPassImageRequest(parent=NAME, content=content or png(), request_id=fresh())
        return (await self.admin.pass_templates.UploadPassImage(request)).name

    async def template(self, template_id: str = "card", **design: Any) -> pass_templates_pb2.PassTemplate:
        """Makes a pass template: one that shows the points of the card `plain`, where nothing else is said."""
        given = design if "images" in design else {**design, "images": [icon(await self.image())]}
        made = pass_templates_pb2.PassTemplate(display_name="Club card", design=look(**given))
        request = pass_templates_pb2.CreatePassTemplateRequest(
            parent=NAME, pass_template_id=template_id, pass_template=made, request_id=fresh()
        )
        return (await self.admin.pass_templates.CreatePassTemplate(request)).pass_template

    async def issue(
        self, template: str = f"{NAME}/passTemplates/card", customer: str = ADA, **more: Any
    ) -> passes_pb2.Pass:
        """Issues a pass."""
        request = passes_pb2.IssuePassRequest(parent=customer, pass_template=template, request_id=fresh(), **more)
        return (await self.till.passes.IssuePass(request)).wallet_pass

    async def redate(self, **fields: Any) -> operations_pb2.Operation:
        """Gives the lots of card `slow` another expiry; where nothing else is said, of all customers, never to end."""
        request = lots_pb2.RedateLotsRequest(reason=WHY, request_id=fresh())
        request.MergeFrom(lots_pb2.RedateLotsRequest(**{"parent": f"{NAME}/cards/slow", "never": True, **fields}))
        return (await self.admin.lots.RedateLots(request)).operation

    async def redate_slowly(self) -> operations_pb2.Operation:
        """The same while somebody has all accounts in hand: it is left to the workers, of which there are none."""
        await self.earn(100, "slow")
        with self.served.another_connection() as holder, holder.transaction():
            holder.execute("SELECT FROM account FOR UPDATE")
            return await self.redate()

    async def move(self, **by: float) -> datetime:
        """Moves the clock on, by what timedelta takes."""
        self.now += timedelta(**by)
        request = programs_pb2.AdvanceTestClockRequest(name=NAME, to_time=timestamp(self.now), request_id=fresh())
        await self.admin.programs.AdvanceTestClock(request)
        return self.now

    async def balance(
        self, card: str = "plain", customer: str = ADA, at: Timestamp | None = None
    ) -> points_pb2.Balance:
        """A balance, of now or of then."""
        request = points_pb2.GetBalanceRequest(account=account(card, customer), as_of_time=at)
        return (await self.till.points.GetBalance(request)).balance

    async def history(self, customer: str = ADA, **more: Any) -> list[events_pb2.Event]:
        """The events history of a customer."""
        request = events_pb2.ListEventsRequest(**{"parent": customer, "page_size": 1000, **more})
        return list((await self.till.events.ListEvents(request)).events)

    async def lots(self, card: str = "plain", customer: str = ADA, **more: Any) -> list[lots_pb2.Lot]:
        """The lots of an account."""
        request = lots_pb2.ListLotsRequest(account=account(card, customer), **more)
        return list((await self.till.lots.ListLots(request)).lots)

    def books(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row that says what customers hold; of accounts, those that anything ever happened to."""
        tables = [name for (name,) in self.served.rows(SEEN)]
        beside = ("account", "activity", "activity_note", "task", "credential_use", "attempt")
        kept = [name for name in tables if name not in beside]
        found = {name: sorted(self.served.rows(f'SELECT "{name}"::text FROM "{name}"')) for name in kept}
        found["account"] = self.served.rows("SELECT account::text FROM account WHERE version > 0 ORDER BY id")
        return found


def account(card: str = "plain", customer: str = ADA) -> str:
    """The resource name of an account."""
    return f"{customer}/accounts/{card}"


def money(amount_minor: int, currency_code: str = "EUR") -> values_pb2.Money:
    """An amount."""
    return values_pb2.Money(currency_code=currency_code, amount_minor=amount_minor)


async def found(served: Served) -> Club:
    """Makes the program and its customers."""
    await served.admin.programs.CreateProgram(program("club", cards=CARDS, event_types=EVENT_TYPES))
    for name in ("ada", "ben"):
        request = customers_pb2.CreateCustomerRequest(parent=NAME, customer_id=name, request_id=fresh())
        await served.admin.customers.CreateCustomer(request)
    return Club(served)
