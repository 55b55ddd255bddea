"""Reads the contract: what each method declares about itself."""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from fealty.v1 import (
    access_pb2,
    activity_pb2,
    approvals_pb2,
    audit_pb2,
    clubs_pb2,
    coupon_campaigns_pb2,
    coupons_pb2,
    credentials_pb2,
    customers_pb2,
    events_pb2,
    holds_pb2,
    ingest_pb2,
    lots_pb2,
    operations_pb2,
    options_pb2,
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
from rules.access import Permission
from rules.activity import OWN, Kind
from rules.rates import RateClass

FILES: tuple[FileDescriptor, ...] = (
    programs_pb2.DESCRIPTOR,
    customers_pb2.DESCRIPTOR,
    transactions_pb2.DESCRIPTOR,
    points_pb2.DESCRIPTOR,
    holds_pb2.DESCRIPTOR,
    lots_pb2.DESCRIPTOR,
    operations_pb2.DESCRIPTOR,
    events_pb2.DESCRIPTOR,
    ingest_pb2.DESCRIPTOR,
    reports_pb2.DESCRIPTOR,
    audit_pb2.DESCRIPTOR,
    retention_pb2.DESCRIPTOR,
    coupon_campaigns_pb2.DESCRIPTOR,
    coupons_pb2.DESCRIPTOR,
    rewards_pb2.DESCRIPTOR,
    pass_templates_pb2.DESCRIPTOR,
    passes_pb2.DESCRIPTOR,
    users_pb2.DESCRIPTOR,
    approvals_pb2.DESCRIPTOR,
    access_pb2.DESCRIPTOR,
    roles_pb2.DESCRIPTOR,
    credentials_pb2.DESCRIPTOR,
    organizations_pb2.DESCRIPTOR,
    clubs_pb2.DESCRIPTOR,
)

# To change the password, to leave, and to hear that there is nothing else to be done.
_FOR_RESTRICTED = (access_pb2.ChangePasswordRequest, access_pb2.LogOutRequest, roles_pb2.ListMyPermissionsRequest)


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """A method as the contract declares it. `path` is its name on the wire.

    `streams` says whether requests come in a stream, `server_streams` whether responses do; `rate_class` is what its
    calls are counted as.
    """

    path: str
    service: str
    name: str
    request: type[Any]
    streams: bool
    permission: Permission
    audit: int
    kind: Kind
    server_streams: bool = False
    rate_class: RateClass = RateClass.READ

    @property
    def is_known(self) -> bool:
        """Whether the contract has it; calls of others are noted and refused."""
        return bool(self.service)

    @property
    def is_guarded(self) -> bool:
        """Whether it may not be done unrecorded: it changes something, or shows personal data."""
        return self.audit in (options_pb2.AUDIT_CLASS_MUTATION, options_pb2.AUDIT_CLASS_PERSONAL_READ)

    @property
    def is_change(self) -> bool:
        """Whether it changes something."""
        return self.audit == options_pb2.AUDIT_CLASS_MUTATION

    @property
    def names_acting_user(self) -> bool:
        """Whether its request, or what comes in its stream, can say on whose behalf it is made."""
        return self.streams or "reason" in self.request.DESCRIPTOR.fields_by_name

    @property
    def is_of_oneself(self) -> bool:
        """Whether customers may ask it about themselves, through whoever acts for them: its service checks of whom."""
        return self.request is audit_pb2.ListAccessToCustomerRequest

    @property
    def is_for_restricted(self) -> bool:
        """Whether a restricted login may call it. Whoever gave the password knows it: nothing that the user is known by
        is made or taken away with it."""
        return self.request in _FOR_RESTRICTED

    @property
    def shows_personal_data(self) -> bool:
        """Whether every call of it is recorded."""
        return self.audit == options_pb2.AUDIT_CLASS_PERSONAL_READ


@cache
def methods() -> Sequence[Method]:
    """Every method of every service of the contract."""
    services = [service for file in FILES for service in file.services_by_name.values()]
    return [_method(method) for service in services for method in service.methods]


def method_of(request: type[Any]) -> Method:
    """The method that takes requests of this type; each has a type of its own."""
    return _by_request()[request]


def word(enum: Any, number: int, prefix: str) -> str:
    """An enum's value as the books know it: its name without the prefix, empty where unspecified."""
    return enum.Name(number).removeprefix(prefix) if number else ""


@cache
def actions() -> Set[str]:
    """What Fealty itself records: the names of acts that are the contract's or its own."""
    return {kind.action for kind in _kinds()}


@cache
def event_of(action: str) -> str:
    """What an act of that name is to what it is about; empty where it is none, or where no version of ours knows it."""
    return next((kind.event for kind in _kinds() if kind.action == action), "")


def actions_of(events: Collection[str]) -> frozenset[str]:
    """The names of acts of Fealty that are one of these to what they are about."""
    return frozenset(kind.action for kind in _kinds() if event_of(kind.action) in events)


def _kinds() -> Sequence[Kind]:
    return (*OWN, *(method.kind for method in methods()))


@cache
def _by_request() -> dict[type[Any], Method]:
    return {method.request: method for method in methods()}


def _method(method: MethodDescriptor) -> Method:
    extension: Any = options_pb2.policy
    policy: options_pb2.MethodPolicy = method.GetOptions().Extensions[extension]
    service = method.containing_service
    kind = Kind(
        policy.action,
        word(activity_pb2.ActivityCategory, policy.category, "ACTIVITY_CATEGORY_"),
        word(activity_pb2.ActivityType, policy.type, "ACTIVITY_TYPE_"),
        word(activity_pb2.AdminModule, policy.module, "ADMIN_MODULE_") or None,
        word(activity_pb2.ActivityEvent, policy.event, "ACTIVITY_EVENT_"),
    )
    return Method(
        path=f"/{service.full_name}/{method.name}",
        service=service.full_name,
        name=method.name,
        request=GetMessageClass(method.input_type),
        streams=bool(method.client_streaming),
        permission=Permission(word(options_pb2.Permission, policy.permission, "PERMISSION_")),
        audit=policy.audit,
        kind=kind,
        server_streams=bool(method.server_streaming),
        rate_class=_rate_class(method, policy, kind),
    )


# What reads much: whole programs, or the log.
_READS_MUCH = frozenset({"REPORT", "EXPORT", "COMPLIANCE"})


def _rate_class(method: MethodDescriptor, policy: options_pb2.MethodPolicy, kind: Kind) -> RateClass:
    if policy.permission == options_pb2.PERMISSION_ANYONE:
        return RateClass.AUTH
    # An operation that is begun has no name yet. To ask how one stands costs next to nothing.
    tells_of_operation = any(field.message_type is _OPERATION for field in method.output_type.fields)
    if policy.audit == options_pb2.AUDIT_CLASS_MUTATION:
        is_begun = tells_of_operation and "name" not in method.input_type.fields_by_name
        return RateClass.HEAVY if is_begun else RateClass.WRITE
    return RateClass.HEAVY if kind.type in _READS_MUCH and not tells_of_operation else RateClass.READ


_OPERATION = operations_pb2.Operation.DESCRIPTOR
