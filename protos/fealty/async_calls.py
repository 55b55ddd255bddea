"""The same for an asyncio connection."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from copy import deepcopy
from types import TracebackType
from typing import Generic, Protocol, Self, TypeAlias, TypeVar

import grpc.aio

from fealty.calls import Page, Paged, checked, identify
from fealty.errors import FealtyError, Unanswered, failure

__all__ = ["AnyIterable", "AsyncIterator", "Stream", "answer", "change", "exchange", "pages", "watch"]

Q = TypeVar("Q")
A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
L = TypeVar("L", bound=Paged)
P = TypeVar("P", bound=Page)
AnyIterable: TypeAlias = AsyncIterable[Q] | Iterable[Q]


class Call(Protocol[A_co]):
    """A stream as gRPC has it."""

    def __aiter__(self) -> AsyncIterator[A_co]: ...

    def cancel(self) -> object:
        """Ends it."""


class Stream(AsyncIterator[A], Generic[A]):
    """The answers of a stream, until it ends or is closed."""

    def __init__(self, call: Call[A], broken: Sequence[Exception] = ()) -> None:
        self._call = call
        self._broken = broken
        self._answers = aiter(call)
        self._closed = False

    async def __anext__(self) -> A:
        try:
            return await anext(self._answers)
        except (grpc.RpcError, asyncio.CancelledError) as error:
            failed = _failure(error)
            if self._closed:
                raise StopAsyncIteration from None
            raise (self._broken[0] if self._broken else failed) from None

    async def close(self) -> None:
        """Ends it; whoever waits for the next answer finds the end."""
        self._closed = True
        self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def answer(
    call: "grpc.aio.UnaryUnaryMultiCallable[Q, A]", kind: type[Q], request: Q, timeout_s: float | None
) -> A:
    """The answer to a request. Raises FealtyError, and TypeError where it is not of the method's kind."""
    checked(kind, request)
    try:
        return await call(request, timeout=timeout_s)
    except (grpc.RpcError, asyncio.CancelledError) as error:
        raise _failure(error) from None


async def change(
    call: "grpc.aio.UnaryUnaryMultiCallable[Q, A]", kind: type[Q], request: Q, timeout_s: float | None
) -> A:
    """The same, after the request has got its id."""
    return await answer(call, kind, identify(checked(kind, request)), timeout_s)


def exchange(
    call: "grpc.aio.StreamStreamMultiCallable[Q, A]", kind: type[Q], requests: AnyIterable[Q], timeout_s: float | None
) -> Stream[A]:
    """An answer to each of many requests, whose changes get their ids. What `requests` raises, the stream raises."""
    broken: list[Exception] = []
    return Stream(call(_identified(kind, requests, broken), timeout=timeout_s), broken)


def watch(
    call: "grpc.aio.UnaryStreamMultiCallable[Q, A]", kind: type[Q], request: Q, timeout_s: float | None
) -> Stream[A]:
    """Many answers to one request, after it has got its id where it has one."""
    return Stream(call(identify(checked(kind, request)), timeout=timeout_s))


async def pages(
    method: Callable[[L, float | None], Awaitable[P]], request: L, timeout_s: float | None
) -> AsyncIterator[P]:
    """Each page of a list, from the one that is asked for on; the caller's request stays as it is."""
    asked = deepcopy(request)
    while True:
        page = await method(asked, timeout_s)
        yield page
        if not page.next_page_token:
            return
        asked.page_token = page.next_page_token


async def _identified(kind: type[Q], requests: AnyIterable[Q], broken: list[Exception]) -> AsyncIterator[Q]:
    try:
        if isinstance(requests, AsyncIterable):
            async for request in requests:
                yield identify(checked(kind, request))
        else:
            for request in requests:
                yield identify(checked(kind, request))
    except Exception as error:
        # gRPC would only cancel the call.
        broken.append(error)
        raise


def _failure(error: grpc.RpcError | asyncio.CancelledError) -> FealtyError:
    """What the caller is told. Raises CancelledError where it is the caller who is cancelled."""
    if isinstance(error, grpc.RpcError):
        return failure(error)
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise error
    # gRPC says so of a call whose channel was closed, to tasks that nobody cancelled: they would end without a word.
    return Unanswered(grpc.StatusCode.CANCELLED, "the connection was closed")
