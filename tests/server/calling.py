"""A request of every method of the contract, about what is the program `club`'s, and how to send any of them."""

from collections.abc import Awaitable, Callable
from typing import Any

from fealty import refusal_of
from fealty.v1 import (
    approvals_pb2,
    audit_pb2,
    clubs_pb2,
    coupon_campaigns_pb2,
    coupons_pb2,
    credentials_pb2,
    customers_pb2,
    holds_pb2,
    ingest_pb2,
    lots_pb2,
    operations_pb2,
    organizations_pb2,
    pass_templates_pb2,
    passes_pb2,
    points_pb2,
    programs_pb2,
    reports_pb2,
    retention_pb2,
    rewards_pb2,
    roles_pb2,
    transactions_pb2,
    users_pb2,
)
from server.policy import Method
from tests.server import (
    approving,
    batching,
    campaigning,
    couponing,
    crediting,
    logging_in,
    organizing,
    passing,
    peopled,
)
from tests.server.acts import ACTS
from tests.server.club import ADA, NAME, Club, account, money
from tests.server.listing import LISTS, refund_in_parts
from tests.server.serving import Client, fresh, program, purchase, told

# Brings about what the request is about, and answers it.
Ask = Callable[[Club], Awaitable[Any]]


def _of(message: Any) -> Ask:
    """A request about what every club has."""

    async def ask(club: Club) -> Any:
        return message

    return ask


async def _customer_by_number(club: Club) -> Any:
    number = customers_pb2.ExternalId(source="crm", external_id="7")
    known = customers_pb2.Customer(external_ids=[number])
    await club.admin.customers.CreateCustomer(
        customers_pb2.CreateCustomerRequest(parent=NAME, customer_id="cyd", customer=known, request_id=fresh())
    )
    return customers_pb2.LookupCustomerRequest(parent=NAME, external_id=number)


async def _purchase(club: Club) -> Any:
    return transactions_pb2.GetTransactionRequest(name=(await club.earn(100)).transaction.name)


async def _purchase_by_id(club: Club) -> Any:
    await club.earn(100, transaction_id="t1", source="shop")
    return transactions_pb2.LookupTransactionRequest(parent=NAME, transaction_id="t1", source="shop")


async def _refund(club: Club) -> Any:
    name = (await club.earn(100)).transaction.name
    return transactions_pb2.GetRefundRequest(name=(await club.refund(name)).refund.name)


async def _refunds(club: Club) -> Any:
    await refund_in_parts(club)
    return LISTS["ListRefunds"].request()


async def _entry(club: Club) -> Any:
    await club.earn(100)
    return points_pb2.GetEntryRequest(name=(await club.spend(10, reference="order-7")).entry.name)


async def _hold(club: Club) -> Any:
    await club.earn(100)
    return holds_pb2.GetHoldRequest(name=(await club.hold(60)).name)


async def _lot(club: Club) -> Any:
    return lots_pb2.GetLotRequest(name=(await club.earn(100)).transaction.lot)


async def _coupon(club: Club) -> str:
    """The name of a coupon for many."""
    everybody = (await campaigning.there(club, "everybody", unlimited_for_customer=True)).name
    found = await club.admin.coupons.ListCoupons(coupons_pb2.ListCouponsRequest(parent=everybody))
    return found.coupons[0].name if found.coupons else await campaigning.shared(club, parent=everybody)


async def _get_coupon(club: Club) -> Any:
    await campaigning.there(club)
    return coupons_pb2.GetCouponRequest(name=couponing.coupon(club, customer=ADA))


async def _lookup_coupon(club: Club) -> Any:
    await _coupon(club)
    return coupons_pb2.LookupCouponRequest(parent=NAME, code="SUMMER2026")


async def _reveal_codes(club: Club) -> Any:
    return coupons_pb2.RevealCodesRequest(parent=NAME, names=[await _coupon(club)])


async def _get_redemption(club: Club) -> Any:
    return coupons_pb2.GetRedemptionRequest(name=couponing.redemption(club, await _coupon(club)))


async def _get_campaign(club: Club) -> Any:
    return coupon_campaigns_pb2.GetCouponCampaignRequest(name=(await campaigning.there(club)).name)


async def _batches(club: Club) -> Any:
    return coupon_campaigns_pb2.ListCouponBatchesRequest(parent=(await campaigning.there(club)).name)


async def _export(club: Club) -> Any:
    spring = (await campaigning.there(club)).name
    couponing.batch(club, spring)
    couponing.coupon(club, spring, batch=1)
    return coupon_campaigns_pb2.ExportCouponsRequest(name=batching.BATCH)


