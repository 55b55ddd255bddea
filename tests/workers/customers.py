"""Programs with a test clock, and customers who have points in them."""

import math
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from rules.access import ActorType, Role, in_role
from rules.activity import Kind, Origin
from rules.programs import Card, EarnRate, ExpiryPolicy, PendingMode, PendingPolicy, Settings
from storage.customers.commands import CreateCustomer
from storage.customers.queries import Profile
from storage.engine.commands import NO_REASON, CommandContext, Reason, carry_out
from storage.engine.database import Database, connection
from storage.engine.requests import Request
from storage.ledger.acts.transactions import RecordTransaction
from storage.ledger.addresses import Address
from storage.ledger.verify import verify
from storage.programs.commands import AdvanceTestClock, CreateProgram
from tests.storage.blocking import Ledger

CALLER = in_role("caller", "tests", Role.ADMINISTRATOR)
ORIGIN = Origin(ActorType.SERVICE, "tests", "API", Kind("tests.acted", "ORDERS", "ORDER"))
# Points become active on the third day after a purchase, and last to the end of the day a month later.
PENDING = PendingPolicy(PendingMode.DELAY, 2)
SETTINGS = Settings(
    "Coffee",
    "UTC",
    (Card("points", "Points", 0, EarnRate(1, 1, "EUR"), PENDING, ExpiryPolicy(1)),),
)


def create_program(database: Database, program_id: str, test_clock_at: datetime | None) -> int:
    """Its number."""
    return carry_out(database, CreateProgram(program_id, SETTINGS, test_clock_at, asked())).value.id


def enrol(database: Database, program_id: str, customer_ids: Sequence[str]) -> None:
    """New customers of the program."""
    for customer_id in customer_ids:
        carry_out(database, CreateCustomer(program_id, customer_id, Profile(), asked()))


def buy(database: Database, program_id: str, customer_ids: Sequence[str], points: int) -> None:
    """A purchase by each, now, worth so many points."""
    commands = [
        RecordTransaction(
            Address(program_id, customer_id, "points"),
            uuid4().hex,
            points,
            "EUR",
            None,
            (),
            asked(),
        )
        for customer_id in customer_ids
    ]
    for outcome in Ledger(database).run(commands):
        if isinstance(outcome, Exception):
            raise outcome


def advance(database: Database, program_id: str, to: datetime) -> None:
    """Moves the program's clock, which plans its sweep."""
    carry_out(database, AdvanceTestClock(program_id, to, asked()))


def assert_verified(database: Database) -> None:
    """`fealty ledger verify` finds no fault."""
    with connection(database) as books:
        verdict = verify(books)
    assert verdict.holds, verdict.shown


def asked(reason: Reason = NO_REASON) -> CommandContext:
    """How something is asked for, by a request of its own."""
    request = Request(CALLER.id, "test", str(uuid4()), "00")
    return CommandContext(CALLER, request, ORIGIN, validate_only=False, deadline=math.inf, reason=reason)
