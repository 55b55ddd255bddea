"""Every change of the contract: how its request becomes a command, and the command's answer a response."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

from fealty.v1 import (
    approvals_pb2,
    audit_pb2,
    clubs_pb2,
    coupon_campaigns_pb2,
    coupons_pb2,
    credentials_pb2,
    customers_pb2,
    events_pb2,
    holds_pb2,
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
from rules import access
from rules.access import Permission
from rules.approvals.refusals import ApprovalNeedsCall, ApprovalRequired
from server.approving import Approving, as_it_stands
from server.call import Call
from server.convert import (
    approvals,
    batches,
    campaigns,
    claims,
    clubs,
    credentials,
    customers,
    events,
    exports,
    holds,
    lots,
    operations,
    organizations,
    pass_templates,
    passes,
    points,
    programs,
    recording,
    redeeming,
    reports,
    retention,
    rewards,
    roles,
    transactions,
    users,
)
from server.policy import method_of
from storage.books import Books
from storage.coupons.sealing import CodeSeals

Response = TypeVar("Response")


class Codec(NamedTuple):
    """How one kind of command is read out of a request, and what is answered to it. `reveal` adds what is under seal in
    the answer."""

    command: Callable[[Call, Any], Any]
    response: Callable[[Any, Any], Any]
    reveal: Callable[[CodeSeals, Any, Any, Any], None] | None = None


# Gathered by the writer: sent by a call of their own, or as items of a stream.
HOT: Mapping[type[Any], Codec] = {
    transactions_pb2.RecordTransactionRequest: Codec(transactions.record_transaction, transactions.recorded),
    transactions_pb2.UpdateTransactionRequest: Codec(transactions.update_transaction, transactions.updated),
    transactions_pb2.AcceptTransactionRequest: Codec(transactions.accept_transaction, transactions.accepted),
    transactions_pb2.RejectTransactionRequest: Codec(transactions.reject_transaction, transactions.rejected),
    transactions_pb2.RefundTransactionRequest: Codec(transactions.refund_transaction, transactions.refunded),
    points_pb2.SpendPointsRequest: Codec(points.spend_points, points.spent),
    points_pb2.RollBackSpendingRequest: Codec(points.roll_back_spending, points.rolled_back),
    points_pb2.AdjustPointsRequest: Codec(points.adjust_points, points.adjusted),
    points_pb2.TransferPointsRequest: Codec(points.transfer_points, points.transferred),
    holds_pb2.CreateHoldRequest: Codec(holds.create_hold, holds.created),
    holds_pb2.CaptureHoldRequest: Codec(holds.capture_hold, holds.captured),
    holds_pb2.ReleaseHoldRequest: Codec(holds.release_hold, holds.released),
    lots_pb2.ActivateLotRequest: Codec(lots.activate_lot, lots.activated),
    lots_pb2.CancelLotRequest: Codec(lots.cancel_lot, lots.cancelled),
    events_pb2.RecordEventRequest: Codec(events.record_event, events.event_recorded),
    audit_pb2.RecordActivityRequest: Codec(recording.record_activity, recording.activity_recorded),
    rewards_pb2.ClaimRewardRequest: Codec(claims.claim_reward, claims.claimed, claims.reveal_claimed),
    rewards_pb2.CancelClaimRequest: Codec(claims.cancel_claim, claims.cancelled),
    reports_pb2.WriteOffShortfallRequest: Codec(reports.write_off_shortfall, reports.written_off),
    coupons_pb2.AssignCouponRequest: Codec(redeeming.assign_coupon, redeeming.assigned, redeeming.reveal_assigned),
    coupons_pb2.ReserveCouponsRequest: Codec(redeeming.reserve_coupons, redeeming.reserved),
    coupons_pb2.ReleaseCouponsRequest: Codec(redeeming.release_coupons, redeeming.released),
    coupons_pb2.RedeemCouponsRequest: Codec(redeeming.redeem_coupons, redeeming.redeemed),
    coupons_pb2.RollBackRedemptionRequest: Codec(redeeming.roll_back_redemption, redeeming.rolled_back),
    coupons_pb2.VoidCouponRequest: Codec(redeeming.void_coupon, redeeming.voided),
}

# Each in a transaction of its own.
COLD: Mapping[type[Any], Codec] = {
    programs_pb2.CreateProgramRequest: Codec(programs.create_program, programs.created),
    programs_pb2.UpdateProgramRequest: Codec(programs.update_program, programs.updated),
    programs_pb2.ArchiveProgramRequest: Codec(programs.archive_program, programs.archived),
    programs_pb2.UnarchiveProgramRequest: Codec(programs.unarchive_program, programs.unarchived),
    programs_pb2.ArchiveCardRequest: Codec(programs.archive_card, programs.card_archived),
    programs_pb2.UnarchiveCardRequest: Codec(programs.unarchive_card, programs.card_unarchived),
    programs_pb2.AdvanceTestClockRequest: Codec(programs.advance_test_clock, programs.advanced),
    customers_pb2.CreateCustomerRequest: Codec(customers.create_customer, customers.created),
    customers_pb2.UpdateCustomerRequest: Codec(customers.update_customer, customers.updated),
    customers_pb2.SuspendCustomerRequest: Codec(customers.suspend_customer, customers.suspended),
    customers_pb2.BlockCustomerRequest: Codec(customers.block_customer, customers.blocked),
    customers_pb2.CloseCustomerRequest: Codec(customers.close_customer, customers.closed),
    customers_pb2.EraseCustomerRequest: Codec(customers.erase_customer, customers.erased),
    customers_pb2.ReactivateCustomerRequest: Codec(customers.reactivate_customer, customers.reactivated),
    customers_pb2.MergeCustomersRequest: Codec(customers.merge_customers, customers.merged),
    customers_pb2.UnmergeCustomersRequest: Codec(customers.unmerge_customers, customers.unmerged),
    coupon_campaigns_pb2.CreateCouponCampaignRequest: Codec(campaigns.create_campaign, campaigns.created),
    coupon_campaigns_pb2.UpdateCouponCampaignRequest: Codec(campaigns.update_campaign, campaigns.updated),
    coupon_campaigns_pb2.ArchiveCouponCampaignRequest: Codec(campaigns.archive_campaign, campaigns.archived),
    coupon_campaigns_pb2.UnarchiveCouponCampaignRequest: Codec(campaigns.unarchive_campaign, campaigns.unarchived),
    coupon_campaigns_pb2.GenerateCouponsRequest: Codec(batches.generate_coupons, batches.generating),
    coupons_pb2.AssignCouponsRequest: Codec(batches.assign_coupons, batches.assigning),
    coupons_pb2.VoidCouponsRequest: Codec(batches.void_coupons, batches.voiding),
    coupon_campaigns_pb2.CreateSharedCouponRequest: Codec(campaigns.create_shared, campaigns.shared),
    lots_pb2.RedateLotsRequest: Codec(lots.redate_lots, lots.redated),
    audit_pb2.StartExportRequest: Codec(exports.start_export, exports.started),
    operations_pb2.CancelOperationRequest: Codec(operations.cancel_operation, operations.cancelled),
    rewards_pb2.CreateRewardRequest: Codec(rewards.create_reward, rewards.created),
    rewards_pb2.UpdateRewardRequest: Codec(rewards.update_reward, rewards.updated),
    rewards_pb2.ArchiveRewardRequest: Codec(rewards.archive_reward, rewards.archived),
    rewards_pb2.UnarchiveRewardRequest: Codec(rewards.unarchive_reward, rewards.unarchived),
    pass_templates_pb2.CreatePassTemplateRequest: Codec(pass_templates.create_template, pass_templates.created),
    pass_templates_pb2.UpdatePassTemplateRequest: Codec(pass_templates.update_template, pass_templates.updated),
    pass_templates_pb2.ArchivePassTemplateRequest: Codec(pass_templates.archive_template, pass_templates.archived),
    pass_templates_pb2.UnarchivePassTemplateRequest: Codec(
        pass_templates.unarchive_template, pass_templates.unarchived
    ),
    pass_templates_pb2.UploadPassImageRequest: Codec(pass_templates.upload_image, pass_templates.uploaded),
    passes_pb2.IssuePassRequest: Codec(passes.issue_pass, passes.issued),
    passes_pb2.EmailPassRequest: Codec(passes.email_pass, passes.mailed),
    passes_pb2.PushPassRequest: Codec(passes.push_pass, passes.pushed),
    passes_pb2.VoidPassRequest: Codec(passes.void_pass, passes.voided),
    passes_pb2.GetSaveLinksRequest: Codec(passes.get_save_links, passes.linked),
    passes_pb2.RevokeLinkRequest: Codec(passes.revoke_link, passes.revoked),
    approvals_pb2.CreateApprovalRuleRequest: Codec(approvals.create_rule, approvals.rule_created),
    approvals_pb2.UpdateApprovalRuleRequest: Codec(approvals.update_rule, approvals.rule_updated),
    approvals_pb2.DeleteApprovalRuleRequest: Codec(approvals.delete_rule, approvals.rule_deleted),
    approvals_pb2.SubmitApprovalRequestRequest: Codec(approvals.submit_request, approvals.submitted),
    approvals_pb2.ApproveRequestRequest: Codec(approvals.approve_request, approvals.approved),
    approvals_pb2.RejectRequestRequest: Codec(approvals.reject_request, approvals.rejected),
    approvals_pb2.WithdrawRequestRequest: Codec(approvals.withdraw_request, approvals.withdrawn),
    retention_pb2.UpdateRetentionRequest: Codec(retention.update_retention, retention.updated),
    retention_pb2.PlaceLegalHoldRequest: Codec(retention.place_legal_hold, retention.placed),
    retention_pb2.LiftLegalHoldRequest: Codec(retention.lift_legal_hold, retention.lifted),
    users_pb2.InviteUserRequest: Codec(users.invite_user, users.invited),
    users_pb2.ResendInvitationRequest: Codec(users.resend_invitation, users.resent),
    users_pb2.UpdateUserRequest: Codec(users.update_user, users.updated),
    users_pb2.LockUserRequest: Codec(users.lock_user, users.locked),
    users_pb2.UnlockUserRequest: Codec(users.unlock_user, users.unlocked),
    users_pb2.ArchiveUserRequest: Codec(users.archive_user, users.archived),
    users_pb2.UnarchiveUserRequest: Codec(users.unarchive_user, users.unarchived),
    users_pb2.AssignRoleRequest: Codec(users.assign_role, users.assigned),
    users_pb2.EndRoleRequest: Codec(users.end_role, users.ended),
    users_pb2.ResetSecondFactorRequest: Codec(users.reset_second_factor, users.reset),
    users_pb2.RevokeLoginRequest: Codec(users.revoke_login, users.revoked),
    roles_pb2.CreateRoleRequest: Codec(roles.create_role, roles.created),
    roles_pb2.UpdateRoleRequest: Codec(roles.update_role, roles.updated),
    roles_pb2.DeleteRoleRequest: Codec(roles.delete_role, roles.deleted),
    credentials_pb2.CreateKeyRequest: Codec(credentials.create_key, credentials.key_created),
    credentials_pb2.RotateKeyRequest: Codec(credentials.rotate_key, credentials.key_rotated),
    credentials_pb2.RevokeKeyRequest: Codec(credentials.revoke_key, credentials.key_revoked),
    credentials_pb2.RegisterCertificateRequest: Codec(
        credentials.register_certificate, credentials.certificate_registered
    ),
    credentials_pb2.RevokeCertificateRequest: Codec(credentials.revoke_certificate, credentials.certificate_revoked),
    credentials_pb2.UpdateServiceRequest: Codec(credentials.update_service, credentials.service_updated),
    organizations_pb2.CreateNetworkRequest: Codec(organizations.create_network, organizations.network_created),
    organizations_pb2.UpdateNetworkRequest: Codec(organizations.update_network, organizations.network_updated),
    organizations_pb2.DeleteNetworkRequest: Codec(organizations.delete_network, organizations.network_deleted),
    organizations_pb2.CreatePartnerRequest: Codec(organizations.create_partner, organizations.partner_created),
    organizations_pb2.UpdatePartnerRequest: Codec(organizations.update_partner, organizations.partner_updated),
    organizations_pb2.DeletePartnerRequest: Codec(organizations.delete_partner, organizations.partner_deleted),
    organizations_pb2.TransferProgramRequest: Codec(organizations.transfer_program, organizations.transferred),
    clubs_pb2.CreateClubRequest: Codec(clubs.create_club, clubs.created),
    clubs_pb2.UpdateClubRequest: Codec(clubs.update_club, clubs.updated),
    clubs_pb2.DeleteClubRequest: Codec(clubs.delete_club, clubs.deleted),
    clubs_pb2.JoinClubRequest: Codec(clubs.join_club, clubs.joined),
    clubs_pb2.LeaveClubRequest: Codec(clubs.leave_club, clubs.left),
}

CODECS: Mapping[type[Any], Codec] = {**HOT, **COLD}


class Commands:
    """Carries out what single calls ask for."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._approving = Approving(books)

    async def carry_out(self, call: Call, message: Any, response: type[Response]) -> Response:
        """What is answered to any change, a message of the type `response`. Raises what its command raises, and
        ApprovalRequired."""
        command = self._approving.passed(command_of(call, message, call.program), message)
        try:
            outcome = await self._done(call, message, command)
        except ApprovalRequired as asked_for:
            raise await as_it_stands(self._books, asked_for) from None
        if type(message) not in HOT and changes_callers(message):
            call.forget()
        answered = response_of(call, message, command, outcome)
        assert isinstance(answered, response)
        return answered

    async def _done(self, call: Call, message: Any, command: Any) -> Any:
        try:
            return await do(self._books, message, command)
        except ApprovalNeedsCall:
            have_done = partial(do, self._books, message)
            return await self._approving.carry_out(command, message, call.subject, have_done)


