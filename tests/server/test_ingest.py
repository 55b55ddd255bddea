"""The ingest stream: a result for each item in its order, whatever becomes of the others."""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Any

import grpc.aio
import pytest
from grpc import StatusCode

from fealty import refusal_of
from fealty.v1 import ingest_pb2, transactions_pb2, values_pb2
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
    program,
    purchase,
    timestamp,
    told_by,
)

Item = transactions_pb2.RecordTransactionRequest
Result = ingest_pb2.ItemResult


def _message(*items: Item) -> ingest_pb2.BatchIngestRequest:
    return ingest_pb2.BatchIngestRequest(items=[ingest_pb2.Item(record=item) for item in items])


async def _ingest(client: Client, *messages: Sequence[Item]) -> list[list[Result]]:
    """The results of each message, all of them sent before the first answer is awaited."""
    call = client.ingest.BatchIngest(iter([_message(*items) for items in messages]))
    return [list(answer.results) async for answer in call]


def _reason(result: Result) -> str:
    return refusal_of(result).reason


async def test_each_item_gets_its_result_in_its_order(server: Served) -> None:
    """The caller matches them by position: one off, and every receipt is somebody else's."""
    messages = [[purchase(10 * number + part) for part in range(1, 6)] for number in range(20)]
    answers = await _ingest(server.till, *messages)
    asked = [[item.transaction_id for item in message] for message in messages]
    assert [[result.recorded.transaction.name.rpartition("/")[2] for result in answer] for answer in answers] == asked
    balances = [result.recorded.balance.active for answer in answers for result in answer]
    assert balances == sorted(balances)
    assert await active(server.till) == balances[-1] == sum(10 * n + p for n in range(20) for p in range(1, 6))


async def test_refused_items_end_nothing_and_say_what_a_call_of_their_own_would_have_said(server: Served) -> None:
    """One wrong receipt in a night's ten thousand must not stop the night."""
    wrong: dict[str, Item] = {
        "INVALID_REQUEST": purchase(-1),
        "CUSTOMER_NOT_FOUND": purchase(1, PLAIN.replace("ada", "eve")),
        "PROGRAM_NOT_FOUND": purchase(1, PLAIN.replace("coffee", "cocoa")),
        "CARD_NOT_FOUND": purchase(1, PLAIN.replace("plain", "gold")),
        "CURRENCY_MISMATCH": purchase(amount=values_pb2.Money(currency_code="JPY", amount_minor=1)),
        "OCCURS_IN_FUTURE": purchase(occur_time=timestamp(START.replace(year=2026))),
    }
    nul = purchase(lines=[transactions_pb2.TransactionLine(product_id="\0", quantity=1, amount_minor=1)])
    ancient = purchase()
    ancient.occur_time.seconds = -(2**40)
    items = [purchase(1), *wrong.values(), purchase(2), nul, ancient, purchase(4)]
    [first, second] = await _ingest(server.till, items, [purchase(8)])
    reasons = [_reason(result) if result.HasField("refused") else "" for result in first]
    assert reasons == ["", *wrong, "", "INVALID_REQUEST", "INVALID_REQUEST", ""]
    assert {result.refused.code for result in first if _is(result, "CUSTOMER_NOT_FOUND")} == {5}
    assert second[0].recorded.balance.active == await active(server.till) == 15


async def test_a_stream_that_is_sent_again_records_nothing_twice(server: Served) -> None:
    """A night's upload that broke off is started again from its beginning."""
    messages = [[purchase(number) for number in range(1, 4)] for _ in range(3)]
    first = await _ingest(server.till, *messages)
    again = await _ingest(server.till, *messages)
    for one, other in zip(chain(*first), chain(*again), strict=True):
        assert (one.recorded.receipt.replayed, other.recorded.receipt.replayed) == (False, True)
        assert one.recorded.transaction == other.recorded.transaction
    assert await active(server.till) == 18


