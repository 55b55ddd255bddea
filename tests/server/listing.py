"""The lists of the deep ledger: how to ask for each of them, and how to come to rows that are worth listing."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from grpc.aio import AioRpcError

from fealty.v1 import (
    clubs_pb2,
    coupon_campaigns_pb2,
    coupons_pb2,
    events_pb2,
    explanations_pb2,
    holds_pb2,
    lots_pb2,
    operations_pb2,
    pass_templates_pb2,
    passes_pb2,
    points_pb2,
    reports_pb2,
    retention_pb2,
    rewards_pb2,
    transactions_pb2,
    users_pb2,
)
from tests.server import couponing, organizing, passing, peopled
from tests.server.campaigning import SPRING, created
from tests.server.club import ADA, BEN, NAME, Club, account
from tests.server.serving import Client


class Listed(NamedTuple):
    """How to ask for a list, where its rows stand, how to add one, and another filter of the same list."""

    call: Callable[[Client], Any]
    request: Callable[..., Any]
    field: str
    add: Callable[[Club], Awaitable[Any]]
    other: dict[str, Any]


def _with(message: Callable[..., Any], **fields: Any) -> Callable[..., Any]:
    return lambda **more: message(**{**fields, **more})


async def overdraw_and_repay(club: Club) -> None:
    """A debt that new points repaid."""
    name = (await club.earn(10, "owing")).transaction.name
    await club.spend(10, "owing")
    await club.refund(name)
    await club.earn(10, "owing")


async def refund_in_parts(club: Club) -> None:
    """One part more of one purchase, which is recorded where it was not yet."""
    name = (await club.earn(1000, transaction_id="returned")).transaction.name
    await club.refund(name, amount_minor=7)


async def campaign(club: Club) -> str:
    """The name of the campaign `spring`, which is made where it was not yet."""
    if not club.served.rows("SELECT FROM coupon_campaign"):
        await created(club)
    return SPRING


async def add_coupon(club: Club) -> str:
    """A coupon of ada's."""
    return couponing.coupon(club, await campaign(club), customer=ADA)


async def add_redemption(club: Club) -> str:
    """A redemption of ada's, of a coupon of its own."""
    return couponing.redemption(club, await add_coupon(club))


async def add_batch(club: Club) -> str:
    """A batch of `spring`."""
    [(made,)] = club.served.rows("SELECT count(*) FROM coupon_batch")
    return couponing.batch(club, await campaign(club), number=made + 1)


async def claim_one_more(club: Club) -> None:
    """One claim more of a reward that costs next to nothing, which is made where it was not yet."""
    with suppress(AioRpcError):
        await club.reward(price_points=1)
    await club.earn(1)
    await club.claim()


