"""From a purchase to the screen of a phone: books, workers, Apple's push service and the public endpoints, each of them
the real one or its stand-in, over real sockets. Whatever goes wrong on the way, in the end the card is right.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from storage.engine.database import Database, connection
from storage.engine.ids import typeid
from storage.passes.reading.passes import PassName
from storage.passes.reading.tracing import trace
from tests.storage.passes.carrying import LOYALTY, issue, update
from tests.storage.scene import Scene
from tests.wallet.apple.service import Standing, authorities
from tests.wallet.web.serving import Public, serving
from tests.workers.acting import figure, rows
from tests.workers.pushing import Pushing, make_probes_due
from walletkit.apns import Scripted
from walletkit.iphone import IPhone

ROUNDS = 40
FAULTS = (
    *(Scripted(503, "ServiceUnavailable"), Scripted(503, "Shutdown"), Scripted(500, "InternalServerError")),
    *(Scripted(429, "TooManyRequests"), Scripted(400, "IdleTimeout"), Scripted(403, "BadCertificate")),
    *(Scripted(400, "BadDeviceToken"), Scripted(400, "TopicDisallowed")),
)


class Held:
    """A card of ada's in some phones."""

    def __init__(self, scene: Scene, public: Public, apple: Standing, phones: int) -> None:
        self.scene = scene
        made = scene.template(kind=LOYALTY.kind, card_id="plain", fields=LOYALTY.fields)
        self.card = issue(scene, made.id)
        self.serial = typeid("pass", self.card.int)
        update(scene)
        content = public.fetch(self.card).content
        root = authorities()[0].root.certificate
        self.phones = [IPhone(root, apple.trust, apple.service) for _ in range(phones)]
        for phone in self.phones:
            phone.install(content)

    def shown(self) -> list[object]:
        """The points that each of them shows."""
        return [phone.shown(self.serial)["points"] for phone in self.phones]

    @property
    def points(self) -> int:
        """Those that ada has."""
        return self.scene.balance().spendable

    def settle(self) -> None:
        """Returns once the phones have done what they were woken for."""
        for phone in self.phones:
            phone.settle()


@pytest.fixture
def scene(database: Database) -> Scene:
    """Ada, in a program."""
    return Scene(database, "ada")


@pytest.fixture
def public(database: Database, scene: Scene, apple: Standing, tmp_path: Path) -> Iterator[Public]:
    """What phones call."""
    with serving(database, tmp_path, wallet_dir=apple.folder) as running:
        yield running


@pytest.fixture
def held(scene: Scene, public: Public, apple: Standing) -> Iterator[Held]:
    """Two phones with the card."""
    made = Held(scene, public, apple, 2)
    yield made
    for phone in made.phones:
        phone.close()


def test_a_purchase_is_on_the_phones_after_one_push_each(
    database: Database, scene: Scene, held: Held, pushing: Pushing, apple: Standing, public: Public
) -> None:
    """And it is known of each when it was told, and when it came."""
    update(scene)
    pushing.work()
    held.settle()
    before = len(apple.service.pushes)
    for amount in (100, 25):
        scene.earn(amount)
    update(scene)
    pushing.work()
    held.settle()
    assert held.shown() == [125, 125]
    assert len(apple.service.pushes) == before + 2
    assert all(phone.alerts[-1] == "Now 125" for phone in held.phones)
    assert all(phone.web.complaints == [] for phone in held.phones)
    public.settle()
    newest = "SELECT answer, pushed_at <= listed_at, listed_at <= fetched_at FROM pass_delivery WHERE revision = "
    assert rows(database, f"{newest} (SELECT max(revision) FROM pass_delivery)") == [("200", True, True)] * 2


def test_what_a_phone_does_with_its_card_and_token_is_known_before_the_next_push(
    database: Database, scene: Scene, held: Held, pushing: Pushing, apple: Standing
) -> None:
    """One tells a new token, the other deletes the card: nobody is pushed to in vain."""
    first, second = held.phones
    first.replace_token()
    second.remove(held.serial)
    scene.earn(7)
    update(scene)
    pushing.work()
    first.settle()
    assert held.phones[0].shown(held.serial)["points"] == 7
    assert {push.token for push in apple.service.pushes if push.answer.status == 200} == {first.push_token}
    assert figure(database, "SELECT count(*) FROM pass_device") == 1


def test_while_apple_is_away_whoever_asks_is_told_that(
    database: Database, scene: Scene, held: Held, pushing: Pushing, apple: Standing
) -> None:
    """Who is told that no worker runs looks for one that does."""
    update(scene)
    pushing.work()
    held.settle()
    apple.service.stop()
    scene.earn(3)
    update(scene)
    pushing.work()
    with connection(database) as books:
        found = trace(books, PassName("coffee", "ada", str(held.card)))
    assert {one.verdict.partition(",")[2] for one in found.installations} == {
        " not pushed: Apple cannot be reached, as the worker's log says; it looks by itself whether that is over"
    }
    apple.service.start()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_apple_answers_and_whoever_is_away_in_the_end_each_phone_shows_the_truth(
    database: Database, scene: Scene, held: Held, pushing: Pushing, apple: Standing, seed: int
) -> None:
    """Purchases, answers of every row of the table, connections that end, a service that is away, phones that are off,
    requests that are lost, workers that die between push and record: no phone is forgotten, none is left behind."""
    chance = random.Random(seed)

    def lose(_method: str, _path: str) -> None:
        if is_bad and chance.random() < 0.2:
            raise httpx.ReadError("")

    is_bad = True
    for phone in held.phones:
        phone.web.on_request = phone.web.on_answer = lose
    for _ in range(ROUNDS):
        scene.earn(chance.randint(1, 50))
        if chance.random() < 0.7:
            update(scene)
        befall(apple, held, pushing, chance)
        pushing.work()
        if chance.random() < 0.3:
            pushing.fresh()
    held.settle()
    is_bad = False
    # What is said last has nothing behind it that would heal it.
    scene.earn(1)
    update(scene)
    pushing.work()
    heal(apple, held)
    for _ in range(10):
        make_probes_due(database)
        # As a worker that was started anew, which no outage holds back.
        pushing.fresh()
        pushing.work()
        held.settle()
    assert held.shown() == [held.points] * 2
    assert figure(database, "SELECT count(*) FROM pass_registration") == 2
    assert figure(database, "SELECT count(*) FROM push_halt") == 0
    assert figure(database, "SELECT count(*) FROM task WHERE state IN ('READY', 'SENT')") == 0


def befall(apple: Standing, held: Held, pushing: Pushing, chance: random.Random) -> None:
    """Something happens, or ends."""
    service, phone = apple.service, chance.choice(held.phones)
    match chance.randrange(9):
        case 0:
            service.script(phone.push_token, chance.choice(FAULTS))
        case 1:
            service.goaway_after = chance.choice((None, 1, 2))
        case 2:
            service.cut_after = chance.choice((None, 1, 2))
        case 3:
            service.cuts_before_answer = not service.cuts_before_answer
        case 4:
            phone.switch_off()
        case 5:
            phone.switch_on()
        case 6:
            service.answer_all = chance.choice((None, *FAULTS))
        case 7:
            pushing.die_next()
        case 8:
            heal(apple, held)


def heal(apple: Standing, held: Held) -> None:
    """All is well again."""
    service = apple.service
    service.goaway_after = service.cut_after = service.answer_all = None
    service.cuts_before_answer = False
    service.scripts.clear()
    for phone in held.phones:
        phone.switch_on()
