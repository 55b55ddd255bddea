"""The vocabulary of the activity log: what an act is called, and what Fealty does of itself.

Acts of callers are named in the contract, by the policy of each method. Values are those of the contract's
enums without their prefix.
"""

import re
from enum import StrEnum
from typing import Any, NamedTuple

from rules.access import ActorType


class Kind(NamedTuple):
    """What an activity is: a noun and what happened to it, where it belongs, and whether that is CREATED, UPDATED or
    DELETED by it (empty: none of these)."""

    action: str
    category: str
    type: str
    module: str | None = None
    event: str = "UPDATED"


# The id in records of what somebody with a shell on the host does: the command line knows no names.
OPERATOR = "operator"

# All that there are, in the words and the order of the contract.
CATEGORIES = ("ORDERS", "CUSTOMERS", "BOOKINGS", "PAYMENTS", "SYSTEM")
TYPES = (
    *("AUTH", "ACCESS", "ORDER", "PAYMENT", "CART", "BOOKING", "ENQUIRY"),
    *("VISIT", "SCAN", "COMMUNICATION", "SETTINGS", "CONFIGURATION", "DATA", "SECURITY"),
    *("COMPLIANCE", "NOTIFICATION", "INTEGRATION", "REPORT", "EXPORT"),
)


class ChangeKind(StrEnum):
    """How a value that changed is to be read."""

    NUMBER = "NUMBER"
    DURATION = "DURATION"
    INSTANT = "INSTANT"
    TEXT = "TEXT"
    FLAG = "FLAG"
    LIST = "LIST"
    WITHHELD = "WITHHELD"


class PersonalValue(NamedTuple):
    """A value about a person, as JSON has it without floats: kept beside the record, where it can be erased."""

    value: Any

    def __repr__(self) -> str:
        """Nothing of it: what is shown of a fault may come into a log."""
        return "PersonalValue(…)"


class Change(NamedTuple):
    """A field before and after, as JSON has them without floats; None where it was not there. Of a secret field only
    the name is kept: both values are None."""

    field: str
    before: Any = None
    after: Any = None

    @property
    def kind(self) -> ChangeKind:
        """A number is a duration, and a text an instant, where the field's name ends like one."""
        value = self.after if self.before is None else self.before
        match value:
            case None:
                return ChangeKind.WITHHELD
            case bool():
                return ChangeKind.FLAG
            case int():
                return ChangeKind.DURATION if self.field.endswith(_DURATIONS) else ChangeKind.NUMBER
            case str():
                return ChangeKind.INSTANT if self.field.endswith(_INSTANTS) else ChangeKind.TEXT
            case PersonalValue():
                return ChangeKind.WITHHELD
        return ChangeKind.LIST


class Approved(NamedTuple):
    """By what an act was allowed that is under approval: the resource name of the request, the ids of the people who
    approved it, and the activity of the last approval, from which the act follows."""

    request: str
    by: tuple[str, ...]
    activity: str


class Origin(NamedTuple):
    """Who did it, from where, by which call, and for what. `forwarded_for` has the addresses that proxies named, the
    nearest last; these, software, page, trace and purpose are what the other side said. `approval` is by what it was
    allowed, where it was under approval; `on_behalf_of` is the resource name of whom it acted for."""

    actor_type: ActorType
    actor: str
    source: str
    kind: Kind
    method: str = ""
    ip_address: str = ""
    user_agent: str = ""
    roles: tuple[str, ...] = ()
    forwarded_for: tuple[str, ...] = ()
    page_url: str = ""
    trace_id: str = ""
    purpose: str = ""
    approval: Approved | None = None
    on_behalf_of: str = ""


# Units come last in names.
_DURATIONS = ("_s", "_minutes", "_hours", "days", "months", "years")
_INSTANTS = ("_at", "_time")

