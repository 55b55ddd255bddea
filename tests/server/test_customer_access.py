"""Who looked at my data: each look at a customer's data, by whom, what for, and what was shown; and no other."""

import json
from typing import Any

import pytest
from grpc import StatusCode

from fealty.v1 import audit_pb2, customers_pb2
from rules.access import Caller, Role, check_disclosure, in_role
from rules.refusals import PermissionMissing
from server.convert import accesses
from storage.activity.queries import Activity
from tests.server.club import ADA, BEN, NAME, Club
from tests.server.serving import Client, activities, fresh, told

PURPOSE = (("x-purpose", "ticket-4711"),)
LISTED = customers_pb2.ListCustomersRequest(parent=NAME)


async def looks(client: Client, parent: str = ADA, **fields: Any) -> list[audit_pb2.CustomerAccess]:
    """What the client is told."""
    request = audit_pb2.ListAccessToCustomerRequest(parent=parent, **fields)
    return list((await client.audit.ListAccessToCustomer(request)).accesses)


async def look(client: Client, name: str = ADA) -> None:
    """A look at a customer."""
    await client.customers.GetCustomer(customers_pb2.GetCustomerRequest(name=name), metadata=PURPOSE)


async def export(client: Client, parent: str, **fields: Any) -> None:
    """An export of a log, to its end."""
    wanted = audit_pb2.ExportActivitiesRequest(parent=parent, format=audit_pb2.EXPORT_FORMAT_CSV, **fields)
    async for _ in client.audit.ExportActivities(wanted):
        pass


async def test_a_look_says_who_when_how_what_and_what_for(club: Club) -> None:
    """The questions that a customer may ask (GDPR, article 15), and an auditor has to answer."""
    auditor = club.served.client(club.served.key("checker", Role.AUDITOR))
    await club.admin.customers.UpdateCustomer(
        customers_pb2.UpdateCustomerRequest(
            customer=customers_pb2.Customer(name=ADA, display_name="Gwendolyn", email="gwen@example.com"),
            update_mask={"paths": ["display_name", "email"]},
            request_id=fresh(),
        )
    )
    await look(club.till)
    [seen] = await looks(auditor, time_zone="Asia/Kathmandu")
    assert [seen.activity] == [one.name for one in await activities(club.admin, action="customer.read")]
    assert (seen.actor.display_name, list(seen.actor.roles)) == ("till", ["SERVICE"])
    assert seen.actor.ip_address in ("127.0.0.1", "::1")
    assert (seen.action, seen.method) == ("customer.read", "/fealty.v1.CustomerService/GetCustomer")
    assert (seen.subject, seen.purpose) == (ADA, "ticket-4711")
    assert list(seen.fields) == ["customer.display_name", "customer.email"]
    assert seen.description == "Email and name of customer ada read (Service till, ticket-4711)."
    assert seen.local_access_time.endswith("+05:45")
    assert "Gwendolyn" not in str(seen)


async def test_all_ways_to_see_it_are_told_the_newest_first(club: Club) -> None:
    """Whoever pages through all customers sees this one too; whoever looks at others does not."""
    auditor = club.served.client(club.served.key("checker", Role.AUDITOR))
    await look(club.till)
    await look(club.till, BEN)
    await club.till.customers.ListCustomers(LISTED)
    await club.till.customers.ListCustomers(customers_pb2.ListCustomersRequest(parent=NAME, page_size=1))
    await auditor.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent=ADA))
    await auditor.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent=NAME))
    await export(auditor, ADA)
    await export(auditor, NAME)
    await export(auditor, NAME, filter_text="category = ORDERS")
    await looks(auditor)
    denied = club.served.client(club.served.key("shop", Role.STOREFRONT))
    await told(look(denied))
    assert [(one.action, one.subject) for one in await looks(auditor)] == [
        ("export.started", NAME),
        ("export.started", ADA),
        ("activity.listed", ADA),
        ("customer.listed", NAME),
        ("customer.listed", NAME),
        ("customer.read", ADA),
    ]
    assert [one.subject for one in await looks(auditor, BEN)] == [NAME, NAME, BEN]


