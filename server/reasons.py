"""For each refusal of the rules: its status and its reason in the contract, and what the activity log calls it."""

from typing import NamedTuple

from grpc import StatusCode

from fealty.v1.errors_pb2 import ErrorReason
from rules import clubs, logins, organizations, refusals
from rules.approvals import refusals as approvals
from rules.coupons import refusals as coupons
from rules.credentials import refusals as credentials
from rules.passes import refusals as passes
from rules.refusals import Refusal
from storage.activity.commands import Outcome


class Told(NamedTuple):
    """What a refusal becomes. `outcome` is None where the log has nothing of each by itself."""

    code: StatusCode
    reason: str
    outcome: Outcome | None


def name(reason: ErrorReason) -> str:
    """A reason as ErrorInfo carries it: without its prefix."""
    return ErrorReason.Name(reason).removeprefix("ERROR_REASON_")


_INVALID = {
    refusals.RequestIdReused: ErrorReason.ERROR_REASON_REQUEST_ID_REUSED,
    refusals.PageTokenMismatch: ErrorReason.ERROR_REASON_PAGE_TOKEN_MISMATCH,
    refusals.CursorMismatch: ErrorReason.ERROR_REASON_CURSOR_MISMATCH,
    refusals.UpdateMaskInvalid: ErrorReason.ERROR_REASON_UPDATE_MASK_INVALID,
    refusals.CurrencyMismatch: ErrorReason.ERROR_REASON_CURRENCY_MISMATCH,
    refusals.LinesExceedAmount: ErrorReason.ERROR_REASON_LINES_EXCEED_AMOUNT,
    refusals.TimeZoneUnknown: ErrorReason.ERROR_REASON_TIME_ZONE_UNKNOWN,
    refusals.SettingsInvalid: ErrorReason.ERROR_REASON_SETTINGS_INVALID,
    refusals.PrecisionTooFine: ErrorReason.ERROR_REASON_PRECISION_TOO_FINE,
    refusals.EventTypeUnknown: ErrorReason.ERROR_REASON_EVENT_TYPE_UNKNOWN,
    refusals.LineNotFound: ErrorReason.ERROR_REASON_LINE_NOT_FOUND,
    refusals.HoldTooLong: ErrorReason.ERROR_REASON_HOLD_TOO_LONG,
    refusals.TransferToItself: ErrorReason.ERROR_REASON_TRANSFER_TO_ITSELF,
    refusals.TransferBetweenCards: ErrorReason.ERROR_REASON_TRANSFER_BETWEEN_CARDS,
    refusals.FieldFixed: ErrorReason.ERROR_REASON_FIELD_FIXED,
    refusals.TimeUnknowable: ErrorReason.ERROR_REASON_TIME_UNKNOWABLE,
    refusals.ExpiryInPast: ErrorReason.ERROR_REASON_EXPIRY_IN_PAST,
    refusals.ActionReserved: ErrorReason.ERROR_REASON_ACTION_RESERVED,
    coupons.CodeMalformed: ErrorReason.ERROR_REASON_CODE_MALFORMED,
    coupons.CodeMistyped: ErrorReason.ERROR_REASON_CODE_MALFORMED,
    coupons.PatternInvalid: ErrorReason.ERROR_REASON_CODE_PATTERN_INVALID,
    coupons.TermsInvalid: ErrorReason.ERROR_REASON_TERMS_INVALID,
    coupons.CouponNamedTwice: ErrorReason.ERROR_REASON_COUPON_NAMED_TWICE,
    coupons.OrderLinesDiffer: ErrorReason.ERROR_REASON_LINES_EXCEED_AMOUNT,
    coupons.CurrenciesDiffer: ErrorReason.ERROR_REASON_CURRENCY_MISMATCH,
    coupons.RewardOfAnotherCard: ErrorReason.ERROR_REASON_REWARD_OF_ANOTHER_CARD,
    passes.DesignInvalid: ErrorReason.ERROR_REASON_DESIGN_INVALID,
    passes.PassImageInvalid: ErrorReason.ERROR_REASON_PASS_IMAGE_INVALID,
    passes.PassNotPossible: ErrorReason.ERROR_REASON_PASS_NOT_POSSIBLE,
    approvals.ApprovalRuleInvalid: ErrorReason.ERROR_REASON_APPROVAL_RULE_INVALID,
    logins.PasswordUnfit: ErrorReason.ERROR_REASON_PASSWORD_UNFIT,
    organizations.PartnerNeeded: ErrorReason.ERROR_REASON_PARTNER_NEEDED,
}

