"""A way to PostgreSQL over TCP that can fall silent, as a network does: nothing arrives, and nobody is told.

What is sent meanwhile stays where it is. When the silence is over it arrives late (`deliver`), or never: the way of the
connections that were open is forgotten, as by a firewall (`forget`), or they are cut (`cut`).
"""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

CHUNK_BYTES = 64 << 10
# Starting and ending a loop takes milliseconds.
LOOP_LIMIT_S = 10.0


class _Way:
    """The way of one connection: open, or silent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open = asyncio.Event()
        self._reader, self._writer = reader, writer

    async def carry(self, to_socket: Path) -> None:
        """Carries bytes to PostgreSQL and back until either side ends."""
        try:
            await self.open.wait()
            reader, writer = await asyncio.open_unix_connection(str(to_socket))
            await asyncio.gather(self._pass(self._reader, writer), self._pass(reader, self._writer))
        except OSError:
            return  # PostgreSQL is away, or one side is; the other learns it from the end of its connection
        finally:
            self._writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self.open.wait()
                writer.write(data)
                await writer.drain()
            await self.open.wait()  # the end is news, too
        finally:
            writer.close()


class Proxy:
    """Passes bytes between a port on loopback and PostgreSQL's socket, in a thread of its own."""

    def __init__(self, to_socket: Path) -> None:
        self.port = 0
        self._to_socket = to_socket
        self._loop = asyncio.new_event_loop()
        self._ways: dict[_Way, asyncio.Task[None]] = {}
        # Those that nobody will hear from again. They are kept, as the loop itself does not keep them.
        self._forgotten: list[asyncio.Task[None]] = []
        self._silent = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(LOOP_LIMIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(LOOP_LIMIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LOOP_LIMIT_S)
        self._loop.close()

    def fall_silent(self) -> None:
        """From now on nothing arrives, neither on connections that are open nor on new ones."""

        def silence() -> None:
            self._silent = True
            for way in self._ways:
                way.open.clear()

        self._do(silence)

    def deliver(self) -> None:
        """What was sent meanwhile arrives, in order."""

        def deliver() -> None:
            self._silent = False
            for way in self._ways:
                way.open.set()

        self._do(deliver)

    def forget(self) -> None:
        """Only connections made from now on go through; the others stay silent, and are not told."""

        def forget() -> None:
            self._silent = False
            self._forgotten += self._ways.values()
            self._ways = {}

        self._do(forget)

    def cut(self) -> None:
        """Connections that are open end, on both sides, without what was sent meanwhile."""

        def cut() -> None:
            self._silent = False
            for task in self._ways.values():
                task.cancel()

        self._do(cut)

    def _do(self, change: Callable[[], None]) -> None:
        async def changed() -> None:
            change()

        asyncio.run_coroutine_threadsafe(changed(), self._loop).result(LOOP_LIMIT_S)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way = _Way(reader, writer)
        if not self._silent:
            way.open.set()
        task = self._loop.create_task(way.carry(self._to_socket))
        self._ways[way] = task
        task.add_done_callback(lambda _: self._ways.pop(way, None))
