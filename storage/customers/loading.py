"""Whom an act concerns that touches no account: a customer, kept as it is meanwhile, or a program alone."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from msgspec import Raw, json

from rules.states import CustomerState
from storage.engine.functions import Functions
from storage.engine.nouns import Noun
from storage.engine.records import Kind
from storage.engine.workspace import Workspace

FUNCTIONS = Functions(Path(__file__).parent / "load.sql")


class Concerned(NamedTuple):
    """A program and, where there is one, a customer of it, by internal ids; `now` is what the program's clock shows.

    `merged_into` is the public id of the customer into whom it was merged.
    """

    program: int
    now: datetime
    customer: int | None
    state: CustomerState
    merged_into: str


# By the public ids of program and customer; the latter is empty where an act is about no customer.
CONCERNED: Kind[Concerned] = Kind("concerned")

_Row = tuple[str, str, int, datetime | None, int | None, CustomerState | None, str | None]
_ROWS = json.Decoder(list[_Row] | None)


def _put(workspace: Workspace, rows: Raw) -> None:
    for program_id, customer_id, program, test_clock_at, customer, state, target in _ROWS.decode(rows) or ():
        now = test_clock_at or workspace.now
        found = Concerned(program, now, customer, state or CustomerState.ACTIVE, target or "")
        workspace.load(CONCERNED, (program_id, customer_id), found)


CUSTOMER = Noun("customer", FUNCTIONS["load_customer"], _put, FUNCTIONS["lock_customer"])
