"""Finds accounts: which row an address of the contract means. The answer never changes, so it is remembered."""

from collections.abc import Iterable
from typing import NamedTuple

from rules.refusals import CardNotFound, CustomerNotFound, ProgramNotFound, Refusal
from storage.engine.database import Connection

# About 60 MB of addresses; a process that serves more customers than this looks some of them up again.
REMEMBERED_MAX = 200_000


class Address(NamedTuple):
    """An account in the words of the contract: the public ids of program and customer, and the card."""

    program: str
    customer: str
    card: str

    @property
    def customer_name(self) -> str:
        """The resource name of whom it belongs to."""
        return f"programs/{self.program}/customers/{self.customer}"

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program}/customers/{self.customer}/accounts/{self.card}"


class Place(NamedTuple):
    """An account by its internal ids."""

    account: int
    program: int
    customer: int


# Where the account of a customer is who never had points of that card: it stands at zero.
NOWHERE = 0


class Addresses:
    """Remembers where accounts are. One for each thread: it is not locked.

    With `opens`, an account that its customer does not have yet is opened; without, it is found NOWHERE.
    """

    def __init__(self, opens: bool) -> None:
        self._opens = opens
        self._places: dict[Address, Place] = {}

    def find(self, connection: Connection, wanted: Iterable[Address]) -> dict[Address, Place | Refusal]:
        """The place of each address, or why there is none: its card must be one of the program's."""
        found: dict[Address, Place | Refusal] = {}
        unknown = []
        for address in wanted:
            place = self._places.get(address)
            if place is None:
                unknown.append(address)
            else:
                found[address] = place
        if unknown:
            found.update(self._look_up(connection, sorted(set(unknown))))
        return found

    def _look_up(self, connection: Connection, wanted: list[Address]) -> dict[Address, Place | Refusal]:
        if len(self._places) + len(wanted) > REMEMBERED_MAX:
            self._places.clear()
        programs, customers, cards = (list(part) for part in zip(*wanted, strict=True))
        if self._opens:
            connection.execute(_OPEN, (programs, customers, cards), prepare=True)
        found: dict[Address, Place | Refusal] = {}
        rows = connection.execute(_PLACES, (programs, customers, cards), prepare=True)
        for address, (account, program, customer, has_card) in zip(wanted, rows, strict=True):
            if account is not None:
                found[address] = self._places[address] = Place(account, program, customer)
            elif program is None:
                found[address] = ProgramNotFound(program=address.program)
            elif customer is None:
                found[address] = CustomerNotFound(program=address.program)
            elif has_card:
                found[address] = Place(NOWHERE, program, customer)
            else:
                found[address] = CardNotFound(program=address.program, card=address.card)
        return found


# OFFSET 0: the addresses lead, whatever the planner thought of the tables when they were empty.
_WANTED = """
    FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS w(program_id, customer_id, card_id, place)
    LEFT JOIN LATERAL (
        SELECT id, settings FROM program WHERE program_id = w.program_id OFFSET 0
    ) AS p ON true
    LEFT JOIN LATERAL (
        SELECT id FROM customer WHERE program = p.id AND customer_id = w.customer_id OFFSET 0
    ) AS c ON true
    LEFT JOIN LATERAL (
        SELECT id FROM account WHERE customer = c.id AND card_id = w.card_id OFFSET 0
    ) AS a ON true
"""

_HAS_CARD = "p.settings -> 'cards' @> jsonb_build_array(jsonb_build_object('card_id', w.card_id))"

# In the order of the customers, so that two processes that open the same accounts do not wait for each other in a ring.
_OPEN = f"""
INSERT INTO account (program, customer, card_id)
SELECT p.id, c.id, w.card_id {_WANTED}
WHERE c.id IS NOT NULL AND a.id IS NULL
  AND {_HAS_CARD}
ORDER BY c.id, w.card_id
ON CONFLICT DO NOTHING
"""

_PLACES = f"SELECT a.id, p.id, c.id, {_HAS_CARD} {_WANTED} ORDER BY w.place"
