"""What every call of a blocking connection does: request ids, failures as exceptions, pages, and streams."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar
from uuid import uuid4

import grpc

from fealty.errors import failure

__all__ = ["Iterable", "Iterator", "Stream", "answer", "change", "checked", "exchange", "identify", "pages", "watch"]

Q = TypeVar("Q")
A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Call(Protocol[A_co]):
    """A stream as gRPC has it."""

    def __next__(self) -> A_co: ...

    def cancel(self) -> object:
        """Ends it."""


class Paged(Protocol):
    """A request that says from where on."""

    page_token: str


class Page(Protocol):
    """An answer that says where the next begins; empty: it was the last."""

    next_page_token: str


L = TypeVar("L", bound=Paged)
P = TypeVar("P", bound=Page)


class Stream(Iterator[A], Generic[A]):
    """The answers of a stream, until it ends or is closed."""

    def __init__(self, call: Call[A], broken: Sequence[Exception] = ()) -> None:
        self._call = call
        self._broken = broken
        self._closed = False

    def __next__(self) -> A:
        try:
            return next(self._call)
        except grpc.RpcError as error:
            if self._closed:
                raise StopIteration from None
            raise (self._broken[0] if self._broken else failure(error)) from None

    def close(self) -> None:
        """Ends it, from any thread; whoever waits for the next answer finds the end."""
        self._closed = True
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def answer(call: "grpc.UnaryUnaryMultiCallable[Q, A]", kind: type[Q], request: Q, timeout_s: float | None) -> A:
    """The answer to a request. Raises FealtyError, and TypeError where it is not of the method's kind."""
    checked(kind, request)
    try:
        return call(request, timeout=timeout_s)
    except grpc.RpcError as error:
        raise failure(error) from None


def change(call: "grpc.UnaryUnaryMultiCallable[Q, A]", kind: type[Q], request: Q, timeout_s: float | None) -> A:
    """The same, after the request has got its id."""
    return answer(call, kind, identify(checked(kind, request)), timeout_s)


def exchange(
    call: "grpc.StreamStreamMultiCallable[Q, A]", kind: type[Q], requests: Iterable[Q], timeout_s: float | None
) -> Stream[A]:
    """An answer to each of many requests, whose changes get their ids. What `requests` raises, the stream raises."""
    broken: list[Exception] = []
    return Stream(call(_identified(kind, requests, broken), timeout=timeout_s), broken)


def watch(call: "grpc.UnaryStreamMultiCallable[Q, A]", kind: type[Q], request: Q, timeout_s: float | None) -> Stream[A]:
    """Many answers to one request, after it has got its id where it has one."""
    return Stream(call(identify(checked(kind, request)), timeout=timeout_s))


def pages(method: Callable[[L, float | None], P], request: L, timeout_s: float | None) -> Iterator[P]:
    """Each page of a list, from the one that is asked for on; the caller's request stays as it is."""
    asked = deepcopy(request)
    while True:
        page = method(asked, timeout_s)
        yield page
        if not page.next_page_token:
            return
        asked.page_token = page.next_page_token


def checked(kind: type[Q], request: Q) -> Q:
    """The request, where it is of that kind. gRPC would send any message, and the server read it as the other."""
    if not isinstance(request, kind):
        raise TypeError(f"a {kind.__name__} is sent here, and no {type(request).__name__}")
    return request


def identify(request: Q) -> Q:
    """The same message, in which every change without a `request_id` has got one: sent again it is the same request."""
    message: Any = request
    if "request_id" in message.DESCRIPTOR.fields_by_name:
        message.request_id = message.request_id or str(uuid4())
        return request
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                identify(part)
    return request


def _identified(kind: type[Q], requests: Iterable[Q], broken: list[Exception]) -> Iterator[Q]:
    try:
        for request in requests:
            yield identify(checked(kind, request))
    except Exception as error:
        # gRPC would only say that there was one.
        broken.append(error)
        raise
