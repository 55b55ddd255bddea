"""How Google is spoken to: by TLS with the system's authorities and one more, within a time that is given."""

import ssl
import threading
import time
from pathlib import Path
from typing import Any

import certifi
import requests
from google.auth.exceptions import TransportError
from google.auth.transport.requests import AuthorizedSession, Request
from requests.adapters import HTTPAdapter

from wallet.google.account import GoogleAccount

# What Google's own advice is for one answer (p99 is about 5 s).
ANSWER_LIMIT_S = 10.0
# An object with all that a card can say is some 30 kB.
ANSWER_BYTES_MAX = 1 << 20
# With less than this left there is no use in asking.
ASK_MIN_S = 0.1


class TooLate(Exception):
    """The time that was given is over."""


class Deadline(threading.local):
    """Until when the calling thread may wait, by `time.monotonic`."""

    at = 0.0

    def left_s(self) -> float:
        """For the next answer. Raises TooLate."""
        left_s = min(ANSWER_LIMIT_S, self.at - time.monotonic())
        if left_s < ASK_MIN_S:
            raise TooLate
        return left_s


def open_session(ca_file: Path | None) -> requests.Session:
    """A session without credentials."""
    session = requests.Session()
    _prepare(session, ca_file)
    return session


def open_authorized_session(account: GoogleAccount, ca_file: Path | None, deadline: Deadline) -> AuthorizedSession:
    """A session with the account's token, which is asked for when it is needed, and once more after a 401."""
    asked = Request(open_session(ca_file))

    def ask(*args: Any, **named: Any) -> Any:
        # The library waits and asks again by itself; each time within what is left.
        try:
            return asked(*args, **{**named, "timeout": deadline.left_s()})
        except TooLate:
            raise TransportError("too late") from None  # type: ignore[no-untyped-call]

    session = AuthorizedSession(account.credentials, max_refresh_attempts=1, auth_request=ask)  # type: ignore[no-untyped-call]
    _prepare(session, ca_file)
    return session


def read(response: requests.Response, deadline: Deadline) -> bytes:
    """The body of a streamed response. Raises TooLate where it does not end, and requests' errors where it breaks."""
    body = b""
    with response:
        for piece in response.iter_content(1 << 16):
            body += piece
            deadline.left_s()
            if len(body) > ANSWER_BYTES_MAX:
                raise TooLate
    return body


class _Adapter(HTTPAdapter):
    """Trusts the authorities of a context that we made. Asks once: whoever asks again does so by a task."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        super().init_poolmanager(*args, **named, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        return super().proxy_manager_for(proxy, **named, ssl_context=self._context)


def _prepare(session: requests.Session, ca_file: Path | None) -> None:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    session.mount("https://", _Adapter(context))
    # Whatever .netrc says of the host, our token stays.
    session.auth = lambda request: request
