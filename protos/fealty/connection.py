"""Opens a connection to Fealty: its services by their noun, each method by its name."""

from types import TracebackType
from typing import Self

import grpc.aio

from fealty import channel
from fealty.async_services import AsyncServices
from fealty.channel import Key
from fealty.security import Pem, secured
from fealty.services import Services


def connect(
    target: str,
    api_key: str = "",
    credentials: grpc.ChannelCredentials | None = None,
    *,
    root_certificates: Pem | None = None,
    certificate: tuple[Pem, Pem] | None = None,
    server_name: str = "",
    plaintext: bool | None = None,
) -> "Fealty":
    """A connection for blocking calls, from any thread.

    `target` is `host:port`. It speaks TLS, but to this machine itself: there it does so where anything below is given.
    `plaintext=True` does without everywhere, for networks that others keep private; `plaintext=False` nowhere.
    `root_certificates`, the name of a file or what is in it, are the authorities to believe instead of the public ones
    that gRPC knows; `certificate` is what to show, with its key, on a port that asks for it, where it stands for the
    API key; `server_name` is what the server's certificate is for, where that is not the host of `target`.
    `credentials` are gRPC's own instead of all these.

    Every call has a deadline of 10 s unless it brings its own, and is tried up to 4 times while the server cannot take
    it: each change carries a `request_id`, so that one that was made by a lost attempt is not made twice. A server that
    was away is found again within some 2 s. Raises ValueError where the target is none, or the key, and OSError where a
    file cannot be read.
    """
    target, api_key = channel.checked(target, api_key, is_shown=bool(certificate or credentials))
    security = secured(target, credentials, root_certificates, certificate, server_name, plaintext)
    return Fealty(channel.blocking(target, security), channel.Key(api_key))


def connect_async(
    target: str,
    api_key: str = "",
    credentials: grpc.ChannelCredentials | None = None,
    *,
    root_certificates: Pem | None = None,
    certificate: tuple[Pem, Pem] | None = None,
    server_name: str = "",
    plaintext: bool | None = None,
) -> "AsyncFealty":
    """The same for asyncio."""
    target, api_key = channel.checked(target, api_key, is_shown=bool(certificate or credentials))
    security = secured(target, credentials, root_certificates, certificate, server_name, plaintext)
    return AsyncFealty(channel.asynchronous(target, api_key, security))


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