_NOT_FOUND = {
    refusals.ProgramNotFound: ErrorReason.ERROR_REASON_PROGRAM_NOT_FOUND,
    refusals.CustomerNotFound: ErrorReason.ERROR_REASON_CUSTOMER_NOT_FOUND,
    refusals.CardNotFound: ErrorReason.ERROR_REASON_CARD_NOT_FOUND,
    refusals.TransactionNotFound: ErrorReason.ERROR_REASON_TRANSACTION_NOT_FOUND,
    refusals.LotNotFound: ErrorReason.ERROR_REASON_LOT_NOT_FOUND,
    refusals.HoldNotFound: ErrorReason.ERROR_REASON_HOLD_NOT_FOUND,
    refusals.SpendingNotFound: ErrorReason.ERROR_REASON_SPENDING_NOT_FOUND,
    refusals.ShortfallNotFound: ErrorReason.ERROR_REASON_SHORTFALL_NOT_FOUND,
    refusals.OperationNotFound: ErrorReason.ERROR_REASON_OPERATION_NOT_FOUND,
    refusals.EntryNotFound: ErrorReason.ERROR_REASON_ENTRY_NOT_FOUND,
    refusals.RefundNotFound: ErrorReason.ERROR_REASON_REFUND_NOT_FOUND,
    refusals.ActivityNotFound: ErrorReason.ERROR_REASON_ACTIVITY_NOT_FOUND,
    refusals.UserNotFound: ErrorReason.ERROR_REASON_USER_NOT_FOUND,
    refusals.LoginNotFound: ErrorReason.ERROR_REASON_LOGIN_NOT_FOUND,
    refusals.RoleNotHeld: ErrorReason.ERROR_REASON_ROLE_NOT_HELD,
    refusals.LegalHoldNotFound: ErrorReason.ERROR_REASON_LEGAL_HOLD_NOT_FOUND,
    coupons.CampaignNotFound: ErrorReason.ERROR_REASON_CAMPAIGN_NOT_FOUND,
    coupons.CouponNotFound: ErrorReason.ERROR_REASON_COUPON_NOT_FOUND,
    coupons.CouponNotUsable: ErrorReason.ERROR_REASON_COUPON_NOT_USABLE,
    coupons.BatchNotFound: ErrorReason.ERROR_REASON_BATCH_NOT_FOUND,
    coupons.RedemptionNotFound: ErrorReason.ERROR_REASON_REDEMPTION_NOT_FOUND,
    coupons.RewardNotFound: ErrorReason.ERROR_REASON_REWARD_NOT_FOUND,
    coupons.ClaimNotFound: ErrorReason.ERROR_REASON_CLAIM_NOT_FOUND,
    passes.PassTemplateNotFound: ErrorReason.ERROR_REASON_PASS_TEMPLATE_NOT_FOUND,
    passes.PassImageNotFound: ErrorReason.ERROR_REASON_PASS_IMAGE_NOT_FOUND,
    passes.PassNotFound: ErrorReason.ERROR_REASON_PASS_NOT_FOUND,
    passes.LinkNotFound: ErrorReason.ERROR_REASON_LINK_NOT_FOUND,
    credentials.RoleNotFound: ErrorReason.ERROR_REASON_ROLE_NOT_FOUND,
    credentials.ScopeNotFound: ErrorReason.ERROR_REASON_SCOPE_NOT_FOUND,
    credentials.ServiceNotFound: ErrorReason.ERROR_REASON_SERVICE_NOT_FOUND,
    credentials.CredentialNotFound: ErrorReason.ERROR_REASON_CREDENTIAL_NOT_FOUND,
    approvals.ApprovalRuleNotFound: ErrorReason.ERROR_REASON_APPROVAL_RULE_NOT_FOUND,
    approvals.ApprovalRequestNotFound: ErrorReason.ERROR_REASON_APPROVAL_REQUEST_NOT_FOUND,
    logins.LoginNotFound: ErrorReason.ERROR_REASON_LOGIN_NOT_FOUND,
    organizations.NetworkNotFound: ErrorReason.ERROR_REASON_NETWORK_NOT_FOUND,
    organizations.PartnerNotFound: ErrorReason.ERROR_REASON_PARTNER_NOT_FOUND,
    clubs.ClubNotFound: ErrorReason.ERROR_REASON_CLUB_NOT_FOUND,
}

