"""Calls that came to nothing, and reads: what was tried, for each call of the contract.

`{it}` is what the call names, such as `purchase till-71`; `{of}` whose it is, such as ` of customer ada`.
"""

from collections.abc import Mapping
from typing import Any

from rules.sentences.english import speech
from rules.sentences.english.logins import WHYS
from rules.sentences.english.reasons import REASONS
from rules.sentences.english.told import Told, part


def attempt(told: Told, outcome: str, who: str) -> str:
    """`Service till tried to spend points of customer ada: refused, because there were not enough points`."""
    # Of a flood of them, one record stands for many.
    folded = told.details.get("folded")
    ended = _ENDS.get(outcome, outcome.lower())
    return f"{who} tried{f' {folded:,} times' if folded else ''} to {tried(told)}: {ended}{_because(told.details)}"


def tried(told: Told) -> str:
    """`spend points of customer ada`."""
    words = ATTEMPTS.get(told.action)
    if words is None:
        noun, _, deed = told.action.partition(".")
        words = f"have {noun} {deed}".replace("_", " ") + "{of}"
    return words.format(it=_it(told), of=_of(told))


def done(told: Told) -> str:
    """`points of customer ada spent`: where the record does not say what came of it, or not as a template asks."""
    noun, _, deed = told.action.partition(".")
    what = _it(told) if noun in _NAMED else f"{_NOUN_OF.get(noun, noun)}{_of(told)}"
    return f"{what} {deed}".replace("_", " ")


def _because(details: Mapping[str, Any]) -> str:
    reason = details.get("reason")
    if not reason:
        return ""
    words = WHYS.get(details.get("why", "")) or REASONS.get(reason)
    return f", because {words}" if words else f" ({reason})"


def _it(told: Told) -> str:
    collection, _, identity = told.subject.rpartition("/")
    noun = _NOUNS.get(collection.rpartition("/")[2], "")
    match noun:
        case "":
            about = told.action.partition(".")[0]
            return speech.named(_IT_OF.get(told.action) or _NOUN_OF.get(about, about), "")
        case "card":
            return told.card_name(identity)
        case "program":
            return told.program_name()
        case "user":
            return told.user()
        case "account":
            return f"the account{_of(told)}"
    return speech.named(noun, identity)


def _of(told: Told) -> str:
    if part(told.subject, "customers"):
        return f" of {told.customer}"
    if part(told.subject, "users"):
        return f" of {told.user()}"
    if part(told.subject, "cards"):
        return f" of {told.card_name(part(told.subject, 'cards'))}"
    return f" of {told.program_name()}" if part(told.subject, "programs").strip("-") else ""


_ENDS = {"DENIED": "denied", "INVALID": "not understood", "REFUSED": "refused", "FAILED": "failed"}

_NOUNS = {
    "programs": "program",
    "customers": "customer",
    "accounts": "account",
    "cards": "card",
    "transactions": "purchase",
    "refunds": "refund",
    "entries": "entry",
    "holds": "hold",
    "lots": "lot",
    "shortfalls": "shortfall",
    "operations": "operation",
    "activities": "activity",
    "couponCampaigns": "campaign",
    "batches": "batch",
    "coupons": "coupon",
    "redemptions": "redemption",
    "rewards": "reward",
    "claims": "claim",
    "passTemplates": "pass template",
    "passImages": "image",
    "passes": "pass",
    "links": "link",
    "users": "user",
    "logins": "login",
    "approvalRules": "approval rule",
    "approvalRequests": "request for approval",
    "roles": "role",
    "services": "service",
    "keys": "API key",
    "certificates": "certificate",
}
# What an act is about whose call named nothing that could be kept.
_NOUN_OF = {
    "transaction": "purchase",
    "redating": "change of expiry",
    "pass_template": "pass template",
    "approval": "request for approval",
    "approval_rule": "approval rule",
    "key": "API key",
    "client_certificate": "certificate",
}
# What the words of a call are about, where that is not what the action is named after.
_IT_OF = {
    "refund.listed": "purchase",
    "coupons.generated": "campaign",
    "coupons.imported": "campaign",
    "coupons.exported": "batch",
    "coupons.assigned": "campaign",
    "coupons.voided": "campaign",
    "coupon.shared": "campaign",
    "batch.listed": "campaign",
    "coupon.assigned": "customer",
    "role.assigned": "user",
    "role.ended": "user",
    "second_factor.reset": "user",
    "key.listed": "service",
    "client_certificate.listed": "service",
}
# What is called by its name where it is done, not by whose it is.
_NAMED = {"program", "customer", "card", "transaction"}

