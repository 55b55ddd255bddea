"""Opens a connection to Fealty: its services by their noun, each method by its name."""

from types import TracebackType
from typing import Self

import grpc.aio

from fealty import channel
from fealty.async_services import AsyncServices
from fealty.channel import Key
from fealty.services import Services


def connect(target: str, api_key: str, credentials: grpc.ChannelCredentials | None = None) -> "Fealty":
    """A connection for blocking calls, from any thread.

    `target` is `host:port`. Without `credentials` it is not encrypted: for loopback and private networks. Every call
    has a deadline of 10 s unless it brings its own, and is tried up to 4 times while the server cannot take it: each
    change carries a `request_id`, so that one that was made by a lost attempt is not made twice. A server that was away
    is found again within some 2 s. Raises ValueError where the target is none, or the key.
    """
    target, api_key = channel.checked(target, api_key)
    return Fealty(channel.blocking(target, credentials), channel.Key(api_key))


def connect_async(target: str, api_key: str, credentials: grpc.ChannelCredentials | None = None) -> "AsyncFealty":
    """The same for asyncio."""
    target, api_key = channel.checked(target, api_key)
    return AsyncFealty(channel.asynchronous(target, api_key, credentials))


class Fealty(Services):
    """A connection until it is closed. `channel` is gRPC's, with key, deadline and retries, for stubs of your own."""

    def __init__(self, channel: grpc.Channel, key: Key) -> None:
        self._key = key
        self.channel = grpc.intercept_channel(channel, key)
        super().__init__(self.channel)

    def close(self) -> None:
        """Ends what is still in hand, and hangs up."""
        for stream in list(self._followed):
            stream.close()
        self._key.closed = True
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncFealty(AsyncServices):
    """The same for asyncio."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel)
        self.channel = channel

    async def close(self) -> None:
        """Ends what is still in hand, and hangs up."""
        for stream in list(self._followed):
            await stream.close()
        await self.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
