"""Customers, and the merging of two that are one."""

from typing import Any

from fealty.v1 import customers_pb2 as pb
from rules.refusals import UpdateMaskInvalid
from server.call import Call
from server.convert import names
from server.convert.requests import context, given_fixed, receipt, timestamp, timestamp_or_none
from server.policy import word
from storage.customers.closing import BlockCustomer, Clearing, CloseCustomer
from storage.customers.commands import CreateCustomer, UpdateCustomer
from storage.customers.erasing import EraseCustomer
from storage.customers.merging import Merge, MergeCustomers
from storage.customers.queries import Customer, ExternalId, Profile
from storage.customers.states import ReactivateCustomer, SuspendCustomer
from storage.customers.unmerging import UnmergeCustomers
from storage.engine.requests import Answer

# What an update may send back as it was read.
_FIXED = ("state", "merged_into", "create_time", "update_time", "erase_time", "erase_pending")
_STATES: dict[str, Any] = {name.removeprefix("CUSTOMER_STATE_"): state for name, state in pb.CustomerState.items()}


def create_customer(call: Call, message: pb.CreateCustomerRequest) -> CreateCustomer:
    """The command in a request."""
    program_id, profile = names.program_id(message.parent), _profile(message.customer)
    return CreateCustomer(program_id, message.customer_id, profile, context(call, message))


def created(command: CreateCustomer, answer: Answer[Customer]) -> pb.CreateCustomerResponse:
    """What is answered to it."""
    return pb.CreateCustomerResponse(customer=message(answer.value), receipt=receipt(answer))


def update_customer(call: Call, message: pb.UpdateCustomerRequest) -> UpdateCustomer:
    """The command in a request. Raises UpdateMaskInvalid."""
    customer = message.customer
    given = _profile(customer)._asdict()
    paths = list(message.update_mask.paths) or [name for name, value in given.items() if value]
    if paths == ["*"]:
        paths = list(given)
    for path in paths:
        if path not in given:
            raise UpdateMaskInvalid(path=path)
    changes = {path: given[path] for path in paths}
    # A mask says what is meant; without one, what is sent is.
    fixed = () if message.update_mask.paths else given_fixed(customer, _FIXED)
    fixed = tuple((field, _state(value) if field == "state" else value) for field, value in fixed)
    return UpdateCustomer(*names.customer(customer.name), customer.etag, changes, context(call, message), fixed)


def updated(command: UpdateCustomer, answer: Answer[Customer]) -> pb.UpdateCustomerResponse:
    """What is answered to it."""
    return pb.UpdateCustomerResponse(customer=message(answer.value), receipt=receipt(answer))


def suspend_customer(call: Call, message: pb.SuspendCustomerRequest) -> SuspendCustomer:
    """The command in a request."""
    return SuspendCustomer(*names.customer(message.name), context(call, message))


def suspended(command: SuspendCustomer, answer: Answer[Customer]) -> pb.SuspendCustomerResponse:
    """What is answered to it."""
    return pb.SuspendCustomerResponse(customer=message(answer.value), receipt=receipt(answer))


def block_customer(call: Call, message: pb.BlockCustomerRequest) -> BlockCustomer:
    """The command in a request."""
    return BlockCustomer(*names.customer(message.name), context(call, message))


def blocked(command: BlockCustomer, answer: Answer[Clearing]) -> pb.BlockCustomerResponse:
    """What is answered to it."""
    accounts, customer = _cleared(answer.value), message(answer.value.customer)
    reservations = answer.value.ended.reservations
    return pb.BlockCustomerResponse(
        customer=customer, accounts=accounts, receipt=receipt(answer), reservations=reservations
    )


def close_customer(call: Call, message: pb.CloseCustomerRequest) -> CloseCustomer:
    """The command in a request."""
    return CloseCustomer(*names.customer(message.name), context(call, message))


def closed(command: CloseCustomer, answer: Answer[Clearing]) -> pb.CloseCustomerResponse:
    """What is answered to it."""
    accounts, customer = _cleared(answer.value), message(answer.value.customer)
    ended = answer.value.ended._asdict()
    return pb.CloseCustomerResponse(customer=customer, accounts=accounts, receipt=receipt(answer), **ended)


def erase_customer(call: Call, message: pb.EraseCustomerRequest) -> EraseCustomer:
    """The command in a request."""
    return EraseCustomer(*names.customer(message.name), context(call, message))


def erased(command: EraseCustomer, answer: Answer[Clearing]) -> pb.EraseCustomerResponse:
    """What is answered to it."""
    accounts, customer = _cleared(answer.value), message(answer.value.customer)
    ended = answer.value.ended._asdict()
    return pb.EraseCustomerResponse(customer=customer, accounts=accounts, receipt=receipt(answer), **ended)


def reactivate_customer(call: Call, message: pb.ReactivateCustomerRequest) -> ReactivateCustomer:
    """The command in a request."""
    return ReactivateCustomer(*names.customer(message.name), context(call, message))


def reactivated(command: ReactivateCustomer, answer: Answer[Customer]) -> pb.ReactivateCustomerResponse:
    """What is answered to it."""
    return pb.ReactivateCustomerResponse(customer=message(answer.value), receipt=receipt(answer))


def merge_customers(call: Call, message: pb.MergeCustomersRequest) -> MergeCustomers:
    """The command in a request."""
    return MergeCustomers(*names.customer(message.name), *names.customer(message.into), context(call, message))


def merged(command: MergeCustomers, answer: Answer[Merge]) -> pb.MergeCustomersResponse:
    """What is answered to it."""
    merge, customer = _merge(answer.value), message(answer.value.customer)
    return pb.MergeCustomersResponse(merge=merge, customer=customer, receipt=receipt(answer))


def unmerge_customers(call: Call, message: pb.UnmergeCustomersRequest) -> UnmergeCustomers:
    """The command in a request."""
    return UnmergeCustomers(*names.customer(message.name), context(call, message))


def unmerged(command: UnmergeCustomers, answer: Answer[Merge]) -> pb.UnmergeCustomersResponse:
    """What is answered to it."""
    merge, customer = _merge(answer.value), message(answer.value.customer)
    return pb.UnmergeCustomersResponse(merge=merge, customer=customer, receipt=receipt(answer))


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
        erase_time=timestamp_or_none(customer.erased_at),
        erase_pending=customer.erase_pending,
    )


def _cleared(clearing: Clearing) -> list[pb.ClearedAccount]:
    return [pb.ClearedAccount(**account._asdict()) for account in clearing.accounts]


def _state(number: Any) -> str:
    return word(pb.CustomerState, number, "CUSTOMER_STATE_")


def _merge(merge: Merge) -> pb.Merge:
    found = pb.Merge(**merge.belongings._asdict())
    for account in merge.accounts:
        found.accounts.add(**account._asdict())
    for duplicate in merge.duplicates:
        found.duplicates.add(**duplicate._asdict())
    return found


def _profile(customer: pb.Customer) -> Profile:
    external_ids = sorted({external_id(found) for found in customer.external_ids})
    return Profile(
        customer.display_name, customer.email, customer.phone_number, customer.language_code, tuple(external_ids)
    )
