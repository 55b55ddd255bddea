"""What strangers can take of the public endpoints: floods, long and slow requests; and what the time tells them."""

import socket
import ssl
import statistics
import threading
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from storage.engine.database import Database
from storage.engine.ids import new_uuid, typeid
from tests.storage.scene import Scene
from tests.wallet.web.serving import DEVICE, TOPIC, Public, keep, registration, serving
from wallet.web import limits
from wallet.web.buckets import Buckets


def test_w21_what_is_too_much_is_put_off_at_once(public: Public, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 and when to come again: phones do, by themselves, after growing pauses. A slow 200 would cost both sides."""
    monkeypatch.setattr(limits, "IN_HAND_MAX", 0)
    began = time.monotonic()
    answer = public.changed()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == str(limits.RETRY_AFTER_S)
    assert time.monotonic() - began < 1


def test_a_database_that_is_away_is_an_overload_to_phones(
    database: Database, scene: Scene, card: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come again; nothing of the database is told."""
    with serving(database, tmp_path) as public:
        monkeypatch.setattr(database, "connect_params", {**database.connect_params, "host": "127.0.0.1", "port": 1})
        for answer in (public.changed(), public.fetch(card), public.register(card), public.http.get("/p/x")):
            assert answer.status_code == 503
            assert "retry-after" in answer.headers
            assert answer.text == "busy, come again\n"
        assert public.http.get("/healthz").status_code == 200


def test_one_address_cannot_ask_without_end(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it shuts nobody else out."""
    monkeypatch.setattr(limits, "ADDRESS_RATE", 0.001)
    monkeypatch.setattr(limits, "ADDRESS_BURST", 5.0)
    with serving(database, tmp_path, (ip_network("127.0.0.0/8"),)) as public:
        first = [status(public, "203.0.113.9") for _ in range(8)]
        assert first == [200] * 5 + [503] * 3
        assert status(public, "203.0.113.10") == 200
        # What a stranger writes before the address that our proxy saw is not believed.
        assert status(public, "198.51.100.1, 203.0.113.9") == 503
        # All of the network that one customer of a provider has.
        assert [status(public, f"2001:db8::{n}") for n in range(1, 8)] == [200] * 5 + [503] * 2


def test_who_is_refused_again_and_again_is_heard_no_more(
    database: Database, card: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens cannot be guessed; trying costs us little."""
    monkeypatch.setattr(limits, "REFUSED_RATE", 0.001)
    monkeypatch.setattr(limits, "REFUSED_BURST", 5.0)
    with serving(database, tmp_path, (ip_network("127.0.0.0/8"),)) as public:
        headers = {"Authorization": "ApplePass guess", "X-Forwarded-For": "203.0.113.9"}
        found = [public.http.get(f"/v1/passes/{TOPIC}/x", headers=headers).status_code for _ in range(7)]
        assert found == [401] * 5 + [503] * 2
        assert public.fetch(card).status_code == 200
        # Phones behind the same address of a provider are served all the same.
        behind = {"X-Forwarded-For": "203.0.113.9"}
        assert public.register(card, headers={**public.auth(card), **behind}).status_code == 201
        assert public.http.get(f"/v1/devices/{DEVICE}/registrations/{TOPIC}", headers=behind).status_code == 200
        assert [public.http.get(path, headers=behind).status_code for path in ("/p/x", "/v1/y")] == [503] * 2


def test_a_few_addresses_that_send_slowly_keep_nobody_away(database: Database, card: UUID, tmp_path: Path) -> None:
    """Nothing is shown for a report but its body, and of a proxy the connections are not counted."""
    with serving(database, tmp_path, (ip_network("127.0.0.0/8"),)) as public:
        slow = [public.connect() for _ in range(limits.IN_HAND_MAX)]
        for number, one in enumerate(slow):
            head = b"POST /v1/log HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.%d\r\nContent-Length: 100\r\n\r\n"
            one.sendall(head % (number % 3))
        behind = {"X-Forwarded-For": "203.0.113.9"}
        assert public.register(card, headers={**public.auth(card), **behind}).status_code == 201
        assert public.http.get(f"/v1/devices/{DEVICE}/registrations/{TOPIC}", headers=behind).status_code == 200
        for one in slow:
            one.close()


def test_w11_a_flood_of_reports_is_put_off(public: Public, scene: Scene) -> None:
    """They are stored, and anybody can send them."""
    lines = [f"line {number}" for number in range(limits.LOG_LINES_MAX)]
    found = [public.http.post("/v1/log", json={"logs": lines}).status_code for _ in range(3)]
    assert found == [200, 503, 503]
    public.settle()
    assert scene.rows("SELECT count(*) FROM pass_device_log") == [(limits.LOG_LINES_MAX,)]


def test_one_phone_cannot_ask_without_end(public: Public, card: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id may be somebody's who found it in a log of another server."""
    public.register(card)
    found = [public.changed().status_code for _ in range(int(limits.DEVICE_BURST) + 5)]
    assert found[:20] == [200] * 20
    assert found[-1] == 503
    assert public.changed(device="0" * 32).status_code == 204


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_is_not_read_beyond_what_it_may_have(public: Public, card: UUID, announced: bool) -> None:
    """Neither where its length is said nor where it is not."""
    sent: Any = b"x" * (8 << 20)
    body = sent if announced else (sent[start : start + 4096] for start in range(0, len(sent), 4096))
    try:
        status = public.http.post(registration(card), headers=public.auth(card), content=body).status_code
    except httpx.TransportError:
        status = 413  # the connection ends while more is being sent
    assert status == 413
    assert public.http.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"a" * 100_000,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: a\r\n" * 20_000,
        b"\x00\xff\x16\x03\x01" * 100,
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/devices/%zz/registrations/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /v1/log HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/log HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET http://else.example/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_nonsense_is_refused_and_never_a_fault(public: Public, sent: bytes) -> None:
    """An answer that it is wrong, or is not known, or the end of the connection; the next one is served."""
    answered = b""
    with public.connect() as line:
        line.settimeout(10)
        try:
            line.sendall(sent)
            while not answered.count(b"\r\n\r\n") and (piece := line.recv(65_536)):
                answered += piece
        except (OSError, ssl.SSLError):
            pass
    assert not answered or answered.split(b" ", 2)[1][:1] in b"24", answered
    assert public.http.get("/healthz").status_code == 200


def test_who_does_not_speak_is_not_waited_for(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither before the first request, nor in the middle of a head, nor between two requests, nor in a body."""
    monkeypatch.setattr(limits, "HEADERS_MAX_S", 0.3)
    monkeypatch.setattr(limits, "BODY_MAX_S", 0.3)
    with serving(database, tmp_path) as public:
        asked = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        late = b"POST /v1/log HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"
        for sent, answered in ((b"", b""), (b"GET /heal", b""), (asked, b" 200 "), (late, b" 408 ")):
            with public.connect() as line:
                line.sendall(sent)
                began = time.monotonic()
                found = b""
                while piece := _read(line):
                    found += piece
                assert time.monotonic() - began < 5
                assert answered in found if answered else not found


def test_who_speaks_slowly_is_not_waited_for_either(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A letter now and then keeps no connection alive."""
    monkeypatch.setattr(limits, "HEADERS_MAX_S", 0.5)
    with serving(database, tmp_path) as public, public.connect() as line:
        began, sent = time.monotonic(), [b"GET /"]
        try:
            while time.monotonic() - began < 10:
                line.sendall(sent.pop() if sent else b"a")
                time.sleep(0.05)
            pytest.fail("it is waited for")
        except OSError:
            assert time.monotonic() - began > 0.4


def test_who_does_not_listen_is_not_waited_for(
    database: Database, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that nobody takes would fill the memory."""
    monkeypatch.setattr(limits, "UNREAD_MAX_S", 0.3)
    monkeypatch.setattr(limits, "HEADERS_MAX_S", 0.3)
    monkeypatch.setattr(limits, "REQUEST_MAX_S", 1.0)
    sha256 = keep(scene, bytes(2_000_000))
    with serving(database, tmp_path) as public:
        context = ssl.create_default_context(cafile=str(public.trust))
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        plain.connect(("127.0.0.1", public.listener.port))
        with context.wrap_socket(plain, server_hostname="localhost") as line:
            line.sendall(f"GET /images/{sha256}.png HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 4)
            deadline = time.monotonic() + 20
            while public.listener.server_state.connections:
                assert time.monotonic() < deadline, "it is waited for"
                time.sleep(0.05)


def test_who_has_nothing_to_say_does_not_keep_the_process_from_stopping(database: Database, tmp_path: Path) -> None:
    """Phones keep connections open, and some never say goodbye: a restart must not wait for them."""
    with serving(database, tmp_path) as public:
        line = public.connect()
        assert _ask(line)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    line.close()


def test_one_address_has_so_many_connections(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next is closed, and one that ends makes room."""
    monkeypatch.setattr(limits, "ADDRESS_CONNECTIONS_MAX", 3)
    with serving(database, tmp_path) as public:
        lines = [public.connect() for _ in range(3)]
        assert all(_ask(line) for line in lines)
        assert not _ask(public.connect())
        lines.pop().close()
        deadline = time.monotonic() + 10
        while not _ask(public.connect()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for line in lines:
            line.close()


def test_w12_the_time_tells_nothing(public: Public, card: UUID) -> None:
    """A wrong token for a pass that is there takes as long as for one that is not: the median of many, in turns."""
    path, wrong = f"/v1/passes/{TOPIC}/", {"Authorization": "ApplePass " + "x" * 32}
    serials = [typeid("pass", card.int), typeid("pass", new_uuid().int)]
    took: dict[str, list[float]] = {serial: [] for serial in serials}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Buckets, "is_empty", lambda *_: False)
        for number in range(300):
            for serial in serials[:: 1 if number % 2 else -1]:
                began = time.perf_counter()
                assert public.http.get(path + serial, headers=wrong).status_code == 401
                took[serial].append(time.perf_counter() - began)
    there, not_there = (statistics.median(took[serial]) for serial in serials)
    assert abs(there - not_there) < 0.5 * max(there, not_there)


def test_w12_a_wrong_token_is_refused_without_a_look_at_the_books(
    public: Public, card: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is never looked up cannot take longer where it is found."""

    async def look(*_: object) -> None:
        pytest.fail("the books were asked")

    for asking in ("found", "card", "change", "updated"):
        monkeypatch.setattr(public.site.lanes, asking, look)
    for pass_id in (card, new_uuid()):
        wrong: Any = {"headers": {"Authorization": "ApplePass wrong"}}
        assert public.register(pass_id, **wrong).status_code == 401
        serial = typeid("pass", pass_id.int)
        assert public.http.get(f"/v1/passes/{TOPIC}/{serial}", **wrong).status_code == 401
        assert public.http.delete(registration(pass_id), **wrong).status_code == 401


@pytest.mark.parametrize(
    "device", ["a b", "é" * 10, "x" * 200, "%00", "..", "%2e%2e%2f", "'; DROP TABLE pass; --", "%0d%0a"]
)
def test_ids_of_devices_are_only_compared(public: Public, card: UUID, device: str) -> None:
    """Whatever somebody calls a phone, nothing happens but that it is not known."""
    listed = public.http.get(f"/v1/devices/{device}/registrations/{TOPIC}")
    assert listed.status_code in (204, 404)
    path = registration(card, device)
    registered = public.http.post(path, headers=public.auth(card), json={"pushToken": "ab" * 32})
    assert registered.status_code in (201, 400, 404)


def test_buckets_are_bounded_and_fill_by_themselves() -> None:
    """The one that was not used for longest is forgotten: it would be full again anyway."""
    now = [0.0]
    buckets = Buckets(1.0, 2.0, remembered_max=3, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    assert buckets.is_empty("a")
    now[0] += 1
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    for key in "bcd":
        assert buckets.take(key)
    assert len(buckets) == 3
    assert not buckets.is_empty("a"), "it was forgotten"


def test_many_at_once_are_all_answered(public: Public, scene: Scene, card: UUID) -> None:
    """Calls that come together share round trips: each gets its own answer."""
    public.register(card)
    found: list[int] = []

    def ask(number: int) -> None:
        with public.client() as http:
            path = f"/v1/devices/{DEVICE if number % 2 else str(number) * 8}/registrations/{TOPIC}"
            found.append((number % 2) * 1000 + http.get(path).status_code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [204] * 12 + [1200] * 12


def status(public: Public, forwarded: str) -> int:
    """What somebody behind a proxy is answered."""
    return public.http.get("/healthz", headers={"X-Forwarded-For": forwarded}).status_code


def _ask(line: ssl.SSLSocket) -> bytes:
    try:
        line.settimeout(5)
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        return line.recv(4_096)
    except OSError:
        return b""


def _read(line: ssl.SSLSocket) -> bytes:
    try:
        line.settimeout(5)
        return line.recv(4_096)
    except (ConnectionError, ssl.SSLError):
        return b""
