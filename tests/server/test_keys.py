"""Who may call: without a valid key nobody, with one whoever it speaks for, within the program that is theirs."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import grpc.aio
import pytest
from grpc import StatusCode

from fealty.v1 import audit_pb2, customers_pb2, points_pb2, programs_pb2
from rules.access import Role
from server import limits
from storage.access.commands import create_key, revoke_key
from storage.engine.unit import run
from tests.server.serving import (
    PLAIN,
    START,
    Client,
    Served,
    active,
    activities,
    customer,
    fresh,
    program,
    purchase,
    spending,
    timestamp,
    told,
)

BALANCE = points_pb2.GetBalanceRequest(account=PLAIN)
ADA = "programs/coffee/customers/ada"

# A call of each method about the program `coffee`.
CALLS: dict[str, Callable[[Client], Awaitable[Any]]] = {
    "GetProgram": lambda c: c.programs.GetProgram(programs_pb2.GetProgramRequest(name="programs/coffee")),
    "UpdateProgram": lambda c: c.programs.UpdateProgram(
        programs_pb2.UpdateProgramRequest(
            program=programs_pb2.Program(name="programs/coffee", display_name="X"), request_id=fresh()
        )
    ),
    "AdvanceTestClock": lambda c: c.programs.AdvanceTestClock(
        programs_pb2.AdvanceTestClockRequest(name="programs/coffee", to_time=timestamp(START), request_id=fresh())
    ),
    "CreateCustomer": lambda c: c.customers.CreateCustomer(customer("ben")),
    "GetCustomer": lambda c: c.customers.GetCustomer(customers_pb2.GetCustomerRequest(name=ADA)),
    "LookupCustomer": lambda c: c.customers.LookupCustomer(
        customers_pb2.LookupCustomerRequest(
            parent="programs/coffee", external_id=customers_pb2.ExternalId(source="crm", external_id="7")
        )
    ),
    "ListCustomers": lambda c: c.customers.ListCustomers(customers_pb2.ListCustomersRequest(parent="programs/coffee")),
    "UpdateCustomer": lambda c: c.customers.UpdateCustomer(
        customers_pb2.UpdateCustomerRequest(
            customer=customers_pb2.Customer(name=ADA, display_name="X"), request_id=fresh()
        )
    ),
    "RecordTransaction": lambda c: c.transactions.RecordTransaction(purchase()),
    "SpendPoints": lambda c: c.points.SpendPoints(spending()),
    "GetBalance": lambda c: c.points.GetBalance(BALANCE),
    "ListEntries": lambda c: c.points.ListEntries(points_pb2.ListEntriesRequest(account=PLAIN)),
    "ListActivities": lambda c: c.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="programs/coffee")),
    "ListActivities of a customer": lambda c: c.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent=ADA)),
}
NO_KEYS: list[Any] = [
    (),
    (("authorization", "Bearer"),),
    (("authorization", "Bearer "),),
    (("authorization", "Bearer nonsense"),),
    (("authorization", "Bearer fealty_0123456789abcdef_" + "0" * 64),),
    (("authorization", "Basic YWRtaW46YWRtaW4="),),
    (("x-api-key", "fealty"),),
]
MAY_NOT: dict[Role, set[str]] = {
    Role.SERVICE: {"UpdateProgram", "AdvanceTestClock", "ListActivities", "ListActivities of a customer"},
    Role.AUDITOR: set(CALLS)
    - {"GetProgram", "GetBalance", "ListEntries", "ListActivities", "ListActivities of a customer"},
}


async def test_without_a_valid_key_nobody_is_let_in(server: Served) -> None:
    """The answer does not say what is wrong with the key: that would help only a thief."""
    async with grpc.aio.insecure_channel(server.address) as channel:
        for metadata in NO_KEYS:
            answer = await told(Client(channel).points.GetBalance(BALANCE, metadata=metadata))
            assert (answer.code, answer.reason, answer.facts) == (StatusCode.UNAUTHENTICATED, "KEY_INVALID", {})


async def test_the_scheme_is_read_as_http_reads_it(server: Served) -> None:
    """`bearer`, `Bearer` and `BEARER` are one scheme (RFC 9110)."""
    key = server.key("till", Role.SERVICE)
    async with grpc.aio.insecure_channel(server.address) as channel:
        for scheme in ("bearer", "BEARER"):
            await Client(channel).points.GetBalance(BALANCE, metadata=(("authorization", f"{scheme} {key}"),))


async def test_a_revoked_key_is_over_as_soon_as_it_is_asked_for_again(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stolen key must be stopped without a restart."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 0.0)
    made = run(server.database, lambda unit: create_key(unit, "stolen", Role.SERVICE))
    client = server.client(made.key.text)
    await client.points.GetBalance(BALANCE)
    assert run(server.database, lambda unit: revoke_key(unit, made.key.id))
    assert (await told(client.points.GetBalance(BALANCE))).reason == "KEY_INVALID"


async def test_an_expired_key_is_over(server: Served) -> None:
    """Keys that were made for a day end by themselves."""
    made = run(server.database, lambda unit: create_key(unit, "short", Role.SERVICE, None, timedelta(0)))
    client = server.client(made.key.text)
    assert (await told(client.points.GetBalance(BALANCE))).reason == "KEY_INVALID"


async def test_keys_are_asked_for_once_and_believed_for_a_while(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand calls a second must not ask the database a thousand times whose key it is, right or wrong."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 60.0)
    stranger = server.client(f"fealty_0123456789abcdef_{'0' * 64}")
    await server.till.points.GetBalance(BALANCE)
    assert (await told(stranger.points.GetBalance(BALANCE))).reason == "KEY_INVALID"
    server.execute("ALTER TABLE api_key RENAME TO out_of_reach")
    await server.till.points.GetBalance(BALANCE)
    assert (await told(stranger.points.GetBalance(BALANCE))).reason == "KEY_INVALID"
    other = server.client(f"fealty_fedcba9876543210_{'0' * 64}")
    assert (await told(other.points.GetBalance(BALANCE))).reason == "INTERNAL"


async def test_a_key_in_use_is_asked_again_while_the_old_answer_holds(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it, however long it takes; and a revoked key is found out without being waited for."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 60.0)
    monkeypatch.setattr(limits, "KEY_ASKED_AGAIN_S", 0.0)
    made = run(server.database, lambda unit: create_key(unit, "stolen", Role.SERVICE))
    client = server.client(made.key.text)
    await client.points.GetBalance(BALANCE)
    with server.another_connection() as neighbour, neighbour.transaction():
        neighbour.execute("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE")
        for _ in range(3):
            await client.points.GetBalance(BALANCE, timeout=5.0)
    assert run(server.database, lambda unit: revoke_key(unit, made.key.id))

    async def ask_on() -> None:
        for _ in range(1000):
            await client.points.GetBalance(BALANCE)

    assert (await told(ask_on())).reason == "KEY_INVALID"


@pytest.mark.parametrize("role", MAY_NOT)
async def test_a_role_may_do_what_it_is_trusted_with_and_nothing_else(server: Served, role: Role) -> None:
    """Each method asks for its own permission; the refusal names it, and the log names who tried."""
    client = server.client(server.key("somebody", role))
    for method, call in CALLS.items():
        try:
            await call(client)
            allowed = True
        except grpc.aio.AioRpcError as error:
            allowed = error.code() is not StatusCode.PERMISSION_DENIED
        assert allowed == (method not in MAY_NOT[role]), method
    denied = await activities(server.admin, outcome="ACTIVITY_OUTCOME_DENIED")
    assert len(denied) == len(MAY_NOT[role])
    [[caller]] = server.rows("SELECT id FROM caller WHERE name = 'somebody'")
    assert {activity.actor.name for activity in denied} == {f"callers/{caller}"}
    answer = await told(CALLS["UpdateProgram"](client))
    assert answer.facts == {"permission": "PROGRAMS_WRITE", "role": role}


async def test_what_is_another_programs_is_not_found(server: Served) -> None:
    """Tenants do not learn of each other, not even that the other exists: the answer is that of a wrong name."""
    await server.admin.programs.CreateProgram(program("tea"))
    stranger = server.client(server.key("stranger", Role.ADMINISTRATOR, "tea"))
    before = server.rows("SELECT settings, test_clock_at FROM program WHERE program_id = 'coffee'")
    for method, call in CALLS.items():
        answer = await told(call(stranger))
        assert (answer.code, answer.reason) == (StatusCode.NOT_FOUND, "PROGRAM_NOT_FOUND"), method
        assert answer.facts == {"program": "programs/coffee"}
    assert await active(server.till) == 0
    assert server.rows("SELECT settings, test_clock_at FROM program WHERE program_id = 'coffee'") == before


async def test_a_caller_of_one_program_makes_no_other_nor_learns_which_exist(server: Served) -> None:
    """Else a tenant's administrator could try names, and would leave programs behind that nobody asked for."""
    await server.admin.programs.CreateProgram(program("tea"))
    stranger = server.client(server.key("stranger", Role.ADMINISTRATOR, "tea"))
    for name in ("coffee", "cocoa", ""):
        assert (await told(stranger.programs.CreateProgram(program(name)))).reason == "PROGRAM_NOT_FOUND"
    assert server.rows("SELECT count(*) FROM program") == [(2,)]


async def test_a_caller_of_one_program_lists_its_own_only(server: Served) -> None:
    """Also where no program is named."""
    await server.admin.programs.CreateProgram(program("tea"))
    stranger = server.client(server.key("stranger", Role.ADMINISTRATOR, "tea"))
    await server.till.transactions.RecordTransaction(purchase())
    listed = await stranger.programs.ListPrograms(programs_pb2.ListProgramsRequest())
    assert [found.name for found in listed.programs] == ["programs/tea"]
    seen = await activities(stranger)
    assert "program.created" in [activity.action for activity in seen]
    assert "coffee" not in str(seen)
