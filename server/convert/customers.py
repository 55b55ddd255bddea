"""Customers, and the merging of two that are one."""

from typing import Any

from fealty.v1 import customers_pb2 as pb
from rules.refusals import UpdateMaskInvalid
from server.convert import names
from server.convert.requests import reason, timestamp
from storage.customers.commands import CreateCustomer, UpdateCustomer
from storage.customers.merging import Merge, MergeCustomers
from storage.customers.queries import Customer, ExternalId, Profile
from storage.customers.states import ReactivateCustomer, SuspendCustomer
from storage.customers.unmerging import UnmergeCustomers

_STATES: dict[str, Any] = {name.removeprefix("CUSTOMER_STATE_"): state for name, state in pb.CustomerState.items()}


def create(request: pb.CreateCustomerRequest) -> CreateCustomer:
    """The command in a request."""
    return CreateCustomer(names.program_id(request.parent), request.customer_id, _profile(request.customer))


def update(request: pb.UpdateCustomerRequest) -> UpdateCustomer:
    """The command in a request. Raises UpdateMaskInvalid."""
    customer = request.customer
    given = _profile(customer)._asdict()
    paths = list(request.update_mask.paths) or [name for name, value in given.items() if value]
    if paths == ["*"]:
        paths = list(given)
    for path in paths:
        if path not in given:
            raise UpdateMaskInvalid(path=path)
    changes = {path: given[path] for path in paths}
    return UpdateCustomer(names.program_id(customer.name), names.customer_id(customer.name), customer.etag, changes)


def suspend(request: pb.SuspendCustomerRequest) -> SuspendCustomer:
    """The command in a request."""
    return SuspendCustomer(*names.customer(request.name), reason(request.reason))


def reactivate(request: pb.ReactivateCustomerRequest) -> ReactivateCustomer:
    """The command in a request."""
    return ReactivateCustomer(*names.customer(request.name), reason(request.reason))


def merge(request: pb.MergeCustomersRequest) -> MergeCustomers:
    """The command in a request."""
    return MergeCustomers(*names.customer(request.name), *names.customer(request.into), reason(request.reason))


def unmerge(request: pb.UnmergeCustomersRequest) -> UnmergeCustomers:
    """The command in a request."""
    return UnmergeCustomers(*names.customer(request.name), reason(request.reason))


def external_id(message: pb.ExternalId) -> ExternalId:
    """What another system calls a customer."""
    return ExternalId(message.source, message.external_id)


def message(customer: Customer) -> pb.Customer:
    """A customer as the contract shows it."""
    profile = customer.profile
    return pb.Customer(
        name=customer.name,
        display_name=profile.display_name,
        email=profile.email,
        phone_number=profile.phone_number,
        language_code=profile.language_code,
        external_ids=[
            pb.ExternalId(source=found.source, external_id=found.external_id) for found in profile.external_ids
        ],
        etag=customer.etag,
        create_time=timestamp(customer.created_at),
        update_time=timestamp(customer.updated_at),
        state=_STATES[customer.state],
        merged_into=customer.merged_into,
    )


def merge_message(merge: Merge) -> pb.Merge:
    """What moved, as the contract shows it."""
    shown = pb.Merge()
    for account in merge.accounts:
        shown.accounts.add(**account._asdict())
    for duplicate in merge.duplicates:
        shown.duplicates.add(**duplicate._asdict())
    return shown


def _profile(customer: pb.Customer) -> Profile:
    external_ids = sorted({external_id(found) for found in customer.external_ids})
    return Profile(
        customer.display_name, customer.email, customer.phone_number, customer.language_code, tuple(external_ids)
    )
