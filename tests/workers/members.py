"""Programs with a test clock, and customers who have points in them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from rules.access import ActorType, Caller, Role
from rules.activity import Kind, Origin
from rules.programs import Card, EarnRate, ExpiryPolicy, PendingMode, PendingPolicy, Settings
from storage.customers import commands as customers
from storage.customers.commands import CreateCustomer
from storage.customers.queries import Profile
from storage.engine.database import Database, connection
from storage.engine.requests import Request
from storage.engine.unit import transaction
from storage.ledger.acts.transactions import RecordTransaction
from storage.ledger.addresses import Address
from storage.ledger.commands import Asked
from storage.ledger.verify import verify
from storage.programs import commands as programs
from storage.programs.commands import AdvanceTestClock, CreateProgram
from tests.storage.blocking import Ledger

CALLER = Caller("caller", "tests", Role.ADMINISTRATOR)
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
    command = CreateProgram(program_id, SETTINGS, test_clock_at)
    with transaction(database) as unit:
        return programs.create(unit, command, CALLER, ORIGIN, _request()).value.id


def enrol(database: Database, program_id: str, customer_ids: Sequence[str]) -> None:
    """New customers of the program."""
    for customer_id in customer_ids:
        command = CreateCustomer(program_id, customer_id, Profile())
        with transaction(database) as unit:
            customers.create(unit, command, CALLER, ORIGIN, _request())


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
            Asked(_request(), ORIGIN, validate_only=False, deadline=float("inf")),
        )
        for customer_id in customer_ids
    ]
    for outcome in Ledger(database).run(commands):
        if isinstance(outcome, Exception):
            raise outcome


def advance(database: Database, program_id: str, to: datetime) -> None:
    """Moves the program's clock, which plans its sweep."""
    with transaction(database) as unit:
        programs.advance_test_clock(unit, AdvanceTestClock(program_id, to), CALLER, ORIGIN, _request())


def assert_verified(database: Database) -> None:
    """`fealty ledger verify` finds no fault."""
    with connection(database) as books:
        verdict = verify(books)
    assert verdict.holds, verdict.shown


def _request() -> Request:
    return Request(CALLER.id, "test", str(uuid4()), "00")
