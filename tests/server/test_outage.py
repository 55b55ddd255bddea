"""The database goes away under a running server, and comes back."""

import asyncio
import time
from collections.abc import Iterator

import grpc.aio
import pytest
from grpc import StatusCode
from prometheus_client import REGISTRY

from fealty.v1 import audit_pb2, customers_pb2, ingest_pb2, points_pb2, programs_pb2, transactions_pb2
from server import limits
from server.app import build
from storage.embedded import APPLICATION_LOGIN, EmbeddedPostgres, socket_url
from storage.engine.database import StorageUnavailable, connection, open_database
from storage.migrate import MigrationsPending, migrate
from tests.conftest import SETTINGS, open_folder
from tests.personal import install
from tests.server.serving import PLAIN, Client, Served, active, activities, purchase, serve, settings_of, spending, told

pytestmark = pytest.mark.process

SPOOLED = "fealty_activity_spooled_total"
# After so long gRPC's own pauses are of seven seconds, and the next attempt is five away.
AWAY_S = 10.5
# Half as much again as the pause between our attempts.
FOUND_S = 3.5
BALANCE = points_pb2.GetBalanceRequest(account=PLAIN)


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of these tests' own, which they may stop."""
    with open_folder() as folder:
        running = EmbeddedPostgres(folder / "data", SETTINGS)
        running.start()
        yield running
        running.stop()


async def test_an_outage_is_told_as_one_and_ends_by_itself(runner: asyncio.Runner, postgres: EmbeddedPostgres) -> None:
    """Callers learn that they may retry; nobody has to restart a server because PostgreSQL was restarted."""
    database = open_database(postgres.url)
    migrate(database)
    with connection(database) as books:
        install(books)
    served = await serve(socket_url(postgres.data_dir, APPLICATION_LOGIN))
    await served.till.transactions.RecordTransaction(purchase(100))
    await served.admin.points.GetBalance(BALANCE)
    spooled = REGISTRY.get_sample_value(SPOOLED)
    assert spooled is not None
    postgres.stop()
    try:
        async with grpc.aio.insecure_channel(served.address, [("grpc.enable_retries", 0)]) as channel:
            once = Client(channel)
            key = (("authorization", f"Bearer {served.till_key}"),)
            for call in (
                once.points.GetBalance(BALANCE, metadata=key),
                once.points.SpendPoints(spending(10), metadata=key),
                once.programs.ListPrograms(programs_pb2.ListProgramsRequest(), metadata=key),
            ):
                answer = await told(call)
                assert (answer.code, answer.reason) == (StatusCode.UNAVAILABLE, "UNAVAILABLE")
                assert answer.retry_ms == [limits.PUSHBACK_MS]
                assert "nothing is known to have changed" in answer.message
                assert REGISTRY.get_sample_value("fealty_database_up") == 0
    finally:
        postgres.start()
    # Each failure that the books could not record is recorded beside them, and taken in by itself.
    assert REGISTRY.get_sample_value(SPOOLED) == spooled + 3
    found: list[audit_pb2.Activity] = []
    while len(found) < 3:
        await asyncio.sleep(0.1)
        # These calls begin before the server has noticed that the database is back.
        failed = await activities(served.admin, outcome="ACTIVITY_OUTCOME_FAILED")
        found = [one for one in failed if one.action != "activity.listed"]
    assert sorted(one.action for one in found) == ["balance.read", "points.spent", "program.listed"]
    assert {(one.details["reason"].text, one.actor.display_name) for one in found} == {("UNAVAILABLE", "till")}
    assert all(one.occur_time.ToDatetime() < one.record_time.ToDatetime() for one in found)
    assert list(served.settings.spool_dir.iterdir()) == []
    assert (await served.till.points.SpendPoints(spending(10))).balance.active == 90
    assert await active(served.till) == 90
    assert REGISTRY.get_sample_value("fealty_database_up") == 1
    await served.admin.programs.ListPrograms(programs_pb2.ListProgramsRequest())
    await served.close()


async def test_lost_connections_are_noticed_by_nobody_who_uses_our_client(server: Served) -> None:
    """A failover cuts them all: each call after it succeeds, once, whichever thread of ours it meets."""
    recorded = await server.till.transactions.RecordTransaction(purchase(100, transaction_id="t1"))
    name, activity = "programs/coffee/customers/ada", recorded.receipt.activity
    many = points_pb2.BatchGetBalancesRequest(card="programs/coffee/cards/plain", customers=[name] * 200)
    by_id = transactions_pb2.LookupTransactionRequest(parent="programs/coffee", transaction_id="t1")
    calls = (
        lambda: server.till.points.SpendPoints(spending(10)),
        lambda: server.till.points.GetBalance(BALANCE),
        lambda: server.till.points.ListEntries(points_pb2.ListEntriesRequest(account=PLAIN)),
        lambda: server.till.points.BatchGetBalances(many),
        lambda: server.till.points.ListAccounts(points_pb2.ListAccountsRequest(parent=name)),
        lambda: server.till.transactions.LookupTransaction(by_id),
        lambda: server.till.audit.GetActivity(audit_pb2.GetActivityRequest(name=activity)),
        lambda: server.till.customers.GetCustomer(customers_pb2.GetCustomerRequest(name=name)),
        lambda: server.admin.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="-")),
        lambda: server.admin.programs.ListPrograms(programs_pb2.ListProgramsRequest()),
    )
    for call in calls:
        await call()
    for call in calls:
        with server.another_connection() as neighbour:
            neighbour.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await call()
    assert await active(server.till) == 80


async def test_a_stream_tells_of_an_outage_item_by_item_and_goes_on(server: Served) -> None:
    """A night's upload survives a failover; what failed is sent again with the same request ids."""
    call = server.till.ingest.BatchIngest()
    lost = purchase(2)
    for item, outcome in ((purchase(1), "recorded"), (lost, "refused"), (lost, "recorded")):
        if outcome == "refused":
            with server.another_connection() as neighbour:
                neighbour.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        await call.write(ingest_pb2.BatchIngestRequest(items=[ingest_pb2.Item(record=item)]))
        answer = await call.read()
        assert isinstance(answer, ingest_pb2.BatchIngestResponse)
        assert answer.results[0].WhichOneof("result") == outcome
    await call.done_writing()
    assert await active(server.till) == 3


async def test_a_server_that_was_away_is_found_again_soon(runner: asyncio.Runner, database_url: str) -> None:
    """Pauses that double, as gRPC's own do, make a client come back late by a good part of the outage."""
    served = await serve(database_url)
    await served.till.points.GetBalance(BALANCE)
    await served.app.server.stop(0)
    await served.app.books.close()
    away_until = time.monotonic() + AWAY_S
    while time.monotonic() < away_until:
        # Who calls looks for the server: a channel that nobody uses rests.
        with pytest.raises(grpc.aio.AioRpcError):
            await served.till.points.GetBalance(BALANCE, timeout=0.5)
        await asyncio.sleep(0.1)
    again = await build(served.settings)
    try:
        assert await served.till.points.GetBalance(BALANCE, timeout=FOUND_S, wait_for_ready=True)
    finally:
        await again.server.stop(0)
        await again.books.close()
        served.database.close()


async def test_a_server_does_not_start_without_its_books(empty_database_url: str, runner: asyncio.Runner) -> None:
    """Better not to listen at all than to answer every call with an error."""
    with pytest.raises(MigrationsPending):
        await build(settings_of(empty_database_url))
    with pytest.raises(StorageUnavailable):
        await build(settings_of("postgresql://nobody@127.0.0.1:1/nothing"))