_EXISTS = {
    refusals.ProgramExists: ErrorReason.ERROR_REASON_PROGRAM_EXISTS,
    refusals.CustomerExists: ErrorReason.ERROR_REASON_CUSTOMER_EXISTS,
    refusals.UserExists: ErrorReason.ERROR_REASON_USER_EXISTS,
    refusals.AddressTaken: ErrorReason.ERROR_REASON_USER_EXISTS,
    refusals.RoleAssigned: ErrorReason.ERROR_REASON_ROLE_ASSIGNED,
    refusals.ExternalIdTaken: ErrorReason.ERROR_REASON_EXTERNAL_ID_TAKEN,
    refusals.DuplicateTransaction: ErrorReason.ERROR_REASON_DUPLICATE_TRANSACTION,
    coupons.CampaignExists: ErrorReason.ERROR_REASON_CAMPAIGN_EXISTS,
    coupons.CodeExists: ErrorReason.ERROR_REASON_CODE_EXISTS,
    coupons.RewardExists: ErrorReason.ERROR_REASON_REWARD_EXISTS,
    passes.PassTemplateExists: ErrorReason.ERROR_REASON_PASS_TEMPLATE_EXISTS,
    passes.PassExists: ErrorReason.ERROR_REASON_PASS_EXISTS,
    credentials.RoleExists: ErrorReason.ERROR_REASON_ROLE_EXISTS,
    credentials.ServiceExists: ErrorReason.ERROR_REASON_SERVICE_EXISTS,
    credentials.CertificateNameTaken: ErrorReason.ERROR_REASON_CERTIFICATE_NAME_TAKEN,
    approvals.ApprovalRuleExists: ErrorReason.ERROR_REASON_APPROVAL_RULE_EXISTS,
    organizations.NetworkExists: ErrorReason.ERROR_REASON_NETWORK_EXISTS,
    organizations.PartnerExists: ErrorReason.ERROR_REASON_PARTNER_EXISTS,
    clubs.ClubExists: ErrorReason.ERROR_REASON_CLUB_EXISTS,
}

