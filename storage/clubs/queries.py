"""Reads clubs, and who is in them."""

from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from peewee import fn

from rules import clubs as rules
from rules.clubs import ClubNotFound
from storage.clubs.records import ClubCustomerRow, ClubRow
from storage.customers.queries import Customer
from storage.customers.records import CustomerRow
from storage.engine.database import NO_KEY_UPDATE, Connection, handle
from storage.programs.queries import Program


class Club(NamedTuple):
    """A club as it stands; `id` is internal, `club_id` public in its program. `customers` are in it."""

    id: int
    program_id: str
    club_id: str
    version: int
    club: rules.Club
    customers: int
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program_id}/clubs/{self.club_id}"

    @property
    def etag(self) -> str:
        """Changes with every change, and not with who is in it."""
        return f'"{self.version}"'


class Joined(NamedTuple):
    """A customer that is in a club: the public id, and since when; `id` is that of the row."""

    id: UUID
    customer_id: str
    joined_at: datetime


def get(program: Program, club_id: str, for_update: bool = False) -> Club:
    """The club of that public id. Raises ClubNotFound."""
    is_it = (ClubRow.program == program.id) & (ClubRow.club_id == club_id) & ClubRow.deleted_at.is_null()
    query = ClubRow.select().where(is_it)
    found = (query.for_update(NO_KEY_UPDATE) if for_update else query).first()
    if found is None:
        raise ClubNotFound(program=program.program_id)
    return _whole(program, found)


def page(program: Program, of: Customer | None, after: str, size: int) -> list[Club]:
    """Up to `size` clubs, where a customer is given those that it is in, by public id, from the first after `after`."""
    query = ClubRow.select().where(
        (ClubRow.program == program.id) & (ClubRow.club_id > after) & ClubRow.deleted_at.is_null()
    )
    if of is not None:
        is_in = (ClubCustomerRow.customer == of.id) & ClubCustomerRow.left_at.is_null()
        query = query.where(ClubRow.id.in_(ClubCustomerRow.select(ClubCustomerRow.club).where(is_in)))
    return [_whole(program, row) for row in query.order_by(ClubRow.club_id).limit(size)]


def customers(club: Club, after: Joined | None, size: int) -> list[Joined]:
    """Up to `size` customers that are in a club, in the order in which they joined, from the first after `after`."""
    query = (
        ClubCustomerRow.select(ClubCustomerRow.id, CustomerRow.customer_id, ClubCustomerRow.joined_at)
        .join(CustomerRow, on=(CustomerRow.id == ClubCustomerRow.customer))
        .where((ClubCustomerRow.club == club.id) & ClubCustomerRow.left_at.is_null())
    )
    if after is not None:
        place = fn.ROW(ClubCustomerRow.joined_at, ClubCustomerRow.id)
        query = query.where(place > fn.ROW(after.joined_at, after.id))
    ordered = query.order_by(ClubCustomerRow.joined_at, ClubCustomerRow.id).limit(size)
    return [Joined(*row) for row in ordered.tuples()]


def _whole(program: Program, row: Any) -> Club:
    books = cast(Connection, handle.connection())
    [(number,)] = books.execute(_CUSTOMERS, (row.id,))
    club = rules.Club(row.display_name, row.description, tuple(row.card_ids), tuple(row.reward_ids))
    return Club(row.id, program.program_id, row.club_id, row.version, club, number, row.created_at, row.updated_at)


_CUSTOMERS = "SELECT count(*) FROM club_customer WHERE club = %s AND left_at IS NULL"
