"""Who looked at the personal data of a customer."""

from functools import cache

from fealty.v1 import audit_pb2 as pb
from rules.access import Caller, is_of_customer
from rules.activity import EXPORT_STARTED
from rules.programs import time_zone
from server.convert import activities, names
from server.policy import method_of, methods
from storage.activity.filters import Filter
from storage.activity.look import Search
from storage.activity.queries import Activity


def search(request: pb.ListAccessToCustomerRequest) -> Search:
    """The looks that a request asks for. Raises TimeZoneUnknown."""
    time_zone(request.time_zone or "UTC")
    customer = names.customer(request.parent)
    looks = Filter(actions=_actions(), outcomes=("SUCCEEDED",), shown=(customer.program, customer.customer))
    return Search(program=customer.program, filters=(looks,))


def message(found: Activity, caller: Caller, language: str, zone: str) -> pb.CustomerAccess:
    """One of them, told in a `language` that its reader accepts, with the time in a zone where one is named."""
    of = activities.message(found, caller, language, zone)
    details = found.body["details"]
    shown = pb.CustomerAccess(
        activity=of.name,
        access_time=of.record_time,
        local_access_time=of.local_record_time,
        actor=pb.Actor(type=of.actor.type, roles=of.actor.roles),
        action=of.action,
        method=found.body.get("method", ""),
        subject=of.subject,
        fields=[*details.get("fields", ()), *details.get("personal_fields", ())],
        purpose=of.purpose,
    )
    if not is_of_customer(caller):
        # Who may read this list is told from where, whatever else of the log it may read.
        shown.description = of.description
        shown.actor.name, shown.actor.display_name = of.actor.name, of.actor.display_name
        shown.actor.ip_address = found.body["actor"]["ip"]
        shown.on_behalf_of = found.body["actor"].get("on_behalf_of", "")
    return shown


@cache
def _actions() -> tuple[str, ...]:
    """What shows personal data, or the log of a customer. Of an export what is recorded as it begins."""
    looks = {method.kind.action for method in methods() if method.shows_personal_data and method.kind.type != "EXPORT"}
    started = {EXPORT_STARTED.action, method_of(pb.StartExportRequest).kind.action}
    return tuple(sorted(looks - {method_of(pb.ListAccessToCustomerRequest).kind.action} | started))
