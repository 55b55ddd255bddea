"""Opens a channel to Fealty that sends the API key and retries what is safe to retry."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import grpc
import grpc.aio

from fealty.claiming import claimed
from fealty.security import Security

# Below the server's idle limits, above its floor for pings: a quiet channel stays open through a NAT.
KEEPALIVE_MS = 60_000
# How soon a server that is away is looked for again: at first, for one that is only restarted, and later. gRPC's own
# pauses grow to two minutes: after an outage of 100 s clients came back 16 s late.
RECONNECT_MIN_MS = 200
RECONNECT_MAX_MS = 2_000
# What a call gets that brings no deadline of its own. Not in the service configuration: gRPC's core does not tell
# the server, which would work on for a caller that has gone, and counts by the processor's clock, a fifth too fast
# on some machines.
DEADLINE_S = 10.0


# host:port, an IPv6 address in brackets, or a name by one of gRPC's own schemes.
_TARGET = re.compile(r"(?:dns|ipv4|ipv6|unix|unix-abstract):\S+|[^\s/:\[\]]+:\d{1,5}|\[[0-9A-Fa-f:.]+\]:\d{1,5}")
_KEY = re.compile(r"[!-~]+")


def checked(target: str, api_key: str, *, is_shown: bool = False) -> tuple[str, str]:
    """Both without the spaces around them; where a certificate `is_shown`, there may be no key. Raises ValueError for
    what never reaches a server, or is never a key: gRPC would say of either, and for ever, that nobody answers."""
    target, api_key = target.strip(), api_key.strip()
    if not _TARGET.fullmatch(target):
        raise ValueError(f"a target is host:port, such as 127.0.0.1:8470, and no URL: {target!r}")
    if not _KEY.fullmatch(api_key) and (api_key or not is_shown):
        raise ValueError("an API key is printable ASCII without spaces; `Bearer` is put before it by the client")
    return target, api_key


def blocking(target: str, security: Security) -> grpc.Channel:
    """A channel for blocking stubs, which wants a `Key`."""
    options = [*_options(), *security.options]
    if security.credentials is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, security.credentials, options)


def asynchronous(target: str, api_key: str, security: Security) -> grpc.aio.Channel:
    """A channel for `async` stubs, with its key."""
    options = [*_options(), *security.options]
    key = [_AsyncUnaryKey(api_key), _AsyncWatchKey(api_key), _AsyncStreamKey(api_key)]
    if security.credentials is None:
        return grpc.aio.insecure_channel(target, options, interceptors=key)
    return grpc.aio.secure_channel(target, security.credentials, options, interceptors=key)


def _options() -> list[tuple[str, Any]]:
    return [
        ("grpc.service_config", files("fealty").joinpath("service_config.json").read_text()),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.initial_reconnect_backoff_ms", RECONNECT_MIN_MS),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_MAX_MS),
    ]


def _with_key(details: Any, api_key: str, kind: Any, deadline_s: float | None = None) -> Any:
    key = [("authorization", f"Bearer {api_key}")] if api_key else []
    metadata: Sequence[Any] = [*(details.metadata or ()), *claimed(), *key]
    return kind(
        method=details.method,
        timeout=deadline_s if details.timeout is None else details.timeout,
        metadata=grpc.aio.Metadata(*metadata) if kind is grpc.aio.ClientCallDetails else metadata,
        credentials=details.credentials,
        wait_for_ready=details.wait_for_ready,
        **({} if kind is grpc.aio.ClientCallDetails else {"compression": details.compression}),
    )


class _Details(grpc.ClientCallDetails):
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Key(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Sends the key, where there is one, and the deadline of a call. Once `closed`, nothing goes through."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key
        self.closed = False

    def intercept_unary_unary(self, proceed: Callable[..., Any], details: Any, request: Any) -> Any:
        return proceed(self._with_key(details, DEADLINE_S), request)

    def intercept_unary_stream(self, proceed: Callable[..., Any], details: Any, request: Any) -> Any:
        return proceed(self._with_key(details), request)

    def intercept_stream_stream(self, proceed: Callable[..., Any], details: Any, requests: Any) -> Any:
        return proceed(self._with_key(details), requests)

    def _with_key(self, details: Any, deadline_s: float | None = None) -> Any:
        # gRPC looks for the method in the channel before it asks whether that is open, and the process dies.
        if self.closed:
            raise ValueError("the connection to Fealty is closed")
        return _with_key(details, self._api_key, _Details, deadline_s)


class _AsyncUnaryKey(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    async def intercept_unary_unary(self, proceed: Callable[..., Any], details: Any, request: Any) -> Any:
        return await proceed(_with_key(details, self._api_key, grpc.aio.ClientCallDetails, DEADLINE_S), request)


class _AsyncWatchKey(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    async def intercept_unary_stream(self, proceed: Callable[..., Any], details: Any, request: Any) -> Any:
        return await proceed(_with_key(details, self._api_key, grpc.aio.ClientCallDetails), request)


class _AsyncStreamKey(grpc.aio.StreamStreamClientInterceptor):
    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    async def intercept_stream_stream(self, proceed: Callable[..., Any], details: Any, requests: Any) -> Any:
        return await proceed(_with_key(details, self._api_key, grpc.aio.ClientCallDetails), requests)