ATTEMPTS = {
    "login.begun": "begin to log in",
    "login.failed": "log in",
    "login.ended": "end a login",
    "code.requested": "have a code mailed",
    "code.verified": "have a code verified",
    "code.failed": "log in with a code",
    "invitation.accepted": "accept an invitation",
    "password.reset_requested": "ask for a mail to set a password again",
    "password.reset": "set a password again",
    "password.changed": "change the own password",
    "totp.begun": "begin to enroll an authenticator",
    "totp.enrolled": "enroll an authenticator",
    "totp.removed": "remove the own authenticator",
    "recovery_codes.created": "make recovery codes",
    "own_login.listed": "list the own logins",
    "role.created": "create a role",
    "role.read": "read {it}",
    "role.listed": "list roles",
    "role.updated": "update {it}",
    "role.deleted": "delete {it}",
    "permissions.listed": "list its own permissions",
    "permissions.reported": "have it reported who held which permission",
    "key.created": "make an API key",
    "key.rotated": "rotate {it}",
    "key.revoked": "revoke {it}",
    "key.listed": "list the keys of {it}",
    "client_certificate.registered": "register a certificate",
    "client_certificate.revoked": "revoke {it}",
    "client_certificate.listed": "list the certificates of {it}",
    "service.updated": "update {it}",
    "service.listed": "list services",
    "program.created": "create a program",
    "program.read": "read {it}",
    "program.listed": "list programs",
    "program.updated": "update {it}",
    "program.archived": "archive {it}",
    "program.unarchived": "unarchive {it}",
    "program.clock_advanced": "move the test clock{of}",
    "card.archived": "archive {it}",
    "card.unarchived": "unarchive {it}",
    "customer.created": "create a customer{of}",
    "customer.read": "read the personal data of {it}",
    "customer.looked_up": "look up a customer{of}",
    "customer.listed": "list customers{of}",
    "customer.updated": "update {it}",
    "customer.suspended": "suspend {it}",
    "customer.blocked": "block {it}",
    "customer.closed": "close {it}",
    "customer.erased": "erase {it}",
    "customer.reactivated": "reactivate {it}",
    "customer.merged": "merge {it} into another",
    "customer.unmerged": "part {it} again",
    "transaction.recorded": "record a purchase{of}",
    "transaction.updated": "update {it}",
    "transaction.accepted": "accept {it}",
    "transaction.rejected": "reject {it}",
    "transaction.refunded": "refund {it}",
    "transaction.read": "read {it}",
    "transaction.looked_up": "look up a purchase{of}",
    "transaction.listed": "list purchases{of}",
    "refund.read": "read {it}{of}",
    "refund.listed": "list refunds of {it}",
    "points.spent": "spend points{of}",
    "points.adjusted": "adjust points{of}",
    "points.transferred": "transfer points{of}",
    "spending.rolled_back": "roll back a spending{of}",
    "reward.claimed": "claim a reward{of}",
    "balance.read": "read the balance{of}",
    "balance.listed": "read balances{of}",
    "balance.explained": "explain the balance{of}",
    "account.listed": "list accounts{of}",
    "entry.read": "read {it}{of}",
    "entry.listed": "list entries{of}",
    "hold.created": "set points aside{of}",
    "hold.captured": "capture {it}{of}",
    "hold.released": "release {it}{of}",
    "hold.read": "read {it}{of}",
    "hold.listed": "list holds{of}",
    "lot.activated": "make {it}{of} active",
    "lot.cancelled": "cancel {it}{of}",
    "lot.read": "read {it}{of}",
    "lot.listed": "list lots{of}",
    "redating.started": "change the expiry of points{of}",
    "operation.read": "read {it}",
    "operation.listed": "list operations{of}",
    "operation.cancelled": "cancel {it}",
    "event.recorded": "record an event{of}",
    "event.listed": "list events{of}",
    "batch.ingested": "send postings",
    "liability.read": "read what is owed in points{of}",
    "shortfall.listed": "list shortfalls{of}",
    "retention.read": "read the retention{of}",
    "retention.updated": "change the retention{of}",
    "legalhold.placed": "place a legal hold{of}",
    "legalhold.lifted": "lift a legal hold{of}",
    "legalhold.listed": "list legal holds{of}",
    "shortfall.written_off": "write off {it}{of}",
    "activity.recorded": "record an activity{of}",
    "activity.read": "read an activity",
    "access.listed": "list who looked at the data{of}",
    "activity.listed": "list activities{of}",
    "activity.analyzed": "count activities{of}",
    "activity.watched": "watch activities{of}",
    "activity.exported": "export activities{of}",
    "export.planned": "have activities{of} exported",
    "campaign.created": "create a coupon campaign{of}",
    "campaign.read": "read {it}",
    "campaign.listed": "list coupon campaigns{of}",
    "campaign.updated": "update {it}",
    "campaign.archived": "archive {it}",
    "campaign.unarchived": "unarchive {it}",
    "campaign.counted": "count the coupons of {it}",
    "coupons.generated": "generate coupons of {it}",
    "coupons.imported": "import coupons of {it}",
    "coupons.exported": "export the codes of {it}",
    "coupons.assigned": "give coupons of {it} to many customers",
    "coupons.voided": "void coupons of {it}",
    "coupon.shared": "make a shared code of {it}",
    "batch.listed": "list batches of {it}",
    "code.revealed": "see codes in the clear{of}",
    "coupon.read": "read {it}{of}",
    "coupon.looked_up": "look up a code{of}",
    "coupon.listed": "list coupons{of}",
    "coupon.assigned": "give a coupon to {it}",
    "coupon.validated": "validate coupons{of}",
    "coupon.reserved": "reserve coupons{of}",
    "coupon.released": "release reserved coupons{of}",
    "coupon.redeemed": "redeem coupons{of}",
    "coupon.voided": "void {it}{of}",
    "redemption.rolled_back": "roll back {it}{of}",
    "redemption.read": "read {it}{of}",
    "redemption.listed": "list redemptions{of}",
    "reward.created": "create a reward{of}",
    "reward.read": "read {it}",
    "reward.listed": "list rewards{of}",
    "reward.updated": "update {it}",
    "reward.archived": "archive {it}",
    "reward.unarchived": "unarchive {it}",
    "claim.cancelled": "cancel a claim{of}",
    "claim.read": "read a claim{of}",
    "claim.listed": "list claims{of}",
    "pass_template.created": "create a pass template{of}",
    "pass_template.read": "read {it}",
    "pass_template.listed": "list pass templates{of}",
    "pass_template.updated": "update {it}",
    "pass_template.archived": "archive {it}",
    "pass_template.unarchived": "unarchive {it}",
    "pass_image.uploaded": "upload an image of passes{of}",
    "pass.issued": "issue a pass{of}",
    "pass.read": "read a pass{of}",
    "pass.listed": "list passes{of}",
    "pass.mailed": "mail a pass{of}",
    "pass.pushed": "push a pass{of}",
    "pass.voided": "void a pass{of}",
    "pass.traced": "trace the updates of a pass{of}",
    "pass_link.created": "make a link to a pass{of}",
    "pass_link.revoked": "revoke a link to a pass{of}",
    "device_log.listed": "list what phones reported of a pass{of}",
    "user.invited": "invite a user",
    "user.invitation_resent": "send {it} another invitation",
    "user.read": "look at {it}",
    "user.listed": "list users",
    "user.updated": "update {it}",
    "user.locked": "lock {it}",
    "user.unlocked": "unlock {it}",
    "user.archived": "archive {it}",
    "user.unarchived": "unarchive {it}",
    "role.assigned": "give {it} a role",
    "role.ended": "take a role from {it}",
    "second_factor.reset": "reset the second factor of {it}",
    "login.listed": "list logins{of}",
    "login.revoked": "revoke a login{of}",
    "approval_rule.created": "create an approval rule{of}",
    "approval_rule.updated": "update {it}{of}",
    "approval_rule.deleted": "delete {it}{of}",
    "approval_rule.listed": "list approval rules{of}",
    "approval.read": "read {it}{of}",
    "approval.listed": "list requests for approval{of}",
    "approval.previewed": "see what would become of {it}{of}",
    "approval.submitted": "submit {it}{of}",
    "approval.approved": "approve {it}{of}",
    "approval.rejected": "reject {it}{of}",
    "approval.withdrawn": "withdraw {it}{of}",
    "network.created": "create a network",
    "network.read": "read a network",
    "network.listed": "list networks",
    "network.updated": "update a network",
    "network.deleted": "delete a network",
    "partner.created": "create a partner",
    "partner.read": "read a partner",
    "partner.listed": "list partners",
    "partner.updated": "update a partner",
    "partner.deleted": "delete a partner",
    "program.transferred": "give {it} to a partner",
    "club.created": "create a club{of}",
    "club.read": "read {it}",
    "club.listed": "list clubs{of}",
    "club.updated": "update {it}",
    "club.deleted": "delete {it}",
    "club.joined": "take a customer into {it}",
    "club.left": "let a customer leave {it}",
    "club.customers_listed": "list the customers of {it}",
    "method.unknown": "call a method that there is not",
}
