"""A real server in this process, and clients of it with the keys of each role."""

import random
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import grpc
import grpc.aio
import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from pydantic import SecretStr

from fealty import Refused, connect_async
from fealty.errors import failure
from fealty.v1 import (
    approvals_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    cards_pb2,
    clubs_pb2_grpc,
    coupon_campaigns_pb2_grpc,
    coupons_pb2_grpc,
    credentials_pb2_grpc,
    customers_pb2,
    customers_pb2_grpc,
    events_pb2_grpc,
    holds_pb2_grpc,
    ingest_pb2_grpc,
    lots_pb2_grpc,
    operations_pb2_grpc,
    organizations_pb2_grpc,
    pass_templates_pb2_grpc,
    passes_pb2_grpc,
    points_pb2,
    points_pb2_grpc,
    programs_pb2,
    programs_pb2_grpc,
    reports_pb2_grpc,
    retention_pb2_grpc,
    rewards_pb2_grpc,
    roles_pb2_grpc,
    transactions_pb2,
    transactions_pb2_grpc,
    users_pb2_grpc,
    values_pb2,
)
from rules.access import Role
from server.app import App, build
from server.settings import ServerSettings
from storage.access.commands import create_key
from storage.engine.database import Database, connection, handle
from storage.engine.unit import run
from tests.databases import as_owner
from tests.personal import key_file

START = datetime(2025, 1, 1, 12, tzinfo=UTC)
PLAIN = "programs/coffee/customers/ada/accounts/plain"
SLOW = "programs/coffee/customers/ada/accounts/slow"


