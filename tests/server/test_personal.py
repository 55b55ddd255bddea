"""What changed of a person, at the edge: shown one activity at a time, to those who may, and never without a trace."""

from typing import Any

import pytest
import structlog

from fealty import plain, plain_value
from fealty.v1 import activity_pb2, audit_pb2, customers_pb2
from rules.access import Role
from tests.server.club import ADA, NOTE, Club
from tests.server.serving import Client, Served, activities, customer, fresh, program, told
from tests.server.test_audit import PERSON, WORDS

GWEN = "programs/coffee/customers/gwen"
FIELDS = ["display_name", "email", "external_ids", "language_code", "phone_number"]


async def test_who_may_sees_what_a_person_told_us_before_and_after(server: Served) -> None:
    """Support answers "which address did you have until May?" from the log."""
    created, updated = await _created(server), await _updated(server, email="gq@quill.example", phone_number="")
    found = await _changes(server.admin, created)
    assert {field: change.after.text for field, change in found.items() if field != "external_ids"} == {
        field: value for field, value in PERSON.items() if field != "external_ids"
    }
    assert plain_value(found["external_ids"].after) == [{"source": "crm", "external_id": "FEATHER-77"}]
    assert not any(change.HasField("before") for change in found.values())
    found = await _changes(server.admin, updated)
    assert (found["email"].before.text, found["email"].after.text) == (PERSON["email"], "gq@quill.example")
    assert (found["phone_number"].before.text, found["phone_number"].HasField("after")) == (
        PERSON["phone_number"],
        False,
    )


@pytest.mark.parametrize("role", [Role.SERVICE, Role.AUDITOR])
async def test_others_see_which_fields_changed_and_nothing_more(server: Served, role: Role) -> None:
    """A till, or somebody who checks the log: neither needs an address that is not even true any more."""
    name = await _created(server)
    looking = server.client(server.key("looking", role))
    found = await looking.audit.GetActivity(audit_pb2.GetActivityRequest(name=name))
    assert sorted(change.field for change in found.activity.changes) == FIELDS
    for change in found.activity.changes:
        assert change.kind == activity_pb2.CHANGE_KIND_WITHHELD
        assert not _shows(change)
    assert "personal" not in str(found)
    [look] = [one for one in await activities(server.admin) if one.action == "activity.read"]
    assert "personal_fields" not in look.details


async def test_the_look_is_recorded_with_the_fields_and_without_the_values(server: Served) -> None:
    """ "Who looked at what I told you, and at which of it?" """
    name = await _created(server)
    await _changes(server.admin, name)
    [look] = [one for one in await activities(server.admin, parent=GWEN) if one.action == "activity.read"]
    assert look.subject == name
    assert look.actor.display_name == "admin"
    assert plain(look.details)["personal_fields"] == FIELDS
    assert look.description == (
        "One activity read, showing name, email, external ids, language and phone number before and after"
        " (Administrator admin)."
    )
    assert not any(word in str(server.rows("SELECT body FROM activity")) for word in WORDS)


async def test_what_cannot_be_recorded_is_not_shown(server: Served) -> None:
    """A look that leaves no trace is worth more to a thief than the values."""
    name = await _created(server)
    server.execute("ALTER TABLE activity ADD CHECK (action <> 'activity.read') NOT VALID")
    answer = await told(server.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=name)))
    assert answer.reason == "INTERNAL"
    assert not any(word in str(vars(answer)) for word in WORDS)


async def test_a_list_and_a_stream_never_show_them(server: Served) -> None:
    """Nobody leafs through what all members told us."""
    await _created(server)
    listed = [one for one in await activities(server.admin, parent=GWEN) if one.action == "customer.created"]
    watching = server.admin.audit.WatchActivities(audit_pb2.WatchActivitiesRequest(parent=GWEN))
    watched: list[audit_pb2.Activity] = []
    async for response in watching:
        watched += response.activities
        if watched:
            break
    watching.cancel()
    for found in (listed, watched):
        assert sorted(change.field for change in found[0].changes) == FIELDS
        assert not any(_shows(change) for change in found[0].changes)
        assert not any(word in str(found) for word in WORDS)
        assert "$personal" not in str(found)
    told_of = "Customer gwen created with name, email, phone number, language and external ids (Service till)."
    assert listed[0].description == told_of


async def test_a_caller_of_another_program_finds_nothing(server: Served) -> None:
    """An administrator of one business is nobody in the other."""
    name = await _created(server)
    await server.admin.programs.CreateProgram(program("tea"))
    tea = server.client(server.key("tea", Role.ADMINISTRATOR, "tea"))
    answer = await told(tea.audit.GetActivity(audit_pb2.GetActivityRequest(name=name)))
    assert answer.reason == "ACTIVITY_NOT_FOUND"


async def test_of_an_erased_person_the_field_is_named_and_no_more(server: Served) -> None:
    """The log goes on telling that something changed: it can be read by everybody, and nobody is left in it."""
    name = await _created(server)
    server.execute("DELETE FROM subject_key")
    found = await _changes(server.admin, name)
    assert sorted(found) == FIELDS
    assert not any(_shows(change) for change in found.values())


async def test_a_value_that_was_tampered_with_is_a_fault_and_not_an_answer(server: Served) -> None:
    """The operator hears of it; nobody is shown something else, and the log of the process holds no value."""
    name = await _created(server)
    with server.another_connection() as books:
        books.execute("CREATE TEMP TABLE moved AS SELECT * FROM personal_value WHERE field = 'email'")
        books.execute("DELETE FROM personal_value WHERE field = 'display_name'")
        books.execute("INSERT INTO personal_value SELECT activity, 'display_name', side, ciphertext FROM moved")
    with structlog.testing.capture_logs() as logged:
        answer = await told(server.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=name)))
    assert answer.reason == "INTERNAL"
    assert not any(word in str((vars(answer), logged)) for word in WORDS)


async def _created(server: Served) -> str:
    answer = await server.till.customers.CreateCustomer(customer("gwen", **PERSON))
    return answer.receipt.activity


async def _updated(server: Served, **changes: Any) -> str:
    request = customers_pb2.UpdateCustomerRequest(
        customer=customers_pb2.Customer(name=GWEN, **changes), request_id=fresh()
    )
    request.update_mask.paths.extend(changes)
    return (await server.till.customers.UpdateCustomer(request)).receipt.activity


async def _changes(client: Client, name: str) -> dict[str, audit_pb2.Change]:
    found = await client.audit.GetActivity(audit_pb2.GetActivityRequest(name=name))
    return {change.field: change for change in found.activity.changes}


def _shows(change: audit_pb2.Change) -> bool:
    return change.HasField("before") or change.HasField("after")


async def test_who_may_reads_what_was_written_of_a_reason(club: Club) -> None:
    """What must be said in words is kept apart from the record, and is of use only where somebody reads it."""
    await club.suspend()
    [suspended] = await activities(club.admin, parent=ADA, action="customer.suspended")
    assert suspended.note == ""
    request = audit_pb2.GetActivityRequest(name=suspended.name)
    assert (await club.admin.audit.GetActivity(request)).activity.note == NOTE
    for role in (Role.SERVICE, Role.AUDITOR):
        looking = club.served.client(club.served.key(f"looking as {role}", role))
        assert (await looking.audit.GetActivity(request)).activity.note == ""