async def _import(club: Club) -> Any:
    await campaigning.there(club)
    return batching.target()


async def _campaign_statistics(club: Club) -> Any:
    return coupon_campaigns_pb2.GetCouponStatisticsRequest(name=(await campaigning.there(club)).name)


async def _operation(club: Club) -> Any:
    return operations_pb2.GetOperationRequest(name=(await club.redate()).name)


async def _activity(club: Club) -> Any:
    return audit_pb2.GetActivityRequest(name=(await club.earn(100)).receipt.activity)


async def _validation(club: Club) -> Any:
    code = (await _lookup_coupon(club)).code
    order = coupons_pb2.Order(order_id="o1", amount=money(2000))
    return coupons_pb2.ValidateCouponsRequest(customer=ADA, order=order, coupons=[coupons_pb2.CouponUse(code=code)])


async def _mug(club: Club) -> str:
    found = await club.admin.rewards.ListRewards(rewards_pb2.ListRewardsRequest(parent=NAME))
    return (
        next((one.name for one in found.rewards if one.name == f"{NAME}/rewards/mug"), "") or (await club.reward()).name
    )


async def _get_network(club: Club) -> Any:
    await organizing.network(club)
    return organizations_pb2.GetNetworkRequest(name=organizing.NORTH)


async def _get_partner(club: Club) -> Any:
    await organizing.partner(club)
    return organizations_pb2.GetPartnerRequest(name=organizing.BEANS)


async def _get_club(club: Club) -> Any:
    await organizing.birds(club)
    return clubs_pb2.GetClubRequest(name=organizing.BIRDS)


async def _club_customers(club: Club) -> Any:
    await organizing.joined(club)
    return clubs_pb2.ListClubCustomersRequest(parent=organizing.BIRDS)


async def _reward(club: Club) -> Any:
    return rewards_pb2.GetRewardRequest(name=await _mug(club))


async def _claim(club: Club) -> Any:
    await club.earn(100)
    return rewards_pb2.GetClaimRequest(name=(await club.claim(await _mug(club))).claim.name)


async def _template(club: Club) -> Any:
    listing = pass_templates_pb2.ListPassTemplatesRequest(parent=NAME)
    found = (await club.admin.pass_templates.ListPassTemplates(listing)).pass_templates
    name = found[0].name if found else (await club.template()).name
    return pass_templates_pb2.GetPassTemplateRequest(name=name)


async def _pass(club: Club) -> str:
    found = (await club.admin.passes.ListPasses(passes_pb2.ListPassesRequest(parent=ADA))).passes
    return found[0].name if found else (await passing.add_pass(club)).name


async def _get_pass(club: Club) -> Any:
    return passes_pb2.GetPassRequest(name=await _pass(club))


async def _trace(club: Club) -> Any:
    return passes_pb2.TraceDeliveryRequest(name=await _pass(club))


async def _logs(club: Club) -> Any:
    await passing.add_log(club)
    return LISTS["ListDeviceLogs"].request()


async def _approval(club: Club) -> Any:
    return approvals_pb2.GetApprovalRequestRequest(name=(await approving.ask_withdraw(club)).name)


async def _preview(club: Club) -> Any:
    return approvals_pb2.PreviewApprovalRequestRequest(name=(await approving.ask_withdraw(club)).name)


