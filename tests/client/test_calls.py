"""What a caller of the client has: answers, exceptions, request ids that stay, pages; blocking and asyncio alike."""

import asyncio
import pickle
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc.aio
import pytest
from grpc import StatusCode

from fealty import Fealty, Refused, Unanswered, connect, connect_async, refusal_of, v1
from tests.server.serving import PLAIN, Served, purchase, spending

T = TypeVar("T")
NOWHERE = PLAIN.replace("coffee", "tea")


async def blocking(server: Served, act: Callable[[Fealty], T]) -> T:
    """What `act` finds with a blocking connection, in a thread of its own."""

    def run() -> T:
        with connect(server.address, server.till_key) as fealty:
            return act(fealty)

    return await asyncio.to_thread(run)


@contextmanager
def silent() -> Iterator[str]:
    """The address of somebody who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def test_a_refusal_says_all_that_there_is_to_say(server: Served) -> None:
    """A till goes by the reason and shows the sentence; what asks again goes by what was told of the delay."""
    request = v1.SpendPointsRequest(account=PLAIN, points=80)

    def spend(fealty: Fealty) -> Refused:
        with pytest.raises(Refused) as refused:
            fealty.points.SpendPoints(request)
        return refused.value

    told = await blocking(server, spend)
    async with connect_async(server.address, server.till_key) as fealty:
        with pytest.raises(Refused) as refused:
            await fealty.points.SpendPoints(request)
    for found in (told, refused.value, pickle.loads(pickle.dumps(told))):
        assert (found.code, found.reason) == (StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_POINTS")
        assert (found.facts["requested"], found.facts["spendable"]) == ("80", "0")
        assert str(found) == "The account has 0 to spend; 80 were requested."
        assert (list(found.violations), found.retry_after_s) == ([], None)


async def test_each_field_that_is_shaped_wrongly_is_named(server: Served) -> None:
    """A developer mends all of them at once."""
    async with connect_async(server.address, server.till_key) as fealty:
        with pytest.raises(Refused) as refused:
            await fealty.points.SpendPoints(v1.SpendPointsRequest(account="anna", points=-1))
    assert refused.value.reason == "INVALID_REQUEST"
    assert [violation.field for violation in refused.value.violations] == ["account", "points"]
    assert all(violation.what for violation in refused.value.violations)


async def test_nobody_who_answers_is_no_refusal(server: Served) -> None:
    """What was refused is not done; of what nobody answered, nobody knows."""
    with socket.socket() as nobody, silent() as mute:
        nobody.bind(("127.0.0.1", 0))
        gone = f"127.0.0.1:{nobody.getsockname()[1]}"
        for target, code in ((gone, StatusCode.UNAVAILABLE), (mute, StatusCode.DEADLINE_EXCEEDED)):
            async with connect_async(target, "key") as fealty:
                with pytest.raises(Unanswered) as unanswered:
                    await fealty.points.GetBalance(v1.GetBalanceRequest(account=PLAIN), timeout_s=1)
            assert unanswered.value.code is code
        with connect(gone, "key") as calls, pytest.raises(Unanswered, match="No server of Fealty answered"):
            await asyncio.to_thread(calls.points.GetBalance, v1.GetBalanceRequest(account=PLAIN), 1)


async def test_a_message_that_is_too_large_is_refused(server: Served) -> None:
    """Sent again it would be as large: a photo as an icon, say, is no failure of the network."""
    image = v1.UploadPassImageRequest(parent="programs/coffee", content=bytes(5 << 20))
    with pytest.raises(Refused, match="and a call may have 4,194,304: send less in it") as refused:
        await blocking(server, lambda fealty: fealty.pass_templates.UploadPassImage(image))
    assert refused.value.reason == "INVALID_REQUEST"


async def test_a_request_id_is_made_once_and_stays_in_the_message(server: Served) -> None:
    """A till that sends the same message again means the same spending, and not another."""
    async with connect_async(server.address, server.till_key) as fealty:
        earning = purchase(100, request_id="", transaction_id="t-1")
        await fealty.transactions.RecordTransaction(earning)
        named = v1.SpendPointsRequest(account=PLAIN, points=1, request_id="order-7")
        await fealty.points.SpendPoints(named)
        assert named.request_id == "order-7"
        request = v1.SpendPointsRequest(account=PLAIN, points=10)
        first = await fealty.points.SpendPoints(request)
        kept = request.request_id
    assert kept
    again = await blocking(server, lambda calls: calls.points.SpendPoints(request))
    assert (request.request_id, again.receipt.replayed) == (kept, True)
    assert again.entry == first.entry


async def test_items_of_a_batch_get_their_ids_too_and_say_why_they_were_refused(server: Served) -> None:
    """What a broken stream did not answer is sent again, item by item the same."""
    items = [v1.Item(record=purchase(7, request_id="")), v1.Item(spend=spending(80, request_id=""))]
    messages = [v1.BatchIngestRequest(items=items)]

    async def later() -> AsyncIterator[v1.BatchIngestRequest]:
        for message in messages:
            yield message

    def ingested(fealty: Fealty) -> list[v1.BatchIngestResponse]:
        return list(fealty.ingest.BatchIngest(messages))

    async with connect_async(server.address, server.till_key) as fealty:
        [first] = [answer async for answer in fealty.ingest.BatchIngest(later())]
    assert all((messages[0].items[0].record.request_id, messages[0].items[1].spend.request_id))
    [again] = await blocking(server, ingested)
    assert again.results[0].recorded.receipt.replayed
    assert again.results[0].recorded.transaction == first.results[0].recorded.transaction
    assert refusal_of(again.results[1]).reason == "INSUFFICIENT_POINTS"
    with pytest.raises(ValueError, match="recorded"):
        refusal_of(again.results[0])


async def test_what_the_caller_s_own_iterator_raises_is_what_the_stream_raises(server: Served) -> None:
    """A faulty reading of a file is no outage of Fealty, and not to be tried for ever."""

    def faulty() -> Iterator[v1.BatchIngestRequest]:
        yield v1.BatchIngestRequest(items=[v1.Item(record=purchase(7))])
        raise LookupError("line 2")

    def ingested(fealty: Fealty) -> None:
        with pytest.raises(LookupError, match="line 2"):
            list(fealty.ingest.BatchIngest(faulty()))

    await blocking(server, ingested)
    async with connect_async(server.address, server.till_key) as fealty:
        with pytest.raises(LookupError, match="line 2"):
            [answer async for answer in fealty.ingest.BatchIngest(faulty())]


async def test_a_stream_that_is_refused_says_why(server: Served) -> None:
    """As any other call."""
    request = v1.WatchActivitiesRequest(parent=NOWHERE.partition("/customers")[0])

    def watched(fealty: Fealty) -> str:
        with pytest.raises(Refused) as refused:
            next(fealty.activities.WatchActivities(request))
        return refused.value.reason

    reason = await blocking(server, watched)
    async with connect_async(server.address, server.till_key) as fealty:
        with pytest.raises(Refused) as refused:
            await anext(fealty.activities.WatchActivities(request))
    assert refused.value.reason == reason


async def test_all_items_of_a_list_come_page_by_page(server: Served) -> None:
    """Who forgets the page token sees the first fifty and believes that is all."""
    for number in range(5):
        await server.till.transactions.RecordTransaction(purchase(number + 1))
    request = v1.ListEntriesRequest(account=PLAIN, page_size=2)
    found = await blocking(server, lambda fealty: list(fealty.points.all_entries(request)))
    async with connect_async(server.address, server.till_key) as fealty:
        assert [entry async for entry in fealty.points.all_entries(request)] == found
        with pytest.raises(Refused, match="no program"):
            await anext(fealty.points.all_entries(v1.ListEntriesRequest(account=NOWHERE)))
    assert [entry.amount for entry in found] == [5, 4, 3, 2, 1]
    assert request == v1.ListEntriesRequest(account=PLAIN, page_size=2)


async def test_a_call_in_hand_when_the_connection_is_closed_is_unanswered_not_cancelled(server: Served) -> None:
    """A task that nobody cancelled would end without a word, its caller waiting for ever."""
    with silent() as mute:
        fealty = connect_async(mute, "key")
        call = asyncio.ensure_future(fealty.points.GetBalance(v1.GetBalanceRequest(account=PLAIN)))
        cancelled = asyncio.ensure_future(fealty.points.GetBalance(v1.GetBalanceRequest(account=PLAIN)))
        await asyncio.sleep(0.1)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await fealty.close()
        with pytest.raises(Unanswered) as unanswered:
            await call
    assert unanswered.value.code is StatusCode.CANCELLED


class Away(grpc.GenericRpcHandler):
    """A server that takes no call, and counts how often each was tried."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Whatever is called."""
        method = handler_call_details.method.rpartition("/")[2]

        async def fail(_: bytes, context: Any) -> None:
            self.tried[method] += 1
            await context.abort(StatusCode.UNAVAILABLE, "away")

        handlers: Any = grpc
        if method == "WatchActivities":
            return handlers.unary_stream_rpc_method_handler(fail)
        return handlers.unary_unary_rpc_method_handler(fail)


