"""The lines of docs/activities.md, asked of a log in which what they are for has happened."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from fealty.v1 import activity_pb2, audit_pb2, customers_pb2, programs_pb2, receipt_pb2, transactions_pb2
from rules.access import Role
from storage.activity import positions, words
from storage.engine.unit import run
from tests.server.logged import listed
from tests.server.serving import Served, customer, fresh, program, purchase, told

COFFEE = "programs/coffee"
ANNA = f"{COFFEE}/customers/anna"
BOUGHT = f"{ANNA}/transactions/till-71"
WHY = receipt_pb2.Reason(code="GOODWILL")
MANY = 10_000

REFUNDS = ["transaction.refunded SUCCEEDED", "transaction.refunded REFUSED"]
PURCHASE = ["transaction.recorded SUCCEEDED", *REFUNDS]
SET = "program.updated SUCCEEDED"
ENDED = ["card.archived SUCCEEDED", "customer.closed SUCCEEDED"]
# The fixture's own customer is the first.
CHANGED = ["program.created SUCCEEDED", *["customer.created SUCCEEDED"] * 2, SET, *ENDED]
BOOKED = "booking.created SUCCEEDED"
# By how a row begins: what its line finds, the oldest first.
FOUND = {
    "What a till did to anna today": [*PURCHASE, BOOKED],
    "The trail of the administrators": CHANGED,
    "The entries of one record": PURCHASE,
    "Who was turned away": [REFUNDS[1], "program.created DENIED", "activity.listed REFUSED"],
    "Who set pending points": [SET],
    "What came of a booking": [BOOKED],
    "What anna's refunds said": REFUNDS,
    "What has to do with the number": PURCHASE,
    "What is gone": ENDED,
    "What tills and customers do": PURCHASE,
    "What administrators change": CHANGED,
}
# Of whom a row asks whose second cell names nobody.
PARENTS = {"The entries of one record": ANNA}


async def test_the_lines_of_the_documentation_find_what_they_are_for(server: Served) -> None:
    """A line that is a filter, and misses what its row promises, would be believed."""
    began = datetime.now(UTC)
    await _live(server)
    run(server.database, lambda unit: positions.assign(unit.connection, MANY))
    run(server.database, lambda unit: words.advance(unit.connection, MANY))
    page = (Path(__file__).parents[2] / "docs" / "activities.md").read_text()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    for title, wanted in FOUND.items():
        [row] = [row for row in rows if row[0].startswith(title)]
        line = next(cell for cell in row[1:] if "=" in cell or cell == "till-71")
        parent = row[1] if row[1].startswith(COFFEE) or row[1] == "-" else PARENTS.get(title, COFFEE)
        # The day of the page stands for today.
        day = f"{began.astimezone(ZoneInfo('Europe/Prague') if 'Prague' in line else UTC):%Y-%m-%d}"
        line = line.replace("2026-03-01T08:00:00Z", began.isoformat()).replace("2026-03-01", day)
        found = await listed(server.admin, parent, ascending=True, filter_text=line)
        assert [f"{one.action} {_outcome(one)}" for one in found] == wanted, line


def _outcome(one: audit_pb2.Activity) -> str:
    return activity_pb2.ActivityOutcome.Name(one.outcome).removeprefix("ACTIVITY_OUTCOME_")


async def _live(server: Served) -> None:
    """What the lines speak of."""
    await server.admin.customers.CreateCustomer(customer("anna"))
    till = server.client(server.key("till-3", Role.SERVICE))
    await till.transactions.RecordTransaction(purchase(1250, f"{ANNA}/accounts/plain", transaction_id="till-71"))
    refund = transactions_pb2.RefundTransactionRequest(name=BOUGHT, amount_minor=1000, reason=WHY, request_id=fresh())
    await till.transactions.RefundTransaction(refund)
    refund.request_id = fresh()
    await told(till.transactions.RefundTransaction(refund))
    await told(till.programs.CreateProgram(program("tea")))
    await server.admin.programs.CreateProgram(program("tea"))
    stranger = server.client(server.key("stranger", Role.AUDITOR, "tea"))
    await told(listed(stranger, COFFEE))
    booked = audit_pb2.RecordActivityRequest(
        parent=ANNA,
        action="booking.created",
        category=activity_pb2.ACTIVITY_CATEGORY_BOOKINGS,
        type=activity_pb2.ACTIVITY_TYPE_BOOKING,
        related="bookings/4711",
        request_id=fresh(),
    )
    await till.audit.RecordActivity(booked)
    got = await server.admin.programs.GetProgram(programs_pb2.GetProgramRequest(name=COFFEE))
    got.program.cards[1].pending_policy.delay.days = 30
    update = programs_pb2.UpdateProgramRequest(program=got.program, request_id=fresh())
    update.update_mask.paths.append("cards")
    await server.admin.programs.UpdateProgram(update)
    slow = programs_pb2.ArchiveCardRequest(name=f"{COFFEE}/cards/slow", reason=WHY, request_id=fresh())
    await server.admin.programs.ArchiveCard(slow)
    leaving = customers_pb2.CloseCustomerRequest(name=ANNA, reason=WHY, request_id=fresh())
    await server.admin.customers.CloseCustomer(leaving)
