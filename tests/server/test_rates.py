"""Rates: whoever calls more often than it may is told to wait, by every process; nobody else notices."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.request import urlopen

import grpc.aio
import pytest
from grpc import StatusCode
from prometheus_client import REGISTRY

from fealty import connect_async
from fealty.v1 import audit_pb2, ingest_pb2, options_pb2, points_pb2
from rules.access import Role
from rules.rates import RateClass
from server import limits
from server.interceptors.metrics import METRICS
from server.policy import Method, methods
from server.rates import DEFAULTS
from storage.access.commands import create_key
from storage.engine.database import Database, connection
from storage.engine.unit import run
from tests.server.guessing import ELSEWHERE, HOME, shop
from tests.server.processes import running
from tests.server.serving import Client, Served, activities, customer, purchase, settings_of, told, told_by
from tests.storage.scene import Scene

FEW = 5
ACCOUNT = "programs/coffee/customers/ada/accounts/plain"
EARN = "fealty.v1.TransactionService/RecordTransaction"


@pytest.fixture(autouse=True)
def _exchanged_soon(runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ATTEMPTS_EXCHANGE_S", 0.1)


def few(monkeypatch: pytest.MonkeyPatch, rate_class: RateClass, most: int = FEW) -> None:
    """Of that class everybody may make only so many calls: in an hour, so that no window ends in the middle of it."""
    monkeypatch.setitem(DEFAULTS, rate_class, DEFAULTS[rate_class]._replace(times_max=most, window_s=3_600))


async def test_whoever_calls_too_often_is_told_how_long_to_wait(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that ran wild slows down; what others do, and what it does else, goes on."""
    few(monkeypatch, RateClass.WRITE)
    await earn(server.till, FEW)
    before = METRICS.methods[EARN].codes["RESOURCE_EXHAUSTED"]
    answer = await told(server.till.transactions.RecordTransaction(purchase()))
    assert (answer.code, answer.reason) == (StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    [retry_ms] = answer.retry_ms
    assert 0 < retry_ms <= 2 * 3_600_000
    assert answer.facts == {"rate_class": "WRITE", "limit": str(FEW), "retry_after_s": str(retry_ms // 1000)}
    # A library that waited would hold the call for a minute, or try again at once.
    assert answer.trailers["grpc-retry-pushback-ms"] == "-1"
    assert METRICS.methods[EARN].codes["RESOURCE_EXHAUSTED"] == before + 1
    assert (await balance(server.till)).balance.active == FEW * 100
    assert (await told(server.till.customers.CreateCustomer(customer("eve")))).reason == "RATE_LIMITED"
    await server.admin.transactions.RecordTransaction(purchase())


async def test_it_is_served_again_after_the_time_it_was_told(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every client would have to guess, and would ask again and again."""
    monkeypatch.setitem(DEFAULTS, RateClass.WRITE, DEFAULTS[RateClass.WRITE]._replace(times_max=2, window_s=1))
    waits = 0
    for _ in range(8):
        try:
            await server.till.transactions.RecordTransaction(purchase())
        except grpc.aio.AioRpcError as error:
            [retry_ms] = told_by(error).retry_ms
            waits += 1
            await asyncio.sleep(retry_ms / 1000)
            await server.till.transactions.RecordTransaction(purchase())
    assert waits >= 2


async def test_what_is_called_at_one_process_counts_at_the_other(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each process more would be as many calls more; and it is one limit, so one activity."""
    few(monkeypatch, RateClass.HEAVY, 2 * FEW)
    async with shop(database_url) as one, shop(database_url) as other:
        key = other.served.key("night job", Role.AUDITOR)
        clients = first, second = [each.served.client(key) for each in (one, other)]
        await read_log(first, 1)
        await read_log(second, 2 * FEW - 1)
        await asyncio.sleep(5 * limits.ATTEMPTS_EXCHANGE_S)
        for client in clients:
            assert (await told(read_log(client, 1))).reason == "RATE_LIMITED"
        for each in (one, other):
            await each.app.interceptors.close()
        few(monkeypatch, RateClass.HEAVY, 10_000)
        [limited] = await activities(one.served.admin, action="calls.limited")
        assert (
            limited.description
            == "Calls that read much by one caller limited, after 10 within 3,600 seconds (Staff night job)."
        )


async def test_what_is_refused_is_counted_and_not_recorded(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood that filled the log would be worse than the flood; that there was one stands there once."""
    few(monkeypatch, RateClass.WRITE)
    await earn(server.till, FEW)
    refused = _refused("WRITE", "caller")
    for _ in range(2 * limits.EQUAL_FAILURES_MAX):
        await told(server.till.transactions.RecordTransaction(purchase()))
    assert _refused("WRITE", "caller") == refused + 2 * limits.EQUAL_FAILURES_MAX
    await server.app.interceptors.close()
    assert len(await activities(server.admin, action="transaction.recorded")) == FEW
    [limited] = await activities(server.admin, action="calls.limited")
    assert (limited.details["calls"].number, limited.actor.display_name) == (FEW, "till")


async def test_each_item_of_a_stream_counts_and_what_came_before_is_answered(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a stream would be the way around every limit; and its client sends again only what was not answered."""
    few(monkeypatch, RateClass.WRITE, 10)
    stream = server.till.ingest.BatchIngest()
    # Opening it counted once.
    for _ in range(2):
        await stream.write(items(6))
        answer: Any = await stream.read()
        assert len(answer.results) == 6
    await stream.write(items(1))
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await stream.read()
    assert told_by(ended.value).reason == "RATE_LIMITED"
    assert (await balance(server.till)).balance.active == 12 * 100


async def test_calls_without_a_key_count_by_their_address(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries keys is told no more; whoever has one, at the same address, is served all the same."""
    few(monkeypatch, RateClass.AUTH)
    async with shop(database_url) as one:
        wrong = one.served.client(f"fealty_{'0' * 16}_{'0' * 64}")
        for _ in range(FEW):
            assert (await told(one.guess(wrong))).reason == "KEY_INVALID"
        assert (await told(one.guess(wrong))).reason == "RATE_LIMITED"
        assert (await told(one.guess(wrong, address=ELSEWHERE))).reason == "KEY_INVALID"
        assert (await told(one.guess(one.storefront, address=HOME))).reason == "TRANSACTION_NOT_FOUND"
        # Of a private address nobody knows how many people are behind it.
        for _ in range(2 * FEW):
            assert (await told(one.guess(wrong, address="10.0.0.7"))).reason == "KEY_INVALID"


async def test_what_is_denied_counts(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that may not do something could else ask for it without end."""
    few(monkeypatch, RateClass.HEAVY)
    for _ in range(FEW):
        assert (await told(read_log(server.till, 1))).reason == "PERMISSION_MISSING"
    assert (await told(read_log(server.till, 1))).reason == "RATE_LIMITED"


async def test_nothing_that_was_counted_is_lost_between_two_exchanges(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts are taken off the hot path many times a minute: if each lost some, the limit would be a multiple."""
    monkeypatch.setattr(limits, "ATTEMPTS_EXCHANGE_S", 0.01)
    few(monkeypatch, RateClass.READ, 200)
    for _ in range(200):
        await balance(server.till)
    assert (await told(balance(server.till))).reason == "RATE_LIMITED"


async def test_a_service_may_have_limits_of_its_own(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator gives a till what a till needs; and takes it back without a restart, within seconds."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 0.0)
    _set_rates(server, '{"WRITE": 3, "UNHEARD_OF": 1}')
    await earn(server.till, 3)
    answer = await told(server.till.transactions.RecordTransaction(purchase()))
    assert (answer.reason, answer.facts["limit"]) == ("RATE_LIMITED", "3")
    await balance(server.till)
    await earn(server.admin, 4)
    _set_rates(server, '{"WRITE": 1000}')
    await earn(server.till, 4)
    _set_rates(server, "{}")
    await earn(server.till, 1)


@pytest.mark.process
async def test_two_processes_keep_one_limit(runner: asyncio.Runner, database_url: str, database: Database) -> None:
    """Started as an operator starts them: once they have told each other, it is one, however calls are spread."""
    scene = Scene(database)
    scene.earn(100)
    key = run(database, lambda unit: create_key(unit, "till", Role.SERVICE)).key.text
    with connection(database) as books:
        books.execute("""UPDATE caller SET rates = '{"READ": 40}' WHERE name = 'till'""")
    settings = settings_of(database_url, processes=2)
    answers: Counter[str] = Counter()
    async with running(settings):
        # Each connection falls to one of them, so that both have some.
        for _ in range(3):
            for _ in range(12):
                async with connect_async(settings.address, key) as one:
                    for _ in range(4):
                        try:
                            await balance(Client(one.channel))
                            answers["heard"] += 1
                        except grpc.aio.AioRpcError as error:
                            answers[told_by(error).reason] += 1
            await asyncio.sleep(3)
        last = Counter(answers)
        refused = [await _limited_at(settings.probe_port + index) for index in range(2)]
    # In the first second each has the whole limit; from then on they have it together. A minute may end in between.
    assert last["heard"] + last["RATE_LIMITED"] == 3 * 48
    assert last["heard"] <= 2 * 40 + 20
    assert all(refused)


def test_the_policy_of_a_method_says_what_its_calls_are_counted_as() -> None:
    """A new method has its limit without anybody thinking of it."""
    classes = {f"{method.service.rpartition('.')[2]}/{method.name}": method.rate_class for method in methods()}
    reading = _named(lambda method: method.audit != options_pb2.AUDIT_CLASS_MUTATION)
    assert {classes[name] for name in reading} == {RateClass.READ, RateClass.HEAVY}
    for name, wanted in {
        "PointsService/GetBalance": RateClass.READ,
        "CustomerService/GetCustomer": RateClass.READ,
        "CouponService/ValidateCoupons": RateClass.READ,
        "TransactionService/RecordTransaction": RateClass.WRITE,
        "IngestService/BatchIngest": RateClass.WRITE,
        "AuditService/RecordActivity": RateClass.WRITE,
        "AuditService/ListActivities": RateClass.HEAVY,
        "AuditService/ExportActivities": RateClass.HEAVY,
        "ReportService/GetLiability": RateClass.HEAVY,
        "LotService/RedateLots": RateClass.HEAVY,
        "AccessService/LogIn": RateClass.AUTH,
        "AccessService/ChangePassword": RateClass.WRITE,
        # Whoever waits for an operation asks how it stands, and must be able to stop it.
        "OperationService/GetOperation": RateClass.READ,
        "OperationService/CancelOperation": RateClass.WRITE,
    }.items():
        assert classes[name] is wanted, name


def test_what_is_set_for_all_stops_no_load_that_a_server_can_carry() -> None:
    """A limit that a busy evening reaches would be an outage of our making."""
    assert DEFAULTS.keys() == set(RateClass)
    assert all(rule.what == rate_class and rule.window_s == 60 for rate_class, rule in DEFAULTS.items())
    assert min(DEFAULTS[one].times_max for one in (RateClass.READ, RateClass.WRITE)) >= 60 * 20_000


async def earn(client: Client, times: int) -> None:
    """So many purchases."""
    for _ in range(times):
        await client.transactions.RecordTransaction(purchase())


async def read_log(client: Client, times: int) -> None:
    """So many looks at the log."""
    for _ in range(times):
        await client.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="-", page_size=1))


def balance(client: Client) -> Awaitable[Any]:
    """A look at ada's points."""
    return client.points.GetBalance(points_pb2.GetBalanceRequest(account=ACCOUNT))


def items(count: int) -> ingest_pb2.BatchIngestRequest:
    """A message of so many purchases."""
    return ingest_pb2.BatchIngestRequest(items=[ingest_pb2.Item(record=purchase()) for _ in range(count)])


def _named(which: Callable[[Method], bool]) -> list[str]:
    return [f"{method.service.rpartition('.')[2]}/{method.name}" for method in methods() if which(method)]


def _refused(rate_class: str, by: str) -> float:
    return REGISTRY.get_sample_value("fealty_calls_limited_total", {"rate_class": rate_class, "by": by}) or 0.0


def _set_rates(server: Served, rates: str) -> None:
    server.execute("UPDATE caller SET rates = %s::jsonb WHERE name = 'till'", rates)


async def _limited_at(port: int) -> float:
    """How many calls a process has refused, as its probe says."""
    with await asyncio.to_thread(urlopen, f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("fealty_calls_limited_total"))