async def test_calls_of_every_service_are_tried_again_and_streams_are_not(runner: asyncio.Runner) -> None:
    """A server that is restarted is no reason to fail; a stream knows better itself where it is to go on."""
    away = Away()
    listening = grpc.aio.server(handlers=[away])
    port = listening.add_insecure_port("127.0.0.1:0")
    await listening.start()
    async with connect_async(f"127.0.0.1:{port}", "key") as fealty:
        for call in (
            fealty.points.SpendPoints(v1.SpendPointsRequest()),
            fealty.reports.GetLiability(v1.GetLiabilityRequest()),
            anext(fealty.activities.WatchActivities(v1.WatchActivitiesRequest())),
        ):
            with pytest.raises(Unanswered, match="away"):
                await call
    await listening.stop(0)
    assert away.tried == {"SpendPoints": 4, "GetLiability": 4, "WatchActivities": 1}


async def test_a_connection_that_is_closed_makes_no_calls(server: Served) -> None:
    """gRPC would look into a channel that is gone, and take the process with it."""
    fealty, calls = connect(server.address, server.till_key), connect_async(server.address, server.till_key)
    fealty.close()
    await calls.close()
    watch = v1.WatchActivitiesRequest(parent="programs/coffee")
    for act in (
        lambda: fealty.points.GetBalance(v1.GetBalanceRequest(account=PLAIN)),
        lambda: next(fealty.activities.WatchActivities(watch)),
        lambda: next(fealty.ingest.BatchIngest([v1.BatchIngestRequest()])),
        lambda: next(fealty.activities.follow(watch)),
    ):
        with pytest.raises(ValueError, match="closed"):
            act()
    with pytest.raises(grpc.aio.UsageError, match="closed"):
        await calls.points.GetBalance(v1.GetBalanceRequest(account=PLAIN))


