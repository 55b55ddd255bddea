"""Google's root keys: fetched from where it publishes them, and kept as long as they count."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import requests

from wallet.google.callback import NotGenuine, RootKey, root_keys
from wallet.google.http import Deadline, TooLate, open_session, read

KEYS_URL = "https://pay.google.com/gp/m/issuer/keys"
# A key that Google withdraws before its end is not believed for longer than this.
KEPT_MAX_S = 86_400.0
# Whoever sends us what no key fits makes us look for new keys no more often than this, nor does a server that is away.
LOOK_MIN_S = 60.0
FETCH_LIMIT_S = 10.0


class KeysAway(Exception):
    """Google's keys cannot be had now: what it sent has to be sent again."""


class RootKeys:
    """For all threads of a process. `clock` counts seconds, as time.monotonic does."""

    def __init__(self, url: str = KEYS_URL, ca_file: Path | None = None) -> None:
        self._url = url
        self._session = open_session(ca_file)
        self._lock = threading.Lock()
        self._keys: Sequence[RootKey] = ()
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")

    def current(self, now: datetime, newest: bool = False) -> Sequence[RootKey]:
        """Those that count at `now`; fetched anew where `newest`, unless that was done just now. Whoever asks while
        another fetches gets those that there are. Raises KeysAway."""
        with self._lock:
            since = time.monotonic()
            is_old = since - self._fetched_at > KEPT_MAX_S or not self._valid(now)
            is_mine = (is_old or newest) and since - self._tried_at > LOOK_MIN_S
            if is_mine:
                self._tried_at = since
        if is_mine:
            self._fetch()
        with self._lock:
            if not (found := self._valid(now)) or time.monotonic() - self._fetched_at > KEPT_MAX_S:
                raise KeysAway
            return found

    def _valid(self, now: datetime) -> Sequence[RootKey]:
        now_ms = now.timestamp() * 1000
        return [key for key in self._keys if key.expires_ms is None or key.expires_ms > now_ms]

    def _fetch(self) -> None:
        deadline = Deadline()
        deadline.at = time.monotonic() + FETCH_LIMIT_S
        try:
            response = self._session.get(self._url, timeout=deadline.left_s(), allow_redirects=False, stream=True)
            body = read(response, deadline)
            if response.status_code == 200:
                found = root_keys(body)
                with self._lock:
                    self._keys, self._fetched_at = found, time.monotonic()
        except (requests.RequestException, TooLate, NotGenuine, OSError):
            return  # those that we have count on, as long as they do
