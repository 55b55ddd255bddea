"""A person who was erased: nothing that was planted anywhere is found again, and everybody is told the same of them."""

from typing import Any

import pytest

from fealty.v1 import audit_pb2, customers_pb2, retention_pb2
from server.policy import Method
from tests.databases import SEEN
from tests.server.calling import request_of, send
from tests.server.club import ADA, BEN, NAME, WHY, Club
from tests.server.serving import fresh, told
from tests.server.test_planted import PLANTED, UPDATED, WORDS, personal, plant

State = customers_pb2.CustomerState
# Notes about a program, or about many customers at once, are about nobody in particular.
OF_NOBODY = "SELECT count(*) FROM activity_note n JOIN activity a ON a.id = n.activity WHERE a.customer IS NULL"
# What a filter asks is forgotten as its export ends.
OPEN = {"StartExport": {"activity_export"}, "InviteUser": {"app_user"}, "UpdateUser": {"app_user"}}

_LIVING = """
SELECT customer_id FROM customer JOIN program ON program.id = customer.program
WHERE program_id = 'club' AND state <> 'MERGED'
"""


def _found(club: Club) -> set[str]:
    """All tables that hold a planted word."""
    tables = [name for (name,) in club.served.rows(SEEN)]
    searched = {name: str(club.served.rows(f'SELECT * FROM "{name}"')) for name in tables}
    return {name for name, text in searched.items() if any(word in text for word in WORDS)}


async def _erase_everybody(club: Club) -> None:
    held = await club.admin.retention.ListLegalHolds(retention_pb2.ListLegalHoldsRequest(parent=NAME, only_active=True))
    for hold in held.legal_holds:
        request = retention_pb2.LiftLegalHoldRequest(name=hold.name, reason=WHY, request_id=fresh())
        await club.admin.retention.LiftLegalHold(request)
    for (customer,) in club.served.rows(_LIVING):
        answer = await club.erase(f"{NAME}/customers/{customer}")
        assert (answer.customer.state, answer.customer.erase_pending) == (State.CUSTOMER_STATE_CLOSED, False)


@pytest.mark.long
@pytest.mark.parametrize("method", PLANTED, ids=lambda method: method.name)
async def test_nothing_that_was_planted_in_a_call_is_left_in_any_table(club: Club, method: Method) -> None:
    """One table that is forgotten here is what the data protection authority is shown."""
    request = await request_of(club, method)
    for path in personal(method.request.DESCRIPTOR):
        plant(request, path)
    if "reason" in request.DESCRIPTOR.fields_by_name:
        request.reason.code = "GOODWILL"
    if "update_mask" in request.DESCRIPTOR.fields_by_name:
        request.update_mask.paths[:] = UPDATED[method.name]
    if method.name == "LookupCustomer":
        await told(send(club.admin, method, request))
    else:
        await send(club.admin, method, request)
    await _erase_everybody(club)
    [(left,)] = club.served.rows(OF_NOBODY)
    assert _found(club) - OPEN.get(method.name, set()) == ({"activity_note"} if left else set())
    assert club.served.rows("SELECT count(*) FROM activity_note") == [(left,)]
    for table in ("personal_value", "subject_key", "customer_external_id", "mail_stop"):
        assert club.served.rows(f"SELECT FROM {table}") == [], table


async def test_whoever_reads_an_erased_customer_sees_its_id_and_nobody(club: Club) -> None:
    """The books still add up, and say of whose points they are; who that was, nobody knows any more."""
    name = f"{NAME}/customers/gwen"
    person = customers_pb2.Customer(display_name="Gwendolyn", email="gwen@example.org", language_code="cy")
    made = customers_pb2.CreateCustomerRequest(parent=NAME, customer_id="gwen", customer=person, request_id=fresh())
    created = (await club.admin.customers.CreateCustomer(made)).receipt.activity
    answer = await club.erase(name)
    read = (await club.till.customers.GetCustomer(customers_pb2.GetCustomerRequest(name=name))).customer
    assert read == answer.customer
    assert (read.name, read.state, read.erase_pending) == (name, State.CUSTOMER_STATE_CLOSED, False)
    assert read.HasField("erase_time")
    assert [read.display_name, read.email, read.language_code, *read.external_ids] == ["", "", ""]
    record = (await club.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=created))).activity
    told_of = {change.field: change for change in record.changes}
    assert set(told_of) == {"display_name", "email", "language_code"}
    assert not any(change.HasField("after") or change.HasField("before") for change in told_of.values())
    again = customers_pb2.CreateCustomerRequest()
    again.CopyFrom(made)
    assert (await told(club.admin.customers.CreateCustomer(again))).reason == "REQUEST_ID_REUSED"


async def test_every_change_of_an_erased_customer_is_refused_as_of_a_closed_one(club: Club) -> None:
    """Nothing of it comes to life again, and no address is given to it by mistake."""
    await club.erase()
    update: Any = customers_pb2.UpdateCustomerRequest(
        customer=customers_pb2.Customer(name=ADA, email="ada@example.org"), request_id=fresh()
    )
    for call in (club.admin.customers.UpdateCustomer(update), club.earn(5), club.close(), club.event("review.written")):
        assert (await told(call)).reason == "CUSTOMER_CLOSED"


async def test_those_that_were_merged_into_it_are_erased_with_it_and_not_alone(club: Club) -> None:
    """They are one person, who asked once; and half a person is none that could be erased."""
    await club.merge()
    alone = await told(club.erase(ADA))
    assert (alone.reason, alone.facts["target"]) == ("CUSTOMER_MERGED", BEN)
    await club.erase(BEN)
    request = customers_pb2.GetCustomerRequest(name=ADA)
    read = (await club.till.customers.GetCustomer(request)).customer
    assert (read.state, read.merged_into) == (State.CUSTOMER_STATE_MERGED, BEN)
    assert read.HasField("erase_time")
    event = (await club.history(BEN))[0]
    assert event.description.startswith("Customer ben erased, with customer ada")