@pytest.mark.parametrize("target", ["http://127.0.0.1:8470", "127.0.0.1", "127.0.0.1:", "host:8470/v1", ""])
def test_an_address_that_leads_nowhere_is_found_out_at_once(target: str) -> None:
    """gRPC would say for ever that nobody answers, and whoever follows a stream would wait."""
    for opening in (connect, connect_async):
        with pytest.raises(ValueError, match="host:port"):
            opening(target, "fealty_1_2")


@pytest.mark.parametrize("key", ["", "Bearer fealty_1_2", "fealty_ž_2", "fealty_1\n_2"])
def test_a_key_that_cannot_be_one_is_found_out_at_once(key: str) -> None:
    """It never reaches a server that could say so."""
    for opening in (connect, connect_async):
        with pytest.raises(ValueError, match="API key"):
            opening("127.0.0.1:8470", key)


async def test_a_key_may_come_out_of_a_file_with_the_end_of_its_line(server: Served) -> None:
    """That is how keys are kept."""
    async with connect_async(server.address, f"{server.till_key}\n") as fealty:
        assert (await fealty.points.GetBalance(v1.GetBalanceRequest(account=PLAIN))).balance.account == PLAIN


async def test_a_message_of_another_kind_is_sent_nowhere(server: Served) -> None:
    """The server would read a question about a balance as a spending: that is found out where it is made."""
    wrong: Any = v1.GetBalanceRequest(account=PLAIN)

    def act(fealty: Fealty) -> None:
        for call in (
            lambda: fealty.points.SpendPoints(wrong),
            lambda: next(fealty.points.all_entries(wrong)),
            lambda: next(fealty.ingest.BatchIngest([wrong])),
            lambda: fealty.activities.WatchActivities(wrong),
            lambda: fealty.activities.follow(wrong),
        ):
            with pytest.raises(TypeError, match="no GetBalanceRequest"):
                call()

    await blocking(server, act)
    async with connect_async(server.address, server.till_key) as fealty:
        with pytest.raises(TypeError, match="a SpendPointsRequest is sent here"):
            await fealty.points.SpendPoints(wrong)
        with pytest.raises(TypeError, match="no GetBalanceRequest"):
            await anext(fealty.ingest.BatchIngest([wrong]))