LISTS: dict[str, Listed] = {
    "ListUsers": Listed(
        lambda client: client.users.ListUsers,
        users_pb2.ListUsersRequest,
        "users",
        peopled.add_user,
        {"text": "some"},
    ),
    "ListLogins": Listed(
        lambda client: client.users.ListLogins,
        _with(users_pb2.ListLoginsRequest, parent=peopled.GRETA),
        "logins",
        peopled.add_login,
        {"parent": f"users/user_{'1' * 26}"},
    ),
    "ListTransactions": Listed(
        lambda client: client.transactions.ListTransactions,
        _with(transactions_pb2.ListTransactionsRequest, parent=ADA),
        "transactions",
        lambda club: club.earn(1),
        {"card_id": "plain"},
    ),
    "ListRefunds": Listed(
        lambda client: client.transactions.ListRefunds,
        _with(transactions_pb2.ListRefundsRequest, parent=f"{ADA}/transactions/returned"),
        "refunds",
        refund_in_parts,
        {"parent": f"{ADA}/transactions/kept"},
    ),
    # Those of a filter: pages of all of them are in test_pages.py.
    "ListEntries": Listed(
        lambda client: client.points.ListEntries,
        _with(points_pb2.ListEntriesRequest, account=account(), kind=points_pb2.ENTRY_KIND_SPEND),
        "entries",
        lambda club: club.spend(1),
        {"kind": points_pb2.ENTRY_KIND_UNSPECIFIED},
    ),
    "ListAccounts": Listed(
        lambda client: client.points.ListAccounts,
        _with(points_pb2.ListAccountsRequest, parent=ADA),
        "accounts",
        lambda club: club.earn(1),
        {"parent": BEN},
    ),
    "ListLots": Listed(
        lambda client: client.lots.ListLots,
        _with(lots_pb2.ListLotsRequest, account=account()),
        "lots",
        lambda club: club.earn(1),
        {"state": explanations_pb2.LOT_STATE_ACTIVE},
    ),
    "ExplainBalance": Listed(
        lambda client: client.points.ExplainBalance,
        _with(points_pb2.ExplainBalanceRequest, account=account()),
        "explanations",
        lambda club: club.earn(1),
        {"account": account("slow")},
    ),
    "ListHolds": Listed(
        lambda client: client.holds.ListHolds,
        _with(holds_pb2.ListHoldsRequest, account=account()),
        "holds",
        lambda club: club.hold(1),
        {"state": holds_pb2.HOLD_STATE_ACTIVE},
    ),
    "ListEvents": Listed(
        lambda client: client.events.ListEvents,
        _with(events_pb2.ListEventsRequest, parent=ADA),
        "events",
        lambda club: club.event("visit"),
        {"order_by": events_pb2.EVENT_ORDER_POINTS},
    ),
    "ListOperations": Listed(
        lambda client: client.operations.ListOperations,
        _with(operations_pb2.ListOperationsRequest, parent=NAME),
        "operations",
        lambda club: club.redate(),
        {"state": operations_pb2.OPERATION_STATE_SUCCEEDED},
    ),
    "ListCoupons": Listed(
        lambda client: client.coupons.ListCoupons,
        _with(coupons_pb2.ListCouponsRequest, parent=ADA),
        "coupons",
        add_coupon,
        {"types": [coupons_pb2.COUPON_TYPE_PERCENT_OFF]},
    ),
    "ListRedemptions": Listed(
        lambda client: client.coupons.ListRedemptions,
        _with(coupons_pb2.ListRedemptionsRequest, parent=ADA),
        "redemptions",
        add_redemption,
        {"order_id": "o1"},
    ),
    "ListCouponBatches": Listed(
        lambda client: client.coupon_campaigns.ListCouponBatches,
        _with(coupon_campaigns_pb2.ListCouponBatchesRequest, parent=SPRING),
        "batches",
        add_batch,
        {"parent": f"{NAME}/couponCampaigns/other"},
    ),
    "ListLegalHolds": Listed(
        lambda client: client.retention.ListLegalHolds,
        _with(retention_pb2.ListLegalHoldsRequest, parent=NAME),
        "legal_holds",
        lambda club: club.legal_hold(),
        {"only_active": True},
    ),
    "ListRewards": Listed(
        lambda client: client.rewards.ListRewards,
        _with(rewards_pb2.ListRewardsRequest, parent=NAME),
        "rewards",
        lambda club: club.reward(""),
        {"card_id": "plain"},
    ),
    "ListClubs": Listed(
        lambda client: client.clubs.ListClubs,
        _with(clubs_pb2.ListClubsRequest, parent=NAME),
        "clubs",
        lambda club: organizing.birds(club, ""),
        {"customer": ADA},
    ),
    "ListPassTemplates": Listed(
        lambda client: client.pass_templates.ListPassTemplates,
        _with(pass_templates_pb2.ListPassTemplatesRequest, parent=NAME),
        "pass_templates",
        lambda club: club.template(""),
        {"kind": pass_templates_pb2.PASS_KIND_LOYALTY},
    ),
    "ListPasses": Listed(
        lambda client: client.passes.ListPasses,
        _with(passes_pb2.ListPassesRequest, parent=ADA),
        "passes",
        passing.add_pass,
        {"state": passes_pb2.PASS_STATE_ACTIVE},
    ),
    "ListDeviceLogs": Listed(
        lambda client: client.passes.ListDeviceLogs,
        _with(passes_pb2.ListDeviceLogsRequest, parent=passing.LOGGED_NAME),
        "device_logs",
        passing.add_log,
        {"parent": f"{ADA}/passes/pass_{'0' * 26}"},
    ),
    "ListClaims": Listed(
        lambda client: client.rewards.ListClaims,
        _with(rewards_pb2.ListClaimsRequest, parent=ADA),
        "claims",
        claim_one_more,
        {"state": rewards_pb2.CLAIM_STATE_CANCELLED},
    ),
    "ListShortfalls": Listed(
        lambda client: client.reports.ListShortfalls,
        _with(reports_pb2.ListShortfallsRequest, parent=NAME),
        "shortfalls",
        overdraw_and_repay,
        {"parent": ADA},
    ),
}


async def pages(club: Club, name: str, size: int, meanwhile: bool = False, **fields: Any) -> list[list[Any]]:
    """All pages of a list; `meanwhile` somebody adds a row after each of the first three."""
    listed = LISTS[name]
    found: list[list[Any]] = []
    token = ""
    while len(found) < 40:
        page = await listed.call(club.admin)(listed.request(page_size=size, page_token=token, **fields))
        found.append(list(getattr(page, listed.field)))
        token = page.next_page_token
        if not token:
            return found
        if meanwhile and len(found) <= 3:
            await _add(club, name)
    raise AssertionError("the list does not end")


async def _add(club: Club, name: str) -> None:
    if name == "ListEvents":
        # Time moves on, and the customer may be suspended: an event is possible all the same.
        await club.move(minutes=1)
    await LISTS[name].add(club)


async def overdraw(club: Club) -> None:
    """A debt that nobody repaid."""
    name = (await club.earn(10, "owing")).transaction.name
    await club.spend(10, "owing")
    await club.refund(name)


async def live(club: Club) -> None:
    """A history with events of many types, sources and figures, at several instants."""
    await club.earn(100)
    await club.hold(10, ttl_s=60)
    await club.spend(20)
    await club.move(days=1)
    await club.hold(15)
    await club.event("visit")
    await club.event("review.written")
    await club.spend(90)
    await club.suspend()