POINTS_ACTIVATED = Kind("points.activated", "ORDERS", "ORDER")
POINTS_EXPIRED = Kind("points.expired", "CUSTOMERS", "DATA")
DEBT_REPAID = Kind("debt.repaid", "CUSTOMERS", "DATA")
HOLD_EXPIRED = Kind("hold.expired", "CUSTOMERS", "DATA")
REDEMPTION_EXPIRED = Kind("redemption.expired", "CUSTOMERS", "DATA")
LOT_REDATED = Kind("lot.redated", "CUSTOMERS", "DATA", "MEMBERS")
OPERATION_SUCCEEDED = Kind("operation.succeeded", "CUSTOMERS", "DATA", "MEMBERS")
OPERATION_FAILED = Kind("operation.failed", "CUSTOMERS", "DATA", "MEMBERS")
ERASURE_COMPLETED = Kind("erasure.completed", "CUSTOMERS", "DATA", "MEMBERS", "DELETED")
MAIL_SENT = Kind("mail.sent", "CUSTOMERS", "COMMUNICATION", "COMMUNICATIONS")
MAIL_FAILED = Kind("mail.failed", "CUSTOMERS", "COMMUNICATION", "COMMUNICATIONS")
KEY_CREATED = Kind("key.created", "SYSTEM", "SECURITY", "ACCESS_CONTROL", "CREATED")
KEY_REVOKED = Kind("key.revoked", "SYSTEM", "SECURITY", "ACCESS_CONTROL", "DELETED")
PERSONAL_KEY_CREATED = Kind("personal_key.created", "SYSTEM", "SECURITY", "ACCESS_CONTROL", "CREATED")
PERSONAL_KEY_ROTATED = Kind("personal_key.rotated", "SYSTEM", "SECURITY", "ACCESS_CONTROL")
CODE_KEY_CREATED = Kind("code_key.created", "SYSTEM", "SECURITY", "ACCESS_CONTROL", "CREATED")
APPROVAL_KEY_CREATED = Kind("approval_key.created", "SYSTEM", "SECURITY", "ACCESS_CONTROL", "CREATED")
WALLET_KEY_CREATED = Kind("wallet_key.created", "SYSTEM", "SECURITY", "ACCESS_CONTROL", "CREATED")
LOGIN_SUCCEEDED = Kind("login.succeeded", "SYSTEM", "AUTH", "ACCESS_CONTROL", "CREATED")
LOGIN_FAILED = Kind("login.failed", "SYSTEM", "AUTH", "ACCESS_CONTROL", "")
LOGIN_ENDED = Kind("login.ended", "SYSTEM", "AUTH", "ACCESS_CONTROL", "DELETED")
CODE_VERIFIED = Kind("code.verified", "SYSTEM", "AUTH", "ACCESS_CONTROL", "UPDATED")
CODE_FAILED = Kind("code.failed", "SYSTEM", "AUTH", "ACCESS_CONTROL", "")
RECOVERY_CODE_USED = Kind("recovery_code.used", "SYSTEM", "AUTH", "ACCESS_CONTROL", "DELETED")
RECOVERY_CODES_CREATED = Kind("recovery_codes.created", "SYSTEM", "AUTH", "ACCESS_CONTROL", "CREATED")
ADMINISTRATOR_CREATED = Kind("administrator.created", "SYSTEM", "ACCESS", "ACCESS_CONTROL", "CREATED")
PASSWORD_RESET = Kind("password.reset", "SYSTEM", "AUTH", "ACCESS_CONTROL")
CODE_REQUESTED = Kind("code.requested", "SYSTEM", "AUTH", "ACCESS_CONTROL", "CREATED")
ACCESS_KEY_CREATED = Kind("access_key.created", "SYSTEM", "SECURITY", "ACCESS_CONTROL", "CREATED")
PASS_INSTALLED = Kind("pass.installed", "CUSTOMERS", "COMMUNICATION", "COMMUNICATIONS", "CREATED")
PASS_REMOVED = Kind("pass.removed", "CUSTOMERS", "COMMUNICATION", "COMMUNICATIONS", "DELETED")
CUSTOMER_UNSUBSCRIBED = Kind("customer.unsubscribed", "CUSTOMERS", "COMMUNICATION", "COMMUNICATIONS")
PUSHES_HALTED = Kind("pushes.halted", "SYSTEM", "INTEGRATION", "COMMUNICATIONS", event="")
PUSHES_RESUMED = Kind("pushes.resumed", "SYSTEM", "INTEGRATION", "COMMUNICATIONS", event="")
DEVICE_GONE = Kind("pass.device_gone", "CUSTOMERS", "COMMUNICATION", "COMMUNICATIONS", "DELETED")
CERTIFICATE_EXPIRING = Kind("certificate.expiring", "SYSTEM", "SECURITY", "ACCESS_CONTROL", event="")
DATABASE_MIGRATED = Kind("database.migrated", "SYSTEM", "CONFIGURATION", "PROGRAM_SETTINGS")
PROCESS_STARTED = Kind("process.started", "SYSTEM", "CONFIGURATION", event="")
PROCESS_ENDED = Kind("process.ended", "SYSTEM", "CONFIGURATION", event="")
EXPORT_STARTED = Kind("export.started", "SYSTEM", "EXPORT", "REPORTS", event="")
COUPON_ASSIGNED = Kind("coupon.assigned", "PAYMENTS", "PAYMENT")
COUPON_VOIDED = Kind("coupon.voided", "PAYMENTS", "PAYMENT", event="DELETED")
CODES_EXPORT_STARTED = Kind("codes.export_started", "SYSTEM", "EXPORT", "CAMPAIGNS", event="")
RETENTION_ANNOUNCED = Kind("retention.announced", "SYSTEM", "COMPLIANCE", event="")
RETENTION_DROPPED = Kind("retention.dropped", "SYSTEM", "COMPLIANCE", event="DELETED")
INDEX_REBUILT = Kind("index.rebuilt", "SYSTEM", "CONFIGURATION", event="")
ATTEMPTS_LIMITED = Kind("attempts.limited", "SYSTEM", "SECURITY", "ACCESS_CONTROL", "")
CALLS_LIMITED = Kind("calls.limited", "SYSTEM", "SECURITY", "ACCESS_CONTROL", "")
METHOD_UNKNOWN = Kind("method.unknown", "SYSTEM", "SECURITY", event="")
APPROVAL_DRAFTED = Kind("approval.drafted", "SYSTEM", "COMPLIANCE", "APPROVAL_WORKFLOW", "CREATED")
APPROVAL_SUBMITTED = Kind("approval.submitted", "SYSTEM", "COMPLIANCE", "APPROVAL_WORKFLOW", "CREATED")
APPROVAL_EXPIRED = Kind("approval.expired", "SYSTEM", "COMPLIANCE", "APPROVAL_WORKFLOW")
APPROVAL_EXECUTED = Kind("approval.executed", "SYSTEM", "COMPLIANCE", "APPROVAL_WORKFLOW")
APPROVAL_FAILED = Kind("approval.failed", "SYSTEM", "COMPLIANCE", "APPROVAL_WORKFLOW")
# All that is named here and not in the contract.
OWN = (
    *(POINTS_ACTIVATED, POINTS_EXPIRED, DEBT_REPAID, HOLD_EXPIRED, REDEMPTION_EXPIRED, LOT_REDATED),
    *(OPERATION_SUCCEEDED, OPERATION_FAILED, ERASURE_COMPLETED),
    *(MAIL_SENT, MAIL_FAILED, KEY_CREATED, KEY_REVOKED, PERSONAL_KEY_CREATED, PERSONAL_KEY_ROTATED),
    *(
        CODE_KEY_CREATED,
        WALLET_KEY_CREATED,
        ACCESS_KEY_CREATED,
        APPROVAL_KEY_CREATED,
        APPROVAL_DRAFTED,
        APPROVAL_SUBMITTED,
        APPROVAL_EXPIRED,
        APPROVAL_EXECUTED,
        APPROVAL_FAILED,
        LOGIN_SUCCEEDED,
        LOGIN_FAILED,
        LOGIN_ENDED,
        CODE_VERIFIED,
        CODE_FAILED,
        CODE_REQUESTED,
        RECOVERY_CODE_USED,
        RECOVERY_CODES_CREATED,
        ADMINISTRATOR_CREATED,
        PASSWORD_RESET,
        DATABASE_MIGRATED,
        PROCESS_STARTED,
        PROCESS_ENDED,
        EXPORT_STARTED,
        METHOD_UNKNOWN,
    ),
    *(RETENTION_ANNOUNCED, RETENTION_DROPPED, INDEX_REBUILT, ATTEMPTS_LIMITED, CALLS_LIMITED),
    *(COUPON_ASSIGNED, COUPON_VOIDED, CODES_EXPORT_STARTED),
    *(PASS_INSTALLED, PASS_REMOVED, CUSTOMER_UNSUBSCRIBED),
    *(PUSHES_HALTED, PUSHES_RESUMED, DEVICE_GONE, CERTIFICATE_EXPIRING),
)