_PRECONDITION = {
    organizations.OrganizationInUse: ErrorReason.ERROR_REASON_ORGANIZATION_IN_USE,
    refusals.InsufficientPoints: ErrorReason.ERROR_REASON_INSUFFICIENT_POINTS,
    refusals.OccursInFuture: ErrorReason.ERROR_REASON_OCCURS_IN_FUTURE,
    refusals.NoTestClock: ErrorReason.ERROR_REASON_NO_TEST_CLOCK,
    refusals.ClockMovesBack: ErrorReason.ERROR_REASON_CLOCK_MOVES_BACK,
    refusals.CardFixed: ErrorReason.ERROR_REASON_CARD_FIXED,
    refusals.EventTypeAwaited: ErrorReason.ERROR_REASON_EVENT_TYPE_AWAITED,
    refusals.AmountTooLarge: ErrorReason.ERROR_REASON_AMOUNT_TOO_LARGE,
    refusals.PointsHeldElsewhere: ErrorReason.ERROR_REASON_POINTS_HELD_ELSEWHERE,
    refusals.HoldExpired: ErrorReason.ERROR_REASON_HOLD_EXPIRED,
    refusals.HoldAlreadyCaptured: ErrorReason.ERROR_REASON_HOLD_ALREADY_CAPTURED,
    refusals.HoldReleased: ErrorReason.ERROR_REASON_HOLD_RELEASED,
    refusals.HoldExceeded: ErrorReason.ERROR_REASON_HOLD_EXCEEDED,
    refusals.TransactionStateWrong: ErrorReason.ERROR_REASON_TRANSACTION_STATE,
    refusals.LotStateWrong: ErrorReason.ERROR_REASON_LOT_STATE,
    refusals.OperationEnded: ErrorReason.ERROR_REASON_OPERATION_ENDED,
    refusals.RefundExceedsTransaction: ErrorReason.ERROR_REASON_REFUND_EXCEEDS_TRANSACTION,
    refusals.RefundExceedsLine: ErrorReason.ERROR_REASON_REFUND_EXCEEDS_LINE,
    refusals.AlreadyRolledBack: ErrorReason.ERROR_REASON_ALREADY_ROLLED_BACK,
    refusals.RollbackWindowClosed: ErrorReason.ERROR_REASON_ROLLBACK_WINDOW_CLOSED,
    refusals.CustomerSuspended: ErrorReason.ERROR_REASON_CUSTOMER_SUSPENDED,
    refusals.CustomerBlocked: ErrorReason.ERROR_REASON_CUSTOMER_BLOCKED,
    refusals.CustomerClosed: ErrorReason.ERROR_REASON_CUSTOMER_CLOSED,
    refusals.CustomerMerged: ErrorReason.ERROR_REASON_CUSTOMER_MERGED,
    refusals.CustomerStateWrong: ErrorReason.ERROR_REASON_CUSTOMER_STATE,
    refusals.CardArchived: ErrorReason.ERROR_REASON_CARD_ARCHIVED,
    refusals.ProgramArchived: ErrorReason.ERROR_REASON_PROGRAM_ARCHIVED,
    refusals.UserStateWrong: ErrorReason.ERROR_REASON_USER_STATE,
    refusals.UserIsCaller: ErrorReason.ERROR_REASON_USER_IS_CALLER,
    refusals.LastAdministrator: ErrorReason.ERROR_REASON_LAST_ADMINISTRATOR,
    refusals.CardStateWrong: ErrorReason.ERROR_REASON_CARD_STATE,
    refusals.ProgramStateWrong: ErrorReason.ERROR_REASON_PROGRAM_STATE,
    refusals.LegalHoldLifted: ErrorReason.ERROR_REASON_LEGAL_HOLD_LIFTED,
    refusals.CustomerHeld: ErrorReason.ERROR_REASON_CUSTOMER_HELD,
    refusals.MergeImpossible: ErrorReason.ERROR_REASON_MERGE_IMPOSSIBLE,
    refusals.UnmergeImpossible: ErrorReason.ERROR_REASON_UNMERGE_IMPOSSIBLE,
    coupons.CampaignArchived: ErrorReason.ERROR_REASON_CAMPAIGN_ARCHIVED,
    coupons.CampaignStateWrong: ErrorReason.ERROR_REASON_CAMPAIGN_STATE,
    coupons.CampaignUsedUp: ErrorReason.ERROR_REASON_CAMPAIGN_USED_UP,
    coupons.CouponNotStarted: ErrorReason.ERROR_REASON_COUPON_NOT_STARTED,
    coupons.CouponExpired: ErrorReason.ERROR_REASON_COUPON_EXPIRED,
    coupons.CouponUsedUp: ErrorReason.ERROR_REASON_COUPON_USED_UP,
    coupons.GiftCardEmpty: ErrorReason.ERROR_REASON_COUPON_USED_UP,
    coupons.CouponVoided: ErrorReason.ERROR_REASON_COUPON_VOIDED,
    coupons.CouponReserved: ErrorReason.ERROR_REASON_COUPON_RESERVED,
    coupons.CouponWrongCustomer: ErrorReason.ERROR_REASON_COUPON_WRONG_CUSTOMER,
    coupons.CouponAssigned: ErrorReason.ERROR_REASON_COUPON_ASSIGNED,
    coupons.CouponNotStackable: ErrorReason.ERROR_REASON_COUPON_NOT_STACKABLE,
    coupons.CouponNotApplicable: ErrorReason.ERROR_REASON_COUPON_NOT_APPLICABLE,
    coupons.CouponAccountNeeded: ErrorReason.ERROR_REASON_COUPON_ACCOUNT_NEEDED,
    coupons.MinimumSpendMissed: ErrorReason.ERROR_REASON_MINIMUM_SPEND_MISSED,
    coupons.BalanceExceeded: ErrorReason.ERROR_REASON_BALANCE_EXCEEDED,
    coupons.CustomerLimitReached: ErrorReason.ERROR_REASON_CUSTOMER_LIMIT_REACHED,
    coupons.NoCouponLeft: ErrorReason.ERROR_REASON_NO_COUPON_LEFT,
    coupons.KeyspaceTooSmall: ErrorReason.ERROR_REASON_KEYSPACE_TOO_SMALL,
    coupons.ImportTooLarge: ErrorReason.ERROR_REASON_IMPORT_TOO_LARGE,
    coupons.BatchExported: ErrorReason.ERROR_REASON_BATCH_EXPORTED,
    coupons.RedemptionStateWrong: ErrorReason.ERROR_REASON_REDEMPTION_STATE,
    coupons.RewardArchived: ErrorReason.ERROR_REASON_REWARD_ARCHIVED,
    coupons.RewardStateWrong: ErrorReason.ERROR_REASON_REWARD_STATE,
    coupons.RewardNotStarted: ErrorReason.ERROR_REASON_REWARD_NOT_AVAILABLE,
    coupons.RewardEnded: ErrorReason.ERROR_REASON_REWARD_NOT_AVAILABLE,
    coupons.RewardSoldOut: ErrorReason.ERROR_REASON_REWARD_SOLD_OUT,
    coupons.ClaimStateWrong: ErrorReason.ERROR_REASON_CLAIM_STATE,
    coupons.ClaimUsed: ErrorReason.ERROR_REASON_CLAIM_USED,
    passes.PassTemplateArchived: ErrorReason.ERROR_REASON_PASS_TEMPLATE_ARCHIVED,
    passes.PassTemplateStateWrong: ErrorReason.ERROR_REASON_PASS_TEMPLATE_STATE,
    passes.PassVoided: ErrorReason.ERROR_REASON_PASS_VOIDED,
    passes.PassesUrlUnset: ErrorReason.ERROR_REASON_PASSES_URL_UNSET,
    passes.NoAddress: ErrorReason.ERROR_REASON_NO_ADDRESS,
    passes.AddressRefused: ErrorReason.ERROR_REASON_ADDRESS_REFUSED,
    passes.CustomerUnsubscribed: ErrorReason.ERROR_REASON_CUSTOMER_UNSUBSCRIBED,
    credentials.RoleHeld: ErrorReason.ERROR_REASON_ROLE_HELD,
    credentials.CredentialEnded: ErrorReason.ERROR_REASON_CREDENTIAL_ENDED,
    approvals.ApprovalNeedsCall: ErrorReason.ERROR_REASON_APPROVAL_NEEDS_CALL,
    approvals.ApprovalStateWrong: ErrorReason.ERROR_REASON_APPROVAL_STATE,
    approvals.AlreadyDecided: ErrorReason.ERROR_REASON_ALREADY_DECIDED,
    logins.WayNotOffered: ErrorReason.ERROR_REASON_WAY_NOT_OFFERED,
    logins.TotpStateWrong: ErrorReason.ERROR_REASON_TOTP_STATE,
}

