"""Each call as its caller sees it when all goes well."""

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from fealty.v1 import cards_pb2, customers_pb2, points_pb2, programs_pb2, transactions_pb2
from tests.server.serving import (
    PLAIN,
    SLOW,
    START,
    Served,
    activities,
    customer,
    fresh,
    program,
    purchase,
    spending,
    timestamp,
    told,
)

PERSON = {
    "display_name": "Gwendolyn Featherstone",
    "email": "gwen@featherstone.example",
    "phone_number": "+420601123456",
    "language_code": "cy",
    "external_ids": [customers_pb2.ExternalId(source="crm", external_id="F-77")],
}


async def test_a_program_is_created_read_listed_and_changed(server: Served) -> None:
    """What administrators do first; what they sent is what they read."""
    programs = server.admin.programs
    request = program("tea")
    created = (await programs.CreateProgram(request)).program
    assert (created.name, created.settings_version) == ("programs/tea", 1)
    shown = [card.card_id for card in request.program.cards]
    assert [card.card_id for card in created.cards] == shown
    # What was left away is shown by its name.
    assert {card.refund_policy for card in created.cards} == {cards_pb2.REFUND_POLICY_WITHIN_BALANCE}
    assert (await programs.GetProgram(programs_pb2.GetProgramRequest(name="programs/tea"))).program == created
    listed = (await programs.ListPrograms(programs_pb2.ListProgramsRequest())).programs
    assert [found.name for found in listed] == ["programs/coffee", "programs/tea"]
    changed = programs_pb2.Program(name="programs/tea", etag=created.etag, display_name="Tea room")
    updated = await programs.UpdateProgram(programs_pb2.UpdateProgramRequest(program=changed, request_id=fresh()))
    assert (updated.program.display_name, updated.program.settings_version) == ("Tea room", 2)
    assert list(updated.program.cards) == list(created.cards)
    assert updated.program.etag != created.etag


async def test_a_program_may_be_left_to_be_named_by_us(server: Served) -> None:
    """The same for customers: ids that sort by age and say what they are of."""
    made = (await server.admin.programs.CreateProgram(program(""))).program
    assert made.name.startswith("programs/program_")
    member = (await server.till.customers.CreateCustomer(customer(""))).customer
    assert member.name.startswith("programs/coffee/customers/customer_")


async def test_an_update_that_changes_nothing_leaves_no_trace(server: Served) -> None:
    """Whoever reads, looks and saves has changed nothing: others' etags stay good, and the log does not grow."""
    read = (await server.admin.programs.GetProgram(programs_pb2.GetProgramRequest(name="programs/coffee"))).program
    saved = await server.admin.programs.UpdateProgram(
        programs_pb2.UpdateProgramRequest(program=read, request_id=fresh())
    )
    assert (saved.program, saved.receipt.activity) == (read, "")
    name = "programs/coffee/customers/ada"
    person = (await server.till.customers.GetCustomer(customers_pb2.GetCustomerRequest(name=name))).customer
    kept = await server.till.customers.UpdateCustomer(
        customers_pb2.UpdateCustomerRequest(customer=person, request_id=fresh())
    )
    assert (kept.customer, kept.receipt.activity) == (person, "")
    assert not await activities(server.admin, action="program.updated")
    assert not await activities(server.admin, action="customer.updated")


@pytest.mark.parametrize(
    "field",
    [
        {"settings_version": 2},
        {"test_clock_time": timestamp(START + timedelta(days=1))},
        {"create_time": timestamp(START)},
        {"update_time": timestamp(START)},
    ],
    ids=lambda field: next(iter(field)),
)
async def test_a_program_is_not_told_what_it_cannot_be_told(server: Served, field: dict[str, Any]) -> None:
    """Ignored without a word, somebody believes that the clock of a live program was set."""
    changed = programs_pb2.Program(name="programs/coffee", display_name="Tea", **field)
    request = programs_pb2.UpdateProgramRequest(program=changed, request_id=fresh())
    answer = await told(server.admin.programs.UpdateProgram(request))
    assert (answer.reason, answer.facts) == ("FIELD_FIXED", {"field": next(iter(field))})
    # A mask says what is meant: the rest of the message is none of it.
    request.update_mask.paths.append("display_name")
    assert (await server.admin.programs.UpdateProgram(request)).program.display_name == "Tea"


