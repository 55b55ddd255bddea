"""Google's callbacks at the public endpoint: each is taken once, where Google signed it for us."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import httpx
import pytest

from storage.engine.database import Database
from storage.engine.ids import typeid
from tests.storage.scene import Scene
from tests.wallet.web.serving import Public, server_files, serving
from tests.wallet.web.test_links import ISSUER, at_google, google_folder
from wallet.web import limits
from walletkit.google import GoogleWallet
from walletkit.google_callbacks import CallbackSigner


class Calling(NamedTuple):
    """The endpoints, and a stand-in of Google whose keys they fetch."""

    public: Public
    google: GoogleWallet

    def call(self, card: UUID, event: str = "save", issuer: str = ISSUER, **other: str) -> str:
        """The body of a callback of Google's."""
        object_id = f"{issuer}.{typeid('pass', card.int)}"
        signer = self.google.signer
        return signer.sign(issuer, signer.message(f"{issuer}.coffee.card", object_id, event, **other))

    def post(self, body: str) -> httpx.Response:
        """Google, or somebody else, posts it."""
        return self.public.http.post("/google/callback", content=body)


@pytest.fixture
def calling(database: Database, tmp_path: Path) -> Iterator[Calling]:
    """Both run."""
    files = server_files(tmp_path)
    with (
        GoogleWallet(*files) as google,
        serving(database, tmp_path, wallet_dir=google_folder(tmp_path), keys_url=google.keys_url) as public,
    ):
        yield Calling(public, google)


def saved(scene: Scene) -> list[tuple[str]]:
    """What is recorded of it."""
    return scene.rows("SELECT action FROM activity WHERE action LIKE 'pass.%%' ORDER BY id")


def test_a_card_that_was_saved_is_an_event_once(calling: Calling, scene: Scene, card: UUID) -> None:
    """Google sends each callback several times, and again where it was not answered 200."""
    at_google(scene, card)
    body = calling.call(card)
    assert [calling.post(body).status_code for _ in range(3)] == [200] * 3
    assert saved(scene) == [("pass.installed",)]
    assert scene.rows("SELECT saved_at IS NOT NULL FROM pass_google") == [(True,)]


def test_what_is_not_googles_or_not_for_us_changes_nothing(calling: Calling, scene: Scene, card: UUID) -> None:
    """Signed by nobody, by another, for another issuer; cut, and too long."""
    at_google(scene, card)
    body = calling.call(card)
    stranger = CallbackSigner()
    object_id = f"{ISSUER}.{typeid('pass', card.int)}"
    forged = stranger.sign(ISSUER, stranger.message(f"{ISSUER}.coffee.card", object_id, "save"))
    for wrong in ("", "{}", "[" * 10_000, body[:-5], body.replace("save", "del"), forged):
        assert calling.post(wrong).status_code == 400
    assert calling.post(calling.call(card, issuer="3388000000099999999")).status_code == 400
    assert calling.post(body + " " * (limits.LOG_BYTES_MAX)).status_code == 413
    assert saved(scene) == []
    assert calling.post(body).status_code == 200


def test_a_callback_about_a_card_that_never_was_is_taken_and_forgotten(calling: Calling, scene: Scene) -> None:
    """It is Google's, and to send it again would help nobody."""
    assert calling.post(calling.call(UUID(int=5))).status_code == 200
    assert saved(scene) == []


def test_without_the_keys_google_shall_come_again(database: Database, scene: Scene, card: UUID, tmp_path: Path) -> None:
    """They could not be fetched: nothing is believed, and nothing is lost."""
    with serving(database, tmp_path, wallet_dir=google_folder(tmp_path)) as public:
        answer = public.http.post("/google/callback", content="{}")
        assert answer.status_code == 503
        assert "retry-after" in answer.headers


def test_without_an_account_of_googles_there_is_no_such_place(public: Public) -> None:
    """Nobody has reason to call."""
    assert public.http.post("/google/callback", content="{}").status_code == 404
