"""Reads customers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from rules.refusals import CustomerNotFound
from storage.customers.tables import CustomerRow, ExternalIdRow
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
    """A customer as it stands; `id` is internal, `customer_id` public in its program."""

    id: int
    program_id: str
    customer_id: str
    profile: Profile
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program_id}/customers/{self.customer_id}"

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return f'"{self.version}"'


def get(program: Program, customer_id: str, for_update: bool = False) -> Customer:
    """The customer of that public id. Raises CustomerNotFound."""
    query = CustomerRow.select().where((CustomerRow.program == program.id) & (CustomerRow.customer_id == customer_id))
    return _one(program, list(query.for_update() if for_update else query))


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
    return [
        Customer(
            row.id,
            program.program_id,
            row.customer_id,
            Profile(row.display_name, row.email, row.phone_number, row.language_code, tuple(external_ids[row.id])),
            row.version,
            row.created_at,
            row.updated_at,
        )
        for row in rows
    ]


def _external_ids(customers: Iterable[int]) -> dict[int, list[ExternalId]]:
    found: defaultdict[int, list[ExternalId]] = defaultdict(list)
    query = ExternalIdRow.select().where(ExternalIdRow.customer.in_(list(customers)))
    for row in query.order_by(ExternalIdRow.source, ExternalIdRow.external_id):
        found[row.customer].append(ExternalId(row.source, row.external_id))
    return found
