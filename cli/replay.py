"""Replays a journey through the public contract: each day its new coupons, its baskets and the coupons that were used
on them by the stream, then the clock a day on.

Every id follows from the data, so a replay that was killed is taken up at the day that the program's clock shows, and
what was sent before changes nothing.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import grpc.aio
from google.rpc import code_pb2

from cli.dialing import connected_async
from cli.failures import Failure
from cli.issuing import CURRENCY, Issuing
from cli.journey import Basket, Day, Journey, address_of, evening
from cli.program import CARD, new_program
from fealty import AsyncFealty, FealtyError, Refused, Unanswered
from fealty.v1 import (
    customers_pb2,
    ingest_pb2,
    programs_pb2,
    transactions_pb2,
    values_pb2,
)

if TYPE_CHECKING:
    from cli.phones.cards import Cards
    from cli.phones.households import Households

# A day has some 430 baskets and 3 that coupons were used on: in messages of this size the server reads one while it
# writes the one before.
ITEMS_PER_MESSAGE = 150
# Customers being made at once: more than the server makes at once, so that it never waits for us.
CUSTOMERS_IN_HAND = 16
# A day is answered in 100 ms; a server that takes this long hangs.
DAY_LIMIT_S = 60.0
# Names our request ids: any uuid does, as long as it stays the same.
NAMESPACE = uuid.UUID("5b0e1b7c-3c1f-4d0e-9a53-7d4b8f2c6e11")

Message = ingest_pb2.BatchIngestRequest
Result = TypeVar("Result")


class ServerGone(Failure):
    """The server went away in the middle."""


class Replay:
    """Sends one journey to the server at `address`. `sent` is told how many baskets were answered since. The households
    that have phones are given cards; where there are none, nobody is."""

    def __init__(
        self,
        journey: Journey,
        address: str,
        api_key: str,
        sent: Callable[[date, int], None],
        households: "Households | None" = None,
    ) -> None:
        self._journey = journey
        self._address = address
        self._api_key = api_key
        self._sent = sent
        self._program = f"programs/{journey.program_id}"
        self._issuing = Issuing(self._program, self._request_id)
        self._cards = self._of(households) if households is not None else None

    def run(self) -> int | None:
        """Replay what is missing, if anything is; answers how many baskets were new to the server. Raises Failure."""
        return self._finished(self._run())

    def give_again(self) -> None:
        """Whoever got no card, after all, is given one. Raises Failure."""

        async def give(cards: "Cards") -> None:
            async with connected_async(self._address, self._api_key) as fealty:
                await cards.give_again(fealty, self._customers(self._journey.days))

        if self._cards is not None:
            self._finished(give(self._cards))

    def _finished(self, work: Coroutine[Any, Any, Result]) -> Result:
        try:
            return asyncio.run(work)
        except FealtyError as error:
            raise self._failure(error) from error

    async def _run(self) -> int | None:
        async with connected_async(self._address, self._api_key) as fealty:
            stands_at = await self._clock(fealty)
            left = [day for day in self._journey.days if day.evening >= stands_at]
            past = len(self._journey.days) - len(left)
            if self._cards is not None:
                await self._cards.begin(fealty, self._customers(self._journey.days[:past]))
            if not left:
                return None
            self._sent(left[0].date, self._journey.baskets - sum(len(day.baskets) for day in left))

            async def send(day: Day, messages: list[Message]) -> int:
                await self._issuing.issue(fealty, day.campaigns)
                new = await self._send(fealty, messages)
                await self._advance(fealty, evening(day.date + timedelta(days=1)))
                self._sent(day.date, len(day.baskets))
                if self._cards is not None:
                    self._cards.evening((day.date - self._journey.days[0].date).days / len(self._journey.days))
                return new

            new = 0
            messages = await self._prepare(fealty, left[0])
            for day, following in pairwise(left):
                _stop_if_asked()
                # The next day is made ready while the server has this one in hand.
                added, messages = await asyncio.gather(send(day, messages), self._prepare(fealty, following))
                new += added
            _stop_if_asked()
            return new + await send(left[-1], messages)

    async def _clock(self, fealty: AsyncFealty) -> datetime:
        """What the program's clock shows; the program is made where there is none."""
        try:
            found = await fealty.programs.GetProgram(programs_pb2.GetProgramRequest(name=self._program))
            program = found.program
        except Refused as refused:
            if refused.reason != "PROGRAM_NOT_FOUND":
                raise
            program = (
                await fealty.programs.CreateProgram(new_program(self._journey, self._request_id("program")))
            ).program
        if not program.HasField("test_clock_time"):
            raise Failure(f"{self._program} is a live program, not the demo's: run the demo on another database")
        return program.test_clock_time.ToDatetime(UTC)

    async def _prepare(self, fealty: AsyncFealty, day: Day) -> list[Message]:
        """The day's messages; whoever buys for the first time becomes a customer."""
        places = asyncio.Semaphore(CUSTOMERS_IN_HAND)
        # The same where nobody has a phone: a request that is sent again must say what it said before.
        emails = {household: address_of(household) for household in self._journey.holders}

        async def create(household: int) -> None:
            request = customers_pb2.CreateCustomerRequest(
                parent=self._program,
                customer_id=f"household-{household}",
                customer=customers_pb2.Customer(display_name=f"Household {household}", email=emails.get(household)),
                request_id=self._request_id(f"household-{household}"),
            )
            async with places:
                try:
                    await fealty.customers.CreateCustomer(request)
                except Refused as refused:
                    # Made by a replay so long ago that its request is forgotten.
                    if refused.reason != "CUSTOMER_EXISTS":
                        raise

        messages, _ = await asyncio.gather(
            asyncio.to_thread(self._messages, day), asyncio.gather(*map(create, day.newcomers))
        )
        if self._cards is not None:
            await self._cards.mail(fealty, day.newcomers)
        return messages

    def _of(self, households: "Households") -> "Cards":
        from cli.phones.cards import Cards

        return Cards(self._program, CARD, self._request_id, households)

    def _customers(self, days: Sequence[Day]) -> list[int]:
        return [household for day in days for household in day.newcomers]

    async def _send(self, fealty: AsyncFealty, messages: Sequence[Message]) -> int:
        """Sends all, checks every result, and answers how many were new."""
        if not messages:
            return 0
        new = 0
        unanswered = deque(messages)
        async for answer in fealty.ingest.BatchIngest(messages, timeout_s=DAY_LIMIT_S):
            new += self._new(unanswered.popleft(), answer)
        if unanswered:
            raise self._gone("it ended the stream")
        return new

    def _new(self, message: Message, answer: ingest_pb2.BatchIngestResponse) -> int:
        """How many results are of purchases that the server did not know. Raises Failure where an item was refused."""
        new = 0
        for item, result in zip(message.items, answer.results, strict=True):
            if result.HasField("refused"):
                if result.refused.code == code_pb2.UNAVAILABLE:
                    raise self._gone(result.refused.message)
                what = item.record.transaction_id or f"the coupons of {item.redeem_coupons.order.order_id}"
                raise Failure(f"the server refused {what}: {result.refused.message}")
            new += result.HasField("recorded") and not result.recorded.receipt.replayed
        return new

    async def _advance(self, fealty: AsyncFealty, to: datetime) -> None:
        request = programs_pb2.AdvanceTestClockRequest(
            name=self._program, request_id=self._request_id(f"clock-{to.date()}")
        )
        request.to_time.FromDatetime(to)
        await fealty.programs.AdvanceTestClock(request)

    def _messages(self, day: Day) -> list[Message]:
        items = list(self._items(day))
        starts = range(0, len(items), ITEMS_PER_MESSAGE)
        return [Message(items=items[start : start + ITEMS_PER_MESSAGE]) for start in starts]

    def _items(self, day: Day) -> Iterator[ingest_pb2.Item]:
        for basket in day.baskets:
            yield self._bought(basket)
            if basket.basket in day.uses:
                yield ingest_pb2.Item(redeem_coupons=self._issuing.redeem(basket, day.uses[basket.basket]))

    def _bought(self, basket: Basket) -> ingest_pb2.Item:
        purchase = transactions_pb2.RecordTransactionRequest(
            account=f"{self._program}/customers/household-{basket.household}/accounts/{CARD}",
            transaction_id=f"basket-{basket.basket}",
            amount=values_pb2.Money(currency_code=CURRENCY, amount_minor=basket.cents),
            request_id=self._request_id(f"basket-{basket.basket}"),
        )
        purchase.occur_time.seconds = basket.bought_s
        return ingest_pb2.Item(record=purchase)

    def _request_id(self, what: str) -> str:
        return str(uuid.uuid5(NAMESPACE, f"{self._program}/{what}"))

    def _failure(self, error: FealtyError) -> Failure:
        code = error.code
        if code is grpc.StatusCode.UNAUTHENTICATED:
            return Failure(
                f"the server at {self._address} does not know a key of this database: point FEALTY_DATABASE_URL to the"
                " database that it uses"
            )
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED):
            return self._gone((error.what if isinstance(error, Unanswered) else str(error)) or code.name)
        return Failure(f"the server refused the demo's call ({code.name}: {error}): its log may say more")

    def _gone(self, why: str) -> ServerGone:
        return ServerGone(
            f"the server at {self._address} went away ({why}): start it again with `make up`, and `make demo` goes on"
            " where it stopped"
        )


def _stop_if_asked() -> None:
    """Ctrl-C cancels this task once. Where a call that was just being answered took that for its own, it is lost."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