async def test_looks_at_whom_it_was_before_a_merge_are_told_too(club: Club) -> None:
    """The person is one, and did not ask to be two."""
    await look(club.till)
    await club.till.customers.ListCustomers(customers_pb2.ListCustomersRequest(parent=NAME, page_size=1))
    await club.merge()
    await look(club.till, BEN)
    assert [one.subject for one in await looks(club.admin, BEN)] == [BEN, NAME, ADA]
    # Under its old name the person is still there.
    assert [one.subject for one in await looks(club.admin, ADA)] == [NAME, ADA]


async def test_it_comes_in_pages(club: Club) -> None:
    """Of a customer who comes every day there are thousands."""
    for _ in range(5):
        await look(club.till)
    await club.till.customers.ListCustomers(LISTED)
    everything = await looks(club.admin)
    paged: list[audit_pb2.CustomerAccess] = []
    request = audit_pb2.ListAccessToCustomerRequest(parent=ADA, page_size=2)
    while True:
        page = await club.admin.audit.ListAccessToCustomer(request)
        paged += page.accesses
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert paged == everything
    assert len(everything) == 6


async def test_asking_is_recorded_in_the_customers_log_and_is_no_look_itself(club: Club) -> None:
    """Who asks who looked learns names of staff: that is told, in the log; the list would else grow by being read."""
    await look(club.till)
    await looks(club.admin)
    assert len(await looks(club.admin)) == 1
    [[subject, count]] = club.served.rows(
        "SELECT body::jsonb ->> 'subject', count(*) FROM activity a JOIN customer c ON c.id = a.customer"
        " WHERE action = 'access.listed' AND c.customer_id = 'ada' GROUP BY 1"
    )
    assert (subject, count) == (ADA, 2)


async def test_only_who_may_is_told_and_of_nobody_elses_customers(club: Club) -> None:
    """The list names people who work there, and says who is a customer."""
    assert (await told(looks(club.till))).reason == "PERMISSION_MISSING"
    stranger = club.served.client(club.served.key("stranger", Role.AUDITOR, "coffee"))
    for parent in (ADA, f"{NAME}/customers/nobody"):
        answer = await told(looks(stranger, parent))
        assert (answer.code, answer.reason) == (StatusCode.NOT_FOUND, "PROGRAM_NOT_FOUND")
    assert (await told(looks(club.admin, f"{NAME}/customers/nobody"))).reason == "CUSTOMER_NOT_FOUND"


def acting(role: Role, for_: str) -> Caller:
    """A service of the club that acts for somebody."""
    return in_role("caller_1", "app", role, "club")._replace(on_behalf_of=for_)


@pytest.mark.parametrize(
    ("caller", "customer", "is_told"),
    [
        (acting(Role.SERVICE, ADA), ADA, True),
        (acting(Role.SERVICE, ADA), BEN, False),
        (acting(Role.SERVICE, ""), ADA, False),
        (acting(Role.SERVICE, "users/user_1"), ADA, False),
        # Whoever acts for a customer may no more than that customer.
        (acting(Role.ADMINISTRATOR, BEN), ADA, False),
        (acting(Role.ADMINISTRATOR, ""), ADA, True),
    ],
)
def test_a_customer_is_told_of_itself_alone(caller: Caller, customer: str, is_told: bool) -> None:
    """An app that acts for one customer must not be a window on all of them."""
    try:
        check_disclosure(caller, customer)
        heard = True
    except PermissionMissing:
        heard = False
    assert heard == is_told


async def test_a_customer_hears_what_was_seen_and_not_the_names_of_who_work_there(club: Club) -> None:
    """Whoever sits at the counter has a right not to be looked up by customers."""
    await look(club.till)
    [row] = club.served.rows("SELECT id, body, occurred_at, recorded_at FROM activity WHERE action = 'customer.read'")
    found = Activity(row[0], json.loads(row[1]), row[2], row[3], "Gwendolyn")
    shown = accesses.message(found, acting(Role.SERVICE, ADA), "", "")
    assert "Gwendolyn" not in str(shown)
    assert (shown.actor.name, shown.actor.ip_address) == ("", "")
    assert (list(shown.actor.roles), shown.purpose, shown.subject) == (["SERVICE"], "ticket-4711", ADA)
