"""One activity by its name, for those who may see it."""

from grpc import StatusCode

from fealty.v1 import audit_pb2
from rules.access import PERMISSIONS, Permission, Role
from tests.server.serving import Client, Served, activities, program, purchase, told

ADA = "programs/coffee/customers/ada"


async def test_an_activity_is_read_by_the_name_that_a_receipt_gives_it(server: Served) -> None:
    """Entries and lots name activities too: whoever holds such a name can see what it was, as the list shows it;
    a till sees who acted, not from where or with what."""
    name = (await server.till.transactions.RecordTransaction(purchase())).receipt.activity
    [listed] = [one for one in await activities(server.admin) if one.name == name]
    assert await _read(server.admin, name) == listed
    found = await _read(server.till, name)
    for hidden in ("ip_address", "user_agent"):
        assert getattr(listed.actor, hidden)
        listed.actor.ClearField(hidden)
    assert found == listed
    assert found.action == "transaction.recorded"
    seen = (await activities(server.admin, parent=ADA))[0]
    assert (seen.action, seen.subject) == ("activity.read", name)
    assert seen.description == "One activity read (Service till)."


async def test_an_activity_is_not_found_by_those_who_may_not_see_it(server: Served) -> None:
    """Neither another program's nor that of a key; and a name that none can have is not found either."""
    await server.admin.programs.CreateProgram(program("tea"))
    name = (await server.till.transactions.RecordTransaction(purchase())).receipt.activity
    of_nobody = (await activities(server.admin, action="key.created"))[0].name
    reading = [role for role in Role if Permission.ACTIVITIES_WATCH in PERMISSIONS[role]]
    of_tea = [server.client(server.key(f"{role} of tea", role, "tea")) for role in reading]
    for client in of_tea:
        for hidden in (name, of_nobody):
            answer = await told(_read(client, hidden))
            assert (answer.code, answer.reason) == (StatusCode.NOT_FOUND, "ACTIVITY_NOT_FOUND")
            assert answer.facts == {"activity": hidden}
    assert (await told(_read(server.till, of_nobody))).reason == "ACTIVITY_NOT_FOUND"
    assert (await _read(server.client(server.key("auditor", Role.AUDITOR)), of_nobody)).action == "key.created"
    for unknown in ("0" * 26, "8" + "0" * 25, "0" * 25 + "u"):
        answer = await told(_read(server.admin, f"activities/activity_{unknown}"))
        assert answer.reason == "ACTIVITY_NOT_FOUND"
    assert (await told(_read(server.admin, f"activities/{'0' * 26}"))).reason == "INVALID_REQUEST"


async def _read(client: Client, name: str) -> audit_pb2.Activity:
    return (await client.audit.GetActivity(audit_pb2.GetActivityRequest(name=name))).activity
