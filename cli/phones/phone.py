"""A household's phone: it takes the card that the household was given, and has it still when the demo is run again."""

import json
from pathlib import Path
from shutil import which
from typing import Any, Protocol

import httpx
import requests

from cli.phones.standins import ISSUER, PASS_TYPE, StandIns
from walletkit import cms
from walletkit.android import Android, CannotSave
from walletkit.authority import pem
from walletkit.iphone import IPhone
from walletkit.pkpass import NotAPass
from walletkit.web_service import Home

# The field of the card that shows what can be spent.
POINTS_FIELD = "points"


class NotInstalled(Exception):
    """A phone cannot take its card; the text says why."""


class Phone(Protocol):
    """One phone with one card, or none yet."""

    @property
    def serial(self) -> str:
        """Of the card that it has; empty where it has none."""

    @property
    def updates(self) -> int:
        """How often it has shown the card anew, since the demo was started."""

    def restore(self) -> None:
        """Has the card again that it had when the demo ended, if that can be had."""

    def open(self, link: str, file: bytes | None) -> None:
        """Takes the card from a link, or from the file of a mail. Raises NotInstalled."""

    def switch(self, on: bool) -> None:
        """Takes it off the network, or back."""

    def settle(self) -> None:
        """Returns once it has done what it was woken for. Raises TimeoutError."""

    def points(self) -> int:
        """What the card says."""

    def is_verified(self) -> bool:
        """Whether the card is signed as it should be; of Google's, which has no signature, False."""

    def close(self) -> None:
        """Ends its connections."""


class ApplePhone:
    """An iPhone. Where its card is kept up to date is written down: that is all that it needs to have it again."""

    def __init__(self, standins: StandIns, library_id: str, address: str, folder: Path) -> None:
        self._phone = IPhone(standins.root, standins.trust, standins.push, library_id)
        # As a proxy would tell where it comes from.
        self._phone.web.http.headers["X-Forwarded-For"] = address
        self._url = standins.environment["FEALTY_PASSES_URL"]
        self._root = pem(standins.root)
        self._file = folder / f"{library_id}.json"

    @property
    def serial(self) -> str:
        """Of its card."""
        return next((serial for _, serial in self._phone.cards), "")

    @property
    def updates(self) -> int:
        """Versions after the first."""
        return sum(len(card.got_at) - 1 for card in self._phone.cards.values())

    def restore(self) -> None:
        """Fetches the card anew, and registers it."""
        if not self._file.exists():
            return
        kept = json.loads(self._file.read_bytes())
        found = self._phone.web.fetch(Home(PASS_TYPE, kept["serial"], self._url, kept["token"]), "")
        if found is not None and found.status_code == 200:
            self._phone.install(found.content)

    def open(self, link: str, file: bytes | None) -> None:
        """In the browser, or in the mail."""
        try:
            card = self._phone.install(file) if file is not None else self._phone.install_from(link)
        except (NotAPass, httpx.HTTPError) as error:
            raise NotInstalled(str(error)) from None
        home = Home.of(card.card)
        keep(self._file, {"serial": home.serial, "token": home.token})

    def switch(self, on: bool) -> None:
        """The newest push waits at Apple's."""
        if on:
            self._phone.switch_on()
        else:
            self._phone.switch_off()

    def settle(self) -> None:
        """What it does by itself."""
        self._phone.settle(60.0)

    def close(self) -> None:
        """And its thread."""
        self._phone.close()

    def points(self) -> int:
        """The header of the card."""
        return int(self._phone.shown(self.serial)[POINTS_FIELD])

    def is_verified(self) -> bool:
        """By openssl, where there is one; the phone's own reader has verified it whenever it came."""
        card = self._phone.installed(self.serial).card
        return which("openssl") is None or not cms.openssl_verifies(card.manifest, card.signature, self._root)


class AndroidPhone:
    """An Android phone. Its cards are at Google's, where they stay (google.py); what it has is written down."""

    def __init__(self, standins: StandIns, library_id: str, folder: Path) -> None:
        self._phone = Android(standins.google, standins.trust)
        self._file = folder / f"{library_id}.json"

    @property
    def serial(self) -> str:
        """Of its card."""
        return self._phone.saved[0].removeprefix(f"{ISSUER}.") if self._phone.saved else ""

    @property
    def updates(self) -> int:
        """As Google tells it."""
        return len(self._phone.updates)

    def restore(self) -> None:
        """It needs nobody for that."""
        if self._file.exists():
            self._phone.saved += json.loads(self._file.read_bytes())

    def open(self, link: str, file: bytes | None) -> None:
        """In the browser, which leads to Google."""
        try:
            self._phone.follow(link)
        except (CannotSave, requests.RequestException) as error:
            raise NotInstalled(str(error)) from None
        keep(self._file, self._phone.saved)

    def switch(self, on: bool) -> None:
        """Nobody does that here."""

    def settle(self) -> None:
        """It shows what Google has."""

    def close(self) -> None:
        """It has those of one session."""
        self._phone.close()

    def points(self) -> int:
        """The balance."""
        return int(self._phone.shown(self._phone.saved[0])["loyaltyPoints"]["balance"]["int"])

    def is_verified(self) -> bool:
        """It has none."""
        return False


def keep(file: Path, what: Any) -> None:
    """Writes a file that is there only once it is whole."""
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(what))
    unfinished.replace(file)
