"""A simulated Android phone with Google Wallet: it opens save links, keeps cards, and shows what Google has of them.

It updates by itself, as the real one does: Google tells it, and nobody asks.
"""

import time
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from walletkit.google import GoogleWallet
from walletkit.google_store import issuer_of
from walletkit.google_tokens import Refused

AGENT = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
)
LINK_CHARS_MAX = 1_800
FETCH_LIMIT_S = 10.0


class CannotSave(Exception):
    """The phone shows an error instead of a card: the text says why."""


class Android:
    """One phone. `ca_file` is believed beside the authorities of the system, as it is by Google's own machines here."""

    def __init__(self, google: GoogleWallet, ca_file: Path) -> None:
        self._google = google
        self._session = requests.Session()
        self._session.verify = str(ca_file)
        self._session.trust_env = False  # else what the environment says of authorities comes first
        self.saved: list[str] = []
        # What Google posted to issuers for this phone, and the status that it was answered.
        self.callbacks: list[tuple[str, str, int]] = []
        # When it showed which object anew, by time.monotonic.
        self.updates: list[tuple[float, str]] = []
        google.watchers.append(self._updated)

    def follow(self, url: str) -> list[str]:
        """Opens a link in the browser, on to the save link that it leads to. Raises CannotSave."""
        for _ in range(5):
            answer = self._session.get(url, headers={"User-Agent": AGENT}, allow_redirects=False, timeout=FETCH_LIMIT_S)
            url = urljoin(url, answer.headers.get("Location", ""))
            if not answer.is_redirect:
                raise CannotSave(f"the link answers {answer.status_code}")
            if "/gp/v/save/" in url:
                return self.open(url)
        raise CannotSave("the link leads on and on")

    def open(self, save_link: str) -> list[str]:
        """Opens a save link and adds what it names; answers the ids. Raises CannotSave."""
        if len(save_link) > LINK_CHARS_MAX:
            raise CannotSave("the link is too long: browsers cut it")
        try:
            claims = self._google.tokens.verified(save_link.rpartition("/save/")[2])
        except Refused:
            raise CannotSave("the link is not signed by a service account") from None
        if claims.get("aud") != "google" or claims.get("typ") != "savetowallet" or "iat" not in claims:
            raise CannotSave("the link is none that saves")
        added = []
        for objects in claims["payload"].values():
            for one in objects:
                added += self._save(one["id"])
        return added

    def close(self) -> None:
        """Ends its connections, and hears of nothing any more."""
        self._google.watchers.remove(self._updated)
        self._session.close()

    def remove(self, object_id: str) -> None:
        """Takes a card off the phone."""
        self.saved.remove(object_id)
        self._google.holders[object_id].remove(id(self))
        self._google.shown(object_id)["hasUsers"] = bool(self._google.holders[object_id])
        self._call_back(object_id, "del")

    def shown(self, object_id: str) -> dict[str, Any]:
        """What the phone shows of a card that it has, with what all cards of its class show. Raises KeyError."""
        if object_id not in self.saved:
            raise KeyError(object_id)
        collection, found = self._google.store.object(object_id)
        class_ = self._google.store.class_of(found, collection)
        return {**(class_ or {}), **found}

    def fetch_images(self, object_id: str) -> dict[str, bytes]:
        """All images of a card, as Google fetches them: by address, from the issuer. Raises CannotSave."""
        found = {}
        for url in _image_urls(self.shown(object_id)):
            answer = self._session.get(url, timeout=FETCH_LIMIT_S, allow_redirects=False)
            if answer.status_code != 200 or not answer.headers.get("Content-Type", "").startswith("image/"):
                raise CannotSave(f"{url} is no image: {answer.status_code}")
            found[url] = answer.content
        return found

    def repeat_callback(self) -> int:
        """Google posts the last callback once more, as it sometimes does."""
        url, body, _ = self.callbacks[-1]
        return self._post(url, body)

    def _save(self, object_id: str) -> list[str]:
        try:
            found = self._google.shown(object_id)
        except KeyError:
            raise CannotSave(f"Google does not know {object_id}") from None
        if found["state"] != "ACTIVE":
            raise CannotSave("the card is not valid")
        added = [one for one in (object_id, *found.get("linkedObjectIds", [])) if one not in self.saved]
        for one in added:
            self.saved.append(one)
            self._google.holders.setdefault(one, set()).add(id(self))
            self._google.shown(one)["hasUsers"] = True
            self._call_back(one, "save")
        return added

    def _call_back(self, object_id: str, event: str) -> None:
        collection, found = self._google.store.object(object_id)
        class_ = self._google.store.class_of(found, collection) or {}
        url = class_.get("callbackOptions", {}).get("url")
        if url:
            message = self._google.signer.message(found["classId"], object_id, event)
            self._post(url, self._google.signer.sign(issuer_of(object_id), message))

    def _post(self, url: str, body: str) -> int:
        """Best effort, as Google's is: a phone has its card whatever the issuer answers."""
        try:
            answer = self._session.post(
                url,
                data=body.encode(),
                headers={"Content-Type": "application/json", "User-Agent": "Googlebot"},
                timeout=FETCH_LIMIT_S,
                allow_redirects=False,
            )
            status = answer.status_code
        except requests.RequestException:
            status = 0
        self.callbacks.append((url, body, status))
        return status

    def _updated(self, object_id: str) -> None:
        if object_id in self.saved:
            self.updates.append((time.monotonic(), object_id))


def _image_urls(shown: Any) -> list[str]:
    if isinstance(shown, list):
        return [url for part in shown for url in _image_urls(part)]
    if not isinstance(shown, dict):
        return []
    own = [shown["sourceUri"]["uri"]] if "sourceUri" in shown else []
    return own + [url for part in shown.values() for url in _image_urls(part)]
