"""A simulated iPhone: it installs cards, registers them, is woken by pushes, and asks what changed, as Wallet does.

It believes what Wallet believes: tags and dates are kept as they came and sent back as they were, and a card that
cannot be verified is not shown.
"""

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from cryptography import x509

from walletkit.apns import PushService
from walletkit.pkpass import Card, NotAPass, read
from walletkit.web_service import Home, WebServices

PKPASS = "application/vnd.apple.pkpass"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
    " Mobile/15E148 Safari/604.1"
)
Key = tuple[str, str]


@dataclass
class Installed:
    """A card in the phone, and when it got each of its versions, by `time.time`."""

    card: Card
    home: Home
    last_modified: str = ""
    is_registered: bool = False
    got_at: list[float] = field(default_factory=list)


class IPhone:
    """One phone. It believes cards below `root`, and web services by the certificates in the file `trust`.

    With a `push_service`, it is woken by pushes, on a thread of its own; without one, by `wake` and `poll`.
    `retry_pause_s` is its first pause after a failure; a real one waits minutes.
    """

    def __init__(
        self,
        root: x509.Certificate,
        trust: Path,
        push_service: PushService | None = None,
        library_id: str = "",
        retry_pause_s: float = 0.02,
    ) -> None:
        self.library_id = library_id or uuid4().hex
        self.web = WebServices(self.library_id, trust, retry_pause_s)
        self.cards: dict[Key, Installed] = {}
        # What it showed on its locked screen, the newest last.
        self.alerts: list[str] = []
        self._root = root
        self._push_service = push_service
        self._tags: dict[Key, str] = {}
        # Cards that were said to have changed, and could not be fetched yet.
        self._wanted: set[Key] = set()
        self._lock = threading.RLock()
        self._is_online = True
        self._kept: dict[str, float] = {}
        self._wakes: queue.Queue[str | None] = queue.Queue()
        self.push_token = push_service.issue(self.wake) if push_service else uuid4().hex * 2
        self._thread = threading.Thread(target=self._work, name="iphone", daemon=True)
        self._thread.start()

    # What a person does with it.

    def install_from(self, link: str) -> Card:
        """Opens a link in the browser, and takes the card that it answers. Raises NotAPass, httpx.HTTPError."""
        answer = self.web.http.get(link, headers={"User-Agent": SAFARI}, follow_redirects=True)
        answer.raise_for_status()
        if answer.headers.get("content-type", "").partition(";")[0] != PKPASS:
            raise NotAPass("it was not sent as a card")
        return self.install(answer.content)

    def install(self, content: bytes) -> Card:
        """Adds a card, and registers it. Raises NotAPass."""
        card = read(content, self._root)
        installed = Installed(card, Home.of(card.card), got_at=[time.time()])
        with self._lock:
            self.cards[(installed.home.pass_type, installed.home.serial)] = installed
            self._register(installed)
        return card

    def remove(self, serial: str) -> None:
        """Deletes a card. Raises KeyError where it has none of that serial."""
        with self._lock:
            installed = self.installed(serial)
            key = (installed.home.pass_type, serial)
            del self.cards[key]
            self._wanted.discard(key)
            if installed.is_registered and self._is_online:
                self.web.unregister(installed.home)

    def installed(self, serial: str) -> Installed:
        """The card of that serial. Raises KeyError."""
        for (_, one), installed in self.cards.items():
            if one == serial:
                return installed
        raise KeyError(serial)

    def shown(self, serial: str, language: str = "") -> Mapping[str, str | int | float]:
        """What a card says to whoever looks at it, by field. Raises KeyError."""
        return {one.key: one.value for one in self.installed(serial).card.fields(language).values()}

    def switch_off(self) -> None:
        """No network: the newest push of each topic waits."""
        with self._lock:
            self._is_online = False

    def switch_on(self) -> None:
        """Back in the network: what waited arrives, if it was to be kept for so long."""
        with self._lock:
            self._is_online = True
            kept, self._kept = self._kept, {}
            for installed in self.cards.values():
                self._register(installed)
        for topic, until in kept.items():
            if until >= time.time():
                self._wakes.put(topic)

    def replace_token(self) -> None:
        """As iOS does now and then: the old token is dead, and each card is registered with the new one."""
        with self._lock:
            if self._push_service is not None:
                self._push_service.retire(self.push_token)
                self.push_token = self._push_service.issue(self.wake)
            else:
                self.push_token = uuid4().hex * 2
            for installed in self.cards.values():
                installed.is_registered = False
                self._register(installed)

    def lose(self) -> None:
        """Thrown into the sea: nobody is told, and its token is dead."""
        with self._lock:
            self.cards.clear()
            if self._push_service is not None:
                self._push_service.retire(self.push_token)

    def close(self) -> None:
        """Ends its thread and connections."""
        self._wakes.put(None)
        self._thread.join()
        self.web.http.close()

    # What it does by itself.

    def wake(self, topic: str, keep_until: float = 0.0) -> None:
        """A push of a pass type: it asks what changed, on its own thread. Off, it keeps it until then, an instant of
        `time.time`."""
        if self._is_online:
            self._wakes.put(topic)
        elif keep_until:
            self._kept[topic] = keep_until

    def poll(self) -> None:
        """Asks about all cards, as a phone does about once a day without any push; returns when it has."""
        for topic in {topic for topic, _ in list(self.cards)}:
            self._update(topic)

    def settle(self, limit_s: float = 10.0) -> None:
        """Returns once it has done what it was woken for. Raises TimeoutError."""
        until = time.monotonic() + limit_s
        while self._wakes.unfinished_tasks:
            if time.monotonic() > until:
                raise TimeoutError("the phone is still at work")
            time.sleep(0.002)

    def _work(self) -> None:
        while (topic := self._wakes.get()) is not None:
            try:
                self._update(topic)
            finally:
                self._wakes.task_done()

    def _update(self, topic: str) -> None:
        """Asks every web service that cards of the topic name what changed, and fetches it."""
        with self._lock:
            if not self._is_online:
                return
            mine = [one for (kind, _), one in self.cards.items() if kind == topic]
            for installed in mine:
                self._register(installed)
            for home in {one.home.url: one.home for one in mine if one.is_registered}.values():
                service = (home.url, topic)
                changed = self.web.changed(home, self._tags.get(service))
                if changed is not None:
                    self._tags[service] = changed.tag
                    self._wanted |= {(topic, serial) for serial in changed.serials} & self.cards.keys()
            for key in sorted(key for key in self._wanted if key[0] == topic):
                if self._fetch(self.cards[key]):
                    self._wanted.discard(key)

    def _register(self, installed: Installed) -> None:
        # Wallet talks to no service without TLS.
        is_kept = installed.home.url.startswith("https://")
        if is_kept and self._is_online and not installed.is_registered:
            installed.is_registered = self.web.register(installed.home, self.push_token)

    def _fetch(self, installed: Installed) -> bool:
        """Whether the card is done with: replaced, said to be as it was, or not to be had from there."""
        home = installed.home
        answer = self.web.fetch(home, installed.last_modified)
        if answer is None or answer.status_code != 200:
            return answer is not None
        try:
            newer = read(answer.content, self._root)
            if Home.of(newer.card)[:2] != home[:2]:
                raise NotAPass("it is another card")
        except NotAPass as error:
            self.web.complain(home, f"Get pass task ({home.serial}) encountered error: Pass data was invalid: {error}")
            return True
        self._alert(installed.card, newer)
        installed.card, installed.home = newer, Home.of(newer.card)
        installed.last_modified = answer.headers.get("last-modified", "")
        installed.got_at.append(time.time())
        return True

    def _alert(self, older: Card, newer: Card) -> None:
        """Tells of what changed, where the card has words for it."""
        before = {one.key: one.value for one in older.fields().values()}
        for one in newer.fields().values():
            if "%@" in one.change_message and before.get(one.key) != one.value:
                self.alerts.append(one.change_message.replace("%@", str(one.value)))