async def test_a_customer_is_not_suspended_by_an_update(server: Served) -> None:
    """There is a call for it, which asks why."""
    changed = customers_pb2.Customer(name="programs/coffee/customers/ada", state=customers_pb2.CUSTOMER_STATE_SUSPENDED)
    request = customers_pb2.UpdateCustomerRequest(customer=changed, request_id=fresh())
    assert (await told(server.till.customers.UpdateCustomer(request))).facts == {"field": "state"}


async def test_a_test_clock_moves_and_makes_points_due(server: Served) -> None:
    """A year of maturing and expiring in a moment, through the contract alone."""
    await server.till.transactions.RecordTransaction(purchase(100, SLOW))
    for days, pending, spendable, expired in ((11, 0, 100, 0), (60, 0, 0, 100)):
        advance = programs_pb2.AdvanceTestClockRequest(
            name="programs/coffee", to_time=timestamp(START + timedelta(days=days)), request_id=fresh()
        )
        moved = (await server.admin.programs.AdvanceTestClock(advance)).program
        assert moved.test_clock_time == advance.to_time
        balance = (await server.till.points.GetBalance(points_pb2.GetBalanceRequest(account=SLOW))).balance
        assert (balance.pending, balance.spendable, balance.lifetime_expired) == (pending, spendable, expired)
        assert balance.as_of_time == advance.to_time


async def test_a_customer_is_created_read_looked_up_listed_and_changed(server: Served) -> None:
    """Every field there and back."""
    customers = server.till.customers
    created = (await customers.CreateCustomer(customer("gwen", **PERSON))).customer
    name = created.name
    assert name == "programs/coffee/customers/gwen"
    for field, value in PERSON.items():
        found = getattr(created, field)
        assert (list(found) if field == "external_ids" else found) == value
    assert (await customers.GetCustomer(customers_pb2.GetCustomerRequest(name=name))).customer == created
    lookup = customers_pb2.LookupCustomerRequest(
        parent="programs/coffee", external_id=customers_pb2.ExternalId(source="crm", external_id="F-77")
    )
    assert (await customers.LookupCustomer(lookup)).customer == created
    listed = await customers.ListCustomers(customers_pb2.ListCustomersRequest(parent="programs/coffee"))
    assert [found.name.rpartition("/")[2] for found in listed.customers] == ["ada", "gwen"]
    changed = customers_pb2.Customer(name=name, etag=created.etag, display_name="Gwen Quill")
    update = customers_pb2.UpdateCustomerRequest(
        customer=changed, update_mask=FieldMask(paths=["display_name", "email", "external_ids"]), request_id=fresh()
    )
    updated = (await customers.UpdateCustomer(update)).customer
    assert (updated.display_name, updated.email, list(updated.external_ids)) == ("Gwen Quill", "", [])
    assert updated.phone_number == created.phone_number


@pytest.mark.parametrize(
    ("paths", "email", "phone"),
    [
        ([], "new@example.com", "+420601123456"),
        (["*"], "new@example.com", ""),
        (["phone_number"], "gwen@f.example", ""),
    ],
)
async def test_an_update_mask_says_what_an_empty_field_means(
    server: Served, paths: list[str], email: str, phone: str
) -> None:
    """Absent: what is filled is changed. `*`: all of it. Else: what is named, also to nothing."""
    await server.till.customers.CreateCustomer(customer("gwen", email="gwen@f.example", phone_number="+420601123456"))
    changed = customers_pb2.Customer(name="programs/coffee/customers/gwen", email="new@example.com")
    mask = FieldMask(paths=paths) if paths else None
    update = customers_pb2.UpdateCustomerRequest(customer=changed, update_mask=mask, request_id=fresh())
    updated = (await server.till.customers.UpdateCustomer(update)).customer
    assert (updated.email, updated.phone_number) == (email, phone)


