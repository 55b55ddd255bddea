"""Who of the demo's households has which phone, and what the phones did."""

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock

import structlog

from cli.failures import Failure
from cli.phones.phone import AndroidPhone, ApplePhone, NotInstalled, Phone, keep
from cli.phones.standins import StandIns
from walletkit.iphone import PKPASS
from walletkit.smtp import Received

# Of the households that have cards, in order: each so-many-th has two iPhones, or an Android phone.
KINDS = 10
TWO_PHONES, ANDROID = 1, 2
# The first one's phone is off the network for this part of the days.
OFF, ON = 0.3, 0.6
# Google has a card a moment after the first link to it was made: who opens that at once looks again.
LOOK_AGAIN_S = 0.5
LOOKS_MAX = 40
# People who open their mail at the same time.
AT_ONCE = 4
NAMESPACE = uuid.UUID("6f0c2f0e-0a35-4a55-9d0c-0e8f1f3a7c42")

log = structlog.get_logger("fealty.demo")


class Households:
    """Those that have cards, in the order of `holders`; their phones keep in `folder` what they need to have them again
    the next time."""

    def __init__(self, standins: StandIns, holders: Sequence[int], folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._google = standins.google
        self._push = standins.push
        self._at_google = folder / "google.json"
        self._lock = Lock()
        self._closing = Event()
        self._pool = ThreadPoolExecutor(AT_ONCE, "people")
        self._opening: list[Future[None]] = []
        self._load_google()
        self.phones: Mapping[int, tuple[Phone, ...]] = {
            household: tuple(_phones(standins, place, household, folder)) for place, household in enumerate(holders)
        }
        self._is_on = True
        self._first = self.phones[holders[0]][0] if holders else None
        standins.google.watchers.append(lambda _: self._keep_google())
        standins.mail.on_data = self._got_mail

    def restore(self) -> None:
        """All phones have again what they had."""
        list(self._pool.map(lambda phone: phone.restore(), self._each()))

    def lacking(self, households: Iterable[int]) -> list[int]:
        """Those of them of which a phone has no card."""
        return [one for one in households if not all(phone.serial for phone in self.phones.get(one, ()))]

    def open(self, household: int, link: str, file: bytes | None = None) -> None:
        """They take the card: the first phone from the file, where there is one, the others from the link."""
        with self._lock:
            if not self._closing.is_set():
                self._opening.append(self._pool.submit(self._open, household, link, file))

    def evening(self, passed: float) -> None:
        """That part of the days has passed."""
        is_on = not OFF <= passed < ON
        if self._first is not None and is_on != self._is_on:
            self._is_on = is_on
            # Whoever tells the evening does not wait for the phone.
            self._opening.append(self._pool.submit(self._first.switch, is_on))

    def settle(self) -> None:
        """Returns once they have done what they were woken for. Raises Failure."""
        self.evening(1.0)
        for opening in self._opening:
            opening.result()
        try:
            for phone in self._each():
                phone.settle()
        except TimeoutError as error:
            raise Failure(f"a phone of the demo came to no end ({error}): run the demo again") from None

    @property
    def installed(self) -> int:
        """Cards in phones."""
        return sum(bool(phone.serial) for phone in self._each())

    @property
    def verified(self) -> int:
        """Apple's cards in phones that are signed as they should be."""
        return sum(phone.is_verified() for phone in self._each() if phone.serial)

    @property
    def pushed(self) -> int:
        """Updates that Apple and Google took for phones."""
        sent = sum(one.method == "PATCH" and one.status == 200 and "Object" in one.path for one in self._google.asked)
        return sent + sum(push.answer.status == 200 for push in self._push.pushes)

    @property
    def seen(self) -> int:
        """Updates that phones came to show."""
        return sum(phone.updates for phone in self._each())

    def stale(self, points: Mapping[int, int]) -> int:
        """Cards that say something else than what their households have."""
        return sum(
            phone.points() != points[household]
            for household, phones in self.phones.items()
            for phone in phones
            if phone.serial
        )

    def serial(self, household: int) -> str:
        """Of its card, where a phone has it."""
        return next(phone.serial for phone in self.phones[household] if phone.serial)

    def was_off(self, household: int) -> bool:
        """Whether its phone was off for a while."""
        return next(iter(self.phones), None) == household

    def close(self) -> None:
        """Nobody opens anything any more, and no phone holds a connection, for which Fealty would wait at its end."""
        with self._lock:
            self._closing.set()
        self._pool.shutdown(cancel_futures=True)
        for phone in self._each():
            phone.close()

    def _each(self) -> Iterable[Phone]:
        return (phone for phones in self.phones.values() for phone in phones)

    def _got_mail(self, mail: Received) -> None:
        [recipient] = mail.recipients
        household = int(recipient.partition("@")[0].removeprefix("household-"))
        link = re.search(r"https://\S+/p/\S+", mail.text)
        if household in self.phones and link is not None:
            file = mail.attached(PKPASS)
            self.open(household, link[0], file[0] if file else None)

    def _open(self, household: int, link: str, file: bytes | None) -> None:
        for number, phone in enumerate(self.phones[household]):
            for _ in range(LOOKS_MAX):
                try:
                    if not phone.serial:
                        phone.open(link, file if number == 0 else None)
                    break
                except NotInstalled as error:
                    wrong = str(error)
                if self._closing.wait(LOOK_AGAIN_S):
                    return
            else:
                log.warning("a phone did not take its card", household=household, reason=wrong)
        self._keep_google()

    def _load_google(self) -> None:
        """The objects that Google had."""
        if self._at_google.exists():
            for collection, body in json.loads(self._at_google.read_bytes()):
                self._google.store.kept[collection, body["id"]] = body

    def _keep_google(self) -> None:
        with self._lock:
            keep(self._at_google, [(place[0], body) for place, body in list(self._google.store.kept.items())])


def _phones(standins: StandIns, place: int, household: int, folder: Path) -> Iterable[Phone]:
    library_ids = [uuid.uuid5(NAMESPACE, f"{household}/{number}").hex for number in range(2)]
    if place % KINDS == ANDROID:
        yield AndroidPhone(standins, library_ids[0], folder)
        return
    for number in range(2 if place % KINDS == TWO_PHONES else 1):
        yield ApplePhone(standins, library_ids[number], f"10.{number}.{place >> 8}.{place & 255}", folder)