async def test_messages_that_come_while_another_is_being_written_get_their_answers_in_order(server: Served) -> None:
    """The caller need not wait for one answer before it sends the next message; the database decides the pace."""
    await server.till.transactions.RecordTransaction(purchase(1))
    with server.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM account FOR UPDATE")
        call = server.till.ingest.BatchIngest()
        for number in range(1, 7):
            await call.write(_message(purchase(number)))
        await _until(server, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", 1)
    await call.done_writing()
    answers: Any = [answer async for answer in call]
    assert [answer.results[0].recorded.balance.active for answer in answers] == [2, 4, 7, 11, 16, 22]


async def test_a_key_that_is_revoked_ends_the_stream_after_what_was_taken(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream can last for hours: a stolen key must not last as long."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 0.0)
    made = run(server.database, lambda unit: create_key(unit, "stolen", Role.SERVICE))
    client = server.client(made.key.text)
    call = client.ingest.BatchIngest()
    await call.write(_message(purchase(1)))
    assert (await _read(call)).results[0].recorded.balance.active == 1
    assert run(server.database, lambda unit: revoke_key(unit, made.key.id))
    await call.write(_message(purchase(2)))
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await _read(call)
    answer = told_by(failed.value)
    assert (answer.code, answer.reason) == (StatusCode.UNAUTHENTICATED, "KEY_INVALID")
    assert await active(server.till) == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\xff\xff", "MALFORMED_REQUEST"),
        (_message().SerializeToString(), "INVALID_REQUEST"),
        (_message(*[Item()] * 501).SerializeToString(), "INVALID_REQUEST"),
    ],
    ids=["no message", "no items", "too many items"],
)
async def test_a_message_that_cannot_be_taken_ends_the_stream_after_the_answers_before_it(
    server: Served, message: bytes, reason: str
) -> None:
    """The caller knows then exactly which messages are in the books."""
    stream: Any = server.till.channel.stream_stream("/fealty.v1.IngestService/BatchIngest")
    good = [_message(purchase(number)).SerializeToString() for number in (1, 2)]
    call = stream(iter([*good, message]))
    answers = [ingest_pb2.BatchIngestResponse.FromString(await _read(call)) for _ in good]
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await _read(call)
    assert [answer.results[0].recorded.balance.active for answer in answers] == [1, 3]
    answer = told_by(failed.value)
    assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, reason)
    recorded = (await activities(server.admin))[0]
    assert recorded.details["reason"].text == reason


async def test_each_message_of_a_stream_has_its_own_time(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream may last longer than any call may: its later messages are not late."""
    monkeypatch.setattr(limits, "DEADLINE_MAX_S", 0.5)
    call = server.till.ingest.BatchIngest()
    for number in (1, 2, 3):
        await call.write(_message(purchase(number)))
        assert (await _read(call)).results[0].HasField("recorded")
        await asyncio.sleep(0.3)
    await call.done_writing()


async def test_a_role_or_program_that_is_not_the_callers_is_refused_in_a_stream_too(server: Served) -> None:
    """The side entrance is locked like the front door."""
    await server.admin.programs.CreateProgram(program("tea"))
    stranger = server.client(server.key("stranger", Role.SERVICE, "tea"))
    [[result]] = await _ingest(stranger, [purchase(5)])
    assert _reason(result) == "PROGRAM_NOT_FOUND"
    auditor = server.client(server.key("auditor", Role.AUDITOR))
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await _ingest(auditor, [purchase(5)])
    assert told_by(failed.value).reason == "PERMISSION_MISSING"
    assert await active(server.till) == 0


async def test_a_caller_that_goes_away_leaves_the_server_well(server: Served) -> None:
    """Connections break; what was taken is in the books or not, and the next stream works."""
    for number in range(3):
        call = server.till.ingest.BatchIngest()
        await call.write(_message(purchase(1)))
        if number:
            await _read(call)
        call.cancel()
    [[result]] = await _ingest(server.till, [purchase(100)])
    assert result.recorded.balance.active in (102, 103)


async def test_items_that_only_ask_change_nothing(server: Served) -> None:
    """A file can be tried before it is meant."""
    await server.till.customers.CreateCustomer(customer("ben"))
    asked = [purchase(5, validate_only=True), purchase(6, PLAIN.replace("ada", "ben"), validate_only=True)]
    [results] = await _ingest(server.till, asked)
    assert [result.recorded.balance.active for result in results] == [5, 6]
    assert server.rows("SELECT count(*) FROM transaction") == [(0,)]


def _is(result: Result, reason: str) -> bool:
    return result.HasField("refused") and _reason(result) == reason


async def _read(call: Any) -> Any:
    return await asyncio.wait_for(call.read(), 30)


async def _until(server: Served, query: str, count: int) -> None:
    for _ in range(1000):
        if server.rows(query) == [(count,)]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")