class Client:
    """All services, called with one key."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.programs = programs_pb2_grpc.ProgramServiceStub(channel)
        self.customers = customers_pb2_grpc.CustomerServiceStub(channel)
        self.points = points_pb2_grpc.PointsServiceStub(channel)
        self.transactions = transactions_pb2_grpc.TransactionServiceStub(channel)
        self.holds = holds_pb2_grpc.HoldServiceStub(channel)
        self.lots = lots_pb2_grpc.LotServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationServiceStub(channel)
        self.events = events_pb2_grpc.EventServiceStub(channel)
        self.ingest = ingest_pb2_grpc.IngestServiceStub(channel)
        self.reports = reports_pb2_grpc.ReportServiceStub(channel)
        self.retention = retention_pb2_grpc.RetentionServiceStub(channel)
        self.rewards = rewards_pb2_grpc.RewardServiceStub(channel)
        self.pass_templates = pass_templates_pb2_grpc.PassTemplateServiceStub(channel)
        self.passes = passes_pb2_grpc.PassServiceStub(channel)
        self.coupon_campaigns = coupon_campaigns_pb2_grpc.CouponCampaignServiceStub(channel)
        self.roles = roles_pb2_grpc.RoleServiceStub(channel)
        self.credentials = credentials_pb2_grpc.CredentialServiceStub(channel)
        self.coupons = coupons_pb2_grpc.CouponServiceStub(channel)
        self.approvals = approvals_pb2_grpc.ApprovalServiceStub(channel)
        self.organizations = organizations_pb2_grpc.OrganizationServiceStub(channel)
        self.clubs = clubs_pb2_grpc.ClubServiceStub(channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(channel)
        self.users = users_pb2_grpc.UserServiceStub(channel)

    def send(self, path: str, message: bytes) -> Any:
        """A call of any path with any bytes."""
        method: Any = self.channel.unary_unary(path)
        return method(message)


class Founded(NamedTuple):
    """The name of a database that holds the program `coffee`, and the keys of its administrator and its till."""

    database: str
    admin_key: str
    till_key: str


class Served:
    """A running server and its database. Where the latter is the copy of another, `there` is what it holds. `how` it is
    called is said as `connect` has it."""

    def __init__(self, app: App, settings: ServerSettings, there: Founded | None = None, **how: Any) -> None:
        self.app = app
        self.how = how
        self.settings = settings
        self.address = settings.address
        self.database: Database = handle.obj
        self.admin_key = there.admin_key if there else self.key("admin", Role.ADMINISTRATOR)
        self.admin = self.client(self.admin_key)
        self.till_key = there.till_key if there else self.key("till", Role.SERVICE)
        self.till = self.client(self.till_key)

    def key(self, name: str, role: Role, program: str | None = None) -> str:
        """A fresh key of a caller of that name."""
        return run(self.database, lambda unit: create_key(unit, name, role, program)).key.text

    def client(self, key: str) -> Client:
        """The client that other services use."""
        return Client(connect_async(self.address, key, **self.how).channel)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What stands in the database."""
        with connection(self.database) as books:
            return books.execute(query.encode(), parameters).fetchall()

    def execute(self, statement: str, *parameters: Any) -> None:
        """What no command of ours would do, by the owner of the tables."""
        with psycopg.connect(as_owner(self.database.database), autocommit=True) as books:
            books.execute(statement.encode(), parameters)

    def another_connection(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A neighbour's connection, to hold what a call needs."""
        return psycopg.connect(as_owner(self.database.database), autocommit=True)

    async def close(self) -> None:
        """Ends the server at once."""
        await self.app.server.stop(0)
        await self.app.interceptors.close()
        await self.app.books.close()
        self.database.close()
        shutil.rmtree(self.settings.spool_dir, ignore_errors=True)


async def serve(database_url: str, there: Founded | None = None) -> Served:
    """A server that is ready, with the program `coffee` and its customer `ada`: made, unless `there`."""
    settings = settings_of(database_url)
    served = Served(await build(settings), settings, there)
    if there:
        return served
    await served.admin.programs.CreateProgram(program("coffee"))
    await served.admin.customers.CreateCustomer(
        customers_pb2.CreateCustomerRequest(parent="programs/coffee", customer_id="ada", request_id=fresh())
    )
    return served


def settings_of(database_url: str, processes: int = 1) -> ServerSettings:
    """Settings of a server on ports that are free."""
    return ServerSettings(
        database_url=SecretStr(database_url),
        personal_key_file=key_file(),
        port=free_port(),
        probe_port=free_port(),
        processes=processes,
        passes_url="https://passes.example.com",
        spool_dir=Path(tempfile.gettempdir(), f"fealty-spool-{fresh()}"),
    )


def free_port() -> int:
    """A port that nobody listens on, nor on the next, below those that clients are given."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe, socket.socket() as following:
            if probe.connect_ex(("127.0.0.1", port)) and following.connect_ex(("127.0.0.1", port + 1)):
                return port


def fresh() -> str:
    """A request id."""
    return str(uuid4())


def timestamp(instant: datetime) -> Timestamp:
    """An instant as the contract has it."""
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp


def program(program_id: str, **more: Any) -> programs_pb2.CreateProgramRequest:
    """A program with two cards: one at once and for ever, the other pending for ten days and expiring."""
    rate = programs_pb2.EarnRate(points=1, per_amount_minor=1, currency_code="EUR")
    pending = cards_pb2.PendingPolicy(delay=cards_pb2.PendingDelay(days=10))
    expiry = cards_pb2.ExpiryPolicy(months=1)
    cards = [
        programs_pb2.Card(card_id="plain", display_name="Plain", earn_rate=rate),
        programs_pb2.Card(
            card_id="slow", display_name="Slow", earn_rate=rate, pending_policy=pending, expiry_policy=expiry
        ),
    ]
    fields: dict[str, Any] = {
        "display_name": "Coffee club",
        "time_zone": "Europe/Prague",
        "cards": cards,
        "test_clock_time": timestamp(START),
        **more,
    }
    return programs_pb2.CreateProgramRequest(
        program_id=program_id, program=programs_pb2.Program(**fields), request_id=fresh()
    )


def purchase(points: int = 100, account: str = PLAIN, **more: Any) -> transactions_pb2.RecordTransactionRequest:
    """A purchase that earns `points`."""
    fields: dict[str, Any] = {"transaction_id": f"t-{fresh()}", "request_id": fresh(), **more}
    amount = values_pb2.Money(currency_code="EUR", amount_minor=points)
    return transactions_pb2.RecordTransactionRequest(**{"account": account, "amount": amount, **fields})


def spending(points: int = 10, account: str = PLAIN, **more: Any) -> points_pb2.SpendPointsRequest:
    """A spending of `points`."""
    return points_pb2.SpendPointsRequest(**{"account": account, "points": points, "request_id": fresh(), **more})


def customer(customer_id: str, **more: Any) -> customers_pb2.CreateCustomerRequest:
    """A new customer of `coffee`."""
    profile = customers_pb2.Customer(**more)
    return customers_pb2.CreateCustomerRequest(
        parent="programs/coffee", customer_id=customer_id, customer=profile, request_id=fresh()
    )


async def active(client: Client, account: str = PLAIN) -> int:
    """The active points of an account."""
    return (await client.points.GetBalance(points_pb2.GetBalanceRequest(account=account))).balance.active


# Fields of a filter that take several values, by what one of them is called.
_ONE_OF = {"category": "categories", **{name: f"{name}s" for name in ("type", "source", "outcome", "action")}}


async def activities(client: Client, parent: str = "-", **filtered: Any) -> list[audit_pb2.Activity]:
    """The newest activities that match a filter, given by its fields."""
    several: dict[str, Any] = {_ONE_OF[name]: [filtered.pop(name)] for name in set(_ONE_OF) & set(filtered)}
    wanted = audit_pb2.ActivityFilter(**several, **filtered)
    request = audit_pb2.ListActivitiesRequest(parent=parent, page_size=1000, filter=wanted)
    return list((await client.audit.ListActivities(request)).activities)


class Told:
    """What a caller is told of a failed call; checked for what every failure must have."""

    def __init__(self, code: grpc.StatusCode, status: Status, trailers: dict[str, Any]) -> None:
        infos = [info for info in map(_unpacked(ErrorInfo), status.details) if info]
        assert [info.domain for info in infos] == ["fealty"]
        assert status.code == code.value[0]
        self.code = code
        self.reason = infos[0].reason
        self.facts = dict(infos[0].metadata)
        self.message = status.message
        self.trailers = trailers
        self.fields = [
            violation.field
            for bad in filter(None, map(_unpacked(BadRequest), status.details))
            for violation in bad.field_violations
        ]
        self.retry_ms = [
            info.retry_delay.ToMilliseconds() for info in filter(None, map(_unpacked(RetryInfo), status.details))
        ]


async def told(call: Awaitable[Any]) -> Told:
    """What the caller of a call that must fail is told."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return told_by(failed.value)


def told_by(error: grpc.aio.AioRpcError) -> Told:
    """The same of an error in hand."""
    trailers = dict(error.trailing_metadata())
    assert "grpc-status-details-bin" in trailers, error
    status = Status.FromString(trailers["grpc-status-details-bin"])
    assert status.message == error.details()
    found = failure(error)
    assert isinstance(found, Refused)
    answer = Told(error.code(), status, trailers)
    assert (found.code, found.reason, str(found), found.facts) == (
        answer.code,
        answer.reason,
        answer.message,
        answer.facts,
    )
    assert [violation.field for violation in found.violations] == answer.fields
    assert [found.retry_after_s] == ([delay / 1000 for delay in answer.retry_ms] or [None])
    return answer


def _unpacked(kind: type[Any]) -> Callable[[Any], Any]:
    def unpack(detail: Any) -> Any:
        message = kind()
        return message if detail.Unpack(message) else None

    return unpack