REQUESTS: dict[str, Ask] = {
    **{name.rpartition(".")[2]: act.ask for name, act in ACTS.items()},
    **{name: _of(listed.request()) for name, listed in LISTS.items()},
    # Its name is what a stranger must not learn of.
    "CreateProgram": _of(program("club")),
    "GetProgram": _of(programs_pb2.GetProgramRequest(name=NAME)),
    "ListPrograms": _of(programs_pb2.ListProgramsRequest()),
    "GetCustomer": _of(customers_pb2.GetCustomerRequest(name=ADA)),
    "LookupCustomer": _customer_by_number,
    "ListCustomers": _of(customers_pb2.ListCustomersRequest(parent=NAME)),
    "GetTransaction": _purchase,
    "LookupTransaction": _purchase_by_id,
    "GetRefund": _refund,
    "ListRefunds": _refunds,
    "GetEntry": _entry,
    "GetBalance": _of(points_pb2.GetBalanceRequest(account=account())),
    "BatchGetBalances": _of(points_pb2.BatchGetBalancesRequest(card=f"{NAME}/cards/plain", customers=[ADA])),
    "ListEntries": _of(points_pb2.ListEntriesRequest(account=account())),
    "GetHold": _hold,
    "GetLot": _lot,
    "GetOperation": _operation,
    "GetCouponCampaign": _get_campaign,
    "ListCouponCampaigns": _of(coupon_campaigns_pb2.ListCouponCampaignsRequest(parent=NAME)),
    "GetCouponStatistics": _campaign_statistics,
    "ListCouponBatches": _batches,
    "GetCoupon": _get_coupon,
    "LookupCoupon": _lookup_coupon,
    "ValidateCoupons": _validation,
    "RevealCodes": _reveal_codes,
    "GetRedemption": _get_redemption,
    "BatchIngest": _of(ingest_pb2.BatchIngestRequest(items=[ingest_pb2.Item(record=purchase(1, account()))])),
    "GetReward": _reward,
    "GetClaim": _claim,
    "GetPassTemplate": _template,
    "GetNetwork": _get_network,
    "ListNetworks": _of(organizations_pb2.ListNetworksRequest()),
    "GetPartner": _get_partner,
    "ListPartners": _of(organizations_pb2.ListPartnersRequest()),
    "GetClub": _get_club,
    "ListClubCustomers": _club_customers,
    "GetPass": _get_pass,
    "TraceDelivery": _trace,
    "ListDeviceLogs": _logs,
    "GetApprovalRequest": _approval,
    "PreviewApprovalRequest": _preview,
    "ListApprovalRequests": _of(approvals_pb2.ListApprovalRequestsRequest(parent=NAME)),
    "ListApprovalRules": _of(approvals_pb2.ListApprovalRulesRequest(parent=NAME)),
    "GetRetention": _of(retention_pb2.GetRetentionRequest(name=f"{NAME}/retention")),
    "GetLiability": _of(reports_pb2.GetLiabilityRequest(card=f"{NAME}/cards/plain")),
    "ListActivities": _of(audit_pb2.ListActivitiesRequest(parent=NAME)),
    "ListAccessToCustomer": _of(audit_pb2.ListAccessToCustomerRequest(parent=ADA)),
    "AnalyzeActivities": _of(audit_pb2.AnalyzeActivitiesRequest(parent=NAME)),
    "GetActivity": _activity,
    "WatchActivities": _of(audit_pb2.WatchActivitiesRequest(parent=NAME)),
    "ExportActivities": _of(audit_pb2.ExportActivitiesRequest(parent=NAME, format=audit_pb2.EXPORT_FORMAT_CSV)),
    "ExportCoupons": _export,
    "ImportCoupons": _import,
    "GetUser": peopled.ask_get,
    "ListUsers": _of(users_pb2.ListUsersRequest()),
    "ListLogins": peopled.ask_logins,
    **{name: _of(request) for name, request in logging_in.REQUESTS.items()},
    "GetRole": crediting.ask_get_role,
    "ListRoles": _of(roles_pb2.ListRolesRequest()),
    "ListMyPermissions": _of(roles_pb2.ListMyPermissionsRequest()),
    "ReportPermissions": crediting.ask_report,
    "ListKeys": crediting.ask_list_keys,
    "ListCertificates": crediting.ask_list_certificates,
    "ListServices": _of(credentials_pb2.ListServicesRequest()),
}


async def request_of(club: Club, method: Method) -> Any:
    """A request of the method, which the club's own administrator may make."""
    request = method.request()
    request.CopyFrom(await REQUESTS[method.name](club))
    if "request_id" in request.DESCRIPTOR.fields_by_name:
        request.request_id = fresh()
    return request


async def send(client: Client, method: Method, request: Any, metadata: Any = None) -> bytes:
    """The response to it, the first of them where they come in a stream."""
    channel: Any = client.channel
    raw = request.SerializeToString()
    if not method.server_streams:
        return bytes(await channel.unary_unary(method.path)(raw, metadata=metadata))
    sent, asked = (channel.stream_stream, iter([raw])) if method.streams else (channel.unary_stream, raw)
    call = sent(method.path)(asked, metadata=metadata)
    try:
        async for response in call:
            return bytes(response)
    finally:
        call.cancel()
    raise AssertionError("the stream ended without an answer")


async def refused(client: Client, method: Method, request: Any) -> tuple[str, dict[str, str]]:
    """The reason and the facts of the refusal that it must end in: of the call or, in a stream, of its item."""
    if method.request is not ingest_pb2.BatchIngestRequest:
        answer = await told(send(client, method, request))
        return answer.reason, answer.facts
    [result] = ingest_pb2.BatchIngestResponse.FromString(await send(client, method, request)).results
    found = refusal_of(result)
    return found.reason, dict(found.facts)
