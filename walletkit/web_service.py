"""What a phone asks of the web service that keeps a card up to date: Apple's PassKit web service, the phone's side.

Answers of 5xx and lost connections are tried again, with growing pauses, and then left for another time. What goes
wrong is told to the service's `/log`, in the words of a real phone.
"""

import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

# What a phone waits for an answer, and how often it asks.
ANSWER_LIMIT_S = 10.0
TRIES_MAX = 4


class Home(NamedTuple):
    """What a card says about where it is kept up to date: `url` is empty where it is nowhere, `token` what the service
    knows its phones by."""

    pass_type: str
    serial: str
    url: str
    token: str

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> "Home":
        """By the pass.json of a card."""
        url, token = card.get("webServiceURL", ""), card.get("authenticationToken", "")
        return cls(card["passTypeIdentifier"], card["serialNumber"], url, token)


class Changed(NamedTuple):
    """What a web service says has changed, and the tag that is to be asked with next."""

    serials: tuple[str, ...]
    tag: str


class WebServices:
    """Those that the cards of one phone name."""

    def __init__(self, library_id: str, trust: Path, retry_pause_s: float) -> None:
        self.complaints: list[str] = []
        # Told method and path: before a request, and once its answer is here. What they raise (httpx.TransportError)
        # loses the one or the other.
        self.on_request: Callable[[str, str], None] = lambda method, path: None
        self.on_answer: Callable[[str, str], None] = lambda method, path: None
        self.http = httpx.Client(verify=_believing(trust), timeout=ANSWER_LIMIT_S, trust_env=False)
        self._device = library_id
        self._retry_pause_s = retry_pause_s

    def register(self, home: Home, push_token: str) -> bool:
        """Whether the service took it."""
        answer = self._ask("POST", home, self._registration(home), "Register", json={"pushToken": push_token})
        return answer is not None and answer.status_code in (200, 201)

    def unregister(self, home: Home) -> None:
        """The card was deleted."""
        self._ask("DELETE", home, self._registration(home), "Unregister")

    def changed(self, home: Home, tag: str | None) -> Changed | None:
        """What changed since the tag, of all cards of that type from that service; None where it says nothing that
        counts: a tag that is no text is ignored, and all that came with it."""
        # No Authorization here: the library id is what the phone is known by.
        path = f"devices/{_part(self._device)}/registrations/{_part(home.pass_type)}"
        query = {"passesUpdatedSince": tag} if tag is not None else {}
        answer = self._ask("GET", home, path, "Get serial #s", query=query, is_authorized=False)
        if answer is None or answer.status_code != 200:
            return None
        told = _json(answer)
        serials, newest = told.get("serialNumbers"), told.get("lastUpdated")
        if not isinstance(newest, str) or not isinstance(serials, list):
            return None
        if newest == tag:
            said = f"Response to 'What changed?' request included {len(serials)} serial numbers"
            self.complain(home, f"{said} but the lastUpdated tag ({newest}) remained the same.")
        return Changed(tuple(map(str, serials)), newest)

    def fetch(self, home: Home, last_modified: str) -> httpx.Response | None:
        """What the service answers to who asks for the card; None where it cannot be had now."""
        since = {"If-Modified-Since": last_modified} if last_modified else {}
        path = f"passes/{_part(home.pass_type)}/{_part(home.serial)}"
        answer = self._ask("GET", home, path, "Get pass", headers=since)
        if answer is not None and answer.status_code == 200 and "last-modified" not in answer.headers:
            said = f"Server returned the pass data for serial number '{home.serial}'"
            self.complain(home, f"{said} but did not provide a 'last-modified' header")
        return answer

    def complain(self, home: Home, what: str) -> None:
        """A line for the service's log; whether it is heard does not matter."""
        line = f"[{datetime.now(UTC):%Y-%m-%d %H:%M:%S +0000}] {what}"
        self.complaints.append(line)
        try:
            self.http.post(f"{_base(home)}/log", json={"logs": [line]})
        except httpx.HTTPError:
            return

    def _registration(self, home: Home) -> str:
        return f"devices/{_part(self._device)}/registrations/{_part(home.pass_type)}/{_part(home.serial)}"

    def _ask(
        self,
        method: str,
        home: Home,
        path: str,
        task: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        is_authorized: bool = True,
    ) -> httpx.Response | None:
        """The answer, unless it is 5xx or none after all tries."""
        sent = dict(headers or {})
        if is_authorized:
            sent["Authorization"] = f"ApplePass {home.token}"
        wrong = ""
        for attempt in range(TRIES_MAX):
            if attempt:
                time.sleep(self._retry_pause_s * (1 << (attempt - 1)))
            try:
                self.on_request(method, path)
                answer = self.http.request(method, f"{_base(home)}/{path}", params=query, headers=sent, json=json)
                self.on_answer(method, path)
            except httpx.TransportError:
                wrong = "The network connection was lost."
                continue
            if answer.status_code < 500:
                if answer.status_code == 401:
                    self.complain(home, f"{self._task(task, home)} encountered error: Authentication failure")
                elif answer.status_code >= 400:
                    said = f"Unexpected response code {answer.status_code}"
                    self.complain(home, f"{self._task(task, home)} encountered error: {said}")
                return answer
            wrong = f"Unexpected response code {answer.status_code}"
        self.complain(home, f"{self._task(task, home)} encountered error: {wrong}")
        return None

    def _task(self, task: str, home: Home) -> str:
        of = f"for device {self._device}, pass type {home.pass_type}, serial number {home.serial}"
        return f"{task} task ({of}; with web service url {home.url})"


def _base(home: Home) -> str:
    return f"{home.url.rstrip('/')}/v1"


def _part(text: str) -> str:
    return quote(text, safe="")


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _believing(trust: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(trust))