async def test_a_purchase_earns_a_spending_takes_and_the_history_tells(server: Served) -> None:
    """The hot path, with every name that the answers promise."""
    points = server.till.points
    bought = await server.till.transactions.RecordTransaction(purchase(300, transaction_id="receipt-1"))
    transaction = bought.transaction
    assert transaction.name == "programs/coffee/customers/ada/transactions/receipt-1"
    assert (transaction.state, transaction.points) == (transactions_pb2.TRANSACTION_STATE_ACCEPTED, 300)
    assert transaction.occur_time == transaction.activate_time == timestamp(START)
    assert not transaction.HasField("expire_time")
    assert (bought.balance.account, bought.balance.spendable) == (PLAIN, 300)
    spent = await points.SpendPoints(spending(120))
    assert (spent.entry.amount, spent.entry.active_after, spent.balance.spendable) == (-120, 180, 180)
    entries = (await points.ListEntries(points_pb2.ListEntriesRequest(account=PLAIN))).entries
    assert [entry.name for entry in entries] == [f"{PLAIN}/entries/2", f"{PLAIN}/entries/1"]
    assert entries[0] == spent.entry
    assert entries[1].transaction == transaction.name
    assert entries[1].kind == points_pb2.ENTRY_KIND_EARN
    assert [(part.lot, part.amount) for part in entries[0].allocations] == [(1, -120)]
    assert [entry.activity for entry in entries] == [spent.receipt.activity, bought.receipt.activity]


async def test_a_pending_purchase_says_when_its_points_come_and_go(server: Served) -> None:
    """What the till prints on the receipt; the history shows nothing until then."""
    bought = await server.till.transactions.RecordTransaction(purchase(100, SLOW))
    assert bought.transaction.state == transactions_pb2.TRANSACTION_STATE_PENDING
    assert bought.transaction.activate_time.ToJsonString() == "2025-01-11T23:00:00Z"
    assert bought.transaction.expire_time.ToJsonString() == "2025-02-12T23:00:00Z"
    assert not (await server.till.points.ListEntries(points_pb2.ListEntriesRequest(account=SLOW))).entries


async def test_a_receipt_names_the_activity_that_records_the_change(server: Served) -> None:
    """The way from a balance to whoever changed it."""
    bought = await server.till.transactions.RecordTransaction(purchase(300))
    [recorded] = await activities(server.admin, action="transaction.recorded")
    assert bought.receipt.activity == recorded.name
    assert not bought.receipt.replayed
    assert recorded.subject == bought.transaction.name
    assert recorded.details["points"].number == 300
    bought_as = bought.transaction.transaction_id
    assert recorded.description == f"Purchase {bought_as} of €3.00: 300 points (Plain) (Service till)."
    assert recorded.actor.ip_address == "127.0.0.1"
    assert "grpc-python-asyncio" in recorded.actor.user_agent


async def test_a_repeated_request_answers_the_same_marked_as_replayed(server: Served) -> None:
    """In upper case too: the same id is the same request, however a library writes it."""
    for request_id in (fresh(), fresh().upper()):
        request = purchase(100, request_id=request_id)
        first = await server.till.transactions.RecordTransaction(request)
        again = await server.till.transactions.RecordTransaction(request)
        assert again.receipt.replayed
        again.receipt.replayed = False
        assert again == first


async def test_validate_only_answers_without_a_receipt_and_changes_nothing(server: Served) -> None:
    """For each kind of change."""
    name = "programs/coffee/customers/ada"
    before = server.rows("SELECT count(*) FROM activity")
    asked = purchase(100)
    asked.validate_only = True
    answers: list[Any] = [
        await server.till.transactions.RecordTransaction(asked),
        await server.admin.programs.UpdateProgram(
            programs_pb2.UpdateProgramRequest(
                program=programs_pb2.Program(name="programs/coffee", display_name="X"),
                request_id=fresh(),
                validate_only=True,
            )
        ),
        await server.till.customers.UpdateCustomer(
            customers_pb2.UpdateCustomerRequest(
                customer=customers_pb2.Customer(name=name, display_name="X"), request_id=fresh(), validate_only=True
            )
        ),
    ]
    assert [answer.receipt.activity for answer in answers] == ["", "", ""]
    assert server.rows("SELECT count(*) FROM activity") == before
    assert server.rows("SELECT count(*) FROM transaction") == [(0,)]
    assert server.rows("SELECT display_name FROM customer") == [("",)]
