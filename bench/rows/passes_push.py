"""Pushes to Apple as workers send them, against a loop that posts the same by the same library."""

import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import uuid4

import httpx

from bench import wallets
from bench.pushing import push_service
from bench.row import Row, median
from bench.wallets import PASS_TYPE, Operator
from wallet import accounts
from wallet.apple.answers import Done
from wallet.apple.apns import client_context, open_transport
from wallet.apple.certificates import CERTIFICATE_FILE, KEY_FILE

TOKEN = "ab" * 32
# As many as a worker has by default, each with a connection.
THREADS = 4
PUSHES_PER_S = 300


def pushes(seconds: float, rounds: int) -> Iterable[Row]:
    """`pushes_vs_http2`."""
    with tempfile.TemporaryDirectory() as place:
        operator = wallets.operator(Path(place))
        with push_service(operator) as url:
            yield _row(operator, url, max(50, round(seconds * PUSHES_PER_S)), rounds)


def _row(operator: Operator, url: str, count: int, rounds: int) -> Row:
    found = accounts.load(operator.accounts)

    def pushing() -> None:
        transport = open_transport(found, url, "", operator.trust)
        for _ in range(count):
            assert transport.send(TOKEN, PASS_TYPE, str(uuid4())).outcome == Done()
        transport.close()

    def posting() -> None:
        headers = {"apns-topic": PASS_TYPE, "apns-priority": "10", "apns-expiration": "2000000000"}
        with httpx.Client(verify=_context(operator), http1=False, http2=True) as http:
            for _ in range(count):
                own = {**headers, "apns-id": str(uuid4())}
                http.post(f"{url}/3/device/{TOKEN}", content=b"{}", headers=own).raise_for_status()

    _per_s(pushing, count)
    rates = [(_per_s(pushing, count), _per_s(posting, count)) for _ in range(rounds)]
    mine, bare = (median(column) for column in zip(*rates, strict=True))
    note = f"{mine:.0f}/s against {bare:.0f}/s, on {THREADS} threads with a connection each"
    return Row("pushes_vs_http2", median(push / post for push, post in rates), 0.7, 0.9, note)


def _per_s(work: Callable[[], None], count: int) -> float:
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    before = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count * THREADS / (time.perf_counter() - before)


def _context(operator: Operator) -> ssl.SSLContext:
    account = operator.accounts / "apple" / PASS_TYPE
    return client_context(account / CERTIFICATE_FILE, account / KEY_FILE, "", operator.trust)
