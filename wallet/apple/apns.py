"""Pushes to Apple's push service (APNs), over HTTP/2, with the certificate that passes of that type are signed with.

A push of a pass says nothing: its body is `{}`, and the phone asks the web service what changed. Each thread has one
connection for each pass type. A connection that ends, as they do every day (GOAWAY), is replaced at once, and the push
is sent again with the same id: whether it had been taken does not matter.
"""

import json
import re
import ssl
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from wallet.accounts import Accounts
from wallet.apple import answers
from wallet.apple.answers import Answer, Later

# One push, from the name of the host to the answer: Apple's takes a tenth of a second.
CONNECT_LIMIT_S = 4.0
ANSWER_LIMIT_S = 6.0
# Connections that end under a push are replaced so often: one may have ended long ago, one just now.
TRIES_MAX = 3
# A connection that was not used for longer may have been forgotten by a firewall on the way.
IDLE_MAX_S = 120.0
# APNs keeps a push for a phone that is off for so long at most, and only the newest of a pass type.
KEPT = timedelta(days=30)

_REASON = re.compile(r"[A-Za-z]{1,64}")


class ApnsAway(Exception):
    """Apple's push service cannot be reached, or hangs up; the text says why, and names no phone."""


class ApnsTransport:
    """Sends pushes from any thread. `context` answers the TLS context with the certificate of a topic, `url` says where
    (the stand-in, in tests), `push_type` what is said to be sent: nothing, unless an operator finds a reason."""

    def __init__(self, context: Callable[[str], ssl.SSLContext], url: str, push_type: str = "") -> None:
        self.url = url.rstrip("/")
        self._context = context
        self._threads = threading.local()
        # Apple wants pushes of that type to be of low priority (400 BadPriority).
        kind = {"apns-push-type": push_type} if push_type else {}
        self._headers = {**kind, "apns-priority": "5" if push_type == "background" else "10"}

    def send(self, push_token: str, topic: str, apns_id: str, deadline: float | None = None) -> Answer:
        """What APNs answers to a push, by `deadline`, an instant of `time.monotonic`. Raises ApnsAway."""
        headers = {
            **self._headers,
            "apns-topic": topic,
            "apns-id": apns_id,
            "apns-expiration": str(int(time.time() + KEPT.total_seconds())),
        }
        failed: Exception | None = None
        for _ in range(TRIES_MAX):
            try:
                answer = self._answer(topic, push_token, headers, deadline)
            except (httpx.ConnectError, httpx.TimeoutException) as error:
                self._forget(topic)
                raise ApnsAway(_why(error)) from None
            except httpx.TransportError as error:
                self._forget(topic)
                failed = error
                continue
            if not (isinstance(answer.outcome, Later) and answer.outcome.anew):
                return answer
            self._forget(topic)
            if answer.outcome.after != timedelta(0):
                return answer
        raise ApnsAway(_why(failed))

    def close(self) -> None:
        """Ends the connections of the calling thread."""
        for topic in list(self._clients):
            self._forget(topic)

    def _answer(self, topic: str, push_token: str, headers: dict[str, str], deadline: float | None) -> Answer:
        left_s = CONNECT_LIMIT_S + ANSWER_LIMIT_S
        if deadline is not None:
            left_s = max(0.1, min(left_s, deadline - time.monotonic()))
        connect_s = left_s * CONNECT_LIMIT_S / (CONNECT_LIMIT_S + ANSWER_LIMIT_S)
        limits = httpx.Timeout(left_s - connect_s, connect=connect_s)
        url = f"{self.url}/3/device/{quote(push_token, safe='')}"
        response = self._client(topic).post(url, content=b"{}", headers=headers, timeout=limits)
        reason, timestamp_ms = ("", None) if response.status_code == 200 else _body(response.content)
        outcome = answers.read(response.status_code, reason, timestamp_ms, _seconds(response.headers))
        return Answer(response.status_code, reason, response.headers.get("apns-id", headers["apns-id"]), outcome)

    @property
    def _clients(self) -> dict[str, httpx.Client]:
        found: dict[str, httpx.Client] | None = getattr(self._threads, "clients", None)
        if found is None:
            found = self._threads.clients = {}
        return found

    def _client(self, topic: str) -> httpx.Client:
        clients = self._clients
        if topic not in clients:
            limits = httpx.Limits(max_connections=1, keepalive_expiry=IDLE_MAX_S)
            # A proxy or a netrc of the environment has no business between us and Apple.
            context = self._context(topic)
            clients[topic] = httpx.Client(verify=context, http1=False, http2=True, limits=limits, trust_env=False)
        return clients[topic]

    def _forget(self, topic: str) -> None:
        client = self._clients.pop(topic, None)
        if client is not None:
            client.close()


def client_context(certificate: Path, key: Path, password: str = "", authority: Path | None = None) -> ssl.SSLContext:
    """How a connection is made with a pass certificate (PEM files). `authority`: whose servers are believed beside
    those that this host believes. Raises OSError, ssl.SSLError."""
    context = ssl.create_default_context()
    if authority is not None:
        context.load_verify_locations(authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key, lambda: password)
    return context


def _body(content: bytes) -> tuple[str, int | None]:
    """Reason and timestamp of an answer. What Apple never says is not repeated."""
    try:
        told: Any = json.loads(content)
    except ValueError:
        return "", None
    if not isinstance(told, dict):
        return "", None
    reason, timestamp_ms = told.get("reason"), told.get("timestamp")
    known = isinstance(reason, str) and _REASON.fullmatch(reason)
    is_instant = isinstance(timestamp_ms, int) and not isinstance(timestamp_ms, bool)
    return str(reason) if known else "", timestamp_ms if is_instant else None


def _seconds(headers: httpx.Headers) -> int | None:
    text = headers.get("retry-after", "")
    return int(text) if text.isdecimal() and len(text) < 8 else None


def _why(error: Exception | None) -> str:
    match error:
        case httpx.TimeoutException():
            return "it did not answer in time"
        case httpx.ConnectError():
            cause = error.__context__.__context__ if error.__context__ else None
            if isinstance(cause, ssl.SSLCertVerificationError):
                return f"its certificate cannot be verified: {cause.verify_message}"
            return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or "it cannot be connected to"
        case None:
            return "it ends every connection as idle"
    # With TLS 1.3 a certificate that is refused shows only when something is read or written.
    return "it hangs up: a certificate that has expired, was revoked or is of another kind looks like this"


def open_transport(accounts: Accounts, url: str, push_type: str = "", authority: Path | None = None) -> ApnsTransport:
    """One that pushes with the operator's accounts, each with its own certificate."""

    def context(topic: str) -> ssl.SSLContext:
        account = accounts.apple(topic)
        return client_context(account.certificate_file, account.key_file, account.key_password, authority)

    return ApnsTransport(context, url, push_type)