# Ids of requests and traces, of whatever make. A longer text is somebody's payload; one with an @ or a space may be
# somebody's address or name, and has no place in a log.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:;=/-]{0,63}")


def noted_id(given: str) -> str:
    """An id that a caller chose, as a log may keep it: empty where it might tell of a person."""
    return given if _ID.fullmatch(given) else ""


# What browsers call themselves, those first that claim to be others as well.
_BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Version": "Safari"}


def browser(user_agent: str) -> str:
    """The browser in what software says it is, with the version as people know it: `Firefox 128`. Empty: none."""
    products = dict(word.partition("/")[::2] for word in user_agent.split())
    if "Mozilla" not in products:
        return ""
    for product, name in _BROWSERS.items():
        if product in products:
            return f"{name} {products[product].partition('.')[0]}"
    return ""


def by_time(kind: Kind) -> Origin:
    """What the passing of time does, whoever notices first."""
    return Origin(ActorType.SYSTEM, "", "AUTOMATED", kind)


def by_worker(kind: Kind) -> Origin:
    """What Fealty does of itself with an act that somebody asked for: bringing it to its end."""
    return Origin(ActorType.SYSTEM, "", "AUTOMATED", kind)


def by_itself(kind: Kind) -> Origin:
    """What a process of Fealty says of itself."""
    return Origin(ActorType.SYSTEM, "", "SYSTEM", kind)


def by_operator(kind: Kind) -> Origin:
    """What somebody with a shell on the host does through the command line."""
    return Origin(ActorType.ADMINISTRATOR, OPERATOR, "PLATFORM", kind)