# Whoever calls next may more or less by these, or sees more or fewer programs.
_CHANGING_CALLERS = frozenset(
    {Permission.USERS_WRITE, Permission.ROLES_WRITE, Permission.CREDENTIALS_WRITE, Permission.ORGANIZATIONS_WRITE}
)
_OF_PARTNERS = (programs_pb2.CreateProgramRequest, programs_pb2.UpdateProgramRequest)


def changes_callers(message: Any) -> bool:
    """Whether whoever calls next may more or less by it, or sees more or fewer programs."""
    return method_of(type(message)).permission in _CHANGING_CALLERS or isinstance(message, _OF_PARTNERS)


async def do(books: Books, message: Any, command: Any) -> Any:
    """The books' answer to the command in a request. Raises what it raises."""
    if type(message) not in HOT:
        return await books.carry_out(command)
    [outcome] = await books.write([command])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def command_of(call: Call, message: Any, program: str) -> Any:
    """The command in a request of any kind, whose name is of `program`. Raises ProgramNotFound, RequestInvalid."""
    # What is in no program, or makes one: whether its caller may is decided with it.
    if program:
        access.check_scope(call.caller, program)
    command = CODECS[type(message)].command(call, message)
    if command.context.program != program:
        # An item of a stream, which is of no program itself.
        command = command._replace(context=command.context._replace(program=program))
    return command


def response_of(call: Call, message: Any, command: Any, answer: Any) -> Any:
    """What is answered to a request of any kind."""
    codec = CODECS[type(message)]
    response = codec.response(command, answer)
    if codec.reveal is not None:
        codec.reveal(call.codes, command, answer, response)
    return response


def check_permission(call: Call, message: Any, program: str) -> None:
    """Whether the caller might send it, about that program, by a call of its own. Raises PermissionMissing."""
    access.check(call.caller, method_of(type(message)).permission, program)
