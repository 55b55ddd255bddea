"""The whole way of a card to an Android phone, over real sockets: link, save, callback, updates, removal, faults."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from rules.passes.designs import Image, ImageRole
from storage.engine.database import Database
from storage.engine.ids import typeid
from storage.passes.linking import GetSaveLinks
from storage.passes.reading.passes import PassName
from tests.personal import WALLET
from tests.storage.passes.carrying import issue, template
from tests.storage.scene import Scene, asked
from tests.wallet.apple.service import authorities
from tests.wallet.google.cards import ISSUER, google
from tests.wallet.web.serving import Public, serving
from tests.workers.google.sending import POINTS, ROW, Sending, object_name
from walletkit.android import Android, CannotSave
from walletkit.google_http import Scripted

PNG = b"\x89PNG\r\n\x1a\n of the club"


class Club:
    """A program whose customer ada has a card, `fealty passes`, a worker, and a phone."""

    def __init__(self, sending: Sending, public: Public) -> None:
        self.sending = sending
        self.public = public
        self.scene = sending.scene
        self.wallet = sending.google.wallet
        sha256 = hashlib.sha256(PNG).digest()
        query = "INSERT INTO pass_image SELECT id, %s, 160, 50, %s, now(), activity FROM program RETURNING sha256"
        self.scene.rows(query, [sha256, PNG])
        design = replace(POINTS, images=(Image(ImageRole.LOGO, sha256.hex(), 160, 50),))
        self.card = issue(self.scene, template(self.scene, design))
        sending.refresh()

    def phone(self) -> Android:
        """One more phone."""
        return Android(self.wallet, self.sending.google.ca_file)

    def link(self) -> str:
        """An address that somebody is given."""
        name = PassName(self.scene.program_id, "ada", str(self.card))
        made = self.scene.carry_out(GetSaveLinks(name, 0, WALLET, self.public.url, asked("link"))).value
        return f"{self.public.url}/p/{WALLET.link_token(UUID(made.name.link))}"

    def saved(self, phone: Android) -> Android:
        """The phone has the card."""
        link = self.link()
        self.sending.work()
        assert phone.follow(link) == [object_name(self.card)]
        self.sending.work()
        return phone

    def change(self, points: int) -> None:
        """Ada earns points, and a worker hears of it."""
        self.scene.earn(points)
        self.sending.refresh()

    def points(self, phone: Android) -> int:
        """What the phone shows."""
        found: int = phone.shown(object_name(self.card))["loyaltyPoints"]["balance"]["int"]
        return found


@pytest.fixture
def club(database: Database, tmp_path: Path) -> Iterator[Club]:
    """All of it runs."""
    for name in ("google", "passes", "wallet/google"):
        (tmp_path / name).mkdir(parents=True)
    scene = Scene(database)
    with google(tmp_path / "google", authorities()[1]) as at:
        (tmp_path / "wallet" / "google" / f"{ISSUER}.json").write_text(at.account_file.read_text())
        with serving(
            database, tmp_path / "passes", wallet_dir=tmp_path / "wallet", keys_url=at.wallet.keys_url
        ) as public:
            yield Club(Sending(scene, at, passes_url=public.url), public)


def test_a_card_is_saved_updated_and_removed(club: Club) -> None:
    """What the phone shows is what the books say; the books know that a phone has it, and that none has it any more."""
    phone = club.saved(club.phone())
    assert [status for *_, status in phone.callbacks] == [200]
    assert club.scene.rows(ROW) == [("200", True, False)]
    assert phone.fetch_images(object_name(club.card)) == {f"{club.public.url}/images/{_sha()}.png": PNG}
    club.change(5)
    club.sending.work()
    assert club.points(phone) == 5
    assert len(phone.updates) > 0
    phone.remove(object_name(club.card))
    club.sending.work()
    assert club.scene.rows(ROW) == [("200", True, True)]
    club.change(5)
    club.sending.work()
    assert club.points(club.saved(club.phone())) == 10, "and who saves it again has what is true now"


def test_callbacks_come_twice_and_from_others(club: Club) -> None:
    """Each is taken once; what Google did not sign for this issuer is refused, and nothing follows from it."""
    phone = club.saved(club.phone())
    assert phone.repeat_callback() == 200
    url, signer = phone.callbacks[0][0], club.wallet.signer
    message = signer.message(f"{ISSUER}.coffee.card", object_name(club.card), "del")
    stranger = signer.sign("3388000000099999999", message)
    assert club.public.http.post(url, content=stranger).status_code == 400
    unknown = signer.message(f"{ISSUER}.coffee.card", f"{ISSUER}.{typeid('pass', 7)}", "del")
    assert club.public.http.post(url, content=signer.sign(ISSUER, unknown)).status_code == 200
    club.sending.work()
    assert club.scene.rows(ROW) == [("200", True, False)]
    query = "SELECT action FROM activity WHERE action IN ('pass.installed', 'pass.removed')"
    assert club.scene.rows(query) == [("pass.installed",)]


def test_a_callback_that_nobody_can_check_now_is_asked_for_again(club: Club) -> None:
    """Google's keys cannot be had: nothing is believed, and Google is to send it once more."""
    club.wallet.signer.keys = lambda: "{}"  # type: ignore[method-assign]
    phone = club.saved(club.phone())
    assert [status for *_, status in phone.callbacks] == [503]
    club.change(5)
    club.sending.work()
    assert club.scene.rows(ROW) == [("200", True, False)], "and the next update tells that somebody has it"


def test_a_forged_root_key_signs_nothing(club: Club) -> None:
    """Whoever signs with a key of their own is not Google."""
    phone = club.saved(club.phone())
    club.wallet.signer.root = ec.generate_private_key(ec.SECP256R1())
    phone.remove(object_name(club.card))
    assert phone.callbacks[-1][2] == 400


def test_a_link_that_was_revoked_saves_nothing(club: Club) -> None:
    """The card stays where it is already."""
    link = club.link()
    club.sending.work()
    club.scene.execute("UPDATE pass_link SET revoked_at = now()")
    with pytest.raises(CannotSave, match="404"):
        club.phone().follow(link)


def test_the_phone_shows_the_truth_whatever_happened_on_the_way(club: Club) -> None:
    """Google answers each error, slowly, or not at all; workers die before and behind it; the broker is emptied."""
    phone = club.saved(club.phone())
    wallet = club.wallet
    faults = [Scripted(503), Scripted(429), Scripted(is_cut=True), Scripted(500), Scripted(401), Scripted(delay_s=0.1)]
    for number, fault in enumerate(faults, start=1):
        wallet.script(fault)
        if number == 3:
            wallet.tokens.withdraw()
        if number == 5:
            club.scene.execute("DELETE FROM pass_google_pace")
            club.scene.execute("INSERT INTO pass_google_pace (next_at) VALUES (now())")
        club.change(1)
        club.sending.work()
        club.scene.execute("UPDATE task SET state = 'READY', begun_until = NULL WHERE state = 'SENT'")
        club.scene.execute("UPDATE pass_google SET begun_until = NULL")
        club.sending.fresh()
    club.sending.work(2)
    assert club.points(phone) == len(faults)
    assert club.sending.waiting() == []


def _sha() -> str:
    return hashlib.sha256(PNG).hexdigest()