_ABORTED = {
    refusals.StaleEtag: ErrorReason.ERROR_REASON_STALE_ETAG,
    refusals.GroupRefused: ErrorReason.ERROR_REASON_GROUP_REFUSED,
}

_GROUPS: tuple[tuple[StatusCode, Outcome | None, dict[type[Refusal], ErrorReason]], ...] = (
    (StatusCode.INVALID_ARGUMENT, Outcome.INVALID, _INVALID),
    (
        StatusCode.UNAUTHENTICATED,
        Outcome.DENIED,
        {
            refusals.KeyInvalid: ErrorReason.ERROR_REASON_KEY_INVALID,
            approvals.MakerGone: ErrorReason.ERROR_REASON_KEY_INVALID,
            logins.LoginFailed: ErrorReason.ERROR_REASON_LOGIN_FAILED,
            logins.ChallengeOver: ErrorReason.ERROR_REASON_CHALLENGE_OVER,
            logins.CodeWrong: ErrorReason.ERROR_REASON_CODE_WRONG,
            logins.TokenNotUsable: ErrorReason.ERROR_REASON_TOKEN_NOT_USABLE,
            refusals.CertificateInvalid: ErrorReason.ERROR_REASON_CERTIFICATE_INVALID,
        },
    ),
    (
        StatusCode.PERMISSION_DENIED,
        Outcome.DENIED,
        {
            refusals.PermissionMissing: ErrorReason.ERROR_REASON_PERMISSION_MISSING,
            refusals.SourceDenied: ErrorReason.ERROR_REASON_SOURCE_DENIED,
            refusals.UserElsewhere: ErrorReason.ERROR_REASON_USER_ELSEWHERE,
            credentials.GrantExceeded: ErrorReason.ERROR_REASON_GRANT_EXCEEDED,
            credentials.ActingDenied: ErrorReason.ERROR_REASON_ACTING_DENIED,
            approvals.OwnApproval: ErrorReason.ERROR_REASON_OWN_APPROVAL,
            approvals.ApproverUnknown: ErrorReason.ERROR_REASON_APPROVER_UNKNOWN,
            approvals.ApproverRoleMissing: ErrorReason.ERROR_REASON_APPROVER_ROLE_MISSING,
            logins.PasswordWrong: ErrorReason.ERROR_REASON_PASSWORD_WRONG,
            logins.NotAUser: ErrorReason.ERROR_REASON_NOT_A_USER,
            logins.PasswordUnchanged: ErrorReason.ERROR_REASON_PASSWORD_UNCHANGED,
        },
    ),
    (StatusCode.NOT_FOUND, Outcome.REFUSED, _NOT_FOUND),
    (StatusCode.ALREADY_EXISTS, Outcome.REFUSED, _EXISTS),
    (StatusCode.FAILED_PRECONDITION, Outcome.REFUSED, _PRECONDITION),
    # That it was asked for stands in the log already, as an act of its own.
    (
        StatusCode.FAILED_PRECONDITION,
        None,
        {approvals.ApprovalRequired: ErrorReason.ERROR_REASON_APPROVAL_REQUIRED},
    ),
    (StatusCode.ABORTED, Outcome.REFUSED, _ABORTED),
    (
        StatusCode.RESOURCE_EXHAUSTED,
        Outcome.REFUSED,
        {
            refusals.DailyCapReached: ErrorReason.ERROR_REASON_DAILY_CAP_REACHED,
            refusals.TooManyAttempts: ErrorReason.ERROR_REASON_TOO_MANY_ATTEMPTS,
            passes.TooManyLinks: ErrorReason.ERROR_REASON_TOO_MANY_LINKS,
        },
    ),
    # That a limit is reached has a record of its own (server/rates.py).
    (StatusCode.RESOURCE_EXHAUSTED, None, {refusals.RateLimited: ErrorReason.ERROR_REASON_RATE_LIMITED}),
    (
        StatusCode.DEADLINE_EXCEEDED,
        Outcome.FAILED,
        {refusals.DeadlinePassed: ErrorReason.ERROR_REASON_DEADLINE_PASSED},
    ),
)

REFUSALS: dict[type[Refusal], Told] = {
    refusal: Told(code, name(reason), outcome) for code, outcome, rows in _GROUPS for refusal, reason in rows.items()
}
