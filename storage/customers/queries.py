"""Reads customers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from rules.access import Caller
from rules.refusals import CustomerNotFound
from rules.states import CustomerState
from storage.customers.records import CustomerRow, ErasureRow, ExternalIdRow
from storage.engine.database import NO_KEY_UPDATE
from storage.programs import queries as programs
from storage.programs.queries import Program


class ExternalId(NamedTuple):
    """What the system `source` calls a customer."""

    source: str
    external_id: str


class Profile(NamedTuple):
    """What a person told us. Every field is personal data."""

    display_name: str = ""
    email: str = ""
    phone_number: str = ""
    language_code: str = ""
    external_ids: tuple[ExternalId, ...] = ()


class Customer(NamedTuple):
    """A customer as it stands; `id` is internal, `customer_id` public in its program.

    `merged_into` is the resource name of whom it was merged into, empty where it was not. `erase_pending`: something
    that was written about the person is still to be removed.
    """

    id: int
    program_id: str
    customer_id: str
    profile: Profile
    version: int
    created_at: datetime
    updated_at: datetime
    state: CustomerState = CustomerState.ACTIVE
    merged_into: str = ""
    erased_at: datetime | None = None
    erase_pending: bool = False

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program_id}/customers/{self.customer_id}"

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return f'"{self.version}"'

    def as_kept(self) -> "KeptCustomer":
        """Which customer it is, and nothing about the person."""
        return KeptCustomer(self.program_id, self.customer_id)


class KeptCustomer(NamedTuple):
    """What is kept of an answer that shows a customer."""

    program_id: str
    customer_id: str

    def as_it_stands(self, caller: Caller) -> Customer:
        """The customer. Raises ProgramNotFound, CustomerNotFound."""
        return get(programs.get(self.program_id, caller), self.customer_id)


def get(program: Program, customer_id: str, for_update: bool = False) -> Customer:
    """The customer of that public id. Raises CustomerNotFound."""
    query = CustomerRow.select().where((CustomerRow.program == program.id) & (CustomerRow.customer_id == customer_id))
    return _one(program, list(query.for_update(NO_KEY_UPDATE) if for_update else query))


def lock(program: Program, *customer_ids: str) -> list[Customer]:
    """The customers of these public ids in that order, locked in the order of their internal ids, so that two who lock
    the same ones never wait for each other in a ring. Raises CustomerNotFound."""
    query = CustomerRow.select().where(
        (CustomerRow.program == program.id) & CustomerRow.customer_id.in_(list(customer_ids))
    )
    locked = query.order_by(CustomerRow.id).for_update(NO_KEY_UPDATE)
    found = {one.customer_id: one for one in _whole(program, list(locked))}
    if any(customer_id not in found for customer_id in customer_ids):
        raise CustomerNotFound(program=program.program_id)
    return [found[customer_id] for customer_id in customer_ids]


def lookup(program: Program, external_id: ExternalId) -> Customer:
    """The customer that another system knows by that id. Raises CustomerNotFound."""
    query = (
        CustomerRow.select()
        .join(ExternalIdRow, on=(ExternalIdRow.customer == CustomerRow.id))
        .where(
            (ExternalIdRow.program == program.id)
            & (ExternalIdRow.source == external_id.source)
            & (ExternalIdRow.external_id == external_id.external_id)
        )
    )
    return _one(program, list(query))


def page(program: Program, after: str, size: int) -> list[Customer]:
    """Up to `size` customers, by public id, from the first after `after`."""
    query = CustomerRow.select().where((CustomerRow.program == program.id) & (CustomerRow.customer_id > after))
    return _whole(program, list(query.order_by(CustomerRow.customer_id).limit(size)))


def _one(program: Program, rows: Sequence[CustomerRow]) -> Customer:
    if not rows:
        raise CustomerNotFound(program=program.program_id)
    return _whole(program, rows)[0]


def _whole(program: Program, rows: Sequence[CustomerRow]) -> list[Customer]:
    external_ids = _external_ids([row.id for row in rows])
    pending = _pending([row.id for row in rows if row.erased_at is not None])
    targets = _targets(program, [row.merged_into for row in rows if row.merged_into is not None])
    return [
        Customer(
            row.id,
            program.program_id,
            row.customer_id,
            Profile(row.display_name, row.email, row.phone_number, row.language_code, tuple(external_ids[row.id])),
            row.version,
            row.created_at,
            row.updated_at,
            CustomerState(row.state),
            targets[row.merged_into] if row.merged_into is not None else "",
            row.erased_at,
            row.id in pending,
        )
        for row in rows
    ]


def _targets(program: Program, customers: Sequence[int]) -> dict[int, str]:
    if not customers:
        return {}
    query = CustomerRow.select(CustomerRow.id, CustomerRow.customer_id).where(CustomerRow.id.in_(list(customers)))
    return {row.id: f"{program.name}/customers/{row.customer_id}" for row in query}


def _pending(customers: Sequence[int]) -> set[int]:
    """Those of which, or of whom was merged into them, something is still to be removed."""
    if not customers:
        return set()
    its_own, persons = ErasureRow.customer.in_(list(customers)), ErasureRow.person.in_(list(customers))
    query = ErasureRow.select().where(ErasureRow.ended_at.is_null() & (its_own | persons))
    return {number for row in query for number in (row.customer, row.person)}


def _external_ids(customers: Iterable[int]) -> dict[int, list[ExternalId]]:
    found: defaultdict[int, list[ExternalId]] = defaultdict(list)
    query = ExternalIdRow.select().where(ExternalIdRow.customer.in_(list(customers)))
    for row in query.order_by(ExternalIdRow.source, ExternalIdRow.external_id):
        found[row.customer].append(ExternalId(row.source, row.external_id))
    return found
