"""Google's Wallet API, as far as cards need it: a class and an object are put as they shall be, whether or not they
were there before.

What is put is absolute and whole, so that putting it twice does no harm: whatever breaks may be tried again.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import requests
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import AuthorizedSession

from wallet.google.account import GoogleAccount
from wallet.google.answers import AlreadyThere, GoogleAway, NotPermitted, NotThere, raise_for
from wallet.google.http import Deadline, TooLate, open_authorized_session, read
from wallet.google.objects import inserted

API_URL = "https://walletobjects.googleapis.com/walletobjects/v1"


@dataclass(frozen=True)
class Thing:
    """A class or an object: the collection that it is in, such as `loyaltyClass`, and all that it says."""

    collection: str
    body: Mapping[str, Any]
    # Whether it was there when we last knew. What is not so is found out.
    is_known: bool


class Upserted(NamedTuple):
    """What came of it. `has_class`: the class was put, too; `has_users`: somebody has saved the card."""

    was_inserted: bool
    has_class: bool
    has_users: bool


class GoogleClient:
    """The API as one service account, for all threads of a process."""

    def __init__(self, account: GoogleAccount, api_url: str = API_URL, ca_file: Path | None = None) -> None:
        self._account = account
        self._url = api_url.rstrip("/")
        self._ca_file = ca_file
        self._deadline = Deadline()
        self._own = threading.local()

    def upsert(self, object_: Thing, class_: Thing, with_class: bool, deadline: float) -> Upserted:
        """Puts an object by `deadline`, of time.monotonic; before it its class, where `with_class` or Google does not
        have it. Raises what answers.py names, but NotThere and AlreadyThere."""
        self._deadline.at = deadline
        if with_class:
            self._put(class_)
        try:
            return self._upserted(object_, with_class)
        except NotThere:
            if with_class:
                # Put a moment ago, and not to be found: it will be.
                raise GoogleAway("404 class") from None
        self._put(class_)
        try:
            return self._upserted(object_, True)
        except NotThere:
            raise GoogleAway("404 class") from None

    def ask(self, collection: str, id_: str, deadline: float) -> Mapping[str, Any] | None:
        """What stands there; None where nothing does."""
        self._deadline.at = deadline
        try:
            return self._request("GET", f"{collection}/{id_}")
        except NotThere:
            return None

    def _upserted(self, object_: Thing, has_class: bool) -> Upserted:
        was_inserted, answered = self._put(object_)
        return Upserted(was_inserted, has_class, answered.get("hasUsers") is True)

    def _put(self, thing: Thing) -> tuple[bool, Mapping[str, Any]]:
        """Whether it was inserted, and how it stands. Raises NotThere where the class of an object is not there."""
        for inserts in (not thing.is_known, thing.is_known, not thing.is_known):
            try:
                if inserts:
                    answered = self._request("POST", thing.collection, inserted(thing.body))
                else:
                    answered = self._request("PATCH", f"{thing.collection}/{thing.body['id']}", thing.body)
            except AlreadyThere:
                continue
            except NotThere:
                if inserts:
                    raise
            else:
                if answered.get("id") != thing.body["id"]:
                    raise GoogleAway("an answer about something else")
                return inserts, answered
        # Neither is it there to be changed nor missing to be inserted: somebody else is at it.
        raise GoogleAway("404 and 409")

    def _request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        try:
            status, retry_after, answered = self._answer(method, path, body)
        except RefreshError as error:
            # The text may quote what was answered; what it means stands in `retryable`.
            if error.retryable:
                raise GoogleAway("no token") from None
            raise NotPermitted(
                "no token",
                f"Google gives no token to {self._account.client_email}: is its key deleted, or does the clock of this "
                "host go wrong?",
            ) from None
        except (TooLate, TransportError, requests.Timeout):
            raise GoogleAway("no answer in time") from None
        except (requests.RequestException, GoogleAuthError, OSError) as error:
            raise GoogleAway(type(error).__name__) from None
        raise_for(status, retry_after, answered, self._account.client_email)
        try:
            found = json.loads(answered)
        except ValueError:
            raise GoogleAway("an answer that is no JSON") from None
        if not isinstance(found, dict):
            raise GoogleAway("an answer that is no JSON object")
        return found

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, str, bytes]:
        response = self._session().request(  # type: ignore[no-untyped-call]
            method,
            f"{self._url}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
            timeout=self._deadline.left_s(),
            allow_redirects=False,
            stream=True,
        )
        return response.status_code, response.headers.get("Retry-After", ""), read(response, self._deadline)

    def _session(self) -> AuthorizedSession:
        session: AuthorizedSession | None = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = open_authorized_session(self._account, self._ca_file, self._deadline)
        return session
