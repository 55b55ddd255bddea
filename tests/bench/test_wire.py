"""The meter itself: figures of a benchmark are worth what its load generator is worth.

Against real grpc.aio servers on loopback, and a peer of raw frames for what those never send.
"""

from __future__ import annotations

import asyncio
import hashlib
import select
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial

import grpc
import grpc.aio
import pytest
from hpack import Encoder

from bench import load
from bench.frames import DATA, HEADERS, INITIAL_WINDOW_SIZE, SETTINGS, Replies, Reply, WireError, frame, settings
from bench.load import Stream, Unary, run
from bench.payload import PLACEHOLDER, Payload
from bench.tls import SCHEME
from bench.wire import RECEIVE_WINDOW, Connection
from tests.server.tls import authorities

unary = partial(Unary, warmup_s=0.1, duration_s=0.3)
stream = partial(Stream, warmup_s=0.1, duration_s=0.3)
LARGE = b"x" * 200_000


class Books(grpc.GenericRpcHandler):
    """A server's methods, on bytes. `seen` holds the unary requests, `whole` counts undamaged stream messages."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.whole = 0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        name = handler_call_details.method.rpartition("/")[2]
        if name in ("keep", "refuse_some", "large", "never"):
            return grpc.unary_unary_rpc_method_handler(getattr(self, name))
        if name in ("check", "three", "abort"):
            return grpc.stream_stream_rpc_method_handler(getattr(self, name))
        return None

    async def keep(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        self.seen.append(request)
        return b"kept"

    async def refuse_some(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        self.seen.append(request)
        number = int(request)
        if number % 3 == 1:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such café")
        if number % 3 == 2:
            raise RuntimeError("a bug")
        return b"found"

    async def large(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return LARGE

    async def never(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        await asyncio.sleep(3600)
        return b""

    async def check(
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncIterator[bytes]:
        async for request in requests:
            intact = hashlib.sha256(request[32:]).digest() == request[:32]
            self.whole += intact
            yield b"whole" if intact else b"damaged"

    async def three(
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"one"

    async def abort(
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncIterator[bytes]:
        async for _ in requests:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not yours")
            yield b""


@contextmanager
def serving(books: Books, *, by_tls: bool = False) -> Iterator[tuple[str, Callable[[float], Future[None]]]]:
    """A server in a thread of its own: where it is, and a way to stop it with a grace."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> tuple[grpc.aio.Server, int]:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((books,))
        if by_tls:
            identity = authorities().server.server()
            pair = [(identity.key_pem(), identity.certificate_pem)]
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(pair))
        else:
            port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, port

    async def stop(grace: float) -> None:
        await server.stop(grace)

    server, port = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    try:
        yield (
            f"{SCHEME if by_tls else ''}127.0.0.1:{port}",
            lambda grace: asyncio.run_coroutine_threadsafe(stop(grace), loop),
        )
    finally:
        asyncio.run_coroutine_threadsafe(stop(0), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def books() -> Books:
    """A server's methods, to look into after the load."""
    return Books()


@pytest.fixture(params=["plain", "by TLS"])
def target(books: Books, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a server of `books` listens."""
    with serving(books, by_tls=request.param == "by TLS") as (where, _):
        yield where


def decimal(i: int) -> bytes:
    """A message that is the number of its call."""
    return b"%d" % i


def megabyte(i: int) -> bytes:
    """A message of 1 MB that starts with the digest of the rest."""
    body = b"%07d" % i * 143_000
    return hashlib.sha256(body).digest() + body


def damage(answer: bytes) -> list[str]:
    """What went wrong according to an answer of `check`."""
    return [] if answer == b"whole" else ["DAMAGED"]


@pytest.mark.process
def test_calls_answered_ok_are_counted_with_rate_latency_and_the_clients_share(books: Books, target: str) -> None:
    """These are the figures the table is made of, and the share says whether the client was the limit."""
    result = run(unary(target, "/books/keep", decimal, in_flight=16, connections=4), processes=2)
    assert result.failed == {}
    assert 0 < result.calls <= len(books.seen)
    assert result.seconds >= 0.3
    assert result.per_s == pytest.approx(result.calls / result.seconds, rel=0.2)
    assert 0 < result.p50_ms <= result.p99_ms
    assert 0 < result.client_cpu_share <= 2


@pytest.mark.process
def test_every_call_of_a_run_has_a_number_of_its_own(books: Books, target: str) -> None:
    """A factory that varies by number alone must not repeat itself in the second process."""
    run(unary(target, "/books/keep", decimal, in_flight=16, connections=4), processes=2)
    assert max(Counter(books.seen).values()) == 1


@pytest.mark.process
def test_request_ids_are_fresh_uuid4_in_every_call_of_every_process(books: Books, target: str) -> None:
    """A repeated request id is answered from memory: it would make the books look faster than they are."""
    payload = Payload(b"ann " + PLACEHOLDER.encode() + b" 5", b"bob " + PLACEHOLDER.encode() + b" 5")
    for _ in range(2):
        run(unary(target, "/books/keep", payload, in_flight=16, connections=4), processes=2)
    customers, ids, points = zip(*(request.decode().split() for request in books.seen), strict=True)
    assert {(one.version, one.variant) for one in map(uuid.UUID, ids)} == {(4, uuid.RFC_4122)}
    assert all(str(uuid.UUID(one)) == one for one in ids)
    assert len(set(ids)) == len(ids)
    assert set(customers) == {"ann", "bob"}
    assert set(points) == {"5"}


def test_a_message_of_many_postings_gets_an_id_for_each() -> None:
    """One id for a hundred postings would post one of them."""
    payload = Payload(b"<" + PLACEHOLDER.encode() * 100 + b">")
    text = (payload(0) + payload(1)).replace(b"<", b"").replace(b">", b"").decode()
    ids = {text[at : at + 36] for at in range(0, len(text), 36)}
    assert len(ids) == 200
    assert {uuid.UUID(one).version for one in ids} == {4}


def test_a_variant_without_a_place_for_the_id_is_refused() -> None:
    """It would send one request again and again, and be fast."""
    with pytest.raises(ValueError, match="PLACEHOLDER"):
        Payload(b"no id here")


@pytest.mark.process
def test_failing_calls_are_counted_by_status_and_not_as_calls(books: Books, target: str) -> None:
    """Refusals are cheap; a benchmark that took them for work done would praise a broken server."""
    result = run(unary(target, "/books/refuse_some", decimal, in_flight=8, connections=2))
    kinds = Counter(int(request) % 3 for request in books.seen)
    assert result.failed == {"NOT_FOUND": kinds[1], "UNKNOWN": kinds[2]}
    assert 0 < result.calls <= kinds[0]
    assert "NOT_FOUND: no such café" in result.messages
    assert len(result.messages) <= 5


@pytest.mark.process
def test_a_wrong_path_shows_as_unimplemented(target: str) -> None:
    """Such an answer is a single header block, which must not pass for a call done."""
    result = run(unary(target, "/books/mistyped", decimal, in_flight=2, connections=1))
    assert result.calls == 0
    assert set(result.failed) == {"UNIMPLEMENTED"}


def test_large_answers_keep_coming_past_the_receive_window(target: str) -> None:
    """A client that forgets to replenish its window hangs after the first megabytes."""
    got: list[bytes] = []
    connection = Connection(target, Unary(target, "/books/large", decimal).headers(), got.append)
    replies: list[Reply] = []
    for _ in range(2 * RECEIVE_WINDOW // len(LARGE)):
        connection.start(b"")
        replies += until_ended(connection, 1)
    connection.close()
    assert set(replies) == {Reply("OK")}
    assert sum(map(len, got)) == len(replies) * (len(LARGE) + 5)


@pytest.mark.process
def test_large_answers_are_counted_from_many_calls_at_once(target: str) -> None:
    """Answers of several frames interleave; each must still end its own call."""
    result = run(unary(target, "/books/large", decimal, in_flight=8, connections=2))
    assert result.failed == {}
    assert result.calls > 0


@pytest.mark.process
def test_large_stream_messages_arrive_whole_past_the_servers_windows(books: Books, target: str) -> None:
    """Eight megabytes a stream are more than any window and frame: they must be cut, held back and sent on."""
    work = stream(target, "/books/check", megabyte, in_flight=16, connections=2, inspect=damage)
    result = run(work)
    assert result.failed == {}
    assert books.whole >= 16
    assert result.calls <= books.whole


@pytest.mark.process
def test_what_inspection_finds_in_an_answer_is_counted(target: str) -> None:
    """A bulk stream answers OK and names refused items inside: those must not count as postings unseen."""
    work = stream(target, "/books/check", decimal, in_flight=2, connections=1, inspect=damage)
    result = run(work)
    assert set(result.failed) == {"DAMAGED"}
    assert result.failed["DAMAGED"] >= result.calls > 0


@pytest.mark.process
@pytest.mark.parametrize(("method", "failure"), [("three", "ENDED_EARLY"), ("abort", "PERMISSION_DENIED")])
def test_a_stream_the_server_ends_is_a_failure(target: str, method: str, failure: str) -> None:
    """Its rate afterwards is nought, which must be told from a slow server."""
    result = run(stream(target, f"/books/{method}", decimal, in_flight=8, connections=2))
    assert result.failed == {failure: 2}


@pytest.mark.process
def test_a_server_that_goes_away_ends_the_load_with_an_error_that_says_so(books: Books) -> None:
    """A rolling restart in mid-benchmark must neither hang it nor pass for a slow second."""
    with serving(books) as (target, stop):

        def stop_in_the_middle() -> None:
            while len(books.seen) < 100:
                time.sleep(0.01)
            stop(5.0)

        stopping = threading.Thread(target=stop_in_the_middle, daemon=True)
        stopping.start()
        with pytest.raises(WireError, match="going away"):
            run(Unary(target, "/books/keep", decimal, in_flight=4, connections=2, duration_s=60), processes=2)
        stopping.join()


@pytest.mark.process
def test_a_server_that_is_not_there_is_named() -> None:
    """The usual first mistake; the error must say where it looked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(WireError, match=f"cannot connect to {target}"):
        run(unary(target, "/books/keep", decimal, in_flight=2, connections=2), processes=2)


def test_a_server_that_falls_silent_ends_the_load(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hung server must end in an error with the number of calls it owes, not in a benchmark that never ends."""
    monkeypatch.setattr(load, "SILENT_S", 0.2)
    work = unary(target, "/books/never", decimal, in_flight=3, connections=2)
    with pytest.raises(WireError, match=r"silent for .* with 3 answers to come"):
        load.drive(work, 0, 1, lambda: None)


OK_BLOCK = b"\x00\x0bgrpc-status\x010"


def test_padded_and_continued_frames_are_read() -> None:
    """RFC 9113 allows both anywhere; grpcio sends neither today, and a proxy in front of it may."""
    got: list[bytes] = []
    answer = (
        frame(HEADERS, 0x4 | 0x8 | 0x20, 1, b"\x02" + b"\0\0\0\0\x0f" + b"\x88" + b"\0\0")
        + frame(DATA, 0x8, 1, b"\x03" + b"\0\0\0\0\x02hi" + b"\0\0\0")
        + frame(HEADERS, 0x1, 1, OK_BLOCK[:5])
        + frame(9, 0x4, 1, OK_BLOCK[5:])
    )
    with raw_peer(b"", answer) as (target, _):
        connection = Connection(target, [(":path", "/x")], got.append)
        connection.start(b"hello")
        assert until_ended(connection, 1) == [Reply("OK")]
        connection.close()
    assert got == [b"\0\0\0\0\x02hi"]


def test_a_reset_call_and_a_missing_status_are_failures_by_name() -> None:
    """Both end a call without a status of its own; silence about either would count it as done or wait for ever."""
    answer = frame(3, 0, 1, (8).to_bytes(4, "big")) + frame(HEADERS, 0x5, 3, b"\x88") + frame(DATA, 0x1, 5, b"")
    with raw_peer(b"", answer) as (target, _):
        connection = Connection(target, [(":path", "/x")])
        for _ in range(3):
            connection.start(b"hello")
        statuses = [reply.status for reply in until_ended(connection, 3)]
        connection.close()
    assert statuses == ["RST_STREAM CANCEL", "NO_STATUS", "NO_TRAILERS"]


def test_a_message_waits_for_the_servers_window_and_is_cut_at_it() -> None:
    """Sending past a window is a connection error; every call after it would fail."""
    update = frame(8, 0, 1, (1 << 16).to_bytes(4, "big"))
    with raw_peer(settings({INITIAL_WINDOW_SIZE: 10}), update, frame(HEADERS, 0x5, 1, OK_BLOCK)) as (target, heard):
        connection = Connection(target, [(":path", "/x")])
        connection.start(b"m" * 25)
        assert until_ended(connection, 1) == [Reply("OK")]
        connection.close()
    sent = [(flags, payload) for kind, flags, payload in heard if kind == DATA]
    assert sent == [(0, b"\0\0\0\0\x19" + b"m" * 5), (1, b"m" * 20)]


def test_calls_side_by_side_share_the_connections_window_and_frames_stay_within_the_limit() -> None:
    """Either overrun closes the connection, and only under load: when the server has fallen behind."""
    waits = [b""] * 4  # three frames of the first call, cut at 16,384; then the window of 65,535 is full
    update = frame(8, 0, 0, (1 << 20).to_bytes(4, "big"))
    answers = b"".join(frame(HEADERS, 0x5, stream, OK_BLOCK) for stream in (1, 3, 5))
    with raw_peer(b"", *waits, update, answers) as (target, heard):
        connection = Connection(target, [(":path", "/x")])
        for octets in (40_000, 16_000, 16_000):
            connection.start(b"m" * octets)
        assert until_ended(connection, 3) == [Reply("OK")] * 3
        connection.close()
    lengths = [len(payload) for kind, _, payload in heard if kind == DATA]
    assert lengths == [16_384, 16_384, 7_237, 16_005, 9_525, 6_480]


def test_equal_blocks_are_read_anew_once_the_servers_table_has_changed() -> None:
    """A reference to an entry of the table is one octet, and another status after the next new entry."""
    replies, encoder = Replies(), Encoder()
    blocks = [encoder.encode([("grpc-status", status)], huffman=False) for status in "00557"]
    assert blocks[1] == blocks[3]
    statuses = [replies.read(block).status for block in blocks]
    assert statuses == ["OK", "OK", "NOT_FOUND", "NOT_FOUND", "PERMISSION_DENIED"]


def until_ended(connection: Connection, calls: int) -> list[Reply]:
    """Run a connection until so many of its calls have ended."""
    replies: list[Reply] = []
    while len(replies) < calls:
        connection.flush()
        coming = select.poll()
        coming.register(connection, select.POLLIN)
        assert coming.poll(10_000), "nothing came for 10 s"
        replies += [reply for _, reply in connection.receive()]
    connection.flush()
    return replies


@contextmanager
def raw_peer(greeting: bytes, *answers: bytes) -> Iterator[tuple[str, list[tuple[int, int, bytes]]]]:
    """A peer that greets, then says one answer after each DATA frame it gets; and the frames it heard."""
    heard: list[tuple[int, int, bytes]] = []

    def talk() -> None:
        peer, _ = listener.accept()
        with peer, peer.makefile("rb") as reader:
            reader.read(24)
            peer.sendall(greeting or frame(SETTINGS, 0, 0))
            left = list(answers)
            while head := reader.read(9):
                heard.append((head[3], head[4], reader.read(int.from_bytes(head[:3], "big"))))
                if head[3] == DATA and left:
                    peer.sendall(left.pop(0))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", heard
        thread.join(10)
